#include "worker/ops/detail/gemm_call.h"

#include <algorithm>
#include <limits>
#include <mutex>

#include <cblas.h>

// The serial build hands out its buffers without a lock: of two threads that ask at once both get
// the same one, and the products of both are wrong. The linker's --wrap brings its requests here
// (common/cmake/dependencies.cmake); a lock for the request alone is enough.
extern "C" {
// NOLINTBEGIN: names that the linker makes.
void* __real_blas_memory_alloc(int position);
void __real_blas_memory_free(void* buffer);
void* __wrap_blas_memory_alloc(int position);
void __wrap_blas_memory_free(void* buffer);
// NOLINTEND
}

namespace sluice::engine::detail {
namespace {

std::mutex& buffers_lock() {
  static std::mutex lock;
  return lock;
}

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

// NOLINTBEGIN: as above.
extern "C" void* __wrap_blas_memory_alloc(int position) {
  const std::lock_guard held(sluice::engine::detail::buffers_lock());
  return __real_blas_memory_alloc(position);
}
extern "C" void __wrap_blas_memory_free(void* buffer) {
  const std::lock_guard held(sluice::engine::detail::buffers_lock());
  __real_blas_memory_free(buffer);
}
// NOLINTEND
