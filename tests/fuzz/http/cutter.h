// Cutter: cuts a fuzz input into pieces whose sizes follow from its first byte.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace sluice::gateway {

// Ends the run: the fuzzer keeps the input.
inline void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

class Cutter {
 public:
  explicit Cutter(std::uint8_t seed) : state_(seed * std::uint64_t{0x9E3779B97F4A7C15} + 1) {}

  // A piece of 1 to 256 bytes, most of them small.
  std::string_view cut(std::string_view& bytes) {
    const std::size_t size = std::min<std::size_t>(bytes.size(), 1 + next() % (1U << (next() % 9)));
    const std::string_view piece = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return piece;
  }

  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ >> 8;
  }

 private:
  std::uint64_t state_;
};

// The input after its first byte, as text.
inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  const void* bytes = data + 1;
  return {static_cast<const char*>(bytes), size - 1};
}

}  // namespace sluice::gateway
