// Integer convolutions whose filters see one channel each, over one or two spatial dimensions: a
// plane at a time, as pairs of taps (simd/byte_taps.h).

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/engine/values/tensor.h"
#include "worker/ops/nn/window.h"

namespace sluice::engine {

// Whether the filters w [M, C / group, kernel...] are such, and one or two of each channel: more of
// them share what is read of it otherwise.
bool goes_by_planes(Dims w, std::int64_t group);

// Numbers of 32 bits that hold the weights less their zero points, and those numbers, by filter.
std::size_t tap_weights_size(Dims w);
void pack_tap_weights(const TensorView& w, const TensorView* zero, std::int32_t* to);

// Geometry; how a plane is taken apart.
struct TapPlane {
  std::int64_t in_rows = 1;
  std::int64_t in_width = 0;
  std::int64_t out_rows = 1;
  std::int64_t out_width = 0;
  std::int64_t top = 0;  // padding
  std::int64_t left = 0;
  std::int64_t stride_y = 1;
  std::int64_t stride_x = 1;
  std::int64_t dilation_x = 1;
  std::int64_t taps_x = 1;
  std::int64_t block = 1;               // output rows at a time
  std::int64_t rows = 1;                // input rows that a block sees, padding among them
  std::int64_t width = 0;               // bytes of a row with its padding and what is read behind
  std::int64_t phase_step = 0;          // numbers from the rows y % stride_y to those of the next
  std::int64_t pair_step = 0;           // and from a pair of taps to the next
  std::vector<std::int64_t> offsets{};  // of the taps' rows

  [[nodiscard]] std::int64_t pairs() const { return (taps_x + 1) / 2; }
  // Bytes of memory, aligned to 64, that sum_block needs.
  [[nodiscard]] std::size_t memory_size() const;
};
TapPlane tap_plane(const Window& window, Dims in);

// A plane of bytes that begins at element `first` of x, and what it is multiplied by.
struct PlaneOfTaps {
  const TensorView& x;
  std::int64_t first;
  std::int32_t zero;            // of x
  const std::int32_t* weights;  // of one filter
};
// Sums of the output rows [begin, begin + block), as far as there are, which lie in `memory`; count
// of them.
struct BlockOfSums {
  const std::int32_t* sums;
  std::int64_t count;
};
BlockOfSums sum_block(const TapPlane& plane,
                      const PlaneOfTaps& from,
                      std::int64_t begin,
                      std::byte* memory);

}  // namespace sluice::engine
