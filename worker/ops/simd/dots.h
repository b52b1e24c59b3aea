// Sums over neighbouring numbers for a few filters, compiled for several instruction sets and
// chosen when the program runs. A place's sum does not depend on the places beside it.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

inline constexpr std::int64_t kDotFilters = 3;  // at most

// c[p * c_step + f] += sum over pieces and i of a[piece][p * a_step + i] * w[piece][f * w_step +
// i].
struct DotProducts {
  const float* const* a;
  const float* const* w;
  std::int64_t pieces;
  std::int64_t length;  // of every piece
  std::int64_t a_step;
  std::int64_t w_step;
  std::int64_t places;
  std::int64_t filters;
  float* c;
  std::int64_t c_step;
};
void add_dots(const DotProducts& dots);

}  // namespace sluice::engine::simd
