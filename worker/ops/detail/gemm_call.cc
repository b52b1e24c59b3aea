#include "worker/ops/detail/gemm_call.h"

#include <algorithm>
#include <limits>

#include <cblas.h>

namespace sluice::engine::detail {
namespace {

bool fits(const GemmShape& shape) {
  return std::max({shape.m, shape.n, shape.k}) <= std::numeric_limits<blasint>::max();
}
CBLAS_TRANSPOSE turned(bool transposed) {
  return transposed ? CblasTrans : CblasNoTrans;
}
blasint narrow(std::int64_t value) {
  return static_cast<blasint>(value);
}

}  // namespace

bool gemm_float64(const GemmShape& shape, const double* a, const double* b, double* c) {
  if (!fits(shape)) {
    return false;
  }
  const auto& [m, n, k, a_transposed, b_transposed] = shape;
  cblas_dgemm(CblasRowMajor,
              turned(a_transposed),
              turned(b_transposed),
              narrow(m),
              narrow(n),
              narrow(k),
              1.0,
              a,
              narrow(a_transposed ? m : k),
              b,
              narrow(b_transposed ? k : n),
              0.0,
              c,
              narrow(n));
  return true;
}

bool gemm_float32(const GemmShape& shape, const float* a, const float* b, float* c) {
  if (!fits(shape)) {
    return false;
  }
  const auto& [m, n, k, a_transposed, b_transposed] = shape;
  cblas_sgemm(CblasRowMajor,
              turned(a_transposed),
              turned(b_transposed),
              narrow(m),
              narrow(n),
              narrow(k),
              1.0F,
              a,
              narrow(a_transposed ? m : k),
              b,
              narrow(b_transposed ? k : n),
              0.0F,
              c,
              narrow(n));
  return true;
}

int openblas_parallel() {
  return openblas_get_parallel();
}

}  // namespace sluice::engine::detail
