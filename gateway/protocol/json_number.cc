#include "gateway/protocol/json_number.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

namespace sluice::gateway {
namespace {

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// Powers of ten that a double holds exactly.
constexpr std::array<double, 23> kPowers{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                         1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                         1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::uint64_t kExactDouble = std::uint64_t{1} << 53U;

// mantissa * 10^exponent by one operation on doubles; absent outside their tables. Exact mantissas
// (up to 2^53) make it correctly rounded (W. Clinger, "How to read floating point numbers
// accurately", 1990); longer ones are off by less than 2 units in the last place.
std::optional<double> near_double(const JsonNumber& number) noexcept {
  constexpr auto kMost = static_cast<std::int32_t>(kPowers.size() - 1);
  if (!number.exact || number.exponent < -kMost || number.exponent > kMost) {
    return std::nullopt;
  }
  const auto mantissa = static_cast<double>(number.mantissa);
  const auto power = kPowers[static_cast<std::size_t>(std::abs(number.exponent))];
  const double value = number.exponent < 0 ? mantissa / power : mantissa * power;
  return number.negative ? -value : value;
}

// True when every decimal within 2 units of the double's last place rounds to the same float: it is
// not about halfway between two floats (their last place is bit 29 of a double's), and not near the
// ends of float's range, where that distance is another.
bool decides_float(double value) noexcept {
  constexpr std::uint64_t kBelow = (std::uint64_t{1} << 29U) - 1;
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 28U;
  const std::uint64_t below = std::bit_cast<std::uint64_t>(value) & kBelow;
  const bool halfway = below + 4 >= kHalf && below <= kHalf + 4;
  const double size = std::fabs(value);
  return size == 0 || (!halfway && size >= 2 * double{std::numeric_limits<float>::min()} &&
                       size < double{std::numeric_limits<float>::max()} / 2);
}

// True when from_chars' "out of range" means too small: the first digit that is not zero stands
// far behind the point.
bool is_tiny(std::string_view text) noexcept {
  std::int64_t place = 0;  // decimal exponent of the first non-zero digit, before 'e'
  bool after_point = false;
  bool found = false;
  std::size_t i = text.starts_with('-') ? 1 : 0;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '.') {
      after_point = true;
      continue;
    }
    found = found || text[i] != '0';
    if (!after_point && found) {
      ++place;
    } else if (after_point && !found) {
      --place;
    }
  }
  std::int64_t exponent = 0;
  if (i < text.size()) {
    std::string_view digits = text.substr(i + 1);
    const bool negative = digits.starts_with('-');
    digits.remove_prefix(digits.starts_with('+') || negative ? 1 : 0);
    for (const char c : digits) {
      exponent = std::min<std::int64_t>(exponent * 10 + (c - '0'), 1'000'000'000'000);
    }
    exponent = negative ? -exponent : exponent;
  }
  return place + exponent < 0;
}

template <class Float>
std::optional<Float> slow(std::string_view text) noexcept {
  Float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    return is_tiny(text) ? std::optional(text.starts_with('-') ? -Float{0} : Float{0})
                         : std::nullopt;
  }
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

template <class Integer>
std::optional<Integer> whole(const JsonNumber& number) noexcept {
  if (!number.whole) {
    return std::nullopt;
  }
  std::string_view text = number.text;
  if (text == "-0") {
    text = "0";
  }
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// Walks over one token.
class NumberScanner {
 public:
  explicit NumberScanner(std::string_view text) noexcept
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()) {}

  [[nodiscard]] bool next_is(char c) const noexcept { return at_ != end_ && *at_ == c; }
  bool take(char c) noexcept {
    const bool there = next_is(c);
    at_ += there ? 1 : 0;
    return there;
  }
  // Into the mantissa, which may wrap (see JsonNumber::exact); how many.
  std::ptrdiff_t take_digits() noexcept {
    const char* const first = at_;
    for (; at_ != end_ && is_digit(*at_); ++at_) {
      mantissa_ = mantissa_ * 10 + static_cast<std::uint64_t>(*at_ - '0');
    }
    return at_ - first;
  }
  // Behind the 'e': the first four digits and the sign; how many there are.
  std::ptrdiff_t take_exponent(std::int32_t& exponent) noexcept {
    const bool negative = take('-');
    if (!negative) {
      take('+');
    }
    const char* const first = at_;
    for (; at_ != end_ && is_digit(*at_); ++at_) {
      exponent = at_ - first < 4 ? exponent * 10 + (*at_ - '0') : exponent;
    }
    exponent = negative ? -exponent : exponent;
    return at_ - first;
  }
  [[nodiscard]] std::uint64_t mantissa() const noexcept { return mantissa_; }
  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }

 private:
  const char* begin_;
  const char* at_;
  const char* end_;
  std::uint64_t mantissa_ = 0;
};

}  // namespace

JsonNumber scan_json_number(std::string_view text) noexcept {
  JsonNumber number;
  NumberScanner scanner(text);
  number.negative = scanner.take('-');
  const bool leading_zero = scanner.next_is('0');
  std::ptrdiff_t digits = scanner.take_digits();
  if (digits == 0 || (leading_zero && digits > 1)) {
    return {};
  }
  number.whole = true;
  std::ptrdiff_t fraction = 0;
  if (scanner.take('.')) {
    number.whole = false;
    fraction = scanner.take_digits();
    if (fraction == 0) {
      return {};
    }
    digits += fraction;
  }
  std::int32_t exponent = 0;
  std::ptrdiff_t exponent_digits = 0;
  if (scanner.take('e') || scanner.take('E')) {
    number.whole = false;
    exponent_digits = scanner.take_exponent(exponent);
    if (exponent_digits == 0) {
      return {};
    }
  }
  number.text = text.substr(0, scanner.size());
  number.exact = digits <= 19 && exponent_digits <= 4;
  number.mantissa = scanner.mantissa();
  number.exponent = number.exact ? exponent - static_cast<std::int32_t>(fraction) : 0;
  return number;
}

std::optional<float> to_float(const JsonNumber& number) noexcept {
  const auto near = near_double(number);
  if (near && decides_float(*near)) {
    return static_cast<float>(*near);
  }
  return slow<float>(number.text);
}

std::optional<double> to_double(const JsonNumber& number) noexcept {
  if (number.mantissa <= kExactDouble) {
    if (const auto near = near_double(number)) {
      return near;
    }
  }
  return slow<double>(number.text);
}

std::optional<std::int64_t> to_int64(const JsonNumber& number) noexcept {
  return whole<std::int64_t>(number);
}

std::optional<std::uint64_t> to_uint64(const JsonNumber& number) noexcept {
  return whole<std::uint64_t>(number);
}

}  // namespace sluice::gateway
