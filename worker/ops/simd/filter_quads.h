// An integer convolution's filters over panels of its image, where a machine multiplies bytes four
// at a time. Exact; sums wrap at 32 bits.

#pragma once

#include <cstdint>

#include "worker/ops/simd/products.h"

namespace sluice::engine::simd {

// The image's bytes have no sign, the filters' have one:
//   sum = start + sum over k of filter * (image) - zero * column sum
// Panels of the image [4 * quads, kPanel] as [quads][kPanel][4]. All lists are by filter.
struct FilterQuads {
  const std::int8_t* filters;  // rows of 4 * quads bytes
  std::int64_t filter_step;
  std::int64_t count;
  std::int64_t quads;
  const std::int32_t* starts;
  const std::int32_t* zeros;        // of the filters; null: all 0
  const std::int32_t* column_sums;  // of whole panels; unused where there are no zeros
  std::int64_t columns;             // of one panel, or of two that lie one behind the other
  // Of floats sum * scale + offset, each rounded; of bytes that rounded half to even, plus the
  // result's zero point, held to their range, NaN becoming that zero point.
  const float* scales = nullptr;
  const float* offsets = nullptr;  // null: none
  std::int32_t result_zero = 0;
  std::int64_t step = 0;  // from a filter's results to the next one's
};
void multiply_filters(const FilterQuads& product, const std::uint8_t* panels, std::int32_t* to);
void multiply_filters(const FilterQuads& product, const std::uint8_t* panels, float* to);
void multiply_filters(const FilterQuads& product, const std::uint8_t* panels, std::int8_t* to);
void multiply_filters(const FilterQuads& product, const std::uint8_t* panels, std::uint8_t* to);

}  // namespace sluice::engine::simd
