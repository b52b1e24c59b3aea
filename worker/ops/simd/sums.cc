#include "worker/ops/simd/sums.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/sums.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<double>;
using V = hn::Vec<D>;

// The sum of f(x[i]); four partial vectors hide the latency of an addition.
template <class F>
HWY_INLINE double sum_of(const float* x, std::int64_t count, const F& f) {
  const D d;
  const hn::Rebind<float, D> narrow;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V a = hn::Zero(d);
  V b = hn::Zero(d);
  V c = hn::Zero(d);
  V e = hn::Zero(d);
  const auto load = [&](std::int64_t at)
                        HWY_ATTR { return f(hn::PromoteTo(d, hn::LoadU(narrow, x + at))); };
  std::int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    a = hn::Add(a, load(i));
    b = hn::Add(b, load(i + lanes));
    c = hn::Add(c, load(i + 2 * lanes));
    e = hn::Add(e, load(i + 3 * lanes));
  }
  for (; i + lanes <= count; i += lanes) {
    a = hn::Add(a, load(i));
  }
  HWY_ALIGN double parts[hn::MaxLanes(D())];
  hn::Store(hn::Add(hn::Add(a, b), hn::Add(c, e)), d, parts);
  double sum = 0;
  for (std::int64_t k = 0; k < lanes; ++k) {
    sum += parts[k];
  }
  for (; i < count; ++i) {
    HWY_ALIGN double one[hn::MaxLanes(D())] = {};
    hn::Store(f(hn::Set(d, static_cast<double>(x[i]))), d, one);
    sum += one[0];
  }
  return sum;
}

double sum_row(const float* x, std::int64_t count) {
  return sum_of(x, count, [](V v) HWY_ATTR { return v; });
}

double sum_squares_row(const float* x, std::int64_t count, double centre) {
  const V by = hn::Set(D(), centre);
  return sum_of(x, count, [by](V v) HWY_ATTR {
    const V off = hn::Sub(v, by);
    return hn::Mul(off, off);
  });
}

void normalize_row(const NormalizedRow<float>& row) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto mean = hn::Set(d, row.mean);
  const auto inverse = hn::Set(d, row.inverse);
  std::int64_t i = 0;
  for (; row.scale_step == 1 && row.bias_step == 1 && i + lanes <= row.count; i += lanes) {
    const auto centred = hn::Mul(hn::Sub(hn::LoadU(d, row.x + i), mean), inverse);
    const auto scaled = hn::Mul(centred, hn::LoadU(d, row.scale + i));
    const bool has_bias = row.bias != nullptr;
    hn::StoreU(has_bias ? hn::Add(scaled, hn::LoadU(d, row.bias + i)) : scaled, d, row.y + i);
  }
  for (; i < row.count; ++i) {
    const float scaled = (row.x[i] - row.mean) * row.inverse * row.scale[i * row.scale_step];
    row.y[i] = row.bias != nullptr ? scaled + row.bias[i * row.bias_step] : scaled;
  }
}

template <bool kSquared>
HWY_INLINE void add_row_as(const float* x, std::int64_t count, double* sums) {
  const D d;
  const hn::Rebind<float, D> narrow;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const V value = hn::PromoteTo(d, hn::LoadU(narrow, x + i));
    const V sum = hn::LoadU(d, sums + i);
    hn::StoreU(hn::Add(sum, kSquared ? hn::Mul(value, value) : value), d, sums + i);
  }
  for (; i < count; ++i) {
    const auto value = static_cast<double>(x[i]);
    sums[i] += kSquared ? value * value : value;
  }
}

void add_to_columns(const float* x, std::int64_t count, bool squared, double* sums) {
  return squared ? add_row_as<true>(x, count, sums) : add_row_as<false>(x, count, sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(sum_row);
HWY_EXPORT(sum_squares_row);
HWY_EXPORT(normalize_row);
HWY_EXPORT(add_to_columns);

double sum(const float* x, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(sum_row)(x, count);
}
double sum_squares(const float* x, std::int64_t count, double centre) {
  return HWY_DYNAMIC_DISPATCH(sum_squares_row)(x, count, centre);
}
void normalize(const NormalizedRow<float>& row) {
  HWY_DYNAMIC_DISPATCH(normalize_row)(row);
}
void add_row(const float* x, std::int64_t count, bool squared, double* sums) {
  HWY_DYNAMIC_DISPATCH(add_to_columns)(x, count, squared, sums);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
