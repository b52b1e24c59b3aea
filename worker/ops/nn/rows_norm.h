// Mean and deviation of rows: what LayerNormalization and its relatives share.

#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>

#include "worker/ops/simd/sums.h"

namespace sluice::engine {

template <class T>
struct RowStatistics {
  T mean{};
  T inverse{};  // 1 / sqrt(variance + epsilon)
};

// Sums of a row, in double.
inline double sum_of_row(const float* x, std::int64_t count) {
  return simd::sum(x, count);
}
inline double sum_of_row(const double* x, std::int64_t count) {
  return std::accumulate(x, x + count, 0.0);
}

// Of (x[i] - centre)^2.
inline double sum_squares_of_row(const float* x, std::int64_t count, double centre) {
  return simd::sum_squares(x, count, centre);
}
inline double sum_squares_of_row(const double* x, std::int64_t count, double centre) {
  return std::accumulate(x, x + count, 0.0, [centre](double sum, double v) {
    return sum + (v - centre) * (v - centre);
  });
}

// Variance by two passes, divided by count; `count` at least 1.
template <class T>
RowStatistics<T> statistics_of_row(const T* x, std::int64_t count, double epsilon) {
  const auto number = static_cast<double>(count);
  const double mean = sum_of_row(x, count) / number;
  const double variance = sum_squares_of_row(x, count, mean) / number;
  return {static_cast<T>(mean), static_cast<T>(1 / std::sqrt(variance + epsilon))};
}

inline void normalize_row(const simd::NormalizedRow<float>& row) {
  simd::normalize(row);
}
inline void normalize_row(const simd::NormalizedRow<double>& row) {
  for (std::int64_t i = 0; i < row.count; ++i) {
    const double value = (row.x[i] - row.mean) * row.inverse * row.scale[i * row.scale_step];
    row.y[i] = row.bias != nullptr ? value + row.bias[i * row.bias_step] : value;
  }
}

// 1 / sqrt(mean of squares + epsilon).
template <class T>
T inverse_length_of_row(const T* x, std::int64_t count, double epsilon) {
  const double squares = sum_squares_of_row(x, count, 0);
  return static_cast<T>(1 / std::sqrt(squares / static_cast<double>(count) + epsilon));
}

}  // namespace sluice::engine
