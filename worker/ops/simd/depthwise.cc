#include "worker/ops/simd/depthwise.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/depthwise.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/reach-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

template <std::int64_t kVectors>
HWY_INLINE void sum_taps(const DepthwisePlace& place, std::int64_t c) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sums[kVectors];
  for (std::int64_t v = 0; v < kVectors; ++v) {
    sums[v] = place.start == nullptr ? hn::Zero(d) : hn::LoadU(d, place.start + c + v * lanes);
  }
  for (std::int64_t tap = 0; tap < place.taps; ++tap) {
    const float* const x = place.x[tap] + c;
    const float* const w = place.w[tap] + c;
    for (std::int64_t v = 0; v < kVectors; ++v) {
      sums[v] = hn::MulAdd(hn::LoadU(d, x + v * lanes), hn::LoadU(d, w + v * lanes), sums[v]);
    }
  }
  for (std::int64_t v = 0; v < kVectors; ++v) {
    hn::StoreU(sums[v], d, place.out + c + v * lanes);
  }
}

void sum_place(const DepthwisePlace& place) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t c = 0;
  for (; c + 4 * lanes <= place.channels; c += 4 * lanes) {
    sum_taps<4>(place, c);
  }
  for (; c + lanes <= place.channels; c += lanes) {
    sum_taps<1>(place, c);
  }
  if (c == place.channels) {
    return;
  }
  // The rest through the same instructions, so that a channel's sum does not depend on its place.
  const Part rest{place.channels - c};
  V sum = place.start == nullptr ? hn::Zero(d) : rest.load(place.start + c);
  for (std::int64_t tap = 0; tap < place.taps; ++tap) {
    sum = hn::MulAdd(rest.load(place.x[tap] + c), rest.load(place.w[tap] + c), sum);
  }
  rest.store(sum, place.out + c);
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(sum_place);

void depthwise(const DepthwisePlace& place) {
  HWY_DYNAMIC_DISPATCH(sum_place)(place);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
