// TimerQueue: what is due when, on one loop. Pure: "now" is handed in.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "common/base/time.h"

namespace sluice::actor {

using TimerId = std::uint64_t;  // never reused within a queue; 0 is no timer

class TimerQueue {
 public:
  using Callback = std::function<void(TimePoint now)>;

  // Runs `callback` in the first turn whose clock is at or past `when`.
  TimerId at(TimePoint when, Callback callback);

  // No effect when it already ran or was never set.
  void cancel(TimerId id);

  // When the earliest timer is due; nothing when there is none.
  [[nodiscard]] std::optional<TimePoint> next() const;

  // Runs everything due at `now`, in order of time. A timer set meanwhile waits for the next turn,
  // so that a callback which re-arms itself for "now" cannot hold the loop. Returns how many ran.
  int run_due(TimePoint now);

 private:
  std::map<std::pair<TimePoint, TimerId>, Callback> timers_;
  std::map<TimerId, TimePoint> when_;
  TimerId last_ = 0;
};

}  // namespace sluice::actor
