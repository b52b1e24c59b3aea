#include "worker/engine/values/finite.h"

#include <cstdint>
#include <cstring>

namespace sluice::engine {
namespace {

// Is the exponent of some number all ones?
template <class Bits>
bool none_special(std::span<const std::byte> bytes, Bits exponent) {
  constexpr std::size_t kBlock = 1024;  // numbers between two looks: the inner loop is vectorised
  const std::size_t count = bytes.size() / sizeof(Bits);
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::size_t end = begin + kBlock < count ? begin + kBlock : count;
    Bits found = 0;
    for (std::size_t i = begin; i < end; ++i) {
      Bits bits = 0;
      std::memcpy(&bits, bytes.data() + i * sizeof(bits), sizeof(bits));
      found = static_cast<Bits>(found | static_cast<Bits>((bits & exponent) == exponent));
    }
    if (found != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool all_finite(DataType datatype, std::span<const std::byte> bytes) {
  switch (datatype) {
    case DataType::float16:
      return none_special<std::uint16_t>(bytes, 0x7C00);
    case DataType::bfloat16:
      return none_special<std::uint16_t>(bytes, 0x7F80);
    case DataType::float32:
      return none_special<std::uint32_t>(bytes, 0x7F80'0000);
    case DataType::float64:
      return none_special<std::uint64_t>(bytes, 0x7FF0'0000'0000'0000);
    default:
      return true;
  }
}

}  // namespace sluice::engine
