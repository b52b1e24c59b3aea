// Sums over rows and columns of float32, made in double, and what normalisation does with them: all
// by vectors, chosen when the program runs. Partial sums lie at fixed places and are added up in
// one order, so a row's sum does not depend on other rows or on threads. NaN and infinities come
// out as a plain loop would have them.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

double sum(const float* x, std::int64_t count);
// Of (x[i] - centre)^2.
double sum_squares(const float* x, std::int64_t count, double centre);
// sums[i] += x[i], or its square.
void add_row(const float* x, std::int64_t count, bool squared, double* sums);

// y[i] = (x[i] - mean) * inverse * scale[i * scale_step] + bias[i * bias_step], rounded after each
// operation. Steps are 0 or 1; y may be x.
template <class T>
struct NormalizedRow {
  const T* x;
  T mean;
  T inverse;
  const T* scale;
  std::int64_t scale_step;
  const T* bias;  // null: none
  std::int64_t bias_step;
  T* y;
  std::int64_t count;
};
void normalize(const NormalizedRow<float>& row);

}  // namespace sluice::engine::simd
