#include "worker/engine/values/layout.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <type_traits>
#include <vector>

#include "common/base/check.h"
#include "worker/engine/machine/parallel.h"
#include "worker/engine/values/transposes.h"

namespace sluice::engine {
namespace {

constexpr std::int64_t kTile = 16;  // elements: 16 x 16 floats are 16 cache lines on both sides

// to[c][r] = from[r][c].
template <class T>
void transpose_part(const TurnedMatrix& part, const T* from, T* to) {
  if constexpr (std::is_same_v<T, std::uint32_t>) {
    transpose_words(part, from, to);
  } else if constexpr (std::is_same_v<T, std::uint8_t>) {
    transpose_bytes(part, from, to);
  } else {
    for (std::int64_t row = 0; row < part.rows; row += kTile) {
      for (std::int64_t c = 0; c < part.columns; ++c) {
        for (std::int64_t r = row; r < std::min(row + kTile, part.rows); ++r) {
          to[c * part.to_step + r] = from[r * part.from_step + c];
        }
      }
    }
  }
}

// Transposes `rows` x `columns` matrices, one after another: to[c][r] = from[r][c].
template <class T>
void transpose_matrices(
    const T* from, T* to, std::int64_t count, std::int64_t rows, std::int64_t columns) {
  const bool by_rows = rows >= columns;
  const std::int64_t longer = by_rows ? rows : columns;
  const std::int64_t shorter = by_rows ? columns : rows;
  const std::int64_t tiles = (longer + kTile - 1) / kTile;
  parallel_for(
      count * tiles, 1 + 16384 / (shorter * kTile), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t at = begin; at < end;) {
          const std::int64_t tile = at % tiles;
          const std::int64_t taken = std::min(end - at, tiles - tile);
          const std::int64_t first = tile * kTile;
          const std::int64_t extent = std::min(taken * kTile, longer - first);
          const std::int64_t matrix = at / tiles * rows * columns;
          transpose_part<T>({.rows = by_rows ? extent : rows,
                             .columns = by_rows ? columns : extent,
                             .from_step = columns,
                             .to_step = rows},
                            from + matrix + first * (by_rows ? columns : 1),
                            to + matrix + first * (by_rows ? 1 : rows));
          at += taken;
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

std::vector<std::size_t> order_in_memory(std::size_t rank, Layout layout) {
  std::vector<std::size_t> order(rank);
  std::iota(order.begin(), order.end(), 0U);
  if (layout == Layout::channels_last) {
    std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  }
  return order;
}

Shape strides_in_memory(Dims dims, Layout layout) {
  const std::vector<std::size_t> order = order_in_memory(dims.size(), layout);
  Shape strides(dims.size(), 1);
  std::int64_t stride = 1;
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    strides[*at] = stride;
    stride *= dims[*at];
  }
  return strides;
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
