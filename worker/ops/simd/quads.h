// Integer products where a machine multiplies bytes four at a time. Exact; sums wrap at 32 bits.

#pragma once

#include <cstdint>

#include "worker/ops/simd/products.h"

namespace sluice::engine::simd {

// Whether this machine multiplies and adds four pairs of bytes at once (AVX-512 VNNI).
bool has_quads();

// Panels that are multiplied together: each byte of A that is read meets as many columns.
inline constexpr std::int64_t kQuadPanels = 4;

// Products of rows of bytes, four at a time, with the zero points taken off:
//   c = sum over k of (a - a_zero) * (b - b_zero)
// b [4 * quads, kPanel] as [quads][kPanel][4]. All lists by columns have whole panels.
struct QuadProduct {
  const std::uint8_t* a;  // rows of 4 * quads bytes
  std::int64_t a_step;
  const std::int32_t* a_zeros;  // by row
  const std::int32_t* a_sums;   // by row: of a less its zero point; unused where b_zeros is null
  std::int64_t rows;
  std::int64_t quads;
  const std::int32_t* b_sums;   // by column
  const std::int32_t* b_zeros;  // by column; null: all 0
  std::int32_t* c;
  std::int64_t c_step;
  std::int64_t columns;        // of up to kQuadPanels panels that lie one behind the other
  std::int64_t next_size = 0;  // bytes of the panels behind, which will be multiplied next
  // Where y is given, the sums become floats there instead, its rows c_step apart. By column.
  Scaling scaling{};
  float* y = nullptr;
};
void multiply_quads(const QuadProduct& product, const std::int8_t* panels);

// A panel of 4 * quads rows that begin at from + rows[...] and whose numbers lie `apart`, 1 or 2:
// to [quads][kPanel][4]. Of rows 2 apart one byte more is read than the last number.
void pack_quads(const std::uint8_t* from,
                const std::int32_t* rows,
                std::int64_t quads,
                std::int64_t apart,
                std::uint8_t* to);

}  // namespace sluice::engine::simd
