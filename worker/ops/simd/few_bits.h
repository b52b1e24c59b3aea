// Weights of at most 8 bits made float32, compiled for several instruction sets and chosen when the
// program runs.

#pragma once

#include <cstdint>

#include "worker/ops/simd/panels.h"

namespace sluice::engine::simd {

// A panel of kFloatPanel columns, which each have a scale and a zero point in each group of k.
struct FewBitsPanel {
  // 8 bits: [k][kFloatPanel]. 4 bits: [k / 2, rounded up][kFloatPanel], in the low half of a byte
  // the even k.
  const std::uint8_t* codes;
  bool halves;                 // 4 bits
  const std::int32_t* groups;  // of each k; null: `block` of them after one another
  std::int64_t block;          // even
  const float* scales;         // [groups][kFloatPanel]
  const float* zeros;          // likewise, or null: `zero` everywhere
  float zero;
};

// to [count][kFloatPanel] = (code - zero) * scale for `count` k from `begin` on, which is even.
void widen_panel(const FewBitsPanel& panel, std::int64_t begin, std::int64_t count, float* to);

}  // namespace sluice::engine::simd
