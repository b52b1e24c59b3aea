// ReduceMax and ReduceMin of many neighbours at a time, where vectors know how.

#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "worker/ops/math/walk.h"
#include "worker/ops/simd/plain.h"

namespace sluice::engine {

template <class T>
constexpr bool kHasExtremes =
    std::is_same_v<T, float> || std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::int64_t>;

// Of a walk over rows of neighbours, at least one.
template <class T>
T extreme_of_rows(bool is_max, const Walk& walk, const T* x) {
  const std::int64_t inner = walk.extents.empty() ? 1 : walk.extents.back();
  T best = simd::extreme(x, inner, is_max);
  for (std::int64_t row = inner; row < walk.count; row += inner) {
    const T one = simd::extreme(x + walk.offset(row), inner, is_max);
    simd::take_extremes(&one, 1, is_max, &best);
  }
  return best;
}

// Results [begin, end) where neighbours among them are neighbours in x; at least one row of each.
template <class T>
void extremes_of_columns(bool is_max,
                         const Walk& kept,
                         const Walk& reduced,
                         const T* x,
                         T* y,
                         std::int64_t begin,
                         std::int64_t end) {
  constexpr std::int64_t kMost = 1024;
  kept.for_neighbours(
      begin, end, kMost, [&](std::int64_t first, std::int64_t count, std::int64_t at) {
        std::copy_n(x + at, count, y + first);
        for (std::int64_t i = 1; i < reduced.count; ++i) {
          simd::take_extremes(x + at + reduced.offset(i), count, is_max, y + first);
        }
      });
}

}  // namespace sluice::engine
