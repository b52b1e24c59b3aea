// The activation of a fused tail, of a vector; NaN stays. Included once for each instruction set,
// as Highway's own -inl.h are.

#if defined(SLUICE_SIMD_ACTIVATED_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SLUICE_SIMD_ACTIVATED_INL_H
#undef SLUICE_SIMD_ACTIVATED_INL_H
#else
#define SLUICE_SIMD_ACTIVATED_INL_H
#endif

#include <hwy/highway.h>

#include "worker/engine/graph/kernel.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

template <class D, class V>
HWY_INLINE V activated(D d, const Tail& tail, V v) {
  namespace hn = hwy::HWY_NAMESPACE;
  const V low = hn::Set(d, tail.low);
  switch (tail.activation) {
    case Activation::relu:
      return hn::IfThenElse(hn::Lt(v, hn::Zero(d)), hn::Zero(d), v);
    case Activation::leaky_relu:
      return hn::IfThenElse(hn::Lt(v, hn::Zero(d)), hn::Mul(v, low), v);
    case Activation::clip: {
      const V high = hn::Set(d, tail.high);
      const V raised = hn::IfThenElse(hn::Lt(v, low), low, v);
      return hn::IfThenElse(hn::Gt(raised, high), high, raised);
    }
    case Activation::none:
      break;
  }
  return v;
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#endif
