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

constexpr std::int64_t kFewVectors = kFloatPanel / kFewLanes;  // of a panel's row

// The panel's scales and zero points of one group.
struct FewGroup {
  hn::Vec<FewD> scales[kFewVectors];
  hn::Vec<FewD> zeros[kFewVectors];

  HWY_INLINE FewGroup(const FewBitsPanel& panel, std::int64_t group) {
    const FewD d;
    for (std::int64_t v = 0; v < kFewVectors; ++v) {
      const std::int64_t at = group * kFloatPanel + v * kFewLanes;
      scales[v] = hn::LoadU(d, panel.scales + at);
      zeros[v] = panel.zeros != nullptr ? hn::LoadU(d, panel.zeros + at) : hn::Set(d, panel.zero);
    }
  }

  HWY_INLINE void widen(std::int64_t v, hn::Vec<FewI> codes, float* to) const {
    const FewD d;
    const auto above = hn::Sub(hn::ConvertTo(d, codes), zeros[v]);
    hn::StoreU(hn::Mul(above, scales[v]), d, to + v * kFewLanes);
  }
};

HWY_INLINE hn::Vec<FewI> few_codes(const std::uint8_t* from, std::int64_t v) {
  return hn::PromoteTo(FewI(), hn::LoadU(FewU(), from + v * kFewLanes));
}

// k from `begin` on, which is even: those of even k by `low`, those of odd k by `high`.
HWY_INLINE void widen_halves(const FewBitsPanel& panel,
                             const FewGroup& low,
                             const FewGroup& high,
                             std::int64_t begin,
                             std::int64_t end,
                             float* to) {
  const auto mask = hn::Set(FewI(), 15);
  const std::uint8_t* from = panel.codes + begin / 2 * kFloatPanel;
  std::int64_t i = begin;
  for (; i + 2 <= end; i += 2, from += kFloatPanel, to += 2 * kFloatPanel) {
    for (std::int64_t v = 0; v < kFewVectors; ++v) {
      const auto both = few_codes(from, v);
      low.widen(v, hn::And(both, mask), to);
      high.widen(v, hn::ShiftRight<4>(both), to + kFloatPanel);
    }
  }
  for (std::int64_t v = 0; i < end && v < kFewVectors; ++v) {  // the last one of an odd k
    low.widen(v, hn::And(few_codes(from, v), mask), to);
  }
}

HWY_INLINE void widen_bytes(const FewBitsPanel& panel,
                            const FewGroup& group,
                            std::int64_t begin,
                            std::int64_t end,
                            float* to) {
  for (std::int64_t i = begin; i < end; ++i, to += kFloatPanel) {
    for (std::int64_t v = 0; v < kFewVectors; ++v) {
      group.widen(v, few_codes(panel.codes + i * kFloatPanel, v), to);
    }
  }
}

void widen_all(const FewBitsPanel& panel, std::int64_t begin, std::int64_t count, float* to) {
  const std::int64_t end = begin + count;
  std::int64_t next = begin;
  for (std::int64_t i = begin; i < end; to += (next - i) * kFloatPanel, i = next) {
    if (panel.groups == nullptr) {
      next = HWY_MIN(end, (i / panel.block + 1) * panel.block);
      const FewGroup group(panel, i / panel.block);
      if (panel.halves) {
        widen_halves(panel, group, group, i, next, to);
      } else {
        widen_bytes(panel, group, i, next, to);
      }
    } else if (panel.halves) {
      next = HWY_MIN(end, i + 2);
      const FewGroup low(panel, panel.groups[i]);
      widen_halves(panel, low, FewGroup(panel, panel.groups[next - 1]), i, next, to);
    } else {
      next = i + 1;
      widen_bytes(panel, FewGroup(panel, panel.groups[i]), i, next, to);
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
