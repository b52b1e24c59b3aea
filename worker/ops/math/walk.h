// Some of a tensor's dimensions, walked in index order: those that a reduction keeps, or the
// others.

#pragma once

#include <algorithm>
#include <cstdint>

#include "worker/engine/values/tensor.h"

namespace sluice::engine {

struct Walk {
  Shape extents{};
  Shape steps{};
  std::int64_t count = 1;

  [[nodiscard]] std::int64_t offset(std::int64_t number) const {
    std::int64_t at = 0;
    for (std::size_t d = extents.size(); d > 0; --d) {
      at += number % extents[d - 1] * steps[d - 1];
      number /= extents[d - 1];
    }
    return at;
  }
  void add(std::int64_t extent, std::int64_t step) {
    count *= extent;
    if (!extents.empty() && steps.back() == step * extent) {
      extents.back() *= extent;
      steps.back() = step;
    } else {
      extents.push_back(extent);
      steps.push_back(step);
    }
  }
  // Calls piece(first, count, offset) for pieces of the numbers [begin, end) whose elements lie
  // side by side, at most `most` of them; the innermost step is 1.
  template <class F>
  void for_neighbours(std::int64_t begin,
                      std::int64_t end,
                      std::int64_t most,
                      const F& piece) const {
    const std::int64_t inner = extents.back();
    while (begin < end) {
      const std::int64_t taken = std::min({most, end - begin, inner - begin % inner});
      piece(begin, taken, offset(begin));
      begin += taken;
    }
  }
  // Calls f with each element, in index order.
  template <class T, class F>
  void for_each(const T* x, const F& f) const {
    if (count == 0) {
      return;
    }
    const std::int64_t inner = extents.empty() ? 1 : extents.back();
    const std::int64_t step = extents.empty() ? 1 : steps.back();
    for (std::int64_t row = 0; row < count; row += inner) {
      const T* from = x + offset(row);
      for (std::int64_t i = 0; i < inner; ++i) {
        f(from[i * step]);
      }
    }
  }
};

}  // namespace sluice::engine
