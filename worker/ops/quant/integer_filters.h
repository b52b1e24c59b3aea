// The weights of an integer convolution as the left side of products: bytes without a sign where
// quads are multiplied, otherwise 16 bits a number, less their zero points.

#pragma once

#include <cstddef>
#include <cstdint>

#include "worker/engine/values/tensor.h"
#include "worker/ops/quant/integer_image.h"

namespace sluice::engine {

struct Filters {
  std::int64_t step = 0;  // numbers of a filter, to whole groups; those behind it are 0
  const std::int16_t* wide = nullptr;
  // Of quads. Behind the last filter lies one of ones without a zero point, which sums columns up.
  const std::uint8_t* bytes = nullptr;
  const std::int32_t* zeros = nullptr;  // by filter
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
  std::int32_t zero;  // of the panels' bytes; those of 16 bits have none
};
// Where what comes of them goes: of the first filter and place; the next filter's is `step` apart.
struct FilterResult {
  std::int32_t* sums = nullptr;
  std::int64_t step = 0;
  // Where y is given, which only quads can, the sums become floats there: times scale, plus bias.
  float* y = nullptr;
  float scale = 1;
  const float* bias = nullptr;  // by filter, from the first one on; null: none
};
void multiply(const FilterProduct& product, const std::int16_t* panels, const FilterResult& to);
void multiply(const FilterProduct& product, const std::int8_t* panels, const FilterResult& to);

}  // namespace sluice::engine
