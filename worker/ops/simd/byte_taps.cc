#include "worker/ops/simd/byte_taps.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/byte_taps.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using D32 = hn::ScalableTag<std::int32_t>;
using D16 = hn::Repartition<std::int16_t, D32>;
using V32 = hn::Vec<D32>;

std::int64_t reach_of_taps() {
  return static_cast<std::int64_t>(hn::Lanes(D32()));
}

// Two numbers of 16 bits as they lie in one of 32.
HWY_INLINE std::int32_t pair_of(std::int32_t low, std::int32_t high) {
  return static_cast<std::int32_t>((static_cast<std::uint32_t>(low) & 0xFFFFU) |
                                   (static_cast<std::uint32_t>(high) << 16U));
}

#if HWY_TARGET == HWY_SCALAR

void pair_row(const TapPairs& from, std::int32_t* to) {
  for (std::int64_t i = 0; i < from.count; ++i) {
    const std::uint8_t* const x = from.x + i * from.stride;
    to[i] = pair_of(x[0] - from.zero, from.second == 0 ? 0 : x[from.second] - from.zero);
  }
}

void sum_rows(const TapSums& from, std::int32_t* sums) {
  const auto half = [](std::int32_t both, int shift) {
    return std::int32_t{static_cast<std::int16_t>(static_cast<std::uint32_t>(both) >> shift)};
  };
  for (std::int64_t i = 0; i < from.count; ++i) {
    sums[i] = 0;
    for (std::int64_t part = 0; part < from.rows * from.pairs; ++part) {
      const std::int32_t w = from.weights[part];
      const std::int32_t x =
          from.x[from.offsets[part / from.pairs] + part % from.pairs * from.pair_step + i];
      sums[i] += half(x, 0) * half(w, 0) + half(x, 16) * half(w, 16);
    }
  }
}

#else

// x[0], x[kStride], ... as numbers of 32 bits.
template <std::int64_t kStride>
HWY_INLINE V32 load_apart(const std::uint8_t* x) {
  const D32 d;
  if constexpr (kStride == 1) {
    return hn::PromoteTo(d, hn::LoadU(hn::Rebind<std::uint8_t, D32>(), x));
  } else {
    const hn::Rebind<std::uint16_t, D32> twos;
    const auto both =
        hn::BitCast(twos, hn::LoadU(hn::Repartition<std::uint8_t, decltype(twos)>(), x));
    return hn::PromoteTo(d, hn::And(both, hn::Set(twos, 0xFF)));
  }
}

template <std::int64_t kStride>
HWY_INLINE void pair_row_by(const TapPairs& from, std::int32_t* to) {
  const D32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V32 zero = hn::Set(d, from.zero);
  const V32 low_half = hn::Set(d, 0xFFFF);
  for (std::int64_t i = 0; i < from.count; i += lanes) {
    const std::uint8_t* const x = from.x + i * kStride;
    V32 both = hn::And(hn::Sub(load_apart<kStride>(x), zero), low_half);
    if (from.second != 0) {
      const V32 high = hn::Sub(load_apart<kStride>(x + from.second), zero);
      both = hn::Or(both, hn::ShiftLeft<16>(high));
    }
    hn::StoreU(both, d, to + i);
  }
}

void pair_row(const TapPairs& from, std::int32_t* to) {
  if (from.stride == 1) {
    pair_row_by<1>(from, to);
  } else if (from.stride == 2) {
    pair_row_by<2>(from, to);
  } else {
    for (std::int64_t i = 0; i < from.count; ++i) {
      const std::uint8_t* const x = from.x + i * from.stride;
      to[i] = pair_of(x[0] - from.zero, from.second == 0 ? 0 : x[from.second] - from.zero);
    }
  }
}

// kVectors vectors of sums, from place i on.
template <std::int64_t kVectors>
HWY_INLINE void sum_some(const TapSums& from, std::int64_t i, std::int32_t* sums) {
  const D32 d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V32 sum[kVectors];
  V32 more[kVectors];  // where the machine gives a part of the sums in another order
  for (std::int64_t v = 0; v < kVectors; ++v) {
    sum[v] = hn::Zero(d);
    more[v] = hn::Zero(d);
  }
  for (std::int64_t row = 0; row < from.rows; ++row) {
    for (std::int64_t p = 0; p < from.pairs; ++p) {
      const auto w = hn::BitCast(D16(), hn::Set(d, from.weights[row * from.pairs + p]));
      const std::int32_t* const x = from.x + from.offsets[row] + p * from.pair_step + i;
      for (std::int64_t v = 0; v < kVectors; ++v) {
        const auto both = hn::BitCast(D16(), hn::LoadU(d, x + v * lanes));
        sum[v] = hn::ReorderWidenMulAccumulate(d, both, w, sum[v], more[v]);
      }
    }
  }
  for (std::int64_t v = 0; v < kVectors; ++v) {
    hn::StoreU(hn::RearrangeToOddPlusEven(sum[v], more[v]), d, sums + i + v * lanes);
  }
}

void sum_rows(const TapSums& from, std::int32_t* sums) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D32()));
  std::int64_t i = 0;
  for (; i + 3 * lanes < from.count; i += 4 * lanes) {
    sum_some<4>(from, i, sums);
  }
  for (; i < from.count; i += lanes) {
    sum_some<1>(from, i, sums);
  }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(reach_of_taps);
HWY_EXPORT(pair_row);
HWY_EXPORT(sum_rows);

std::int64_t taps_reach() {
  return HWY_DYNAMIC_DISPATCH(reach_of_taps)();
}
void pair_taps(const TapPairs& from, std::int32_t* to) {
  HWY_DYNAMIC_DISPATCH(pair_row)(from, to);
}
void sum_taps(const TapSums& from, std::int32_t* sums) {
  HWY_DYNAMIC_DISPATCH(sum_rows)(from, sums);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
