// SimNetwork: the links between workers and shards. A connection is what one DEALER identity is to
// a ROUTER: two directions, each in order, none losing a single message; they are delayed, and a
// connection can be cut in one direction or both, without either end being told.

#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "tests/sim/random.h"
#include "tests/sim/scheduler.h"

namespace sluice::sim {

enum class Kind : std::uint8_t {
  hello,
  welcome,
  heartbeat,
  infer,
  cancel,
  result,
  failure,
  drain,
  bye
};

struct Packet {
  Kind kind = Kind::heartbeat;
  RequestId id = 0;
  std::uint32_t attempt = 0;
  std::uint32_t credit = 0;
  std::uint32_t executors = 0;
  std::uint32_t question = 0;  // index of the client's request: its payload
  std::uint64_t progress = 0;
  bool running = false;
  bool alone = false;
  ErrorCode error = ErrorCode::internal;
  TimePoint deadline{};
  Duration service{};
};

enum class Direction : std::uint8_t { to_shard = 0, to_worker = 1 };

using ConnectionId = std::uint32_t;
inline constexpr ConnectionId kNoConnection = UINT32_MAX;

struct Connection {
  std::size_t worker = 0;
  std::uint64_t life = 0;  // of the worker
  std::size_t shard = 0;
  std::array<bool, 2> passes{true, true};
  bool closed = false;  // the worker's socket is gone, and the ROUTER has noticed
  std::array<TimePoint, 2> last_arrival{};
  std::array<std::deque<Packet>, 2> under_way;
};

// What hears of arrivals.
class NetworkUser {
 public:
  NetworkUser() = default;
  NetworkUser(const NetworkUser&) = delete;
  NetworkUser& operator=(const NetworkUser&) = delete;
  virtual ~NetworkUser() = default;
  virtual void arrived(ConnectionId connection, Direction direction, const Packet& packet) = 0;
};

class Network {
 public:
  Network(Scheduler& scheduler, Random& random, NetworkUser& user)
      : scheduler_(&scheduler), random_(&random), user_(&user) {}

  ConnectionId open(std::size_t worker, std::uint64_t life, std::size_t shard);
  // The worker's end: what it sent still arrives; the ROUTER notices a little later.
  void close(ConnectionId connection);
  void send(ConnectionId connection, Direction direction, const Packet& packet);
  // Everything that was sent to shards and has not arrived is lost with their process.
  void lose_all_to_shards();
  // From now on nothing passes in that direction.
  void cut(ConnectionId connection, Direction direction);
  // Until then every message between the two takes up to `extra` longer.
  void slow_down(std::size_t worker, std::size_t shard, Duration extra, TimePoint until);

  [[nodiscard]] const Connection& at(ConnectionId connection) const {
    return connections_[connection];
  }

 private:
  struct Slowness {
    Duration extra{};
    TimePoint until;
  };

  void deliver(std::uint64_t connection, std::uint64_t direction);
  void notice_close(std::uint64_t connection, std::uint64_t /*unused*/);

  Scheduler* scheduler_;
  Random* random_;
  NetworkUser* user_;
  std::vector<Connection> connections_;
  std::array<std::array<Slowness, 8>, 8> slowness_{};  // by worker and shard
};

}  // namespace sluice::sim
