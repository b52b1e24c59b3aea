// Sums over the few taps that one plane of bytes is seen through: what a convolution of a channel
// by itself is made of. Exact in 32 bits; taps are multiplied in pairs of 16 bits.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

// Numbers of 32 bits in a vector: less than that many are read and written behind the last one.
std::int64_t taps_reach();

// One row of bytes, as two taps beside each other see it: to[i] holds x[i * stride] - zero in its
// low half and x[i * stride + second] - zero in its high one, which is 0 where there is no second.
// Whole vectors are read and written.
struct TapPairs {
  const std::uint8_t* x;
  std::int32_t zero;
  std::int64_t stride;
  std::int64_t second;  // 0: there is none
  std::int64_t count;
};
void pair_taps(const TapPairs& from, std::int32_t* to);

// sums[i] = the sum over rows r and pairs p of x[offsets[r] + p * pair_step + i] times
// weights[r * pairs + p], half by half. Whole vectors are read and written.
struct TapSums {
  const std::int32_t* x;  // what pair_taps wrote
  const std::int64_t* offsets;
  const std::int32_t* weights;
  std::int64_t rows;
  std::int64_t pairs;
  std::int64_t pair_step;
  std::int64_t count;
};
void sum_taps(const TapSums& from, std::int32_t* sums);

}  // namespace sluice::engine::simd
