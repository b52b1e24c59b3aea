// A row of places of a depthwise convolution over channels-last images, compiled for
// several instruction sets and chosen when the program runs.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

struct DepthwiseRow {
  const float* const* lines;    // of the image, that the row's windows meet
  const float* const* weights;  // of each such line, [kernel, channels]
  std::int64_t line_count;
  std::int64_t line_extent;  // places of a line
  std::int64_t kernel;       // along the line
  std::int64_t stride;
  std::int64_t pad;  // before the line
  std::int64_t channels;
  const float* bias;  // [channels]; null: 0
  bool low_held;      // to no less than low
  bool high_held;     // to no more than high
  float low;
  float high;
  std::int64_t places;
  float* out;  // [places, channels]
};

// Whether this machine has the registers for it, and the kernel one for these extents.
bool fits_depthwise_row(std::int64_t kernel, std::int64_t stride, std::int64_t channels);

// out[p][c] = bias[c] + sum of w[l][k][c] * line l [p * stride - pad + k][c] over what is inside,
// in the order of l and k; then held within the bounds, where NaN stays.
void depthwise_row(const DepthwiseRow& row);

}  // namespace sluice::engine::simd
