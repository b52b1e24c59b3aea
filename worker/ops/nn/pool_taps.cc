#include "worker/ops/nn/pool_taps.h"

#include <algorithm>

#include "worker/engine/machine/memory_bound.h"

namespace sluice::engine {
namespace {

std::vector<TapRange> tap_ranges(const Window& window, std::size_t d, std::int64_t extent) {
  std::vector<TapRange> ranges;
  const std::int64_t step = window.dilations[d];
  for (std::int64_t at = 0; at < window.out[d]; ++at) {
    TapRange range{.start = at * window.strides[d] - window.pads_begin[d]};
    range.first = range.start >= 0 ? 0 : (-range.start + step - 1) / step;
    const std::int64_t room = extent - range.start;
    range.last = std::clamp<std::int64_t>((room + step - 1) / step, 0, window.kernel[d]);
    // With ceil_mode a window may hang over the padding; what hangs over never counts.
    const std::int64_t padded = room + window.pads_end[d];
    range.counted = std::clamp<std::int64_t>((padded + step - 1) / step, 0, window.kernel[d]);
    ranges.push_back(range);
  }
  return ranges;
}

}  // namespace

Result<PoolTaps> pool_taps(const Window& window, Dims spatial) {
  PoolTaps taps;
  const std::size_t rank = window.out.size();
  std::size_t places = 0;
  for (const std::int64_t extent : window.out) {
    places += static_cast<std::size_t>(extent);
  }
  SLUICE_TRY(check_memory(places * sizeof(TapRange), "the places of its window"));
  for (std::size_t to = 0; to < 3; ++to) {
    if (to < 3 - rank) {
      taps.ranges[to].resize(1);
      continue;
    }
    const std::size_t d = to + rank - 3;
    taps.in[to] = spatial[d];
    taps.out[to] = window.out[d];
    taps.kernel[to] = window.kernel[d];
    taps.dilations[to] = window.dilations[d];
    taps.ranges[to] = tap_ranges(window, d, spatial[d]);
  }
  return taps;
}

Taps PoolTaps::at(std::int64_t place) const {
  Taps taps;
  for (std::size_t i = 3; i > 0; --i) {
    const std::int64_t extent = out[i - 1];
    const std::int64_t rest = extent == 1 ? place : place / extent;
    const std::int64_t place_here = extent == 1 ? 0 : place - rest * extent;
    taps[i - 1] = ranges[i - 1][static_cast<std::size_t>(place_here)];
    place = rest;
  }
  return taps;
}

}  // namespace sluice::engine
