// SimClock and SimLoop in one: time that only moves from event to event, and the events. Events at
// the same time happen in the order they were scheduled, so that one seed is one history.

#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "common/base/time.h"

namespace sluice::sim {

class Scheduler {
 public:
  [[nodiscard]] TimePoint now() const noexcept { return now_; }

  // Calls (object->*Method)(a, b) at `when` (not before now). The object outlives the scheduler's
  // last event; one that may end earlier passes a generation and compares it.
  template <auto Method, class Object>
  void at(TimePoint when, Object& object, std::uint64_t a = 0, std::uint64_t b = 0) {
    events_.push({.when = when < now_ ? now_ : when,
                  .sequence = sequence_++,
                  .object = &object,
                  .call = [](void* self,
                             std::uint64_t x,
                             std::uint64_t y) { (static_cast<Object*>(self)->*Method)(x, y); },
                  .a = a,
                  .b = b});
  }

  // Runs the next event, if it is not after `end`.
  bool run_one(TimePoint end) {
    if (events_.empty() || events_.top().when > end) {
      return false;
    }
    const Event event = events_.top();
    events_.pop();
    now_ = event.when;
    event.call(event.object, event.a, event.b);
    return true;
  }

 private:
  struct Event {
    TimePoint when;
    std::uint64_t sequence = 0;
    void* object = nullptr;
    void (*call)(void*, std::uint64_t, std::uint64_t) = nullptr;
    std::uint64_t a = 0;
    std::uint64_t b = 0;

    bool operator<(const Event& other) const {  // of a max-heap: the later one is less
      return when != other.when ? when > other.when : sequence > other.sequence;
    }
  };

  TimePoint now_{std::chrono::hours(1)};
  std::uint64_t sequence_ = 0;
  std::priority_queue<Event> events_;
};

}  // namespace sluice::sim
