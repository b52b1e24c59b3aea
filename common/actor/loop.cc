#include "common/actor/loop.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace sluice::actor {

WatchId Loop::watch(zmq::socket_ref socket, Handler handler, Asked asked) {
  Source& source = add(socket, socket.get(zmq::sockopt::fd), std::move(handler));
  source.asked = asked;
  source.sent = true;  // what came before it was watched
  return source.id;
}

WatchId Loop::watch_descriptor(int descriptor, Handler handler) {
  return add({}, descriptor, std::move(handler)).id;
}

Loop::Source& Loop::add(zmq::socket_ref socket, int descriptor, Handler handler) {
  auto source = std::make_unique<Source>();
  source->id = ++last_;
  source->socket = socket;
  source->descriptor = descriptor;
  source->handler = std::move(handler);
  sources_.push_back(std::move(source));
  changed_ = true;
  return *sources_.back();
}

void Loop::note_send(WatchId id) noexcept {
  for (const auto& source : sources_) {
    source->sent = source->sent || source->id == id;
  }
}

void Loop::unwatch(WatchId id) {
  for (auto& source : sources_) {
    if (source->id == id) {
      source->id = 0;  // freed by rebuild(): its handler may be running right now
      changed_ = true;
    }
  }
}

void Loop::rebuild() {
  std::erase_if(sources_, [](const auto& source) { return source->id == 0; });
  items_.clear();
  for (const auto& source : sources_) {
    items_.push_back({source->descriptor, POLLIN, 0});
  }
  changed_ = false;
}

std::chrono::milliseconds Loop::wait_until_due(std::chrono::milliseconds most) const {
  if (pending_) {
    return std::chrono::milliseconds(0);
  }
  const auto next = timers_.next();
  if (!next) {
    return most;
  }
  // Rounded up: waking a moment early would only turn the loop for nothing.
  const auto until = std::max(std::chrono::ceil<std::chrono::milliseconds>(*next - clock_->now()),
                              std::chrono::milliseconds(0));
  return most.count() < 0 ? until : std::min(most, until);
}

// Asks the sockets that need it (Asked) whether they have something. True: something is there.
//
// Not zmq::poll, which asks every socket three times a turn, each time by a call of the kernel:
// what wakes the loop is asked by its handler anyway.
bool Loop::look() {
  bool any = false;
  for (const auto& source : sources_) {
    const bool ask =
        source->socket && !source->pending && (source->asked == Asked::every_turn || source->sent);
    source->sent = false;
    source->ready = ask && (source->socket.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0;
    any = any || source->ready;
  }
  return any;
}

void Loop::turn(std::chrono::milliseconds wait) {
  if (changed_) {
    rebuild();
  }
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours(1);  // fits what poll() takes
  const auto most =
      look() ? std::chrono::milliseconds(0) : std::min(wait_until_due(wait), kLongest);
  if (::poll(items_.data(), items_.size(), static_cast<int>(most.count())) < 0) {
    if (errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "poll");
    }
    return;
  }
  now_ = clock_->now();
  pending_ = run_sources();
  timers_.run_due(now_);
  if (clock_->now() - now_ > kStall) {
    stalls_.fetch_add(1, std::memory_order_relaxed);
  }
}

bool Loop::run_sources() {
  bool more = false;
  const std::size_t count = items_.size();  // sources added meanwhile are polled next turn
  for (std::size_t i = 0; i < count; ++i) {
    Source& source = *sources_[i];
    const bool ready = items_[i].revents != 0 || source.ready || source.pending;
    if (source.id == 0 || !ready) {
      continue;
    }
    source.pending = source.handler(now_);
    more = more || source.pending;
  }
  return more;
}

void Loop::run() {
  now_ = clock_->now();
  while (!stopping_) {
    turn(std::chrono::milliseconds(-1));
  }
}

}  // namespace sluice::actor
