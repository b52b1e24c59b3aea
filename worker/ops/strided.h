// Copying a box of elements from one stride pattern to another: what transposing, slicing, tiling,
// padding and cutting have in common.

#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"
#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/tensor.h"
#include "worker/engine/values/transposes.h"

namespace sluice::engine {

// A box: extents, and by dimension the distance of neighbours in the source and in the target, in
// elements. 0 repeats an element of the source, negative ones go backwards.
struct StridedCopy {
  Shape extents{};
  Shape from{};
  Shape to{};
};

// The same box with dimensions of extent 1 left out and neighbours that stay together made one.
// Never without a dimension.
StridedCopy merged(const StridedCopy& box);

// Distances of neighbours in a row-major tensor of `dims`.
Shape strides_of(Dims dims);

// Whether the two innermost dimensions of a merged box are a matrix that is transposed.
inline bool turns_matrices(const StridedCopy& box) {
  const std::size_t last = box.extents.size() - 1;
  return last > 0 && box.to[last] == 1 && box.from[last - 1] == 1 &&
         box.from[last] >= box.extents[last - 1] && box.to[last - 1] >= box.extents[last];
}
// For such a box; it must have elements.
void copy_turned(const StridedCopy& box, const std::uint32_t* from, std::uint32_t* to);

// `box` must be merged. Targets of different elements are different.
template <class T>
void copy_strided(const StridedCopy& box, const T* from, T* to) {
  const std::size_t outer = box.extents.size() - 1;
  const std::int64_t inner = box.extents[outer];
  const std::int64_t from_step = box.from[outer];
  const std::int64_t to_step = box.to[outer];
  std::int64_t rows = 1;
  for (std::size_t d = 0; d < outer; ++d) {
    rows *= box.extents[d];
  }
  if (rows == 0 || inner == 0) {
    return;
  }
  if constexpr (std::is_same_v<T, std::uint32_t>) {
    if (turns_matrices(box)) {
      return copy_turned(box, from, to);
    }
  }
  parallel_for(rows, 1 + 16'384 / inner, [&](std::int64_t begin, std::int64_t end) {
    Shape index(outer, 0);
    std::int64_t rest = begin;
    const T* source = from;
    T* target = to;
    for (std::size_t d = outer; d > 0; --d) {
      index[d - 1] = rest % box.extents[d - 1];
      rest /= box.extents[d - 1];
      source += index[d - 1] * box.from[d - 1];
      target += index[d - 1] * box.to[d - 1];
    }
    const auto next_row = [&] {
      for (std::size_t d = outer; d > 0; --d) {
        source += box.from[d - 1];
        target += box.to[d - 1];
        if (++index[d - 1] < box.extents[d - 1]) {
          return;
        }
        source -= box.extents[d - 1] * box.from[d - 1];
        target -= box.extents[d - 1] * box.to[d - 1];
        index[d - 1] = 0;
      }
    };
    for (std::int64_t row = begin; row < end; ++row, next_row()) {
      if (from_step == 1 && to_step == 1) {
        std::copy_n(source, inner, target);
      } else if (from_step == 0 && to_step == 1) {
        std::fill_n(target, inner, *source);
      } else if (std::is_same_v<T, std::uint32_t> && from_step == 2 && to_step == 1) {
        if constexpr (std::is_same_v<T, std::uint32_t>) {
          take_every_second(source, target, inner);
        }
      } else {
        for (std::int64_t i = 0; i < inner; ++i) {
          target[i * to_step] = source[i * from_step];
        }
      }
    }
  });
}

// Output 0 from input 0 by a merged box: the run of operators that only move elements, strings too.
Result<void> run_box(const StridedCopy& box, KernelContext& context);

}  // namespace sluice::engine
