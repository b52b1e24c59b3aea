// The weights of an integer convolution as the left side of products: bytes with a sign where quads
// are multiplied, otherwise 16 bits a number, less their zero points.

#pragma once

#include <cstddef>
#include <cstdint>

#include "worker/engine/values/tensor.h"
#include "worker/ops/quant/integer_image.h"

namespace sluice::engine {

struct Filters {
  std::int64_t step = 0;  // numbers of a filter, to whole groups; those behind it are 0
  const std::int16_t* wide = nullptr;
  // Of quads. Behind the last filter lies one of ones, which sums columns up.
  const std::int8_t* bytes = nullptr;
  const std::int32_t* zeros = nullptr;  // by filter; null: all 0
  const std::int32_t* sums = nullptr;   // by filter: of its numbers less their zero points
  std::int64_t ones = 0;                // the filter of ones
};

// Bytes that pack_filters needs for weights [M, ...].
std::size_t filters_size(Dims w);
// `memory` is aligned for numbers of 32 bits.
Filters pack_filters(const TensorView& w, const TensorView* zero, std::byte* memory);

// Filters and panels of an image that meet each other.
struct FilterProduct {
  const Filters& filters;
  std::int64_t first;  // filter
  std::int64_t count;
  const PaddedImage& image;
  std::int64_t begin;  // panel
  std::int64_t end;
};

// `sums` of the first filter and place; the next filter's are `step` apart.
void multiply(const FilterProduct& product,
              const std::int16_t* panels,
              std::int64_t step,
              std::int32_t* sums);

// What quads begin with, and what becomes of their sums (simd/filter_quads.h): by filter, of all.
struct FilterEnds {
  std::int32_t* starts = nullptr;
  float* scales = nullptr;   // unused where sums are given
  float* offsets = nullptr;  // null: none
  std::int32_t zero = 0;     // of bytes that are given
  bool has_floor = false;    // for places alone: no byte less than that
};
template <class T>
void multiply(const FilterProduct& product,
              const std::uint8_t* panels,
              const FilterEnds& ends,
              std::int64_t step,
              T* to);

}  // namespace sluice::engine
