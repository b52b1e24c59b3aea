// Matrix products of OpenBLAS (the serial build), row-major.

#pragma once

#include <cstdint>

namespace sluice::engine::detail {

struct GemmShape {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  bool a_transposed = false;  // A is stored [k, m]
  bool b_transposed = false;  // B is stored [n, k]
};

// C [m,n] = A [m,k] * B [k,n], everything dense. False when an extent is more than OpenBLAS takes.
bool gemm_float64(const GemmShape& shape, const double* a, const double* b, double* c);
bool gemm_float32(const GemmShape& shape, const float* a, const float* b, float* c);

// The same by the elements' type.
inline bool gemm(const GemmShape& shape, const float* a, const float* b, float* c) {
  return gemm_float32(shape, a, b, c);
}
inline bool gemm(const GemmShape& shape, const double* a, const double* b, double* c) {
  return gemm_float64(shape, a, b, c);
}

// OpenBLAS's openblas_get_parallel(): 0 for the serial build.
int openblas_parallel();

}  // namespace sluice::engine::detail
