// Latencies, counted in buckets that are at most 0.8 % wide: millions of samples in 13 KB, and
// windows that can be added up. Pure.

#pragma once

#include <cstdint>
#include <vector>

#include "common/base/time.h"

namespace sluice::cluster {

class Histogram {
 public:
  void add(Duration latency);
  void merge(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  // The smallest latency that at least this share (0..1) of the samples does not exceed: the middle
  // of its bucket. 0 without samples.
  [[nodiscard]] Duration quantile(double share) const;
  [[nodiscard]] Duration max() const noexcept { return max_; }  // exact

 private:
  std::vector<std::uint32_t> buckets_;  // as many as are needed
  std::uint64_t count_ = 0;
  Duration max_{};
};

}  // namespace sluice::cluster
