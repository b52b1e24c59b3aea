#include "worker/engine/finite.h"

#include <cstdint>
#include <cstring>

namespace sluice::engine {

bool all_finite(std::span<const std::byte> bytes) {
  constexpr std::uint32_t kExponent = 0x7F80'0000;
  constexpr std::size_t kBlock = 1024;  // floats between two looks: the inner loop is vectorised
  const std::size_t count = bytes.size() / sizeof(std::uint32_t);
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t end = begin + kBlock < count ? begin + kBlock : count;
    std::uint32_t found = 0;
    for (std::size_t i = begin; i < end; ++i) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, bytes.data() + i * sizeof(bits), sizeof(bits));
      found |= static_cast<std::uint32_t>((bits & kExponent) == kExponent);
    }
    if (found != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace sluice::engine
