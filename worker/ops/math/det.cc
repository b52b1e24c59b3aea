// Det: the determinants of square matrices.
// Spec: https://onnx.ai/onnx/operators/onnx__Det.html (read 2026-11).
// Types: float32, float64. X [..., n, n] -> Y [...]. By elimination with the largest pivot of each
// column, in double; NaN gives NaN. The determinant of [0, 0] is 1.

#include <algorithm>
#include <cmath>

#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

Result<OutputFacts> infer_det(const NoParams&, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  const std::size_t rank = x.dims.size();
  if (rank < 2 || x.dims[rank - 1] != x.dims[rank - 2]) {
    return bad_input("its input is " + to_string(x.dims) + ", not square matrices");
  }
  return one_output(x.datatype, {x.dims.begin(), x.dims.end() - 2});
}

struct DetBound {
  std::int64_t n = 0;
};

Result<DetBound> bind_det(const NoParams&, BindContext& context) {
  const std::int64_t n = context.inputs[0].dims.back();
  context.scratch_size = static_cast<std::size_t>(n * n) * sizeof(double);
  return DetBound{.n = n};
}

// Of the row-major matrix `a`, which is used up.
double determinant(double* a, std::int64_t n) {
  double result = 1;
  for (std::int64_t k = 0; k < n; ++k) {
    std::int64_t pivot = k;
    for (std::int64_t i = k + 1; i < n; ++i) {
      const double size = std::abs(a[i * n + k]);
      pivot = size > std::abs(a[pivot * n + k]) || size != size ? i : pivot;
    }
    if (pivot != k) {
      std::swap_ranges(a + k * n, a + (k + 1) * n, a + pivot * n);
      result = -result;
    }
    result *= a[k * n + k];
    if (a[k * n + k] == 0) {
      return result;
    }
    for (std::int64_t i = k + 1; i < n; ++i) {
      const double factor = a[i * n + k] / a[k * n + k];
      for (std::int64_t j = k + 1; j < n; ++j) {
        a[i * n + j] -= factor * a[k * n + j];
      }
    }
  }
  return result;
}

Result<void> run_det(const NoParams&, const DetBound& bound, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  auto* matrix = static_cast<double*>(static_cast<void*>(context.scratch().data()));
  const std::int64_t size = bound.n * bound.n;
  dispatch_number(x.datatype, [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_floating_point_v<T>) {
      const T* from = x.as<T>().data();
      T* to = y.mut<T>().data();
      for (std::int64_t i = 0; i < y.count; ++i) {
        std::copy_n(from + i * size, size, matrix);
        to[i] = static_cast<T>(determinant(matrix, bound.n));
      }
    }
  });
  return {};
}

}  // namespace

void register_det(Registry& registry) {
  registry.add({.name = "Det",
                .since = {11, 22},
                .kernel = bound_kernel<parse_nothing, infer_det, bind_det, run_det>(),
                .tame = true});
}

}  // namespace sluice::engine
