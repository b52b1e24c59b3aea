// float32 products with a constant right side by kernels of ours (simd/panels.h). They are made for
// no number of rows: a shape that is new costs nothing, and oneDNN's are no faster for any.

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
  // [n] or null; of the tail the activation. `adds`: and what c holds.
  void multiply(const float* a,
                bool a_transposed,
                std::int64_t rows,
                const float* bias,
                const Tail& tail,
                float* c,
                bool adds = false) const;

 private:
  std::int64_t k_;
  std::int64_t n_;
  Buffer panels_;  // aligned, so that no vector lies in two cache lines
};

}  // namespace sluice::engine::detail
