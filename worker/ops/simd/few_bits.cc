#include "worker/ops/simd/few_bits.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/few_bits.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using FewD = hn::CappedTag<float, kFloatPanel>;
using FewI = hn::RebindToSigned<FewD>;
using FewU = hn::Rebind<std::uint8_t, FewD>;
constexpr std::int64_t kFewLanes = hn::MaxLanes(FewD());

// One k of the panel, from lane `at` on.
HWY_INLINE void widen_codes(
    const FewBitsPanel& panel, std::int64_t i, std::int64_t at, hn::Vec<FewI> codes, float* to) {
  const FewD d;
  const std::int64_t group = panel.groups[i] * kFloatPanel + at;
  const auto zero =
      panel.zeros != nullptr ? hn::LoadU(d, panel.zeros + group) : hn::Set(d, panel.zero);
  const auto above = hn::Sub(hn::ConvertTo(d, codes), zero);
  hn::StoreU(hn::Mul(above, hn::LoadU(d, panel.scales + group)), d, to + at);
}

void widen_all(const FewBitsPanel& panel, std::int64_t begin, std::int64_t count, float* to) {
  const FewI ints;
  const FewU bytes;
  if (!panel.halves) {
    for (std::int64_t i = begin; i < begin + count; ++i, to += kFloatPanel) {
      for (std::int64_t at = 0; at < kFloatPanel; at += kFewLanes) {
        const auto codes = hn::LoadU(bytes, panel.codes + i * kFloatPanel + at);
        widen_codes(panel, i, at, hn::PromoteTo(ints, codes), to);
      }
    }
    return;
  }
  const auto low = hn::Set(ints, 15);
  const std::int64_t pairs = begin + count / 2 * 2;
  const std::uint8_t* from = panel.codes + begin / 2 * kFloatPanel;
  std::int64_t i = begin;
  for (; i < pairs; i += 2, from += kFloatPanel, to += 2 * kFloatPanel) {
    for (std::int64_t at = 0; at < kFloatPanel; at += kFewLanes) {
      const auto both = hn::PromoteTo(ints, hn::LoadU(bytes, from + at));
      widen_codes(panel, i, at, hn::And(both, low), to);
      widen_codes(panel, i + 1, at, hn::ShiftRight<4>(both), to + kFloatPanel);
    }
  }
  for (; i < begin + count; ++i) {  // the last one of an odd k
    for (std::int64_t at = 0; at < kFloatPanel; at += kFewLanes) {
      const auto both = hn::PromoteTo(ints, hn::LoadU(bytes, from + at));
      widen_codes(panel, i, at, hn::And(both, low), to);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(widen_all);

void widen_panel(const FewBitsPanel& panel, std::int64_t begin, std::int64_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(widen_all)(panel, begin, count, to);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
