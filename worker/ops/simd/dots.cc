#include "worker/ops/simd/dots.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/dots.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/reach-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

constexpr std::int64_t kLanes = kReachLanes;
constexpr std::int64_t kTogether = 4;  // places: with three filters, sums for 12 of 16 registers

template <std::int64_t kPlaces, std::int64_t kFilters>
HWY_INLINE void add_tile(const DotProducts& dots, std::int64_t place) {
  const D d;
  V sums[kPlaces][kFilters];
  for (std::int64_t p = 0; p < kPlaces; ++p) {
    for (std::int64_t f = 0; f < kFilters; ++f) {
      sums[p][f] = hn::Zero(d);
    }
  }
  const std::int64_t whole = dots.length / kLanes * kLanes;
  for (std::int64_t piece = 0; piece < dots.pieces; ++piece) {
    const float* const a = dots.a[piece] + place * dots.a_step;
    const float* const w = dots.w[piece];
    V right[kFilters];
    for (std::int64_t i = 0; i < whole; i += kLanes) {
      for (std::int64_t f = 0; f < kFilters; ++f) {
        right[f] = hn::LoadU(d, w + f * dots.w_step + i);
      }
      for (std::int64_t p = 0; p < kPlaces; ++p) {
        const V left = hn::LoadU(d, a + p * dots.a_step + i);
        for (std::int64_t f = 0; f < kFilters; ++f) {
          sums[p][f] = hn::MulAdd(left, right[f], sums[p][f]);
        }
      }
    }
    if (whole == dots.length) {
      continue;
    }
    const std::int64_t rest = dots.length - whole;
    for (std::int64_t f = 0; f < kFilters; ++f) {
      right[f] = Part{rest}.load(w + f * dots.w_step + whole);
    }
    for (std::int64_t p = 0; p < kPlaces; ++p) {
      const V left = Part{rest}.load(a + p * dots.a_step + whole);
      for (std::int64_t f = 0; f < kFilters; ++f) {
        sums[p][f] = hn::MulAdd(left, right[f], sums[p][f]);
      }
    }
  }
  for (std::int64_t p = 0; p < kPlaces; ++p) {
    for (std::int64_t f = 0; f < kFilters; ++f) {
      dots.c[(place + p) * dots.c_step + f] += hn::GetLane(hn::SumOfLanes(d, sums[p][f]));
    }
  }
}

template <std::int64_t kFilters>
HWY_INLINE void add_places(const DotProducts& dots) {
  std::int64_t place = 0;
  for (; place + kTogether <= dots.places; place += kTogether) {
    add_tile<kTogether, kFilters>(dots, place);
  }
  for (; place < dots.places; ++place) {
    add_tile<1, kFilters>(dots, place);
  }
}

void add_all(const DotProducts& dots) {
  switch (dots.filters) {
    case 1:
      return add_places<1>(dots);
    case 2:
      return add_places<2>(dots);
    default:
      return add_places<3>(dots);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(add_all);

void add_dots(const DotProducts& dots) {
  HWY_DYNAMIC_DISPATCH(add_all)(dots);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
