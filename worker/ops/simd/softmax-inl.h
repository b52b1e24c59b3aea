// A softmax in one vector, and the exp of what is at most 0. Included once for each instruction
// set, as Highway's own -inl.h are.

#if defined(SLUICE_SIMD_SOFTMAX_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SLUICE_SIMD_SOFTMAX_INL_H
#undef SLUICE_SIMD_SOFTMAX_INL_H
#else
#define SLUICE_SIMD_SOFTMAX_INL_H
#endif

#include <limits>

#include <hwy/highway.h>

#include "worker/ops/simd/functions-inl.h"
#include "worker/ops/simd/reach-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

// exp(x) as exp_of has it, of what is at most 0, or of a row that NaN takes anyway.
HWY_INLINE V exp_below(D d, V x) {
  const auto [p, n, shifted, magic] = power_of(d, hn::Max(hn::Set(d, -104.0F), x));
  return scaled(p, n, shifted, magic);
}

// Of the numbers that the part has.
HWY_INLINE V softmax_of_lanes(D d, V x, const Part& row) {
  const V lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  const V values = hn::IfThenElse(row.mask(), x, lowest);
  const V shifted = hn::Sub(values, hn::MaxOfLanes(d, values));
  const V power = hn::IfThenElseZero(row.mask(), exp_below(d, shifted));
  return hn::Div(power, hn::SumOfLanes(d, power));
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#endif
