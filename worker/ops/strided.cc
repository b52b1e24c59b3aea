#include "worker/ops/strided.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/transposes.h"
#include "worker/ops/elements.h"

namespace sluice::engine {
namespace {

// Whether the two innermost dimensions of a merged box are a matrix that is transposed.
bool turns_matrices(const StridedCopy& box) {
  const std::size_t last = box.extents.size() - 1;
  return last > 0 && box.to[last] == 1 && box.from[last - 1] == 1 &&
         box.from[last] >= box.extents[last - 1] && box.to[last - 1] >= box.extents[last];
}
// The matrix [rows, columns] of such a box, turned. Numbers by value: bytes that are written could
// be what they are kept in.
template <class T>
void turn(const TurnedMatrix& matrix, const T* from, T* to) {
  if constexpr (std::is_same_v<T, std::uint32_t>) {
    transpose_words(matrix, from, to);
  } else if constexpr (std::is_same_v<T, std::uint8_t>) {
    transpose_bytes(matrix, from, to);
  } else {
    constexpr std::int64_t kTile = 16;  // elements: they stay in the first cache on both sides
    for (std::int64_t r = 0; r < matrix.rows; r += kTile) {
      for (std::int64_t c = 0; c < matrix.columns; ++c) {
        for (std::int64_t i = r; i < std::min(r + kTile, matrix.rows); ++i) {
          to[c * matrix.to_step + i] = from[i * matrix.from_step + c];
        }
      }
    }
  }
}

// For such a box; it must have elements.
template <class T>
void copy_turned(const StridedCopy& box, const T* from, T* to) {
  constexpr std::int64_t kPart = 16;  // rows of the target that a thread takes at least
  const std::size_t last = box.extents.size() - 1;
  const std::int64_t rows = box.extents[last - 1];
  const std::int64_t columns = box.extents[last];
  const std::int64_t parts = (rows + kPart - 1) / kPart;
  std::int64_t matrices = 1;
  for (std::size_t d = 0; d + 1 < last; ++d) {
    matrices *= box.extents[d];
  }
  parallel_for(
      matrices * parts, 1 + 16'384 / (kPart * columns), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t at = begin; at < end;) {
          const std::int64_t first = at % parts * kPart;
          const std::int64_t taken = std::min(end - at, parts - at % parts);
          const T* source = from + first;
          T* target = to + first * box.to[last - 1];
          std::int64_t rest = at / parts;
          for (std::size_t d = last - 1; d > 0; --d) {
            source += rest % box.extents[d - 1] * box.from[d - 1];
            target += rest % box.extents[d - 1] * box.to[d - 1];
            rest /= box.extents[d - 1];
          }
          turn({.rows = columns,
                .columns = std::min(taken * kPart, rows - first),
                .from_step = box.from[last],
                .to_step = box.to[last - 1]},
               source,
               target);
          at += taken;
        }
      });
}

}  // namespace

StridedCopy merged(const StridedCopy& box) {
  StridedCopy made;
  const std::size_t rank = box.extents.size();
  made.extents.reserve(rank);
  made.from.reserve(rank);
  made.to.reserve(rank);
  // The target is written from its beginning to its end. By insertion: mostly they are in order,
  // and a stable sort of the library's allocates.
  std::vector<std::size_t> order;
  order.reserve(rank);
  for (std::size_t d = 0; d < rank; ++d) {
    const auto place = std::ranges::upper_bound(
        order, box.to[d], std::greater<>(), [&](std::size_t other) { return box.to[other]; });
    order.insert(place, d);
  }
  for (const std::size_t d : order) {
    const std::int64_t extent = box.extents[d];
    if (extent == 1) {
      continue;
    }
    if (!made.extents.empty() && made.from.back() == box.from[d] * extent &&
        made.to.back() == box.to[d] * extent) {
      made.extents.back() *= extent;
      made.from.back() = box.from[d];
      made.to.back() = box.to[d];
    } else {
      made.extents.push_back(extent);
      made.from.push_back(box.from[d]);
      made.to.push_back(box.to[d]);
    }
  }
  if (made.extents.empty()) {
    return {.extents = {1}, .from = {1}, .to = {1}};
  }
  return made;
}

Shape strides_of(Dims dims) {
  Shape strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i > 1; --i) {
    strides[i - 2] = strides[i - 1] * dims[i - 1];
  }
  return strides;
}

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
  if (turns_matrices(box)) {
    return copy_turned(box, from, to);
  }
  parallel_for(rows, 1 + 16'384 / inner, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t rest = begin;
    const T* source = from;
    T* target = to;
    for (std::size_t d = outer; d > 0; --d) {
      source += rest % box.extents[d - 1] * box.from[d - 1];
      target += rest % box.extents[d - 1] * box.to[d - 1];
      rest /= box.extents[d - 1];
    }
    const auto go_on = [&](std::int64_t row) {  // from a row to the next
      for (std::size_t d = outer; d > 0; --d) {
        const std::int64_t extent = box.extents[d - 1];
        source += box.from[d - 1];
        target += box.to[d - 1];
        if (++row % extent != 0) {
          return;
        }
        source -= extent * box.from[d - 1];
        target -= extent * box.to[d - 1];
        row = row / extent - 1;
      }
    };
    for (std::int64_t row = begin; row < end; go_on(row++)) {
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
template void copy_strided(const StridedCopy&, const std::int8_t*, std::int8_t*);
template void copy_strided(const StridedCopy&, const std::int16_t*, std::int16_t*);
template void copy_strided(const StridedCopy&, const std::int32_t*, std::int32_t*);
template void copy_strided(const StridedCopy&, const std::int64_t*, std::int64_t*);
template void copy_strided(const StridedCopy&, const std::uint8_t*, std::uint8_t*);
template void copy_strided(const StridedCopy&, const std::uint16_t*, std::uint16_t*);
template void copy_strided(const StridedCopy&, const std::uint32_t*, std::uint32_t*);
template void copy_strided(const StridedCopy&, const std::uint64_t*, std::uint64_t*);
template void copy_strided(const StridedCopy&, const float*, float*);
template void copy_strided(const StridedCopy&, const double*, double*);
template void copy_strided(const StridedCopy&, const std::string*, std::string*);

Result<void> run_box(const StridedCopy& box, KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count > 0) {
    dispatch_element(y.datatype, [&](auto* tag) {
      using T = std::remove_pointer_t<decltype(tag)>;
      copy_strided(box, elements<T>(context.input(0)), elements<T>(y));
    });
  }
  return {};
}

}  // namespace sluice::engine
