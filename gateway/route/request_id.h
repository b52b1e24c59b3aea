// The bits of a request id: shard 8, generation 36, slot 20.

#pragma once

#include <cstddef>
#include <cstdint>

#include "common/link/infer.h"

namespace sluice::gateway {

inline constexpr unsigned kSlotBits = 20;
inline constexpr unsigned kGenerationBits = 36;
inline constexpr unsigned kShardShift = kSlotBits + kGenerationBits;
inline constexpr std::uint64_t kGenerationMask = (std::uint64_t{1} << kGenerationBits) - 1;

// The slot is dense and reused after the id's end: the shell keeps the payloads in an array indexed
// by it.
constexpr std::size_t slot_of(RequestId id) noexcept {
  return static_cast<std::size_t>(id & ((RequestId{1} << kSlotBits) - 1));
}

// The mixing step of SplitMix64 (Steele, Lea, Flood 2014): spreads a seed over all bits.
constexpr std::uint64_t mix(std::uint64_t value) noexcept {
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

}  // namespace sluice::gateway
