#include "worker/ops/shape/cast_string.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

namespace sluice::engine {
namespace {

template <class T>
std::string text_of(T value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value > 0 ? "INF" : "-INF";
  }
  // NumPy: scientific below 1e-4 and from 1e16 on, where decimal has a point always.
  const T size = std::abs(value);
  const bool scientific = size != 0 && (size < T(1e-4) || size >= T(1e16));
  char digits[64];
  const auto end =
      std::to_chars(std::begin(digits),
                    std::end(digits),
                    value,
                    scientific ? std::chars_format::scientific : std::chars_format::fixed);
  std::string text(std::begin(digits), end.ptr);
  return scientific || text.find('.') != std::string::npos ? text : text + ".0";
}

Error no_number(std::string_view text) {
  return {ErrorCode::invalid_argument,
          "cannot cast '" + std::string(text.substr(0, 64)) + "' to a number"};
}

// Without spaces around it and a plus in front, which from_chars does not know.
std::string_view stripped(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && space(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && space(text.back())) {
    text.remove_suffix(1);
  }
  const bool plus = text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+';
  return plus ? text.substr(1) : text;
}

}  // namespace

std::string real_text(float value) {
  return text_of(value);
}
std::string real_text(double value) {
  return text_of(value);
}

Result<double> real_of_text(std::string_view text) {
  const std::string_view number = stripped(text);
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (end != number.data() + number.size() || number.empty() ||
      error == std::errc::invalid_argument) {
    return no_number(text);
  }
  if (error == std::errc::result_out_of_range) {  // too large or too small for a float64
    const auto exponent = number.find_first_of("eE");
    const bool tiny = exponent != std::string_view::npos && exponent + 1 < number.size() &&
                      number[exponent + 1] == '-';
    const double size = tiny ? 0.0 : std::numeric_limits<double>::infinity();
    return number[0] == '-' ? -size : size;
  }
  return value;
}

Result<std::int64_t> integer_of_text(std::string_view text, bool is_signed) {
  const std::string_view number = stripped(text);
  const char* const stop = number.data() + number.size();
  std::int64_t value = 0;
  std::uint64_t bits = 0;
  const auto [end, error] = is_signed || number.starts_with('-')
                                ? std::from_chars(number.data(), stop, value)
                                : std::from_chars(number.data(), stop, bits);
  if (end != stop || error != std::errc() || number.empty()) {
    return no_number(text);
  }
  return is_signed || number.starts_with('-') ? value : static_cast<std::int64_t>(bits);
}

}  // namespace sluice::engine
