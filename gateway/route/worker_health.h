// WorkerHealth: what a shard has seen of one worker's executions: how long they take, and whether
// it should be left alone for a while (ejected). Whether it may be ejected (never the last healthy
// one of a version) is the caller's to decide.

#pragma once

#include <cstdint>

#include "common/base/time.h"

namespace sluice::gateway {

class WorkerHealth {
 public:
  // `service`: compute time of one execution; 0: not told.
  void succeeded(Duration service) noexcept;
  // A failure that is the worker's fault rather than the request's.
  void failed() noexcept { ++failures_in_a_row_; }

  // Smoothed compute time of one execution; 0: not known yet.
  [[nodiscard]] Duration estimate() const noexcept { return estimate_; }

  [[nodiscard]] bool failing() const noexcept;
  // Against the best estimate among the other workers of its version (0: there is none).
  [[nodiscard]] bool slow(Duration best_of_others) const noexcept;

  // Ejected from now on, the longer the more often it happened lately. What was learnt is
  // forgotten, so that it comes back with a clean sheet.
  void eject(TimePoint now) noexcept;
  [[nodiscard]] bool ejected(TimePoint now) const noexcept { return now < ejected_until_; }

 private:
  Duration estimate_{};
  std::uint32_t samples_ = 0;
  std::uint32_t failures_in_a_row_ = 0;
  std::uint32_t ejections_ = 0;  // since it last behaved for a while
  TimePoint ejected_until_ = TimePoint::min();
};

}  // namespace sluice::gateway
