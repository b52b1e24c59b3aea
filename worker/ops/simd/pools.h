// One place of a pool over channels-last images, compiled for several instruction sets and chosen
// when the program runs.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

// The rows of an image that a place sees, each of so many channels. `goes_on`: out has what earlier
// rows gave.
struct PoolPlace {
  const float* const* rows;
  std::int64_t count;
  float* out;
  std::int64_t channels;
  bool goes_on;
};

// out[c] = the greatest of rows[...][c], -infinity where there is none; NaN stays.
void pool_greatest(const PoolPlace& place);
// out[c] = scale * the sum of rows[...][c], in their order.
void pool_sum(const PoolPlace& place, float scale);

}  // namespace sluice::engine::simd
