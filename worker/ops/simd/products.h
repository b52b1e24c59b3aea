// Vector kernels of quantised operators, compiled for several instruction sets and chosen when the
// program runs. Products are exact and sums wrap at 32 bits, on every machine.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

// Columns of a panel: b [2 * pairs, kPanel] as [pairs][kPanel][2], so that the two numbers that
// meet a pair of a's lie together.
inline constexpr std::int64_t kPanel = 16;

// A product's left side: rows of 2 * pairs numbers, each from -32768 on, `a_step` apart; and where
// the sums go, rows `c_step` apart, of which `columns` (at most kPanel) are written.
struct PanelProduct {
  const std::int16_t* a;
  std::int64_t a_step;
  std::int64_t rows;
  std::int64_t pairs;
  std::int32_t* c;
  std::int64_t c_step;
  std::int64_t columns;
};
void multiply_panel(const PanelProduct& product, const std::int8_t* panel);
void multiply_panel(const PanelProduct& product, const std::int16_t* panel);

// How sums become floats: sum * scales[j] + bias[j], rounded after each operation.
struct Scaling {
  const float* scales = nullptr;
  const float* bias = nullptr;  // null: none
};
// Rows of sums, as they lie in panels.
struct ScaledRows {
  const std::int32_t* sums;
  std::int64_t rows;
  std::int64_t columns;  // at most kPanel
  Scaling scaling;       // of a whole panel
  std::int64_t y_step;
};
void scale_rows(const ScaledRows& from, float* y);

// to[i] = (sums[i] + bias) * scale[i * scale_step] + offset[i * offset_step], rounded half to even,
// plus zero, held to the bytes' range. NaN becomes zero. Steps are 0 or 1.
struct Requantized {
  const std::int32_t* sums;
  std::int32_t bias;
  const float* scale;
  std::int64_t scale_step;
  const float* offset = nullptr;  // null: none
  std::int64_t offset_step = 0;
  std::int32_t zero;
  std::int64_t count;
};
void requantize(const Requantized& from, std::int8_t* to);
void requantize(const Requantized& from, std::uint8_t* to);

// The least and the greatest of x and 0; NaN is passed over.
struct Range {
  float low;
  float high;
};
Range range_with_zero(const float* x, std::int64_t count);

// x[i] / scale rounded half to even, plus zero, held to the bytes' range.
struct Quantization {
  float scale;
  std::int32_t zero;
  std::int32_t of_nan;  // what NaN becomes
};
void quantize(const float* x, const Quantization& by, std::int64_t count, std::int8_t* to);
void quantize(const float* x, const Quantization& by, std::int64_t count, std::uint8_t* to);

}  // namespace sluice::engine::simd
