#include "cluster/prove/comparison.h"

#include <vector>

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

Histogram of(std::initializer_list<Duration> latencies) {
  Histogram histogram;
  for (const Duration latency : latencies) {
    histogram.add(latency);
  }
  return histogram;
}

// 1..count microseconds, times `factor`.
Histogram ramp(int count, int factor) {
  Histogram histogram;
  for (int i = 1; i <= count; ++i) {
    histogram.add(microseconds(i) * factor);
  }
  return histogram;
}

double us(Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

TEST(Histogram, GivesQuantilesWithinHalfABucket) {
  const Histogram histogram = ramp(10'000, 1);
  EXPECT_EQ(histogram.count(), 10'000U);
  EXPECT_NEAR(us(histogram.quantile(0.5)), 5'000, 5'000 * 0.004);
  EXPECT_NEAR(us(histogram.quantile(0.99)), 9'900, 9'900 * 0.004);
  EXPECT_NEAR(us(histogram.quantile(0)), 1, 0.1);
  EXPECT_EQ(histogram.max(), microseconds(10'000));
  EXPECT_EQ(histogram.quantile(1), microseconds(10'000));
}

TEST(Histogram, TakesAnyLatency) {
  const Histogram histogram =
      of({Duration(-5), Duration(0), Duration(99), std::chrono::hours(100), Duration::max()});
  EXPECT_EQ(histogram.count(), 5U);
  EXPECT_EQ(histogram.max(), Duration::max());
  EXPECT_LT(histogram.quantile(0.5), microseconds(1));
  EXPECT_EQ(Histogram().quantile(0.99), Duration(0));
}

TEST(Histogram, OfTwoWindowsIsTheHistogramOfBoth) {
  Histogram sum = of({milliseconds(1)});
  sum.merge(of({milliseconds(7), milliseconds(9)}));
  EXPECT_EQ(sum.count(), 3U);
  EXPECT_EQ(sum.max(), milliseconds(9));
  EXPECT_NEAR(us(sum.quantile(0.5)), 7'000, 30);
}

TEST(Compare, SameWindowsHaveRatioOne) {
  const std::vector<Histogram> windows(10, ramp(1'000, 1));
  const Comparison result = compare(windows, windows, windows, 1);
  EXPECT_TRUE(result.judged);
  EXPECT_DOUBLE_EQ(result.ratio, 1);
  EXPECT_DOUBLE_EQ(result.control, 1);
  EXPECT_DOUBLE_EQ(result.control_bound, 1);
  EXPECT_DOUBLE_EQ(result.allowed, 1.2);
  EXPECT_TRUE(result.within());
}

TEST(Compare, SlowSwapsAreSeen) {
  const std::vector<Histogram> quiet(10, ramp(1'000, 10));
  const std::vector<Histogram> slow(10, ramp(1'000, 13));
  const Comparison result = compare(slow, quiet, quiet, 1);
  EXPECT_NEAR(result.ratio, 1.3, 0.02);
  EXPECT_FALSE(result.within());
}

TEST(Compare, ARestlessControlAllowsMore) {
  // Each set has one window in ten with a stall; how many of them are drawn varies.
  std::vector<Histogram> quiet(9, ramp(1'000, 10));
  quiet.push_back(ramp(1'000, 100));
  const std::vector<Histogram> swap(10, ramp(1'000, 13));
  const Comparison result = compare(swap, quiet, quiet, 1);
  EXPECT_DOUBLE_EQ(result.control, 1);
  EXPECT_GT(result.control_bound, 1.5);
  EXPECT_DOUBLE_EQ(result.allowed, result.control_bound);
  EXPECT_EQ(compare(swap, quiet, quiet, 1).control_bound, result.control_bound);
}

TEST(Compare, FewAnswersAreNotJudged) {
  const std::vector<Histogram> enough(1, ramp(1'000, 1));
  const std::vector<Histogram> few(1, ramp(999, 1));
  EXPECT_TRUE(compare(enough, enough, enough, 1).judged);
  EXPECT_FALSE(compare(few, enough, enough, 1).judged);
  EXPECT_FALSE(compare(enough, few, enough, 1).judged);
  EXPECT_FALSE(compare(enough, enough, few, 1).judged);
  EXPECT_FALSE(compare({}, {}, {}, 1).within());
}

}  // namespace
}  // namespace sluice::cluster
