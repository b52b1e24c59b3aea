// float8.h against the specification's tables: all codes, ties, saturation, NaN, subnormals.

#include "common/tensor/float8.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

struct Format {
  DataType type;
  int fraction_bits;
  int bias;
  float largest;
  std::uint8_t largest_code;
  bool infinities;
  bool unsigned_zero;
};
const Format kFormats[] = {
    {DataType::float8e4m3fn, 3, 7, 448, 0x7E, false, false},
    {DataType::float8e4m3fnuz, 3, 8, 240, 0x7F, false, true},
    {DataType::float8e5m2, 2, 15, 57344, 0x7B, true, false},
    {DataType::float8e5m2fnuz, 2, 16, 57344, 0x7F, false, true},
};

// By definition; the code is no NaN or infinity.
double defined(const Format& format, int size) {
  const int fraction = size % (1 << format.fraction_bits);
  const int exponent = size >> format.fraction_bits;
  return exponent == 0
             ? std::ldexp(fraction, 1 - format.bias - format.fraction_bits)
             : std::ldexp(1 + std::ldexp(fraction, -format.fraction_bits), exponent - format.bias);
}

TEST(Float8, EveryCodeHasItsValueAndComesBack) {
  for (const Format& format : kFormats) {
    int numbers = 0;
    for (int code = 0; code < 256; ++code) {
      const auto bits = static_cast<std::uint8_t>(code);
      const float value = float8_value(format.type, bits);
      const int size = code & 0x7F;
      const bool lone_nan = format.unsigned_zero && code == 0x80;
      if (size > format.largest_code || lone_nan) {
        const bool infinity = format.infinities && size == format.largest_code + 1;
        EXPECT_EQ(std::isinf(value), infinity) << code;
        EXPECT_EQ(std::isnan(value), !infinity) << code;
        continue;
      }
      ++numbers;
      const double want = (code & 0x80 ? -1 : 1) * defined(format, size);
      ASSERT_EQ(static_cast<double>(value), want) << code;
      ASSERT_EQ(std::signbit(value), std::signbit(want)) << code;
      ASSERT_EQ(float8_code(format.type, value, true), bits);
      ASSERT_EQ(float8_code(format.type, value, false), bits);
    }
    EXPECT_EQ(numbers, format.unsigned_zero ? 255 : 2 * (format.largest_code + 1));
    EXPECT_EQ(float8_value(format.type, format.largest_code), format.largest);
  }
}

TEST(Float8, RoundsToTheNearestAndTiesToEven) {
  for (const Format& format : kFormats) {
    for (std::uint8_t code = 0; code < format.largest_code; ++code) {
      const float low = float8_value(format.type, code);
      const float high = float8_value(format.type, static_cast<std::uint8_t>(code + 1));
      const float middle = (low + high) / 2;
      const int even = code % 2 == 0 ? code : code + 1;
      ASSERT_EQ(float8_code(format.type, middle, true), even) << int{code};
      ASSERT_EQ(float8_code(format.type, std::nextafter(middle, 0.0F), true), code);
      ASSERT_EQ(float8_code(format.type, std::nextafter(middle, kInf), true), code + 1);
      const bool plain_zero = format.unsigned_zero && even == 0;
      ASSERT_EQ(float8_code(format.type, -middle, true), plain_zero ? 0 : even | 0x80);
    }
  }
}

TEST(Float8, SaturatesOrOverflowsAsTheFormatCan) {
  for (const Format& format : kFormats) {
    const std::uint8_t nan = format.unsigned_zero ? 0x80 : 0x7F;
    const float last =
        float8_value(format.type, format.largest_code) -
        float8_value(format.type, static_cast<std::uint8_t>(format.largest_code - 1));
    for (const float value : {format.largest + last, 1e30F, kInf}) {
      EXPECT_EQ(float8_code(format.type, value, true), format.largest_code);
      EXPECT_EQ(float8_code(format.type, -value, true), format.largest_code | 0x80);
      const int over = format.infinities ? format.largest_code + 1 : nan;
      EXPECT_EQ(float8_code(format.type, value, false), over) << value;
      EXPECT_EQ(float8_code(format.type, -value, false), over | 0x80) << value;
    }
    EXPECT_EQ(float8_code(format.type, std::nanf(""), true), nan);
    EXPECT_EQ(float8_code(format.type, std::nanf(""), false), nan);
    EXPECT_EQ(float8_code(format.type, -0.0F, true), format.unsigned_zero ? 0 : 0x80);
    EXPECT_EQ(float8_code(format.type, std::numeric_limits<float>::denorm_min(), true), 0);
  }
}

}  // namespace
}  // namespace sluice
