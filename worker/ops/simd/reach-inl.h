// Vectors of float32 in a row whose end need not be a whole vector's. Included once for each
// instruction set, as Highway's own -inl.h are.

#if defined(SLUICE_SIMD_REACH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SLUICE_SIMD_REACH_INL_H
#undef SLUICE_SIMD_REACH_INL_H
#else
#define SLUICE_SIMD_REACH_INL_H
#endif

#include <cstdint>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

constexpr auto kReachLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));

// A whole vector, or the first `count` numbers of one; the others are 0 and not written.
struct Whole {
  HWY_INLINE V load(const float* from) const { return hn::LoadU(D(), from); }
  HWY_INLINE void store(V value, float* to) const { hn::StoreU(value, D(), to); }
};
struct Part {
  std::int64_t count;
  [[nodiscard]] HWY_INLINE auto mask() const {
    return hn::FirstN(D(), static_cast<std::size_t>(count));
  }
#if HWY_TARGET <= HWY_AVX2  // the instructions leave alone what is masked out
  HWY_INLINE V load(const float* from) const {
    return hn::MaskedLoad(mask(), D(), from);
  }
  HWY_INLINE void store(V value, float* to) const {
    hn::BlendedStore(value, mask(), D(), to);
  }
#else
  HWY_INLINE V load(const float* from) const {
    HWY_ALIGN float lane[kReachLanes] = {};
    for (std::int64_t i = 0; i < count; ++i) {
      lane[i] = from[i];
    }
    return hn::Load(D(), lane);
  }
  HWY_INLINE void store(V value, float* to) const {
    HWY_ALIGN float lane[kReachLanes];
    hn::Store(value, D(), lane);
    for (std::int64_t i = 0; i < count; ++i) {
      to[i] = lane[i];
    }
  }
#endif
};

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#endif
