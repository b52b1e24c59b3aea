// Strings at the session's edge: per element a uint32 length (little-endian) and the bytes.

#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "common/base/result.h"

namespace sluice::engine {

// invalid_argument when `data` is not exactly `to.size()` elements.
Result<void> decode_strings(std::span<const std::byte> data, std::span<std::string> to);

std::size_t encoded_size(std::span<const std::string> strings);
// `to` has encoded_size bytes.
void encode_strings(std::span<const std::string> strings, std::span<std::byte> to);

}  // namespace sluice::engine
