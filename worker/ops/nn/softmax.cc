// Softmax, LogSoftmax.                          ONNX opset 13 (one axis; 1 and 11 flatten to 2-D)
// Spec: https://onnx.ai/onnx/operators/onnx__Softmax.html (read 2026-11).
// y[o,k,i] = exp(x[o,k,i] - m) / sum_k exp(...), m = max over k. Softmax runs along `axis`; before
// 13 along all dimensions from `axis` on (default 1).
// Types: float32 (vector kernels, accumulated in float32), float64. A NaN makes its row NaN.

#include <cmath>
#include <limits>
#include <vector>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct SoftmaxParams {
  std::int64_t axis = -1;
  bool flattens = false;
  bool is_log = false;
};

template <bool kLog>
Result<SoftmaxParams> parse_softmax(const Node& node) {
  Attributes attributes(node);
  SoftmaxParams params{.flattens = node.since < 13, .is_log = kLog};
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", params.flattens ? 1 : -1));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_softmax(const SoftmaxParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  const bool at_end =  // the old rule lets everything be one row a place behind the last axis
      params.flattens && params.axis == static_cast<std::int64_t>(x.dims.size());
  if (!at_end) {
    SLUICE_TRY(resolve_axis(params.axis, x.dims.size()));
  }
  return infer_same(params, facts);
}

struct SoftmaxBound {
  std::int64_t outer = 1;
  std::int64_t length = 1;
  std::int64_t inner = 1;
};

Result<SoftmaxBound> bind_softmax(const SoftmaxParams& params, BindContext& context) {
  const Dims dims = context.inputs[0].dims;
  const auto rank = static_cast<std::int64_t>(dims.size());
  const auto axis = static_cast<std::size_t>(params.axis < 0 ? params.axis + rank : params.axis);
  SoftmaxBound bound{.outer = product(dims, 0, axis)};
  if (params.flattens) {
    bound.length = product(dims, axis, dims.size());
  } else {
    bound.length = dims[axis];
    bound.inner = product(dims, axis + 1, dims.size());
  }
  // A strided row is gathered, worked on and scattered; one row at a time, so one row of scratch.
  if (bound.inner > 1) {
    context.scratch_size = static_cast<std::size_t>(bound.length) * sizeof(double);
  }
  return bound;
}

void row_of(bool is_log, const double* x, double* y, std::int64_t count) {
  double most = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < count; ++i) {
    most = x[i] > most || std::isnan(x[i]) ? x[i] : most;
  }
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    sum += std::exp(x[i] - most);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    y[i] = is_log ? x[i] - most - std::log(sum) : std::exp(x[i] - most) / sum;
  }
}

// Rows of `count`, one behind the other.
void rows_of(bool is_log, const float* x, float* y, std::int64_t count, std::int64_t rows) {
  if (!is_log) {
    return simd::softmax(x, y, count, rows);
  }
  for (std::int64_t row = 0; row < rows; ++row) {
    simd::log_softmax(x + row * count, y + row * count, count);
  }
}

void rows_of(bool is_log, const double* x, double* y, std::int64_t count, std::int64_t rows) {
  for (std::int64_t row = 0; row < rows; ++row) {
    row_of(is_log, x + row * count, y + row * count, count);
  }
}

template <class T>
void run_as(const SoftmaxParams& params, const SoftmaxBound& bound, KernelContext& context) {
  const T* x = context.input(0).as<T>().data();
  T* y = context.output(0).mut<T>().data();
  if (bound.inner == 1) {
    parallel_for(bound.outer, 1 + 8'192 / bound.length, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t first = begin * bound.length;
      rows_of(params.is_log, x + first, y + first, bound.length, end - begin);
    });
    return;
  }
  // NOLINTNEXTLINE: scratch is aligned to 64.
  T* row = reinterpret_cast<T*>(context.scratch().data());
  for (std::int64_t o = 0; o < bound.outer; ++o) {
    for (std::int64_t i = 0; i < bound.inner; ++i) {
      const std::int64_t start = o * bound.length * bound.inner + i;
      for (std::int64_t k = 0; k < bound.length; ++k) {
        row[k] = x[start + k * bound.inner];
      }
      rows_of(params.is_log, row, row, bound.length, 1);
      for (std::int64_t k = 0; k < bound.length; ++k) {
        y[start + k * bound.inner] = row[k];
      }
    }
  }
}

Result<void> run_softmax(const SoftmaxParams& params,
                         const SoftmaxBound& bound,
                         KernelContext& context) {
  if (context.output(0).count == 0) {
    return {};
  }
  if (context.input(0).datatype == DataType::float32) {
    run_as<float>(params, bound, context);
  } else {
    run_as<double>(params, bound, context);
  }
  return {};
}

template <bool kLog>
OperatorEntry softmax_entry(const char* name) {
  return {.name = name,
          .since = {1, 11, 13},
          .kernel = bound_kernel<parse_softmax<kLog>, infer_softmax, bind_softmax, run_softmax>(),
          .overwrites = {0},
          .tame = true};
}

}  // namespace

void register_softmax(Registry& registry) {
  registry.add(softmax_entry<true>("LogSoftmax"));
  registry.add(softmax_entry<false>("Softmax"));
}

}  // namespace sluice::engine
