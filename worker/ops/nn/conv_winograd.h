// 3 x 3 convolutions of stride 1 by Winograd's method, channels-last: a tile of 4 x 4 results is
// made of 36 products of matrices, [tiles, C] times [C, M], in the place of 9 * 16. For finite
// numbers: one that is not would be met by its whole tile.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/tensor/buffer.h"
#include "worker/engine/graph/kernel.h"
#include "worker/ops/nn/window.h"

namespace sluice::engine {

class ConvWinograd {
 public:
  // Whether it is expected to be faster than multiplying directly, by shapes alone, of one image:
  // an answer must hang neither on its company nor on a clock. `w`: [M, C, kernel...], one group.
  static bool pays(Dims w, const Window& window);

  // `w`: [M, C, 3, 3], float32.
  explicit ConvWinograd(const TensorView& w);

  // What is worked on at once.
  struct Blocks {
    std::int64_t tiles = 0;   // by a thread
    std::int64_t groups = 1;  // of so many tiles, before the threads meet
  };
  [[nodiscard]] Blocks blocks_for(Dims y, std::int64_t threads) const;
  [[nodiscard]] std::size_t scratch_size(const Blocks& blocks) const;

  // y = act(conv(x, w) + bias), plus what y holds when `adds`. x, y: channels-last; `bias` [M] or
  // null; of the tail the activation, NaN kept.
  void run(const TensorView& x,
           const float* bias,
           bool adds,
           const Window& window,
           const Tail& tail,
           const Blocks& blocks,
           std::byte* scratch,
           TensorView& y) const;

  // The weights [M, C, 3, 3], but for rounding: for a run whose numbers are not finite.
  [[nodiscard]] std::vector<float> restored() const;

 private:
  struct Run;
  [[nodiscard]] std::int64_t group_at(std::int64_t filter) const;
  [[nodiscard]] std::int64_t group_width(std::int64_t filter) const;

  std::int64_t filters_;
  std::int64_t channels_;
  Buffer weights_;  // simd/panels.h: [groups of filters][36][panels][C][16]
};

}  // namespace sluice::engine
