// Matrix products of bytes, for the operators that finish them in different ways.

#pragma once

#include <cstdint>

#include "common/base/result.h"
#include "worker/engine/kernel.h"
#include "worker/ops/broadcast.h"

namespace sluice::engine {

// [batch..., m, k] x [batch..., k, n], vectors and broadcasting as NumPy's matmul.
struct IntegerProduct {
  Shape c_dims{};  // of the result, without the dimensions that vectors lose
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  BroadcastLoop<2> batches{};  // A and B, in matrices
  std::int64_t batch_count = 0;

  // Bytes of scratch for run().
  [[nodiscard]] std::size_t scratch_size() const {
    return static_cast<std::size_t>(m * k + k * n + 64) * sizeof(std::int16_t);
  }
};

Result<IntegerProduct> integer_product(Dims a, Dims b);

// Checks that a zero point (or scale) is one number, or one for each of `many` rows or columns.
Result<void> check_per_row(const InputFacts& facts,
                           std::size_t input,
                           DataType datatype,
                           std::int64_t many);

// c = (A - a_zero) * (B - b_zero), all batches. Zero points: one, one for each row of A, one for
// each column of B, or null.
void multiply_bytes(const IntegerProduct& product,
                    const TensorView& a,
                    const TensorView* a_zero,
                    const TensorView& b,
                    const TensorView* b_zero,
                    std::int32_t* c,
                    std::byte* scratch);

}  // namespace sluice::engine
