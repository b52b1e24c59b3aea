#include "cluster/prove/comparison.h"

#include <algorithm>
#include <cstddef>
#include <random>
#include <vector>

namespace sluice::cluster {

namespace {

constexpr double kQuantile = 0.99;
constexpr std::size_t kRounds = 1'000;
constexpr std::size_t kBoundRank = kRounds * 95 / 100 - 1;  // of the sorted ratios

double ratio_of(const Histogram& upper, const Histogram& lower) {
  const auto below = static_cast<double>(lower.quantile(kQuantile).count());
  return below > 0 ? static_cast<double>(upper.quantile(kQuantile).count()) / below : 0;
}

// As many windows as there are, each drawn from all of them.
Histogram redrawn(std::span<const Histogram> windows, std::mt19937_64& random) {
  Histogram sum;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    sum.merge(windows[random() % windows.size()]);
  }
  return sum;
}

}  // namespace

Histogram pooled(std::span<const Histogram> windows) {
  Histogram sum;
  for (const Histogram& window : windows) {
    sum.merge(window);
  }
  return sum;
}

Comparison compare(std::span<const Histogram> swap,
                   std::span<const Histogram> quiet_a,
                   std::span<const Histogram> quiet_b,
                   std::uint64_t seed) {
  const Histogram during = pooled(swap);
  const Histogram a = pooled(quiet_a);
  const Histogram b = pooled(quiet_b);
  Comparison result;
  if (std::min({during.count(), a.count(), b.count()}) < kAnswersLeast) {
    return result;
  }
  Histogram quiet = a;
  quiet.merge(b);
  result.judged = true;
  result.ratio = ratio_of(during, quiet);
  result.control = ratio_of(b, a);
  std::mt19937_64 random(seed);
  std::vector<double> ratios;
  for (std::size_t round = 0; round < kRounds; ++round) {
    const Histogram again = redrawn(quiet_a, random);
    ratios.push_back(ratio_of(redrawn(quiet_b, random), again));
  }
  std::ranges::sort(ratios);
  result.control_bound = ratios[kBoundRank];
  result.allowed = std::max(kRatioAllowed, result.control_bound);
  return result;
}

}  // namespace sluice::cluster
