// Pools over channels-last images of float32, a row of places at a time. The greatest of a large
// window is found in two passes, over its lines and then along them: 5 + 5 taps in the place of
// 25.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/ops/nn/pool_taps.h"
#include "worker/ops/simd/pools.h"

namespace sluice::engine {

class PoolRows {
 public:
  // `count_pads`: an average counts the padding, too.
  static PoolRows make(
      PoolTaps taps, std::int64_t images, std::int64_t channels, bool is_max, bool count_pads);

  [[nodiscard]] std::size_t scratch_size() const;
  void run(const float* x, float* y, std::byte* scratch) const;

 private:
  struct Pass {
    PoolTaps taps{};
    std::vector<simd::PoolSpan> spans{};  // by place of a row
  };
  [[nodiscard]] Pass pass_of(PoolTaps taps) const;
  void run_pass(const Pass& pass, const float* x, float* y) const;
  void run_row(const Pass& pass, std::int64_t row, const float* image, float* out) const;

  std::int64_t images_ = 0;
  std::int64_t channels_ = 0;
  bool is_max_ = false;
  bool count_pads_ = false;
  std::vector<Pass> passes_{};  // one, or over the lines and along them
};

}  // namespace sluice::engine
