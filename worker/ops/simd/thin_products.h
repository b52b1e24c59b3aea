// Products of a few rows with a matrix that is used once, as a decoder's attention has them: what a
// general product spends on choosing and packing is more than these take. Compiled for several
// instruction sets and chosen when the program runs. A row's sums do not depend on the other rows.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

// c [m, n] = a [m, k] times b [k, n], or times the transpose of b [n, k]; all row-major, k >= 1.
struct ThinProduct {
  const float* a;
  const float* b;
  float* c;
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
  bool b_transposed;
};
void multiply_thin(const ThinProduct& product);

}  // namespace sluice::engine::simd
