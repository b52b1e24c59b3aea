#include "cluster/prove/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>

namespace sluice::cluster {

namespace {

// Units of 100 ns. Below 2^kBits units a bucket is one unit, above it 2^-(kBits - 1) of an octave.
constexpr unsigned kBits = 8;
constexpr std::int64_t kUnit = 100;
constexpr std::uint64_t kMost = (std::uint64_t{1} << 40) - 1;  // 30 hours

std::size_t bucket_of(Duration latency) {
  const std::uint64_t units = std::min(
      static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0) / kUnit), kMost);
  const unsigned width = static_cast<unsigned>(std::bit_width(units));
  const unsigned shift = width > kBits ? width - kBits : 0;
  return (std::size_t{shift} << (kBits - 1)) + static_cast<std::size_t>(units >> shift);
}

// The middle of the bucket.
Duration value_of(std::size_t bucket) {
  constexpr std::size_t kHalf = std::size_t{1} << (kBits - 1);
  const std::size_t shift = bucket < 2 * kHalf ? 0 : bucket / kHalf - 1;
  const std::int64_t units = static_cast<std::int64_t>((bucket - shift * kHalf) << shift);
  const std::int64_t width = std::int64_t{1} << shift;
  return Duration(units * kUnit + width * kUnit / 2);
}

}  // namespace

void Histogram::add(Duration latency) {
  const std::size_t bucket = bucket_of(latency);
  if (bucket >= buckets_.size()) {
    buckets_.resize(bucket + 1);
  }
  ++buckets_[bucket];
  ++count_;
  max_ = std::max(max_, latency);
}

void Histogram::merge(const Histogram& other) {
  if (other.buckets_.size() > buckets_.size()) {
    buckets_.resize(other.buckets_.size());
  }
  std::uint32_t* const into = buckets_.data();
  const std::uint32_t* const from = other.buckets_.data();
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) {
    into[i] += from[i];
  }
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

Duration Histogram::quantile(double share) const {
  const double wanted = std::ceil(share * static_cast<double>(count_));
  const auto rank = std::max<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) {
      return std::min(value_of(i), max_);
    }
  }
  return max_;
}

}  // namespace sluice::cluster
