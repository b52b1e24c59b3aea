// Rows of a product, cut into tiles whose sums stay in registers.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

// As even as they can be: a tile of few rows takes as long as one of more.
struct Cut {
  std::int64_t tiles;
  std::int64_t rows;  // of each
  std::int64_t more;  // tiles with one more, the first ones

  [[nodiscard]] constexpr std::int64_t rows_of(std::int64_t tile) const {
    return rows + (tile < more ? 1 : 0);
  }
};
// `rows` not 0, `most` of a tile.
constexpr Cut cut_evenly(std::int64_t rows, std::int64_t most) {
  const std::int64_t tiles = (rows + most - 1) / most;
  return {.tiles = tiles, .rows = rows / tiles, .more = rows % tiles};
}

}  // namespace sluice::engine::simd
