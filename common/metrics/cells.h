// What one series counts: Counter, Gauge, Histogram. Each cell is written by one thread (the one
// that owns its Block) and read by any other: relaxed atomics, no locked instruction, no lock.

#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "common/base/time.h"

namespace sluice::metrics {

// Only grows. Writer: the owning thread.
class Counter {
 public:
  void add(std::uint64_t n = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Goes up and down. Writer: the owning thread.
class Gauge {
 public:
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t n) noexcept { set(value() + n); }
  [[nodiscard]] std::int64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> value_{0};
};

// Buckets of a latency histogram, log-linear: 1 us wide up to 16 us, then eight to each power of
// two (a bucket is at most 1/8 of its lower bound wide) up to 2^27 us = 134 s, then one for the
// rest.
inline constexpr std::size_t kSubBuckets = 8;
inline constexpr std::size_t kOctaves = 24;  // 8 us ... 2^27 us
inline constexpr std::size_t kBuckets = kSubBuckets * (kOctaves + 1) + 1;

// Bucket of a duration: the first whose upper bound is at least as large.
constexpr std::size_t bucket_of(Duration duration) noexcept {
  const std::int64_t ns = duration.count();
  const std::uint64_t us = ns <= 0 ? 0 : static_cast<std::uint64_t>(ns - 1) / 1'000;
  if (us < kSubBuckets) {
    return us;
  }
  const auto octave = static_cast<std::size_t>(std::bit_width(us)) - 4;
  if (octave >= kOctaves) {
    return kBuckets - 1;
  }
  return kSubBuckets * (octave + 1) + ((us >> octave) - kSubBuckets);
}

// Upper bound of a bucket, inclusive, in microseconds. Not for the last bucket, which has none.
constexpr std::uint64_t bucket_bound_us(std::size_t bucket) noexcept {
  const std::size_t octave = bucket / kSubBuckets;
  const std::uint64_t step = bucket % kSubBuckets;
  return octave == 0 ? step + 1 : (kSubBuckets + step + 1) << (octave - 1);
}

// Sums of one or several histograms, as read.
struct HistogramTotals {
  std::array<std::uint64_t, kBuckets> buckets{};
  std::uint64_t sum_ns = 0;

  [[nodiscard]] std::uint64_t count() const noexcept;
  // Upper bound of the bucket that holds quantile q of [0,1]; the last finite bound when it lies
  // beyond; zero when nothing was observed.
  [[nodiscard]] Duration quantile(double q) const noexcept;
};

// Latencies. Writer: the owning thread. A negative duration counts as zero.
class Histogram {
 public:
  void observe(Duration duration) noexcept {
    buckets_[bucket_of(duration)].add();
    sum_ns_.add(duration.count() <= 0 ? 0 : static_cast<std::uint64_t>(duration.count()));
  }
  void add_to(HistogramTotals& totals) const noexcept;

 private:
  std::array<Counter, kBuckets> buckets_;
  Counter sum_ns_;
};

}  // namespace sluice::metrics
