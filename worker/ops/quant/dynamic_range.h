// The scale and zero point that DynamicQuantizeLinear gives numbers, in uint8.

#pragma once

#include <cstdint>
#include <span>

#include "worker/ops/quant/integer_core.h"

namespace sluice::engine {

struct DynamicRange {
  float scale = 1;
  std::int32_t zero = 0;
};

// NaN is passed over.
inline DynamicRange dynamic_range(std::span<const float> x) {
  const auto [low, high] = simd::range_with_zero(x.data(), static_cast<std::int64_t>(x.size()));
  DynamicRange range;
  if (high > low) {
    range.scale = (high - low) / 255.0F;
    range.zero = to_byte<std::uint8_t>(-low / range.scale, 0);
  }
  return range;
}

}  // namespace sluice::engine
