// Integer arithmetic that quantised operators share: bytes widened to 16 bits with their zero point
// taken off, products summed in 32 bits, and the way back to bytes.
// Sums are exact; beyond 32 bits they wrap, as the specification's int32 does.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "worker/engine/values/tensor.h"
#include "worker/ops/simd/products.h"
#include "worker/ops/simd/quads.h"

namespace sluice::engine {

// Parts of scratch, each aligned to 64.
constexpr std::size_t aligned(std::size_t size) {
  return (size + 63) / 64 * 64;
}
template <class T>
T* part_of(std::byte* scratch, std::size_t at) {
  // NOLINTNEXTLINE: scratch and its parts are aligned to 64.
  return reinterpret_cast<T*>(scratch + at);
}

template <class T>
const T* part_of(const std::byte* memory, std::size_t at) {
  // NOLINTNEXTLINE: likewise.
  return reinterpret_cast<const T*>(memory + at);
}

constexpr bool is_byte(DataType datatype) {
  return datatype == DataType::int8 || datatype == DataType::uint8;
}

// Element i of a tensor of bytes.
inline std::int32_t byte_at(const TensorView& view, std::int64_t i) {
  const auto at = static_cast<std::size_t>(i);
  return view.datatype == DataType::int8 ? std::int32_t{view.as<std::int8_t>()[at]}
                                         : std::int32_t{view.as<std::uint8_t>()[at]};
}

// Whether these can be the zero points of `many` rows or columns: none, or bytes, one for all or
// one for each. Constants are packed before anybody has looked at what a node is given.
inline bool fits_as_zeros(const TensorView* zeros, std::int64_t many) {
  return zeros == nullptr ||
         (is_byte(zeros->datatype) && (zeros->count == 1 || zeros->count == many));
}

// The zero point for place i of a list of one or many; 0 where there is no tensor.
inline std::int32_t zero_at(const TensorView* zeros, std::int64_t i) {
  return zeros == nullptr ? 0 : byte_at(*zeros, zeros->count == 1 ? 0 : i);
}

// to[i] = from[first + i] - zero; their sum.
std::int32_t widen(const TensorView& from,
                   std::int64_t first,
                   std::int64_t count,
                   std::int32_t zero,
                   std::int16_t* to);

// `columns` columns of 16-bit panels (simd/products.h) from rows that lie `even` and `odd` apart:
// the pairs (even[i], odd[i]).
void interleave(const std::int16_t* even,
                const std::int16_t* odd,
                std::int64_t count,
                std::int16_t* to);

// b [k, n] in panels of bytes. Those of uint8 are packed less 128, so that they fit.
struct BytePanels {
  std::int64_t k = 0;
  std::int64_t n = 0;
  std::int64_t group = simd::has_quads() ? 4 : 2;  // rows of b that lie together
  const std::int8_t* bytes = nullptr;
  const std::int32_t* sums = nullptr;   // of the packed bytes, by column
  const std::int32_t* zeros = nullptr;  // of the packed bytes, by column; null: all 0

  [[nodiscard]] std::int64_t groups() const { return (k + group - 1) / group; }
  [[nodiscard]] std::int64_t panels() const { return (n + simd::kPanel - 1) / simd::kPanel; }
  [[nodiscard]] std::int64_t panel_size() const { return groups() * group * simd::kPanel; }
  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(panels() * panel_size());
  }
  // Numbers by columns: sums, then zeros, each to whole panels.
  [[nodiscard]] std::size_t columns_size() const {
    return static_cast<std::size_t>(2 * panels() * simd::kPanel);
  }
};

// Packs b's elements [first, first + k * n). `zero`: one, one for each column, or null. `bytes` has
// room for the panels' size(), `columns` for their columns_size().
BytePanels pack_bytes(const TensorView& b,
                      std::int64_t first,
                      std::int64_t k,
                      std::int64_t n,
                      const TensorView* zero,
                      std::int8_t* bytes,
                      std::int32_t* columns);

// value / 1 rounded half to even, zero added, held to T's range; NaN becomes the zero point.
template <class T>
T to_byte(float value, std::int32_t zero) {
  constexpr float kLow = std::numeric_limits<T>::lowest();
  constexpr float kHigh = std::numeric_limits<T>::max();
  const float placed = std::nearbyint(value) + static_cast<float>(zero);
  return placed != placed ? static_cast<T>(zero) : static_cast<T>(std::clamp(placed, kLow, kHigh));
}

}  // namespace sluice::engine
