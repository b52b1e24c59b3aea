#include "worker/engine/layout.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "common/base/check.h"
#include "worker/engine/parallel.h"

namespace sluice::engine {
namespace {

constexpr std::int64_t kTile = 16;  // elements: 16 x 16 floats are 16 cache lines on both sides

// Transposes `rows` x `columns` matrices, one after another: to[c][r] = from[r][c].
template <class T>
void transpose_matrices(
    const T* from, T* to, std::int64_t count, std::int64_t rows, std::int64_t columns) {
  const std::int64_t tiles = (rows + kTile - 1) / kTile;
  parallel_for(
      count * tiles, 1 + 16384 / (columns * kTile), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t at = begin; at < end; ++at) {
          const T* source = from + at / tiles * rows * columns;
          T* target = to + at / tiles * rows * columns;
          const std::int64_t row_begin = at % tiles * kTile;
          const std::int64_t row_end = std::min(row_begin + kTile, rows);
          for (std::int64_t tile = 0; tile < columns; tile += kTile) {
            const std::int64_t column_end = std::min(tile + kTile, columns);
            for (std::int64_t c = tile; c < column_end; ++c) {
              for (std::int64_t r = row_begin; r < row_end; ++r) {
                target[c * rows + r] = source[r * columns + c];
              }
            }
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
