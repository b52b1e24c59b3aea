#include "worker/ops/simd/pools.h"

#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/pools.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/reach-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

constexpr std::int64_t kLanes = kReachLanes;

template <std::int64_t kVectors, class Reach, class Join, class End>
HWY_INLINE void join_rows(const PoolPlace& place,
                          std::int64_t c,
                          const Reach& reach,
                          float start,
                          const Join& join,
                          const End& end) {
  V joined[kVectors];
  for (std::int64_t v = 0; v < kVectors; ++v) {
    joined[v] = place.goes_on ? reach.load(place.out + c + v * kLanes) : hn::Set(D(), start);
  }
  for (std::int64_t row = 0; row < place.count; ++row) {
    for (std::int64_t v = 0; v < kVectors; ++v) {
      joined[v] = join(joined[v], reach.load(place.rows[row] + c + v * kLanes));
    }
  }
  for (std::int64_t v = 0; v < kVectors; ++v) {
    reach.store(end(joined[v]), place.out + c + v * kLanes);
  }
}

template <class Join, class End>
HWY_INLINE void join_all(const PoolPlace& place, float start, const Join& join, const End& end) {
  std::int64_t c = 0;
  for (; c + 4 * kLanes <= place.channels; c += 4 * kLanes) {
    join_rows<4>(place, c, Whole{}, start, join, end);
  }
  for (; c + kLanes <= place.channels; c += kLanes) {
    join_rows<1>(place, c, Whole{}, start, join, end);
  }
  if (c < place.channels) {
    join_rows<1>(place, c, Part{place.channels - c}, start, join, end);
  }
}

void find_greatest(const PoolPlace& place) {
  join_all(
      place,
      -std::numeric_limits<float>::infinity(),
      [](V a, V b) HWY_ATTR {
        const V greater = hn::IfThenElse(hn::Gt(b, a), b, a);  // a, where either is NaN
        return hn::IfThenElse(hn::IsNaN(b), b, greater);
      },
      [](V v) HWY_ATTR { return v; });
}

void add_rows(const PoolPlace& place, float scale) {
  const V by = hn::Set(D(), scale);
  join_all(
      place,
      0,
      [](V a, V b) HWY_ATTR { return hn::Add(a, b); },
      [by](V v) HWY_ATTR { return hn::Mul(v, by); });
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(find_greatest);
HWY_EXPORT(add_rows);

void pool_greatest(const PoolPlace& place) {
  HWY_DYNAMIC_DISPATCH(find_greatest)(place);
}
void pool_sum(const PoolPlace& place, float scale) {
  HWY_DYNAMIC_DISPATCH(add_rows)(place, scale);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
