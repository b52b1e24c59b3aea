#include "worker/engine/layout.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <hwy/highway.h>

#include "common/base/check.h"
#include "worker/engine/parallel.h"

namespace sluice::engine {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::int64_t kTile = 16;  // elements: 16 x 16 floats are 16 cache lines on both sides

// to[c][r] = from[r][c] for a part of a matrix; rows of `from` and of `to` are steps apart.
struct Tile {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t from_step;
  std::int64_t to_step;
};

template <class T>
void transpose_tile(const Tile& tile, const T* from, T* to) {
  for (std::int64_t c = 0; c < tile.columns; ++c) {
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      to[c * tile.to_step + r] = from[r * tile.from_step + c];
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// Four by four in registers: every x86-64 and every aarch64 has what it takes.
template <>
void transpose_tile(const Tile& tile, const std::uint32_t* from, std::uint32_t* to) {
  const hn::Full128<std::uint32_t> d;
  const hn::Full128<std::uint64_t> pairs;
  const auto in_pairs = [&](auto v) { return hn::BitCast(pairs, v); };
  const auto put = [&](auto v, std::uint32_t* at) { hn::StoreU(hn::BitCast(d, v), d, at); };
  std::int64_t r = 0;
  for (; r + 4 <= tile.rows; r += 4) {
    const std::uint32_t* source = from + r * tile.from_step;
    std::uint32_t* target = to + r;
    std::int64_t c = 0;
    for (; c + 4 <= tile.columns; c += 4) {
      const auto a = hn::LoadU(d, source + c);
      const auto b = hn::LoadU(d, source + tile.from_step + c);
      const auto e = hn::LoadU(d, source + 2 * tile.from_step + c);
      const auto f = hn::LoadU(d, source + 3 * tile.from_step + c);
      const auto ab_low = in_pairs(hn::InterleaveLower(d, a, b));  // a0 b0 a1 b1
      const auto ef_low = in_pairs(hn::InterleaveLower(d, e, f));
      const auto ab_high = in_pairs(hn::InterleaveUpper(d, a, b));
      const auto ef_high = in_pairs(hn::InterleaveUpper(d, e, f));
      std::uint32_t* at = target + c * tile.to_step;
      put(hn::InterleaveLower(pairs, ab_low, ef_low), at);
      put(hn::InterleaveUpper(pairs, ab_low, ef_low), at + tile.to_step);
      put(hn::InterleaveLower(pairs, ab_high, ef_high), at + 2 * tile.to_step);
      put(hn::InterleaveUpper(pairs, ab_high, ef_high), at + 3 * tile.to_step);
    }
    for (; c < tile.columns; ++c) {
      for (std::int64_t i = 0; i < 4; ++i) {
        target[c * tile.to_step + i] = source[i * tile.from_step + c];
      }
    }
  }
  for (; r < tile.rows; ++r) {
    for (std::int64_t c = 0; c < tile.columns; ++c) {
      to[c * tile.to_step + r] = from[r * tile.from_step + c];
    }
  }
}
#endif

// Transposes `rows` x `columns` matrices, one after another: to[c][r] = from[r][c].
template <class T>
void transpose_matrices(
    const T* from, T* to, std::int64_t count, std::int64_t rows, std::int64_t columns) {
  const std::int64_t tiles = (rows + kTile - 1) / kTile;
  parallel_for(
      count * tiles, 1 + 16384 / (columns * kTile), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t at = begin; at < end; ++at) {
          const std::int64_t row = at % tiles * kTile;
          const T* source = from + at / tiles * rows * columns + row * columns;
          T* target = to + at / tiles * rows * columns + row;
          for (std::int64_t column = 0; column < columns; column += kTile) {
            transpose_tile<T>({.rows = std::min(kTile, rows - row),
                               .columns = std::min(kTile, columns - column),
                               .from_step = columns,
                               .to_step = rows},
                              source + column,
                              target + column * rows);
          }
        }
      });
}

template <class T>
void reorder_as(const TensorView& from, TensorView& to) {
  const std::int64_t images = from.dims[0];
  const std::int64_t channels = from.dims[1];
  const std::int64_t places = from.count / images / channels;
  const auto* source = static_cast<const T*>(from.data);
  auto* target = static_cast<T*>(to.data);
  if (to.layout == Layout::channels_last) {
    transpose_matrices(source, target, images, channels, places);
  } else {
    transpose_matrices(source, target, images, places, channels);
  }
}

}  // namespace

bool layouts_coincide(Dims dims) {
  if (dims.size() < 3 || dims[1] == 1) {
    return true;
  }
  std::int64_t places = 1;
  for (std::size_t i = 2; i < dims.size(); ++i) {
    places *= dims[i];
  }
  return places <= 1 || dims[0] == 0 || dims[1] == 0;
}

Shape physical_dims(Dims dims, Layout layout) {
  Shape physical(dims.begin(), dims.end());
  if (layout == Layout::channels_last && dims.size() >= 3) {
    std::rotate(physical.begin() + 1, physical.begin() + 2, physical.end());
  }
  return physical;
}

std::int64_t extents_before(Dims dims, std::size_t axis, Layout layout) {
  const bool last = layout == Layout::channels_last && axis > 0;
  std::int64_t count = 1;
  for (std::size_t d = 0; d < dims.size(); ++d) {
    const bool before = last && axis == 1 ? d != 1 : d < axis && !(last && d == 1);
    count *= before ? dims[d] : 1;
  }
  return count;
}

std::int64_t extents_behind(Dims dims, std::size_t axis, Layout layout) {
  const bool last = layout == Layout::channels_last && axis > 0;
  std::int64_t count = 1;
  for (std::size_t d = 0; d < dims.size(); ++d) {
    const bool behind = !(last && axis == 1) && (d > axis || (last && d == 1));
    count *= behind ? dims[d] : 1;
  }
  return count;
}

void reorder(const TensorView& from, TensorView& to) {
  SLUICE_CHECK(from.count == to.count && from.datatype == to.datatype);
  if (from.layout == to.layout || layouts_coincide(from.dims)) {
    copy_elements(from, to);
    return;
  }
  switch (storage_size(from.datatype)) {
    case 1:
      return reorder_as<std::uint8_t>(from, to);
    case 2:
      return reorder_as<std::uint16_t>(from, to);
    case 4:
      return reorder_as<std::uint32_t>(from, to);
    case 8:
      return reorder_as<std::uint64_t>(from, to);
    default:
      SLUICE_CHECK(false);
  }
}

}  // namespace sluice::engine
