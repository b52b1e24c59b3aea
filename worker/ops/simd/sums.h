// Sums over rows of float32, made in double: vector kernels, chosen when the program runs. Partial
// sums lie at fixed places and are added up in one order, so a row's sum does not depend on other
// rows or on threads. NaN and infinities come out as a plain loop would have them.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

double sum(const float* x, std::int64_t count);
// Of (x[i] - centre)^2.
double sum_squares(const float* x, std::int64_t count, double centre);

}  // namespace sluice::engine::simd
