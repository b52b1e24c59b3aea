// One element from one datatype to another, as Cast does it; and code chosen by datatype for all of
// them, the 8-bit floats and the 4-bit integers too.

#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "common/tensor/float8.h"
#include "common/tensor/small_float.h"
#include "worker/ops/simd/truncated.h"
#include "worker/ops/types.h"

namespace sluice::engine {

// Elements as they lie in memory, where C++ has no number of that kind.
struct Float8 {
  std::uint8_t code = 0;
};
struct Int4 {
  std::int8_t value = 0;  // -8 to 7
};
struct UInt4 {
  std::uint8_t value = 0;  // 0 to 15
};

// What a conversion has to know besides the elements' types in memory.
struct CastRule {
  DataType from = DataType::undefined;
  DataType to = DataType::undefined;
  bool saturate = true;             // to float8
  std::array<float, 256> values{};  // of the codes, where `from` is a float8

  static CastRule of(DataType from, DataType to, bool saturate) {
    CastRule rule{.from = from, .to = to, .saturate = saturate};
    for (std::size_t code = 0; is_float8(from) && code < rule.values.size(); ++code) {
      rule.values[code] = float8_value(from, static_cast<std::uint8_t>(code));
    }
    return rule;
  }
};

template <class T>
constexpr bool kSmallFloat = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;
template <class T>
constexpr bool kNibble = std::is_same_v<T, Int4> || std::is_same_v<T, UInt4>;

// The element as a number that C++ knows.
template <class From>
auto number_of(From element, const CastRule& rule) {
  if constexpr (kSmallFloat<From>) {
    return to_float(element);
  } else if constexpr (std::is_same_v<From, Float8>) {
    return rule.values[element.code];
  } else if constexpr (kNibble<From>) {
    return element.value;
  } else {
    return element;
  }
}

// Floats are rounded and held within the range, integers keep their lowest four bits.
template <class To, class From>
To nibble(From value) {
  constexpr bool kSigned = std::is_same_v<To, Int4>;
  constexpr double kLow = kSigned ? -8 : 0;
  constexpr double kHigh = kSigned ? 7 : 15;
  unsigned bits = 0;
  if constexpr (std::is_floating_point_v<From>) {
    const double rounded = std::nearbyint(static_cast<double>(value));
    const double held = !(rounded > kLow) ? kLow : rounded < kHigh ? rounded : kHigh;
    bits = static_cast<unsigned>(static_cast<int>(std::isnan(rounded) ? 0.0 : held));
  } else {
    bits = static_cast<unsigned>(value);
  }
  bits &= 0xFU;
  const bool negative = kSigned && (bits & 8U) != 0;
  return {static_cast<decltype(To::value)>(negative ? bits | 0xF0U : bits)};
}

template <class To, class From>
To convert_number(From value, const CastRule& rule) {
  if constexpr (std::is_same_v<To, Float8>) {
    return {float8_code(rule.to, to_odd(static_cast<double>(value)), rule.saturate)};
  } else if constexpr (kNibble<To>) {
    return nibble<To>(value);
  } else if constexpr (kSmallFloat<To>) {
    return narrow<To>(to_odd(static_cast<double>(value)));
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != From{0};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return truncated<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

// Calls f(T{}) with what an element of `datatype` is in memory; not for strings.
template <class F>
void dispatch_stored(DataType datatype, const F& f) {
  switch (datatype) {
    case DataType::boolean:
      return f(bool{});
    case DataType::float16:
      return f(Float16{});
    case DataType::bfloat16:
      return f(BFloat16{});
    case DataType::int4:
      return f(Int4{});
    case DataType::uint4:
      return f(UInt4{});
    default:
      break;
  }
  if (is_float8(datatype)) {
    return f(Float8{});
  }
  const bool known = dispatch_number(datatype, f);
  SLUICE_CHECK(known);
}

}  // namespace sluice::engine
