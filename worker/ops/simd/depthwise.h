// One place of a depthwise convolution over channels-last images, compiled for several instruction
// sets and chosen when the program runs.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

// out[c] = start[c] + sum over taps of x[tap][c] * w[tap][c]. `start` may be null (0), or `out`.
struct DepthwisePlace {
  const float* const* x;
  const float* const* w;
  std::int64_t taps;
  const float* start;
  float* out;
  std::int64_t channels;
};
void depthwise(const DepthwisePlace& place);

}  // namespace sluice::engine::simd
