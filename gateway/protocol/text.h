// Text that came from outside: decimal numbers, UTF-8 and percent-encoding.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace sluice::gateway {

// One or more of 0-9. Does not say whether the value fits anything.
bool all_digits(std::string_view text) noexcept;

// Decimal digits alone (no sign, no space); absent when it is something else or above `most`.
std::optional<std::uint64_t> parse_digits(std::string_view text, std::uint64_t most) noexcept;

// Position of the first byte that is not well-formed UTF-8 (RFC 3629: no surrogates, no overlong
// forms, nothing above U+10FFFF); npos when all of it is.
std::size_t find_bad_utf8(std::string_view text) noexcept;

// Stands for itself inside a JSON string, as ASCII.
constexpr bool is_plain_json(char c) noexcept {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x80 &&
         c != '"' && c != '\\';
}

// %XX once over; absent when a % is not followed by two hex digits.
std::optional<std::string> percent_decoded(std::string_view text);

// Everything but unreserved characters (RFC 3986) as %XX: for a name in a header.
std::string percent_encoded(std::string_view text);

// A model's name as the outside gives it: 1..kNameBytes bytes of UTF-8, no control
// characters, no '/' or '\', not "." or "..".
Result<void> check_model_name(std::string_view name);

}  // namespace sluice::gateway
