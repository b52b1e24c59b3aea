// float32 products with a constant right side by kernels of ours (simd/panels.h): where oneDNN has
// none that take it packed, and packs it anew in each run, and where its call costs too much.

#pragma once

#include <cstdint>

#include "common/tensor/buffer.h"
#include "worker/engine/graph/kernel.h"

namespace sluice::engine::detail {

// B [k, n] in panels of 16 columns. Fits every number of rows.
class PanelMatrix {
 public:
  // `b` is row-major [k, n], or [n, k] when `transposed`.
  PanelMatrix(const float* b, std::int64_t k, std::int64_t n, bool transposed);

  // c [rows, n] = act(a * B + bias), a [rows, k], or stored [k, rows] when `a_transposed`. `bias`
  // [n] or null; of the tail the activation.
  void multiply(const float* a,
                bool a_transposed,
                std::int64_t rows,
                const float* bias,
                const Tail& tail,
                float* c) const;

 private:
  std::int64_t k_;
  std::int64_t n_;
  Buffer panels_;  // aligned, so that no vector lies in two cache lines
};

}  // namespace sluice::engine::detail
