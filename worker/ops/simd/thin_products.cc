#include "worker/ops/simd/thin_products.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/thin_products.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

#include "worker/ops/simd/reach-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

constexpr std::int64_t kLanes = kReachLanes;
constexpr std::int64_t kWide = 4;    // vectors of columns whose sums stay in registers
constexpr std::int64_t kChains = 4;  // sums beside each other, so that none waits for the last one

HWY_INLINE void multiply_wide(const ThinProduct& product, const float* a, float* c) {
  const D d;
  V sums[kWide];
  for (std::int64_t v = 0; v < kWide; ++v) {
    sums[v] = hn::Zero(d);
  }
  const float* b = product.b;
  for (std::int64_t i = 0; i < product.k; ++i, b += product.n) {
    const V x = hn::Set(d, a[i]);
    for (std::int64_t v = 0; v < kWide; ++v) {
      sums[v] = hn::MulAdd(x, hn::LoadU(d, b + v * kLanes), sums[v]);
    }
  }
  for (std::int64_t v = 0; v < kWide; ++v) {
    hn::StoreU(sums[v], d, c + v * kLanes);
  }
}

// The columns of one vector, or of a part of one.
template <class Reach>
HWY_INLINE void multiply_narrow(
    const ThinProduct& product, const float* a, const float* b, const Reach& reach, float* c) {
  const D d;
  V sums[kChains];
  for (std::int64_t j = 0; j < kChains; ++j) {
    sums[j] = hn::Zero(d);
  }
  std::int64_t i = 0;
  for (; i + kChains <= product.k; i += kChains) {
    for (std::int64_t j = 0; j < kChains; ++j) {
      const V right = reach.load(b + (i + j) * product.n);
      sums[j] = hn::MulAdd(hn::Set(d, a[i + j]), right, sums[j]);
    }
  }
  for (; i < product.k; ++i) {
    sums[0] = hn::MulAdd(hn::Set(d, a[i]), reach.load(b + i * product.n), sums[0]);
  }
  reach.store(hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3])), c);
}

HWY_INLINE void multiply_row(const ThinProduct& product, const float* a, float* c) {
  std::int64_t column = 0;
  for (; column + kWide * kLanes <= product.n; column += kWide * kLanes) {
    ThinProduct part = product;
    part.b += column;
    multiply_wide(part, a, c + column);
  }
  for (; column + kLanes <= product.n; column += kLanes) {
    multiply_narrow(product, a, product.b + column, Whole{}, c + column);
  }
  if (column < product.n) {
    multiply_narrow(product, a, product.b + column, Part{product.n - column}, c + column);
  }
}

// One number of the result: the sum over two rows.
HWY_INLINE float dot(const float* a, const float* b, std::int64_t k) {
  const D d;
  V sums[2] = {hn::Zero(d), hn::Zero(d)};
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= k; i += 2 * kLanes) {
    sums[0] = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sums[0]);
    sums[1] = hn::MulAdd(hn::LoadU(d, a + i + kLanes), hn::LoadU(d, b + i + kLanes), sums[1]);
  }
  if (i + kLanes <= k) {
    sums[0] = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sums[0]);
    i += kLanes;
  }
  if (i < k) {
    const Part rest{k - i};
    sums[1] = hn::MulAdd(rest.load(a + i), rest.load(b + i), sums[1]);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(sums[0], sums[1])));
}

void multiply_all(const ThinProduct& product) {
  for (std::int64_t row = 0; row < product.m; ++row) {
    const float* const a = product.a + row * product.k;
    float* const c = product.c + row * product.n;
    if (!product.b_transposed) {
      multiply_row(product, a, c);
      continue;
    }
    for (std::int64_t column = 0; column < product.n; ++column) {
      c[column] = dot(a, product.b + column * product.k, product.k);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sluice::engine::simd {

HWY_EXPORT(multiply_all);

void multiply_thin(const ThinProduct& product) {
  HWY_DYNAMIC_DISPATCH(multiply_all)(product);
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
