// JSON numbers: the token by RFC 8259, and its exact value in the type that is wanted.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::gateway {

struct JsonNumber {
  std::string_view text;       // the token
  std::uint64_t mantissa = 0;  // its digits without point, when `exact`
  std::int32_t exponent = 0;   // value = mantissa * 10^exponent, when `exact`
  bool negative = false;
  bool whole = false;  // neither point nor exponent
  bool exact = false;  // at most 19 digits, and an exponent of at most 4: mantissa holds them all
};

// The number that `text` starts with; an empty token when it starts with none.
JsonNumber scan_json_number(std::string_view text) noexcept;

// Correctly rounded (no double rounding by way of double for float); too small becomes a signed
// zero. Absent when the value is beyond the type's range.
std::optional<float> to_float(const JsonNumber& number) noexcept;
std::optional<double> to_double(const JsonNumber& number) noexcept;

// Absent when the number is not whole or beyond the type's range.
std::optional<std::int64_t> to_int64(const JsonNumber& number) noexcept;
std::optional<std::uint64_t> to_uint64(const JsonNumber& number) noexcept;

}  // namespace sluice::gateway
