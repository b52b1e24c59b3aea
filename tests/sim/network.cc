#include "tests/sim/network.h"

#include <algorithm>

namespace sluice::sim {

using namespace std::chrono_literals;

ConnectionId Network::open(std::size_t worker, std::uint64_t life, std::size_t shard) {
  Connection& made = connections_.emplace_back();
  made.worker = worker;
  made.life = life;
  made.shard = shard;
  return static_cast<ConnectionId>(connections_.size() - 1);
}

void Network::close(ConnectionId connection) {
  scheduler_->at<&Network::notice_close>(
      scheduler_->now() + random_->between(100us, 10ms), *this, connection);
}

void Network::notice_close(std::uint64_t connection, std::uint64_t /*unused*/) {
  connections_[connection].closed = true;
}

void Network::send(ConnectionId connection, Direction direction, const Packet& packet) {
  Connection& link = connections_[connection];
  const auto way = static_cast<std::size_t>(direction);
  if (!link.passes[way]) {
    return;
  }
  const TimePoint now = scheduler_->now();
  Duration delay = random_->between(20us, 400us);
  const Slowness& slow = slowness_[link.worker][link.shard];
  if (now < slow.until) {
    delay += random_->between(Duration(0), slow.extra);
  }
  const TimePoint arrival = std::max(now + delay, link.last_arrival[way]);
  link.last_arrival[way] = arrival;
  link.under_way[way].push_back(packet);
  scheduler_->at<&Network::deliver>(arrival, *this, connection, way);
}

void Network::deliver(std::uint64_t connection, std::uint64_t direction) {
  Connection& link = connections_[connection];
  if (link.under_way[direction].empty()) {
    return;  // lost with the process it was meant for
  }
  const Packet packet = link.under_way[direction].front();
  link.under_way[direction].pop_front();
  if (link.passes[direction]) {
    user_->arrived(
        static_cast<ConnectionId>(connection), static_cast<Direction>(direction), packet);
  }
}

void Network::lose_all_to_shards() {
  for (Connection& link : connections_) {
    link.under_way[static_cast<std::size_t>(Direction::to_shard)].clear();
  }
}

void Network::cut(ConnectionId connection, Direction direction) {
  connections_[connection].passes[static_cast<std::size_t>(direction)] = false;
}

void Network::slow_down(std::size_t worker, std::size_t shard, Duration extra, TimePoint until) {
  slowness_[worker][shard] = {.extra = extra, .until = until};
}

}  // namespace sluice::sim
