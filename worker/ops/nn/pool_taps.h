// Where the windows of a pool lie, found once for all runs of a shape.

#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "worker/ops/nn/window.h"
#include "worker/ops/types.h"

namespace sluice::engine {

using Three = std::array<std::int64_t, 3>;

// Along one dimension, the taps of an output place that lie inside the input.
struct TapRange {
  std::int64_t first = 0;
  std::int64_t last = 1;     // one behind
  std::int64_t start = 0;    // the input's place of tap 0; may be negative
  std::int64_t counted = 1;  // taps that count for an average with pads

  [[nodiscard]] std::int64_t inside() const { return last > first ? last - first : 0; }
};
using Taps = std::array<TapRange, 3>;

// The window with exactly three spatial dimensions, the first ones of extent 1.
struct PoolTaps {
  Three in{1, 1, 1};
  Three out{1, 1, 1};
  Three kernel{1, 1, 1};
  Three dilations{1, 1, 1};
  std::array<std::vector<TapRange>, 3> ranges{};  // by output place

  [[nodiscard]] std::int64_t places() const { return out[0] * out[1] * out[2]; }
  [[nodiscard]] std::int64_t area() const { return in[0] * in[1] * in[2]; }
  [[nodiscard]] Taps at(std::int64_t place) const;
};

// `spatial`: at most three extents of the input. resource_exhausted where padding makes more places
// than there is memory for.
Result<PoolTaps> pool_taps(const Window& window, Dims spatial);

// For each row of places of a plane's result: row.begin(), then row.add(where it begins) for each
// row of the input that its windows meet, then row.finish(where it begins, the ranges of its first
// two dimensions).
template <class Row>
void for_pool_rows(const PoolTaps& taps, const Row& row) {
  for (std::int64_t a = 0; a < taps.out[0]; ++a) {
    const TapRange& depth = taps.ranges[0][static_cast<std::size_t>(a)];
    for (std::int64_t b = 0; b < taps.out[1]; ++b) {
      const TapRange& height = taps.ranges[1][static_cast<std::size_t>(b)];
      row.begin();
      for (std::int64_t i = depth.first; i < depth.last; ++i) {
        const std::int64_t plane = (depth.start + i * taps.dilations[0]) * taps.in[1];
        for (std::int64_t j = height.first; j < height.last; ++j) {
          row.add((plane + height.start + j * taps.dilations[1]) * taps.in[2]);
        }
      }
      row.finish((a * taps.out[1] + b) * taps.out[2], depth, height);
    }
  }
}

}  // namespace sluice::engine
