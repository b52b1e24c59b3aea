// Time as every core sees it: a monotonic point handed in by the loop. Nobody else reads a clock.

#pragma once

#include <chrono>

namespace sluice {

// CLOCK_MONOTONIC on Linux.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using Duration = std::chrono::nanoseconds;

// Source of "now" for a loop. Not thread-safe; one per loop.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;
  [[nodiscard]] virtual TimePoint now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace sluice
