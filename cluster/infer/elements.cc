#include "cluster/infer/elements.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "common/base/check.h"
#include "gateway/protocol/json_writer.h"

namespace sluice::cluster {

namespace {

template <class Number>
Number load(const NamedTensor& tensor, std::size_t index) {
  SLUICE_CHECK((index + 1) * sizeof(Number) <= tensor.data.size());
  Number number{};
  std::memcpy(&number, tensor.data.data() + index * sizeof(Number), sizeof(Number));
  return number;
}

template <class Integer>
std::string integer_text(const NamedTensor& tensor, std::size_t index) {
  return std::to_string(load<Integer>(tensor, index));
}

std::string float_text(float value) {
  std::string text;
  gateway::append_json_float(text, value);
  return text;
}

std::string element_text(const NamedTensor& tensor, std::size_t index) {
  switch (tensor.datatype) {
    using enum DataType;
    case boolean:
      return load<std::uint8_t>(tensor, index) != 0 ? "true" : "false";
    case uint8:
      return integer_text<std::uint8_t>(tensor, index);
    case uint16:
      return integer_text<std::uint16_t>(tensor, index);
    case uint32:
      return integer_text<std::uint32_t>(tensor, index);
    case uint64:
      return integer_text<std::uint64_t>(tensor, index);
    case int8:
      return integer_text<std::int8_t>(tensor, index);
    case int16:
      return integer_text<std::int16_t>(tensor, index);
    case int32:
      return integer_text<std::int32_t>(tensor, index);
    case int64:
      return integer_text<std::int64_t>(tensor, index);
    case float16:
    case bfloat16:
      return float_text(static_cast<float>(number_at(tensor, index)));
    case float32:
      return float_text(load<float>(tensor, index));
    case float64: {
      std::string text;
      gateway::append_json_float(text, load<double>(tensor, index));
      return text;
    }
    case string:
    default:  // undefined, and what models alone have
      break;
  }
  return "?";
}

}  // namespace

float float_from_half(std::uint16_t bits) noexcept {
  const std::uint32_t sign = (bits & 0x8000U) << 16U;
  const std::uint32_t exponent = (bits >> 10U) & 0x1fU;
  const std::uint32_t fraction = bits & 0x3ffU;
  if (exponent == 0) {  // zero and denormals: fraction * 2^-24
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 0x1f ? 0xffU : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23U | fraction << 13U);
}

float float_from_bfloat(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(std::uint32_t{bits} << 16U);
}

Result<std::vector<std::string_view>> split_strings(std::span<const std::byte> bytes,
                                                    std::int64_t count) {
  const auto wrong = [count] {
    return Error{ErrorCode::data_corrupt,
                 "the data does not hold " + std::to_string(count) + " strings"};
  };
  if (count < 0 || static_cast<std::uint64_t>(count) > bytes.size() / sizeof(std::uint32_t)) {
    return wrong();
  }
  std::vector<std::string_view> strings;
  while (strings.size() < static_cast<std::size_t>(count)) {
    std::uint32_t length = 0;
    if (bytes.size() < sizeof(length)) {
      return wrong();
    }
    std::memcpy(&length, bytes.data(), sizeof(length));
    bytes = bytes.subspan(sizeof(length));
    if (length > bytes.size()) {
      return wrong();
    }
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes seen as characters.
    strings.emplace_back(reinterpret_cast<const char*>(bytes.data()), length);
    bytes = bytes.subspan(length);
  }
  if (!bytes.empty()) {
    return wrong();
  }
  return strings;
}

double number_at(const NamedTensor& tensor, std::size_t index) {
  switch (tensor.datatype) {
    using enum DataType;
    case boolean:
    case uint8:
      return load<std::uint8_t>(tensor, index);
    case uint16:
      return load<std::uint16_t>(tensor, index);
    case uint32:
      return load<std::uint32_t>(tensor, index);
    case uint64:
      return static_cast<double>(load<std::uint64_t>(tensor, index));
    case int8:
      return load<std::int8_t>(tensor, index);
    case int16:
      return load<std::int16_t>(tensor, index);
    case int32:
      return load<std::int32_t>(tensor, index);
    case int64:
      return static_cast<double>(load<std::int64_t>(tensor, index));
    case float16:
      return float_from_half(load<std::uint16_t>(tensor, index));
    case bfloat16:
      return float_from_bfloat(load<std::uint16_t>(tensor, index));
    case float32:
      return load<float>(tensor, index);
    case float64:
      return load<double>(tensor, index);
    case string:
    default:  // undefined, and what models alone have
      break;
  }
  return std::nan("");
}

std::vector<std::string> element_texts(const NamedTensor& tensor, std::size_t most) {
  const Result<std::int64_t> count = element_count(tensor.shape);
  SLUICE_CHECK(count.has_value());
  const std::size_t wanted = std::min(most, static_cast<std::size_t>(*count));
  std::vector<std::string> texts;
  if (tensor.datatype == DataType::string) {
    const auto strings = split_strings(tensor.data.bytes(), *count);
    SLUICE_CHECK(strings.has_value());
    for (std::size_t i = 0; i < wanted; ++i) {
      gateway::append_json_string(texts.emplace_back(), (*strings)[i]);
    }
    return texts;
  }
  for (std::size_t i = 0; i < wanted; ++i) {
    texts.push_back(element_text(tensor, i));
  }
  return texts;
}

}  // namespace sluice::cluster
