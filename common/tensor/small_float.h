// Floating-point numbers of 16 bits: their bits, and rounding to them. Every conversion goes by
// float32, which holds each of their values; from float64 by to_odd, so that nothing is rounded
// twice.

#pragma once

#include <bit>
#include <cstdint>

namespace sluice {

// IEEE binary16: sign, 5 bits of exponent, 10 of fraction.
struct Float16 {
  std::uint16_t bits = 0;
};

// The upper half of a float32: sign, 8 bits of exponent, 7 of fraction.
struct BFloat16 {
  std::uint16_t bits = 0;
};

inline float to_float(Float16 value) noexcept {
  const std::uint32_t bits = value.bits;
  // As a float32 the fraction and exponent stand for 2^-112 of the value, subnormal ones too.
  const float size = std::bit_cast<float>((bits & 0x7FFFU) << 13U) * 0x1p112F;
  const std::uint32_t special = (bits & 0x7C00U) == 0x7C00U ? 0x7F80'0000U : 0U;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(size) | special |
                              (bits & 0x8000U) << 16U);
}

inline float to_float(BFloat16 value) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16U);
}

// To the nearest, ties to even; too large ones become infinities, NaN stays a (quiet) NaN.
template <class T>
T narrow(float value) noexcept;

template <>
inline Float16 narrow<Float16>(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t size = bits & 0x7FFF'FFFFU;
  // Below 2^-14 the last place is 2^-24, as it is between 1/2 and 1 in float32.
  const std::uint32_t small =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(size) + 0.5F) - 0x3F00'0000U;
  const std::uint32_t normal =
      (size + 0xFFFU + ((size >> 13U) & 1U) - (std::uint32_t{112} << 23U)) >> 13U;
  const std::uint32_t special = size > 0x7F80'0000U ? 0x7E00U : 0x7C00U;
  const std::uint32_t rounded = size < 0x3880'0000U   ? small
                                : size < 0x4780'0000U ? normal  // 2^16; above 65,520 it carries
                                                      : special;
  return {static_cast<std::uint16_t>(rounded | (bits >> 16U & 0x8000U))};
}

template <>
inline BFloat16 narrow<BFloat16>(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const bool nan = (bits & 0x7FFF'FFFFU) > 0x7F80'0000U;
  const std::uint32_t rounded = (bits + 0x7FFFU + (bits >> 16U & 1U)) >> 16U;
  return {static_cast<std::uint16_t>(nan ? (bits >> 16U) | 0x40U : rounded)};
}

// The float32 next to `value` whose last bit is 1, where it is none itself: what is rounded to
// fewer bits afterwards comes out as if it had been rounded once (Boldo and Melquiond, 2008).
inline float to_odd(double value) noexcept {
  const auto nearest = static_cast<float>(value);
  const auto back = static_cast<double>(nearest);
  if (back == value || value != value) {
    return nearest;
  }
  auto bits = std::bit_cast<std::uint32_t>(nearest);
  const bool away = value > 0 ? back > value : back < value;
  bits -= away ? 1U : 0U;
  return std::bit_cast<float>(bits | 1U);
}

}  // namespace sluice
