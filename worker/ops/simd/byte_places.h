// Integer convolutions of images whose bytes lie channels-last, place by place. Exact; sums wrap at
// 32 bits. Written for machines that multiply bytes four at a time (quads.h).

#pragma once

#include <cstdint>

#include "worker/ops/simd/products.h"

namespace sluice::engine::simd {

// What sums begin with, and the bytes that they become: sum * scale + offset, each rounded, then
// half to even, plus the zero point, held to their range, NaN becoming that zero point. By filter;
// whole vectors are read.
struct PlaceEnds {
  const std::int32_t* starts;
  const float* scales;
  const float* offsets;  // null: none
  std::int32_t zero;
  bool has_floor = false;  // no byte is less than the zero point
};

// Bytes of an image that have no sign, as the windows of `places` see them.
struct PlaceWindows {
  const std::uint8_t* image;
  const std::int32_t* begins;  // by place: of its window, in the image
  std::int64_t places;
  const std::int32_t* runs;  // in a window: of bytes that lie together
  std::int64_t run_count;
};

// The most panels of filters that are multiplied at a time.
inline constexpr std::int64_t kPlacePanels = 4;

// Filters that see all channels: up to kPlacePanels panels of them.
struct PlaceProduct {
  PlaceWindows windows;
  std::int64_t quads;          // of bytes, in a run; what is behind its end meets weights of 0
  const std::int8_t* weights;  // [run_count][quads][panels][kPanel][4]
  std::int64_t filters;
  PlaceEnds ends;
  std::int64_t step;  // from a place's results to those of the next
};
void multiply_places(const PlaceProduct& product, std::int8_t* to);
void multiply_places(const PlaceProduct& product, std::uint8_t* to);

// Channels of which each has a filter of its own, in blocks; a run is one place of the image, and
// four runs are multiplied at a time.
inline constexpr std::int64_t kChannelBlock = 32;
// Which channel of a block the fours number `i` of its weights are of.
constexpr std::int64_t channel_of_weight(std::int64_t i) {
  return i / 8 * 4 + i % 8 / 4 * 16 + i % 4;
}
struct ChannelProduct {
  PlaceWindows windows;
  std::int64_t channels;
  const std::int8_t* weights;  // [blocks][fours of runs][kChannelBlock][4], 0 where there is no run
  PlaceEnds ends;
};
void multiply_channels(const ChannelProduct& product, std::int8_t* to);
void multiply_channels(const ChannelProduct& product, std::uint8_t* to);

}  // namespace sluice::engine::simd
