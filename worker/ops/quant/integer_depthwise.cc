#include "worker/ops/quant/integer_depthwise.h"

#include <algorithm>

#include "worker/ops/quant/integer_core.h"
#include "worker/ops/simd/byte_taps.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

std::int64_t taps_of_row(Dims w) {
  return w[w.size() - 1];
}

// Row `y` of the image as bytes without a sign, with `zero` around it.
void pad_row(const TapPlane& plane, const PlaneOfTaps& from, std::int64_t y, std::uint8_t* to) {
  const std::int64_t at = from.first + y * plane.in_width;
  if (from.x.datatype == DataType::uint8) {
    std::copy_n(from.x.as<std::uint8_t>().data() + at, plane.in_width, to + plane.left);
    return;
  }
  const std::int8_t* const x = from.x.as<std::int8_t>().data() + at;
  for (std::int64_t i = 0; i < plane.in_width; ++i) {
    to[plane.left + i] = static_cast<std::uint8_t>(x[i] + 128);
  }
}

}  // namespace

bool goes_by_planes(Dims w, std::int64_t group) {
  constexpr std::int64_t kMostTaps = 15;  // in a row: each pair of them is a copy of the row
  return (w.size() == 3 || w.size() == 4) && w[1] == 1 && w[0] - group <= group &&
         taps_of_row(w) <= kMostTaps;
}

std::size_t tap_weights_size(Dims w) {
  const std::int64_t row = (taps_of_row(w) + 1) / 2;
  return static_cast<std::size_t>(product(w, 0, w.size() - 1) * row);
}

void pack_tap_weights(const TensorView& w, const TensorView* zero, std::int32_t* to) {
  const std::int64_t taps = taps_of_row(w.dims);
  const std::int64_t rows = product(w.dims, 2, w.dims.size() - 1);
  for (std::int64_t row = 0; row < w.dims[0] * rows; ++row) {
    const std::int32_t less = zero_at(zero, row / rows);
    const auto weight = [&](std::int64_t tap) {
      return tap < taps ? static_cast<std::uint32_t>(byte_at(w, row * taps + tap) - less) : 0U;
    };
    for (std::int64_t tap = 0; tap < taps; tap += 2) {
      *to++ = static_cast<std::int32_t>((weight(tap) & 0xFFFFU) | weight(tap + 1) << 16U);
    }
  }
}

std::size_t TapPlane::memory_size() const {
  const auto numbers =
      static_cast<std::size_t>(pairs() * pair_step + block * out_width + simd::taps_reach());
  return aligned(static_cast<std::size_t>(width)) + numbers * sizeof(std::int32_t);
}

TapPlane tap_plane(const Window& window, Dims in) {
  constexpr std::int64_t kBlockBytes = 64 * 1024;  // of pairs, that stay in a core's caches
  const std::size_t x = in.size() - 1;
  TapPlane plane{.in_width = in[x],
                 .out_width = window.out[x],
                 .left = window.pads_begin[x],
                 .stride_x = window.strides[x],
                 .dilation_x = window.dilations[x],
                 .taps_x = window.kernel[x]};
  std::int64_t taps_y = 1;
  std::int64_t dilation_y = 1;
  if (x == 1) {
    plane.in_rows = in[0];
    plane.out_rows = window.out[0];
    plane.top = window.pads_begin[0];
    plane.stride_y = window.strides[0];
    taps_y = window.kernel[0];
    dilation_y = window.dilations[0];
  }
  const std::int64_t seen = (taps_y - 1) * dilation_y;
  const std::int64_t row_bytes =
      plane.pairs() * plane.out_width * static_cast<std::int64_t>(sizeof(std::int32_t));
  plane.block = std::clamp<std::int64_t>(
      (kBlockBytes / std::max<std::int64_t>(row_bytes, 1) - seen) / plane.stride_y,
      1 + seen / plane.stride_y,
      std::max(plane.out_rows, 1 + seen / plane.stride_y));
  plane.block = std::min(plane.block, std::max<std::int64_t>(plane.out_rows, 1));
  plane.rows = (plane.block - 1) * plane.stride_y + seen + 1;
  const std::int64_t reach = simd::taps_reach();
  const std::int64_t last = (plane.out_width - 1) * plane.stride_x;
  plane.width =
      std::max(plane.left + plane.in_width, last + (plane.taps_x - 1) * plane.dilation_x + 1) +
      4 * reach;  // vectors of every second byte, and the rest of the last one
  const std::int64_t by_phase = (plane.rows + plane.stride_y - 1) / plane.stride_y;
  plane.phase_step = by_phase * plane.out_width + reach;
  plane.pair_step = std::min(plane.stride_y, plane.rows) * plane.phase_step;
  for (std::int64_t tap = 0; tap < taps_y; ++tap) {
    const std::int64_t y = tap * dilation_y;
    plane.offsets.push_back(y % plane.stride_y * plane.phase_step +
                            y / plane.stride_y * plane.out_width);
  }
  return plane;
}

BlockOfSums sum_block(const TapPlane& plane,
                      const PlaneOfTaps& from,
                      std::int64_t begin,
                      std::byte* memory) {
  auto* const row = part_of<std::uint8_t>(memory, 0);
  auto* const pairs = part_of<std::int32_t>(memory, aligned(static_cast<std::size_t>(plane.width)));
  std::int32_t* const sums = pairs + plane.pairs() * plane.pair_step;
  const std::int32_t zero = from.zero + (from.x.datatype == DataType::int8 ? 128 : 0);
  std::fill_n(row, plane.width, static_cast<std::uint8_t>(zero));
  for (std::int64_t i = 0; i < plane.rows; ++i) {
    const std::int64_t y = begin * plane.stride_y + i - plane.top;
    std::int32_t* const to =
        pairs + i % plane.stride_y * plane.phase_step + i / plane.stride_y * plane.out_width;
    const bool inside = y >= 0 && y < plane.in_rows;
    if (inside) {
      pad_row(plane, from, y, row);
    }
    for (std::int64_t p = 0; p < plane.pairs(); ++p) {
      if (!inside) {
        std::fill_n(to + p * plane.pair_step, plane.out_width, 0);
        continue;
      }
      simd::pair_taps({.x = row + 2 * p * plane.dilation_x,
                       .zero = zero,
                       .stride = plane.stride_x,
                       .second = 2 * p + 1 < plane.taps_x ? plane.dilation_x : 0,
                       .count = plane.out_width},
                      to + p * plane.pair_step);
    }
  }
  const std::int64_t count = std::min(plane.block, plane.out_rows - begin) * plane.out_width;
  simd::sum_taps({.x = pairs,
                  .offsets = plane.offsets.data(),
                  .weights = from.weights,
                  .rows = static_cast<std::int64_t>(plane.offsets.size()),
                  .pairs = plane.pairs(),
                  .pair_step = plane.pair_step,
                  .count = count},
                 sums);
  return {.sums = sums, .count = count};
}

}  // namespace sluice::engine
