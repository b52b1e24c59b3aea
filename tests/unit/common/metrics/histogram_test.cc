#include <chrono>

#include <gtest/gtest.h>

#include "common/metrics/cells.h"

namespace sluice::metrics {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, BoundsAreInclusiveAndGrow) {
  for (std::size_t i = 0; i + 1 < kBuckets; ++i) {
    const Duration bound = std::chrono::microseconds(bucket_bound_us(i));
    EXPECT_EQ(bucket_of(bound), i);
    EXPECT_EQ(bucket_of(bound + 1ns), i + 1);
    if (i > 0) {
      EXPECT_GT(bucket_bound_us(i), bucket_bound_us(i - 1));
    }
  }
}

TEST(Histogram, ABucketIsAtMostAnEighthWide) {
  for (std::size_t i = kSubBuckets; i + 1 < kBuckets; ++i) {
    EXPECT_LE((bucket_bound_us(i) - bucket_bound_us(i - 1)) * 8, bucket_bound_us(i - 1));
  }
}

TEST(Histogram, EndsTakeWhatLiesBeyondThem) {
  EXPECT_EQ(bucket_of(-5s), 0U);
  EXPECT_EQ(bucket_of(0ns), 0U);
  EXPECT_EQ(bucket_bound_us(kBuckets - 2), 1U << 27U);
  EXPECT_EQ(bucket_of(24h), kBuckets - 1);
  EXPECT_EQ(bucket_of(Duration::max()), kBuckets - 1);
}

TEST(Histogram, QuantilesAreUpperBoundsOfTheirBucket) {
  Histogram histogram;
  for (int i = 0; i < 99; ++i) {
    histogram.observe(100us);
  }
  histogram.observe(50ms);
  HistogramTotals totals;
  histogram.add_to(totals);
  EXPECT_EQ(totals.count(), 100U);
  EXPECT_EQ(totals.sum_ns, 99U * 100'000 + 50'000'000);
  EXPECT_EQ(totals.quantile(0.5), 104us);
  EXPECT_EQ(totals.quantile(1.0), 53248us);
  EXPECT_EQ(HistogramTotals{}.quantile(0.5), Duration::zero());
}

TEST(Histogram, ANegativeDurationCountsAsZero) {
  Histogram histogram;
  histogram.observe(-3s);
  HistogramTotals totals;
  histogram.add_to(totals);
  EXPECT_EQ(totals.count(), 1U);
  EXPECT_EQ(totals.sum_ns, 0U);
}

}  // namespace
}  // namespace sluice::metrics
