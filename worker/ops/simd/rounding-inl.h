// Numbers to bytes, in vectors. Included once for each instruction set, as Highway's own -inl.h
// are.

#if defined(SLUICE_SIMD_ROUNDING_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SLUICE_SIMD_ROUNDING_INL_H
#undef SLUICE_SIMD_ROUNDING_INL_H
#else
#define SLUICE_SIMD_ROUNDING_INL_H
#endif

#include <algorithm>
#include <cstdint>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using DF = hn::ScalableTag<float>;
using VF = hn::Vec<DF>;

// What values are rounded to: half to even, plus zero, held to the bytes' range; NaN gives
// `of_nan`. Copies in vectors: a byte that is written could be any number in memory.
struct Rounding {
  // 1.5 * 2^23: what is added to it is rounded, and lies in its last bits.
  static constexpr float kMagic = 12'582'912.0F;
  static constexpr float kFar = 1024;  // no zero point brings it back among the bytes
  VF nan;
  hn::Vec<hn::RebindToSigned<DF>> zero;

  HWY_INLINE Rounding(std::int32_t zero_point, std::int32_t of_nan)
      : nan(hn::Set(DF(), static_cast<float>(of_nan - zero_point))),
        zero(hn::Sub(hn::Set(hn::RebindToSigned<DF>(), zero_point),
                     hn::BitCast(hn::RebindToSigned<DF>(), hn::Set(DF(), kMagic)))) {}

  template <class T>
  HWY_INLINE void store(VF value, T* to, std::int64_t count) const {
    const DF d;
    const hn::RebindToSigned<DF> di;
    const hn::Rebind<T, DF> narrow;
    const VF held = hn::Max(hn::Set(d, -kFar), hn::Min(hn::Set(d, kFar), value));
    const VF number = hn::IfThenElse(hn::Eq(value, value), held, nan);
    const VF shifted = hn::Add(number, hn::Set(d, kMagic));
    const auto bytes = hn::DemoteTo(narrow, hn::Add(hn::BitCast(di, shifted), zero));
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    if (count >= lanes) {
      hn::StoreU(bytes, narrow, to);
      return;
    }
    HWY_ALIGN T part[hn::MaxLanes(DF())];
    hn::StoreU(bytes, narrow, part);
    for (std::int64_t k = 0; k < std::min(count, lanes); ++k) {
      to[k] = part[k];
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#endif
