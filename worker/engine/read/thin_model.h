// A ModelProto without its weights: the wire bytes with every large raw_data replaced by where it
// is in the file, so that protobuf parses and copies only what is small. Pure; safe on hostile
// bytes.

#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "common/base/result.h"

namespace sluice::engine {

inline constexpr std::size_t kLargeRawData = 1024;  // bytes; below, a copy is cheaper than a detour

// The thinned message. A large tensor comes out with field `segment` {begin, end} set to the
// position of its raw bytes in `model`; a tensor that has a segment of its own is refused, so the
// mark cannot be forged. data_corrupt for broken wire bytes, with the place.
Result<std::string> thin_model(std::span<const std::byte> model);

}  // namespace sluice::engine
