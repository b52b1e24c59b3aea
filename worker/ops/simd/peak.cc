#include "worker/ops/simd/peak.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "worker/ops/simd/peak.cc"
#include <hwy/foreach_target.h>
// After foreach_target.h, which includes this file once for each instruction set.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace sluice::engine::simd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using PeakTag = hn::ScalableTag<float>;

// Ten sums in flight hide the latency of two units that take four cycles, or five. Returns the
// operations that were done; `sum` keeps them from being left out.
double multiply_add(std::int64_t rounds, float* sum) {
  const PeakTag d;
  const auto by = hn::Set(d, 0.999F);
  const auto plus = hn::Set(d, 0.001F);
  auto a = hn::Set(d, *sum);
  auto b = hn::Add(a, plus);
  auto c = hn::Add(b, plus);
  auto e = hn::Add(c, plus);
  auto f = hn::Add(e, plus);
  auto g = hn::Add(f, plus);
  auto h = hn::Add(g, plus);
  auto i = hn::Add(h, plus);
  auto j = hn::Add(i, plus);
  auto k = hn::Add(j, plus);
  for (std::int64_t round = 0; round < rounds; ++round) {
    a = hn::MulAdd(a, by, plus);
    b = hn::MulAdd(b, by, plus);
    c = hn::MulAdd(c, by, plus);
    e = hn::MulAdd(e, by, plus);
    f = hn::MulAdd(f, by, plus);
    g = hn::MulAdd(g, by, plus);
    h = hn::MulAdd(h, by, plus);
    i = hn::MulAdd(i, by, plus);
    j = hn::MulAdd(j, by, plus);
    k = hn::MulAdd(k, by, plus);
  }
  const auto pairs =
      hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, e)), hn::Add(hn::Add(f, g), hn::Add(h, i)));
  *sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(pairs, hn::Add(j, k))));
  constexpr double kSums = 10;
  constexpr double kOperations = 2;
  return kSums * kOperations * static_cast<double>(rounds) * static_cast<double>(hn::Lanes(d));
}

float read_all(const float* from, std::int64_t count) {
  const PeakTag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto a = hn::Zero(d);
  auto b = hn::Zero(d);
  auto c = hn::Zero(d);
  auto e = hn::Zero(d);
  for (std::int64_t i = 0; i + 4 * lanes <= count; i += 4 * lanes) {
    a = hn::Add(a, hn::LoadU(d, from + i));
    b = hn::Add(b, hn::LoadU(d, from + i + lanes));
    c = hn::Add(c, hn::LoadU(d, from + i + 2 * lanes));
    e = hn::Add(e, hn::LoadU(d, from + i + 3 * lanes));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a, b), hn::Add(c, e))));
}

}  // namespace HWY_NAMESPACE
}  // namespace sluice::engine::simd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

namespace sluice::engine::simd {
namespace {

HWY_EXPORT(multiply_add);
HWY_EXPORT(read_all);

// The best of several: others may use the machine.
template <class Once>
double best_of(int times, const Once& once) {
  double best = 0;
  for (int i = 0; i < times; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const double amount = once();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::max(best, amount / took.count() / 1e9);
  }
  return best;
}

std::atomic<float> kept;  // what comes out, so that it is not left out

}  // namespace

double peak_gflops() {
  constexpr std::int64_t kRounds = 300'000;
  float sum = 1;
  const double peak =
      best_of(12, [&] { return HWY_DYNAMIC_DISPATCH(multiply_add)(kRounds, &sum); });
  kept = sum;
  return peak;
}

double peak_gb_per_s() {
  constexpr std::int64_t kCount = std::int64_t{1} << 25;  // 128 MiB
  const std::vector<float> numbers(kCount, 1.0F);
  return best_of(4, [&] {
    kept = HWY_DYNAMIC_DISPATCH(read_all)(numbers.data(), kCount);
    return static_cast<double>(kCount) * sizeof(float);
  });
}

}  // namespace sluice::engine::simd
#endif  // HWY_ONCE
