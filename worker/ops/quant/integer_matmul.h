// Shapes of integer products, for the operators that finish them in different ways.

#pragma once

#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"
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
  // The same, and sums that become floats, where quads do not keep them in registers.
  [[nodiscard]] std::size_t floats_size() const {
    const std::int64_t panels = (n + simd::kPanel - 1) / simd::kPanel;
    const std::int64_t sums = simd::has_quads() ? 0 : m * panels * simd::kPanel;
    return aligned(rows_size()) + static_cast<std::size_t>(sums) * sizeof(std::int32_t);
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

// Where c [m, n] = (A - a_zero) * (B - b_zero) goes: as it is, or as floats of it.
struct IntegerResult {
  std::int32_t* sums = nullptr;
  float* y = nullptr;
  simd::Scaling scaling{};  // by column, to whole panels
};

// `memory`, aligned to 64: rows_size() bytes; for floats floats_size() of them.
void multiply(const IntegerProduct& product,
              const IntegerFactors& factors,
              std::byte* memory,
              const IntegerResult& c);

// B where it is one constant matrix, with constant zero points.
struct PackedFactor {
  std::vector<std::int8_t> bytes{};
  std::vector<std::int32_t> columns{};
  BytePanels panels{};  // without bytes where it is not
};
Result<PackedFactor> pack_factor(PrepareContext& context, std::size_t input, std::size_t zeros);

// Checks that a zero point (or scale) is one number, or one for each of `many` rows or columns.
Result<void> check_per_row(const InputFacts& facts,
                           std::size_t input,
                           DataType datatype,
                           std::int64_t many);

}  // namespace sluice::engine
