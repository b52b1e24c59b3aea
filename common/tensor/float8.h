// Floating-point numbers of 8 bits: what a code stands for, and rounding to one. Pure.
//
//   format   exponent  fraction  bias  largest  infinities  NaN
//   e4m3fn   4         3         7     448      none        all bits but the sign set
//   e4m3fnuz 4         3         8     240      none        0x80, and no negative zero
//   e5m2     5         2         15    57344    yes         as IEEE
//   e5m2fnuz 5         2         16    57344    none        0x80, and no negative zero
//
// Source: https://onnx.ai/onnx/technical/float8.html (read 2026-11).

#pragma once

#include <cstdint>

#include "common/tensor/datatype.h"

namespace sluice {

constexpr bool is_float8(DataType type) noexcept {
  return type == DataType::float8e4m3fn || type == DataType::float8e4m3fnuz ||
         type == DataType::float8e5m2 || type == DataType::float8e5m2fnuz;
}

// `format` is one of the four.
float float8_value(DataType format, std::uint8_t code) noexcept;

// To the nearest, ties to even. What is too large becomes the largest number when it saturates,
// else infinity where there is one and NaN where not.
std::uint8_t float8_code(DataType format, float value, bool saturate) noexcept;

}  // namespace sluice
