#include "worker/engine/values/halves.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/engine/values/halves.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sluice::engine {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Highway writes the conversion out where there is no instruction for it, and rounds otherwise than
// we do: there small_float.h does it.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL || \
    HWY_TARGET == HWY_NEON

using D = hn::ScalableTag<float>;
using Half = hn::Rebind<hwy::float16_t, D>;

HWY_INLINE hn::Vec<D> load(const Float16* from) {
  return hn::PromoteTo(D(), hn::LoadU(Half(), reinterpret_cast<const hwy::float16_t*>(from)));
}
HWY_INLINE hn::Vec<D> load(const float* from) {
  return hn::LoadU(D(), from);
}
HWY_INLINE void store(hn::Vec<D> value, float* to) {
  hn::StoreU(value, D(), to);
}
HWY_INLINE void store(hn::Vec<D> value, Float16* to) {
  hn::StoreU(hn::DemoteTo(Half(), value), Half(), reinterpret_cast<hwy::float16_t*>(to));
}
HWY_INLINE hn::Vec<D> rounded(hn::Vec<D> value) {
  return hn::PromoteTo(D(), hn::DemoteTo(Half(), value));
}

template <bool kRounds, class From, class To>
HWY_INLINE void convert(const From* from, To* to, std::int64_t count) {
  constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const auto value = load(from + i);
    store(kRounds ? rounded(value) : value, to + i);
  }
  if (i < count) {
    From in[kLanes] = {};
    To out[kLanes];
    std::copy(from + i, from + count, in);
    const auto value = load(in);
    store(kRounds ? rounded(value) : value, out);
    std::copy(out, out + (count - i), to + i);
  }
}

void widen(const Float16* from, float* to, std::int64_t count) {
  convert<false>(from, to, count);
}
void narrow(const float* from, Float16* to, std::int64_t count) {
  convert<false>(from, to, count);
}
void round(const float* from, float* to, std::int64_t count) {
  convert<true>(from, to, count);
}

#else

void widen(const Float16* from, float* to, std::int64_t count) {
  std::transform(from, from + count, to, [](Float16 x) { return to_float(x); });
}
void narrow(const float* from, Float16* to, std::int64_t count) {
  std::transform(from, from + count, to, [](float x) { return sluice::narrow<Float16>(x); });
}
void round(const float* from, float* to, std::int64_t count) {
  std::transform(
      from, from + count, to, [](float x) { return to_float(sluice::narrow<Float16>(x)); });
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine {

HWY_EXPORT(widen);
HWY_EXPORT(narrow);
HWY_EXPORT(round);

void widen_row(const Float16* from, float* to, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(widen)(from, to, count);
}
void narrow_row(const float* from, Float16* to, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(narrow)(from, to, count);
}
void round_row(const float* from, float* to, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(round)(from, to, count);
}

}  // namespace sluice::engine
#endif  // HWY_ONCE
