// Broadcasting as NumPy and ONNX have it: result dims, and loops over operands that are stretched.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/tensor.h"

namespace sluice::engine {

// Dims of the result. invalid_argument naming both shapes when they do not fit.
Result<Shape> broadcast_dims(Dims a, Dims b);

// Loops over an N-ary element-wise operation: `count` rows of `inner` elements. In the row an
// operand either advances (step 1) or stays (step 0).
template <std::size_t kOperands>
struct BroadcastLoop {
  std::int64_t inner = 1;
  std::array<std::int64_t, kOperands> inner_step{};
  std::vector<std::int64_t> extents;                         // outermost first
  std::array<std::vector<std::int64_t>, kOperands> strides;  // by outer dimension, in elements
  std::int64_t rows = 1;

  // Offsets of each operand at row number `row`.
  [[nodiscard]] std::array<std::int64_t, kOperands> offsets(std::int64_t row) const {
    std::array<std::int64_t, kOperands> at{};
    for (std::size_t d = extents.size(); d > 0; --d) {
      const std::int64_t index = row % extents[d - 1];
      row /= extents[d - 1];
      for (std::size_t i = 0; i < kOperands; ++i) {
        at[i] += index * strides[i][d - 1];
      }
    }
    return at;
  }
  // Those of the row behind the one with number `row` and these offsets.
  void advance(std::int64_t row, std::array<std::int64_t, kOperands>& at) const {
    for (std::size_t d = extents.size(); d > 0; --d) {
      for (std::size_t i = 0; i < kOperands; ++i) {
        at[i] += strides[i][d - 1];
      }
      if (++row % extents[d - 1] != 0) {
        return;
      }
      for (std::size_t i = 0; i < kOperands; ++i) {
        at[i] -= extents[d - 1] * strides[i][d - 1];
      }
      row = row / extents[d - 1] - 1;
    }
  }
};

// `operands` have physical dims (see layout.h) that stretch to `result`. Neighbouring dimensions in
// which every operand goes on as before are merged, so that [2,3,4] + [2,3,4] is one row.
template <std::size_t kOperands>
BroadcastLoop<kOperands> make_loop(Dims result, const std::array<Shape, kOperands>& operands) {
  const std::size_t rank = result.size();
  std::array<Shape, kOperands> strides;
  for (std::size_t i = 0; i < kOperands; ++i) {
    strides[i].assign(rank, 0);
    const Shape& dims = operands[i];
    std::int64_t stride = 1;
    for (std::size_t d = dims.size(); d > 0; --d) {
      const std::size_t at = rank - dims.size() + d - 1;
      strides[i][at] = dims[d - 1] == 1 ? 0 : stride;
      stride *= dims[d - 1];
    }
  }
  Shape merged;  // innermost first
  std::array<Shape, kOperands> merged_strides;
  for (std::size_t d = rank; d > 0; --d) {
    const std::int64_t extent = result[d - 1];
    if (extent == 1) {
      continue;
    }
    bool goes_on = !merged.empty();
    for (std::size_t i = 0; goes_on && i < kOperands; ++i) {
      goes_on = strides[i][d - 1] == merged_strides[i].back() * merged.back();
    }
    if (goes_on) {
      merged.back() *= extent;
      continue;
    }
    merged.push_back(extent);
    for (std::size_t i = 0; i < kOperands; ++i) {
      merged_strides[i].push_back(strides[i][d - 1]);
    }
  }
  BroadcastLoop<kOperands> loop;
  const bool is_row = !merged.empty();
  for (std::size_t i = 0; i < kOperands; ++i) {
    loop.inner_step[i] = is_row ? merged_strides[i].front() : 0;
    loop.strides[i].assign(merged_strides[i].rbegin(), merged_strides[i].rend() - (is_row ? 1 : 0));
  }
  loop.inner = is_row ? merged.front() : 1;
  loop.extents.assign(merged.rbegin(), merged.rend() - (is_row ? 1 : 0));
  for (const std::int64_t extent : loop.extents) {
    loop.rows *= extent;
  }
  return loop;
}

// Calls piece(operand offsets, result offset, count) for disjoint pieces of rows that cover the
// result, in parallel where it pays. Inside a piece operand i advances by loop.inner_step[i].
template <std::size_t kOperands, class Piece>
void for_pieces(const BroadcastLoop<kOperands>& loop, const Piece& piece) {
  constexpr std::int64_t kGrain = 16'384;  // elements
  if (loop.rows == 1) {
    parallel_for(loop.inner, kGrain, [&](std::int64_t begin, std::int64_t end) {
      std::array<std::int64_t, kOperands> at{};
      for (std::size_t i = 0; i < kOperands; ++i) {
        at[i] = begin * loop.inner_step[i];
      }
      piece(at, begin, end - begin);
    });
    return;
  }
  parallel_for(loop.rows, 1 + kGrain / (loop.inner + 1), [&](std::int64_t begin, std::int64_t end) {
    auto at = loop.offsets(begin);
    for (std::int64_t row = begin; row < end; loop.advance(row++, at)) {
      piece(at, row * loop.inner, loop.inner);
    }
  });
}

// Operand `i` is one short row again and again, and the other one goes on: a factor for each
// channel of a channels-last image, say.
[[nodiscard]] bool repeats_a_short_row(const BroadcastLoop<2>& loop, std::size_t i);

// For such a loop: calls piece(offset, repeated, count) with many rows at once, where `repeated` is
// the short row as often as it takes and `offset` is that of the result and of the other operand.
template <class T, class Piece>
void for_joined_rows(const BroadcastLoop<2>& loop, const T* row, const Piece& piece) {
  constexpr std::int64_t kJoined = 1024;  // elements; a short row is at most a quarter of it
  std::array<T, kJoined> repeated;
  const std::int64_t rows = std::min(kJoined / loop.inner, loop.rows);
  for (std::int64_t i = 0; i < rows; ++i) {
    std::copy_n(row, loop.inner, repeated.data() + i * loop.inner);
  }
  const std::int64_t pieces = (loop.rows + rows - 1) / rows;
  parallel_for(pieces, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin * rows; at < std::min(end * rows, loop.rows); at += rows) {
      piece(at * loop.inner, repeated.data(), std::min(rows, loop.rows - at) * loop.inner);
    }
  });
}

// out[i] = f(a[i * a_step], b[i * b_step]) over a whole broadcast; steps apart, so that the
// compiler has plain loops to make vectors of.
template <class A, class B, class Out, class F>
void map_broadcast(const BroadcastLoop<2>& loop, const A* a, const B* b, Out* out, const F& f) {
  for_pieces(loop, [&](const auto& at, std::int64_t to, std::int64_t count) {
    const A* x = a + at[0];
    const B* y = b + at[1];
    Out* z = out + to;
    if (loop.inner_step[0] == 0) {
      const A fixed = x[0];
      for (std::int64_t i = 0; i < count; ++i) {
        z[i] = f(fixed, y[i]);  // of a single element where that one stays, too
      }
    } else if (loop.inner_step[1] == 0) {
      const B fixed = y[0];
      for (std::int64_t i = 0; i < count; ++i) {
        z[i] = f(x[i], fixed);
      }
    } else {
      for (std::int64_t i = 0; i < count; ++i) {
        z[i] = f(x[i], y[i]);
      }
    }
  });
}

// Dims of a result in the order of its memory.
Shape physical_dims_of(const TensorView& result);

// Stretched dims are equal to `dims`, in the order of memory that `layout` says; for operands of an
// element-wise operator whose result has that layout and rank.
Shape operand_dims(const TensorView& operand, const TensorView& result);

}  // namespace sluice::engine
