// Shapes of integer products, for the operators that finish them in different ways.

#pragma once

#include <cstdint>

#include "common/base/result.h"
#include "worker/engine/kernel.h"
#include "worker/ops/broadcast.h"
#include "worker/ops/quant/integer_core.h"

namespace sluice::engine {

// [batch..., m, k] x [batch..., k, n], vectors and broadcasting as NumPy's matmul.
struct IntegerProduct {
  Shape c_dims{};  // of the result, without the dimensions that vectors lose
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  BroadcastLoop<2> batches{};  // A and B, in matrices
  std::int64_t batch_count = 0;

  // Of what multiply() needs for A's rows, as 16-bit numbers or as bytes, and two numbers of each.
  [[nodiscard]] std::size_t rows_size() const {
    return static_cast<std::size_t>(m) *
           (static_cast<std::size_t>(k + k % 2) * sizeof(std::int16_t) + 2 * sizeof(std::int32_t));
  }
};

Result<IntegerProduct> integer_product(Dims a, Dims b);

// One batch of a product.
struct IntegerFactors {
  const TensorView& a;
  std::int64_t first;  // the element with which its A begins
  const TensorView* a_zero;
  const BytePanels& b;
};

// c [m, n] = (A - a_zero) * (B - b_zero). `memory`: rows_size() bytes, aligned to 64.
void multiply(const IntegerProduct& product,
              const IntegerFactors& factors,
              std::byte* memory,
              std::int32_t* c);

// Checks that a zero point (or scale) is one number, or one for each of `many` rows or columns.
Result<void> check_per_row(const InputFacts& facts,
                           std::size_t input,
                           DataType datatype,
                           std::int64_t many);

}  // namespace sluice::engine
