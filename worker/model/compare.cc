#include "worker/model/compare.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include "common/tensor/float8.h"

namespace sluice::model {
namespace {

template <class T>
T element(std::span<const std::byte> bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

double from_float16(std::uint16_t bits) {
  const int exponent = bits >> 10 & 0x1F;
  const int mantissa = bits & 0x3FF;
  double size = 0;
  if (exponent == 0x1F) {
    size = mantissa != 0 ? std::nan("") : HUGE_VAL;
  } else if (exponent == 0) {
    size = std::ldexp(mantissa, -24);
  } else {
    size = std::ldexp(mantissa + 1024, exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -size : size;
}

double number(const NamedTensor& tensor, std::size_t i) {
  const auto bytes = tensor.data.bytes();
  switch (tensor.datatype) {
    using enum DataType;
    case boolean:
    case uint8:
      return element<std::uint8_t>(bytes, i);
    case uint16:
      return element<std::uint16_t>(bytes, i);
    case uint32:
      return element<std::uint32_t>(bytes, i);
    case uint64:
      return static_cast<double>(element<std::uint64_t>(bytes, i));
    case int8:
      return element<std::int8_t>(bytes, i);
    case int16:
      return element<std::int16_t>(bytes, i);
    case int32:
      return element<std::int32_t>(bytes, i);
    case int64:
      return static_cast<double>(element<std::int64_t>(bytes, i));
    case float16:
      return from_float16(element<std::uint16_t>(bytes, i));
    case bfloat16:
      return static_cast<double>(
          std::bit_cast<float>(static_cast<std::uint32_t>(element<std::uint16_t>(bytes, i)) << 16));
    case float32:
      return static_cast<double>(element<float>(bytes, i));
    case float64:
      return element<double>(bytes, i);
    case float8e4m3fn:
    case float8e4m3fnuz:
    case float8e5m2:
    case float8e5m2fnuz:
      return static_cast<double>(float8_value(tensor.datatype, element<std::uint8_t>(bytes, i)));
    case uint4:
      return element<std::uint8_t>(bytes, i);
    case int4:
      return element<std::int8_t>(bytes, i);
    case string:
    case undefined:
      break;
  }
  return std::nan("");
}

std::string shown(double value) {
  char text[32];
  static_cast<void>(std::snprintf(text, sizeof(text), "%.9g", value));
  return text;
}

std::vector<std::string_view> strings_of(const NamedTensor& tensor) {
  std::vector<std::string_view> strings;
  std::string_view rest = tensor.data.text();
  while (rest.size() >= 4) {
    std::uint32_t length = 0;
    std::memcpy(&length, rest.data(), sizeof(length));
    rest.remove_prefix(sizeof(length));
    strings.push_back(rest.substr(0, length));
    rest.remove_prefix(strings.back().size());
  }
  return strings;
}

std::optional<std::string> string_difference(const NamedTensor& got, const NamedTensor& want) {
  const auto a = strings_of(got);
  const auto b = strings_of(want);
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] != b[i]) {
      return "element " + std::to_string(i) + " is '" + std::string(a[i]) + "', wanted '" +
             std::string(b[i]) + "'";
    }
  }
  return std::nullopt;
}

// By how much the element is too far off; 0 or less passes.
double excess(double got, double want, double relative, double margin) {
  if (std::isnan(got) || std::isnan(want)) {
    return std::isnan(got) && std::isnan(want) ? 0 : HUGE_VAL;
  }
  if (std::isinf(got) || std::isinf(want)) {
    return got == want ? 0 : HUGE_VAL;
  }
  return std::abs(got - want) - (margin + relative * std::abs(want));
}

}  // namespace

std::optional<std::string> difference(const NamedTensor& got,
                                      const NamedTensor& want,
                                      const Tolerance& tolerance) {
  if (got.datatype != want.datatype) {
    return "is " + std::string(name_of(got.datatype)) + ", wanted " +
           std::string(name_of(want.datatype));
  }
  if (got.shape != want.shape) {
    return "has shape " + to_string(got.shape) + ", wanted " + to_string(want.shape);
  }
  if (got.datatype == DataType::string) {
    return string_difference(got, want);
  }
  const std::size_t count = got.data.size() / element_size(got.datatype);
  double largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double size = std::abs(number(want, i));
    largest = std::isfinite(size) ? std::max(largest, size) : largest;
  }
  const bool half = got.datatype == DataType::float16 || got.datatype == DataType::bfloat16;
  const bool exact = got.datatype == DataType::boolean || is_float8(got.datatype);
  const double relative = exact ? 0 : half ? tolerance.relative_float16 : tolerance.relative;
  const double margin = exact ? 0 : tolerance.absolute + tolerance.scale * largest;
  std::size_t wrong = 0;
  std::size_t worst = 0;
  double most = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double off = excess(number(got, i), number(want, i), relative, margin);
    if (off > 0) {
      worst = wrong == 0 || off > most ? i : worst;
      most = std::max(most, off);
      ++wrong;
    }
  }
  if (wrong == 0) {
    return std::nullopt;
  }
  return std::to_string(wrong) + " of " + std::to_string(count) +
         " elements differ, most element " + std::to_string(worst) + ": " +
         shown(number(got, worst)) + ", wanted " + shown(number(want, worst));
}

}  // namespace sluice::model
