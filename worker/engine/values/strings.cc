#include "worker/engine/values/strings.h"

#include <cstdint>
#include <cstring>

namespace sluice::engine {

Result<void> decode_strings(std::span<const std::byte> data, std::span<std::string> to) {
  for (std::string& element : to) {
    std::uint32_t length = 0;
    if (data.size() < sizeof(length)) {
      return Error{ErrorCode::invalid_argument, "string data ends too early"};
    }
    std::memcpy(&length, data.data(), sizeof(length));
    data = data.subspan(sizeof(length));
    if (length > data.size()) {
      return Error{ErrorCode::invalid_argument, "string data ends too early"};
    }
    // NOLINTNEXTLINE: bytes become characters here.
    element.assign(reinterpret_cast<const char*>(data.data()), length);
    data = data.subspan(length);
  }
  if (!data.empty()) {
    return Error{ErrorCode::invalid_argument, "string data has bytes left over"};
  }
  return {};
}

std::size_t encoded_size(std::span<const std::string> strings) {
  std::size_t size = 0;
  for (const std::string& element : strings) {
    size += sizeof(std::uint32_t) + element.size();
  }
  return size;
}

void encode_strings(std::span<const std::string> strings, std::span<std::byte> to) {
  std::byte* at = to.data();
  for (const std::string& element : strings) {
    const auto length = static_cast<std::uint32_t>(element.size());
    std::memcpy(at, &length, sizeof(length));
    at += sizeof(length);
    std::memcpy(at, element.data(), element.size());
    at += element.size();
  }
}

}  // namespace sluice::engine
