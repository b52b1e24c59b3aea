// A row of places of a pool over channels-last images, compiled for several instruction sets and
// chosen when the program runs.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

// Of one place, the taps in a line of the image that are inside of it.
struct PoolSpan {
  std::int64_t offset;   // of the first one, in elements of the line
  std::int64_t taps;     // may be 0
  std::int64_t counted;  // what an average counts of them
};

struct PoolRow {
  const float* const* lines;  // of the image, that the row's windows meet
  std::int64_t line_count;
  const PoolSpan* spans;  // by place
  std::int64_t places;
  std::int64_t tap_step;  // in elements
  std::int64_t channels;
  float* out;    // [places, channels]
  bool goes_on;  // out has what earlier lines gave
};

// out[p][c] = the greatest of what place p sees of channel c, -infinity where that is nothing; NaN
// stays.
void pool_greatest(const PoolRow& row);
// out[p][c] = the sum of what place p sees, line by line, divided by `counted` lines of the taps
// that count; 0: not yet.
void pool_sum(const PoolRow& row, std::int64_t counted);

}  // namespace sluice::engine::simd
