// Was a swap felt? The 99th percentile of all swap windows against that of the quiet windows
// between them, and how far that ratio strays by itself, from an A/A control: the quiet windows in
// two sets, compared with each other in the same way. Pure and seeded.

#pragma once

#include <cstdint>
#include <span>

#include "cluster/prove/histogram.h"

namespace sluice::cluster {

inline constexpr double kRatioAllowed = 1.2;  // even when the control is calmer than that
// A 99th percentile of fewer samples is a single request's luck.
inline constexpr std::uint64_t kAnswersLeast = 1'000;

struct Comparison {
  bool judged = false;       // swap, A and B have at least kAnswersLeast answers each
  double ratio = 0;          // p99 of swap / p99 of quiet
  double control = 0;        // p99 of B / p99 of A
  double control_bound = 0;  // 95 of 100 such ratios of resampled windows are at most this
  double allowed = kRatioAllowed;

  [[nodiscard]] bool within() const noexcept { return judged && ratio <= allowed; }
};

// Whole windows are resampled, not answers: neighbours in time share their fate.
Comparison compare(std::span<const Histogram> swap,
                   std::span<const Histogram> quiet_a,
                   std::span<const Histogram> quiet_b,
                   std::uint64_t seed);

Histogram pooled(std::span<const Histogram> windows);

}  // namespace sluice::cluster
