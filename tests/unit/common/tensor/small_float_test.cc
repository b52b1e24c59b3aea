// small_float.h against the definitions of the formats: a value is fraction x 2^exponent.

#include "common/tensor/small_float.h"

#include <cmath>
#include <cstdint>

#include <gtest/gtest.h>

namespace sluice {
namespace {

// By definition: `bits` has 1 sign bit, `exponent_bits` and `fraction_bits`, IEEE's way.
double defined(std::uint32_t bits, int exponent_bits, int fraction_bits) {
  const std::uint32_t fraction = bits & ((1U << fraction_bits) - 1);
  const int exponent = static_cast<int>(bits >> fraction_bits & ((1U << exponent_bits) - 1));
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const bool negative = (bits >> (exponent_bits + fraction_bits)) != 0;
  double size = 0;
  if (exponent == (1 << exponent_bits) - 1) {
    size = fraction != 0 ? std::nan("") : HUGE_VAL;
  } else if (exponent == 0) {
    size = std::ldexp(fraction, 1 - bias - fraction_bits);
  } else {
    size = std::ldexp(fraction + (1U << fraction_bits), exponent - bias - fraction_bits);
  }
  return negative ? -size : size;
}

template <class T>
void expect_every_code(int exponent_bits, int fraction_bits) {
  for (std::uint32_t bits = 0; bits <= 0xFFFF; ++bits) {
    const T code{static_cast<std::uint16_t>(bits)};
    const double want = defined(bits, exponent_bits, fraction_bits);
    const auto got = static_cast<double>(to_float(code));
    if (std::isnan(want)) {
      ASSERT_TRUE(std::isnan(got)) << bits;
      ASSERT_TRUE(std::isnan(to_float(narrow<T>(to_float(code))))) << bits;
      continue;
    }
    ASSERT_EQ(got, want) << bits;
    ASSERT_EQ(std::signbit(got), std::signbit(want)) << bits;
    ASSERT_EQ(narrow<T>(to_float(code)).bits, bits);
  }
}

TEST(SmallFloat, EveryCodeHasItsValueAndComesBack) {
  expect_every_code<Float16>(5, 10);
  expect_every_code<BFloat16>(8, 7);
}

// Between each two neighbours: below the middle down, above it up, and the middle to the even one.
template <class T>
void expect_nearest(std::uint16_t infinity) {
  for (std::uint16_t bits = 0; bits < infinity; ++bits) {
    const auto low = static_cast<double>(to_float(T{bits}));
    // What would be the next is 2^k where the format ends.
    const double high = bits + 1 == infinity
                            ? 2 * low - static_cast<double>(to_float(T{std::uint16_t(bits - 1)}))
                            : static_cast<double>(to_float(T{std::uint16_t(bits + 1)}));
    const double middle = (low + high) / 2;
    const double little = (high - low) / 1024;
    const auto next = static_cast<std::uint16_t>(bits + 1);
    ASSERT_EQ(narrow<T>(to_odd(middle - little)).bits, bits);
    ASSERT_EQ(narrow<T>(to_odd(middle)).bits, bits % 2 == 0 ? bits : next);
    ASSERT_EQ(narrow<T>(to_odd(middle + little)).bits, next);
    ASSERT_EQ(narrow<T>(to_odd(-middle - little)).bits, next | 0x8000);
    ASSERT_EQ(narrow<T>(to_odd(middle * (1 + 0x1p-50))).bits, next) << "rounded once";
  }
}

TEST(SmallFloat, RoundsToTheNearestAndTiesToEven) {
  expect_nearest<Float16>(0x7C00);
}

TEST(SmallFloat, RoundsBfloat16ToTheNearestAndTiesToEven) {
  for (const float value : {1.0F, -3.0F, 1e-30F, 3e38F}) {
    const auto bits = std::bit_cast<std::uint32_t>(value) & 0xFFFF'0000U;
    const auto high = static_cast<std::uint16_t>(bits >> 16U);
    EXPECT_EQ(narrow<BFloat16>(std::bit_cast<float>(bits | 0x7FFFU)).bits, high);
    EXPECT_EQ(narrow<BFloat16>(std::bit_cast<float>(bits | 0x8000U)).bits,
              high % 2 == 0 ? high : high + 1);
    EXPECT_EQ(narrow<BFloat16>(std::bit_cast<float>(bits | 0x8001U)).bits, high + 1);
  }
  EXPECT_EQ(narrow<BFloat16>(std::numeric_limits<float>::max()).bits, 0x7F80);
}

}  // namespace
}  // namespace sluice
