// How a fuzz input becomes the frames of a message: each frame is a little-endian u32 length and
// its bytes; the last one takes what is left.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/link/message.h"

namespace sluice::fuzz {

inline link::Body body_from(const std::uint8_t* data, std::size_t size) {
  link::Body body;
  auto rest = std::as_bytes(std::span(data, size));
  while (!rest.empty() && body.size() < 8) {
    std::size_t length = rest.size();
    if (rest.size() >= 4) {
      length = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        length |= std::to_integer<std::size_t>(rest[i]) << (8 * i);
      }
      rest = rest.subspan(4);
      length = std::min(length, rest.size());
    }
    // A copy of exactly that size: the address sanitizer sees any read past its end.
    body.push_back(Buffer::copy_of(rest.first(length)));
    rest = rest.subspan(length);
  }
  return body;
}

}  // namespace sluice::fuzz
