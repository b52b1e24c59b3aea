// Mean and deviation of rows: what LayerNormalization and its relatives share.

#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

namespace sluice::engine {

template <class T>
struct RowStatistics {
  T mean{};
  T inverse{};  // 1 / sqrt(variance + epsilon)
};

// Sums of a row, in double: sixteen partial sums, so that the loop can be a vector's; they are
// added up in one order, so that the result is the same wherever it runs.
template <class T, class F>
double sum_of_row(const T* x, std::int64_t count, const F& of) {
  constexpr std::int64_t kLanes = 16;
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] += of(static_cast<double>(x[i + lane]));
    }
  }
  for (std::int64_t lane = 0; i < count; ++i, ++lane) {
    lanes[lane] += of(static_cast<double>(x[i]));
  }
  double sum = 0;
  for (const double lane : lanes) {
    sum += lane;
  }
  return sum;
}

// Variance by two passes, divided by count; `count` at least 1.
template <class T>
RowStatistics<T> statistics_of_row(const T* x, std::int64_t count, double epsilon) {
  const double mean = sum_of_row(x, count, [](double v) { return v; }) / static_cast<double>(count);
  const double variance =
      sum_of_row(x, count, [mean](double v) { return (v - mean) * (v - mean); }) /
      static_cast<double>(count);
  return {static_cast<T>(mean), static_cast<T>(1 / std::sqrt(variance + epsilon))};
}

// 1 / sqrt(mean of squares + epsilon).
template <class T>
T inverse_length_of_row(const T* x, std::int64_t count, double epsilon) {
  const double squares = sum_of_row(x, count, [](double v) { return v * v; });
  return static_cast<T>(1 / std::sqrt(squares / static_cast<double>(count) + epsilon));
}

}  // namespace sluice::engine
