#include "common/tensor/float8.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sluice {
namespace {

struct Format {
  int fraction = 0;  // bits
  int bias = 0;
  std::uint8_t largest = 0;  // code of the largest number
  std::uint8_t nan = 0;
  bool infinite = false;  // has infinities, behind the largest number
  bool zero_once = false;
};

Format format_of(DataType type) {
  switch (type) {
    case DataType::float8e4m3fn:
      return {3, 7, 0x7E, 0x7F, false, false};
    case DataType::float8e4m3fnuz:
      return {3, 8, 0x7F, 0x80, false, true};
    case DataType::float8e5m2:
      return {2, 15, 0x7B, 0x7F, true, false};
    default:
      return {2, 16, 0x7F, 0x80, false, true};
  }
}

}  // namespace

float float8_value(DataType type, std::uint8_t code) noexcept {
  const Format format = format_of(type);
  const bool negative = (code & 0x80U) != 0;
  const int size = code & 0x7F;
  if (format.zero_once && code == format.nan) {
    return std::numeric_limits<float>::quiet_NaN();
  }
  if (size > format.largest) {
    const bool infinity = format.infinite && size == format.largest + 1;
    return !infinity ? std::numeric_limits<float>::quiet_NaN()
                     : (negative ? -1 : 1) * std::numeric_limits<float>::infinity();
  }
  const int exponent = size >> format.fraction;
  const int fraction = size & ((1 << format.fraction) - 1);
  const int one = exponent > 0 ? 1 << format.fraction : 0;
  const float value = std::ldexp(static_cast<float>(fraction + one),
                                 std::max(exponent, 1) - format.bias - format.fraction);
  return negative ? -value : value;
}

std::uint8_t float8_code(DataType type, float value, bool saturate) noexcept {
  const Format format = format_of(type);
  const auto sign = static_cast<std::uint8_t>(std::signbit(value) ? 0x80 : 0);
  if (std::isnan(value)) {
    return static_cast<std::uint8_t>(format.zero_once ? format.nan : format.nan | sign);
  }
  const float size = std::abs(value);
  int code = 0x80;  // too large
  if (size == 0) {
    code = 0;  // has no exponent to go by
  } else if (std::isfinite(size)) {
    int exponent = 0;
    static_cast<void>(std::frexp(size, &exponent));  // size = [0.5, 1) x 2^exponent
    const int place = std::max(exponent - 1, 1 - format.bias);
    // The fraction with its leading one; where it rounds up to the next power of two it carries.
    const auto digits = static_cast<int>(std::nearbyint(std::ldexp(size, format.fraction - place)));
    const int above = place + format.bias - 1;
    code = above > 32 ? 0x80 : (above << format.fraction) + digits;
  }
  if (code > format.largest) {
    if (!saturate && !format.infinite) {
      return static_cast<std::uint8_t>(format.zero_once ? format.nan : format.nan | sign);
    }
    code = saturate ? format.largest : format.largest + 1;
  }
  return static_cast<std::uint8_t>(code == 0 && format.zero_once ? 0 : code | sign);
}

}  // namespace sluice
