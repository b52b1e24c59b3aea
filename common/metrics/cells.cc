#include "common/metrics/cells.h"

namespace sluice::metrics {

std::uint64_t HistogramTotals::count() const noexcept {
  std::uint64_t count = 0;
  for (const std::uint64_t n : buckets) {
    count += n;
  }
  return count;
}

Duration HistogramTotals::quantile(double q) const noexcept {
  const double rank = q * static_cast<double>(count());
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += buckets[i];
    if (seen > 0 && static_cast<double>(seen) >= rank) {
      const std::size_t last_finite = kBuckets - 2;
      const std::uint64_t bound_us = bucket_bound_us(i < last_finite ? i : last_finite);
      return std::chrono::microseconds(static_cast<std::int64_t>(bound_us));
    }
  }
  return Duration::zero();
}

void Histogram::add_to(HistogramTotals& totals) const noexcept {
  for (std::size_t i = 0; i < kBuckets; ++i) {
    totals.buckets[i] += buckets_[i].value();
  }
  totals.sum_ns += sum_ns_.value();
}

}  // namespace sluice::metrics
