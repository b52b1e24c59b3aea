#include "gateway/protocol/tensor_bytes.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "common/base/check.h"

namespace sluice::gateway {

Result<void> check_output(const NamedTensor& tensor) {
  const auto broken = [&](const std::string& why) {
    return Error{ErrorCode::internal, "output '" + tensor.name + "' is broken: " + why};
  };
  auto count = element_count(tensor.shape);
  if (!count) {
    return broken(count.error().detail);
  }
  if (tensor.datatype == DataType::undefined) {
    return broken("it has no datatype");
  }
  const auto data = tensor.data.bytes();
  if (tensor.datatype != DataType::string) {
    auto size = byte_count(tensor.datatype, tensor.shape);
    return size && *size == data.size() ? Result<void>() : broken("its bytes do not fit its shape");
  }
  std::int64_t elements = 0;
  std::size_t at = 0;
  for (; at < data.size() && elements <= *count; ++elements) {
    std::uint32_t size = 0;
    if (data.size() - at < sizeof size) {
      return broken("its strings do not fit its bytes");
    }
    std::memcpy(&size, data.data() + at, sizeof size);
    at += sizeof size;
    if (size > data.size() - at) {
      return broken("its strings do not fit its bytes");
    }
    at += size;
  }
  return elements == *count && at == data.size() ? Result<void>()
                                                 : broken("its strings do not fit its shape");
}

Result<void> check_bools(const InferRequest& request) {
  for (const NamedTensor& tensor : request.inputs) {
    if (tensor.datatype != DataType::boolean) {
      continue;
    }
    const auto data = tensor.data.bytes();
    const auto wrong = std::find_if(
        data.begin(), data.end(), [](std::byte b) { return std::to_integer<unsigned>(b) > 1; });
    if (wrong != data.end()) {
      return Error{ErrorCode::invalid_argument,
                   "input '" + tensor.name + "': a bool is 0 or 1, element " +
                       std::to_string(wrong - data.begin()) + " is " +
                       std::to_string(std::to_integer<unsigned>(*wrong))};
    }
  }
  return {};
}

std::string_view string_element(std::span<const std::byte> data, std::size_t& at) {
  std::uint32_t size = 0;
  SLUICE_CHECK(at <= data.size() && data.size() - at >= sizeof size);
  std::memcpy(&size, data.data() + at, sizeof size);
  at += sizeof size;
  SLUICE_CHECK(size <= data.size() - at);
  // NOLINTNEXTLINE: the bytes of a string element are characters.
  const std::string_view text(reinterpret_cast<const char*>(data.data() + at), size);
  at += size;
  return text;
}

void append_string_element(std::string& bytes, std::string_view text) {
  SLUICE_CHECK(text.size() <= std::numeric_limits<std::uint32_t>::max());
  const auto size = static_cast<std::uint32_t>(text.size());
  char word[sizeof size];
  std::memcpy(word, &size, sizeof size);
  bytes.append(word, sizeof word);
  bytes.append(text);
}

}  // namespace sluice::gateway
