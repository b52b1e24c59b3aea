// LpNormalization, LRN, MeanVarianceNormalization.
// Spec: https://onnx.ai/onnx/operators/onnx__LRN.html and its neighbours (read 2026-11).
// LpNormalization: x divided by the L1 or L2 norm along `axis`; where that is 0, x stays.
// LRN: y[n,c] = x[n,c] / (bias + alpha / size * sum x[n,j]^2) ^ beta, j from c - floor((size-1)/2)
// to c + ceil((size-1)/2).
// MeanVarianceNormalization: (x - mean) / (sqrt(variance) + 1e-9) over `axes`.
// Types: float32, float64; sums in double.

#include <algorithm>
#include <cmath>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

template <class Params>
Result<OutputFacts> infer_float(const Params& params, const InputFacts& facts) {
  return is_float(facts.at(0).datatype) ? infer_same(params, facts)
                                        : unsupported_type(facts.at(0).datatype);
}

// --- LpNormalization -----------------------------------------------------------------------------

struct LpParams {
  std::int64_t axis = -1;
  std::int64_t p = 2;
};

Result<LpParams> parse_lp(const Node& node) {
  Attributes attributes(node);
  LpParams params;
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", -1));
  SLUICE_TRY_ASSIGN(params.p, attributes.integer("p", 2));
  SLUICE_TRY(attributes.finish());
  if (params.p != 1 && params.p != 2) {
    return Error{ErrorCode::data_corrupt, "p is " + std::to_string(params.p)};
  }
  return params;
}

Result<OutputFacts> infer_lp(const LpParams& params, const InputFacts& facts) {
  SLUICE_TRY(resolve_axis(params.axis, facts.at(0).dims.size()));
  return infer_float(params, facts);
}

template <class T>
void run_lp_as(const LpParams& params, KernelContext& context) {
  const TensorView& view = context.input(0);
  const T* x = view.as<T>().data();
  T* y = context.output(0).mut<T>().data();
  const std::size_t axis = *resolve_axis(params.axis, view.rank());
  const std::int64_t length = view.dims[axis];
  const std::int64_t inner = product(view.dims, axis + 1, view.rank());
  const std::int64_t lines = product(view.dims, 0, axis) * inner;
  parallel_for(lines, 1 + 8'192 / (length + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t start = line / inner * length * inner + line % inner;
      double sum = 0;
      for (std::int64_t i = 0; i < length; ++i) {
        const auto value = static_cast<double>(x[start + i * inner]);
        sum += params.p == 1 ? std::abs(value) : value * value;
      }
      const double norm = params.p == 1 ? sum : std::sqrt(sum);
      for (std::int64_t i = 0; i < length; ++i) {
        const T value = x[start + i * inner];
        y[start + i * inner] =
            norm != 0 ? static_cast<T>(static_cast<double>(value) / norm) : value;
      }
    }
  });
}

// --- LRN -----------------------------------------------------------------------------------------

struct LrnParams {
  std::int64_t size = 0;
  double alpha = 1e-4;
  double beta = 0.75;
  double bias = 1;
};

Result<LrnParams> parse_lrn(const Node& node) {
  Attributes attributes(node);
  LrnParams params;
  SLUICE_TRY_ASSIGN(params.size, attributes.integer("size", 0));
  SLUICE_TRY_ASSIGN(const float alpha, attributes.real("alpha", 1e-4F));
  SLUICE_TRY_ASSIGN(const float beta, attributes.real("beta", 0.75F));
  SLUICE_TRY_ASSIGN(const float bias, attributes.real("bias", 1.0F));
  SLUICE_TRY(attributes.finish());
  if (params.size < 1) {
    return Error{ErrorCode::data_corrupt, "size is " + std::to_string(params.size)};
  }
  params.alpha = static_cast<double>(alpha);
  params.beta = static_cast<double>(beta);
  params.bias = static_cast<double>(bias);
  return params;
}

Result<OutputFacts> infer_lrn(const LrnParams& params, const InputFacts& facts) {
  if (facts.at(0).dims.size() < 2) {
    return bad_input("input " + to_string(facts.at(0).dims) + " has no channels");
  }
  return infer_float(params, facts);
}

template <class T>
void run_lrn_as(const LrnParams& params, KernelContext& context) {
  const TensorView& view = context.input(0);
  const T* x = view.as<T>().data();
  T* y = context.output(0).mut<T>().data();
  const std::int64_t channels = view.dims[1];
  const std::int64_t places = product(view.dims, 2, view.rank());
  const std::int64_t before = (params.size - 1) / 2;
  const std::int64_t behind = params.size - 1 - before;
  const double factor = params.alpha / static_cast<double>(params.size);
  const std::int64_t grain = 1 + 4'096 / (places * std::min(params.size, channels) + 1);
  parallel_for(view.dims[0] * channels, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t channel = row % channels;
      const T* image = x + (row - channel) * places;
      const std::int64_t first = std::max<std::int64_t>(channel - before, 0);
      const std::int64_t last = behind < channels - channel ? channel + behind : channels - 1;
      for (std::int64_t i = 0; i < places; ++i) {
        double sum = 0;
        for (std::int64_t c = first; c <= last; ++c) {
          const auto value = static_cast<double>(image[c * places + i]);
          sum += value * value;
        }
        const double divisor = std::pow(params.bias + factor * sum, params.beta);
        y[row * places + i] = static_cast<T>(static_cast<double>(x[row * places + i]) / divisor);
      }
    }
  });
}

// --- MeanVarianceNormalization -------------------------------------------------------------------

struct MeanVarianceParams {
  std::vector<std::int64_t> axes{};
};

Result<MeanVarianceParams> parse_mean_variance(const Node& node) {
  Attributes attributes(node);
  MeanVarianceParams params;
  SLUICE_TRY_ASSIGN(params.axes, attributes.integers("axes"));
  if (!attributes.has("axes")) {
    params.axes = {0, 2, 3};
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_mean_variance(const MeanVarianceParams& params, const InputFacts& facts) {
  for (const std::int64_t axis : params.axes) {
    SLUICE_TRY(resolve_axis(axis, facts.at(0).dims.size()));
  }
  return infer_float(params, facts);
}

// Which group each element belongs to: its place in the dims that are kept.
struct MeanVarianceBound {
  Shape dims{};
  Shape steps{};  // of the group's number along each dimension; 0 where it is averaged
  std::int64_t groups = 1;
};

Result<MeanVarianceBound> bind_mean_variance(const MeanVarianceParams& params,
                                             BindContext& context) {
  const Dims dims = context.inputs[0].dims;
  MeanVarianceBound bound{.dims = {dims.begin(), dims.end()}, .steps = Shape(dims.size(), 1)};
  for (const std::int64_t axis : params.axes) {
    bound.steps[*resolve_axis(axis, dims.size())] = 0;
  }
  for (std::size_t d = dims.size(); d > 0; --d) {
    if (bound.steps[d - 1] != 0) {
      bound.steps[d - 1] = bound.groups;
      bound.groups *= dims[d - 1];
    }
  }
  context.scratch_size = 2 * static_cast<std::size_t>(bound.groups) * sizeof(double);
  return bound;
}

// Calls f(element, group) for every element, in order.
template <class F>
void for_groups(const MeanVarianceBound& bound, std::int64_t count, const F& f) {
  const std::size_t rank = bound.dims.size();
  const std::int64_t inner = rank == 0 ? 1 : bound.dims[rank - 1];
  const std::int64_t step = rank == 0 ? 0 : bound.steps[rank - 1];
  for (std::int64_t start = 0; start < count; start += inner) {
    std::int64_t group = 0;
    std::int64_t rest = start / inner;
    for (std::size_t d = rank; d > 1; --d) {
      group += rest % bound.dims[d - 2] * bound.steps[d - 2];
      rest /= bound.dims[d - 2];
    }
    for (std::int64_t i = 0; i < inner; ++i) {
      f(start + i, group + i * step);
    }
  }
}

template <class T>
void run_mean_variance_as(const MeanVarianceBound& bound, KernelContext& context) {
  const TensorView& view = context.input(0);
  const T* x = view.as<T>().data();
  T* y = context.output(0).mut<T>().data();
  // NOLINTNEXTLINE: scratch is aligned to 64.
  auto* const mean = reinterpret_cast<double*>(context.scratch().data());
  double* const deviation = mean + bound.groups;
  const double each = static_cast<double>(view.count) / static_cast<double>(bound.groups);
  std::fill_n(mean, 2 * bound.groups, 0.0);
  for_groups(bound, view.count, [&](auto i, auto g) { mean[g] += static_cast<double>(x[i]); });
  std::transform(mean, mean + bound.groups, mean, [each](double sum) { return sum / each; });
  for_groups(bound, view.count, [&](auto i, auto g) {
    const double distance = static_cast<double>(x[i]) - mean[g];
    deviation[g] += distance * distance;
  });
  std::transform(deviation, deviation + bound.groups, deviation, [each](double sum) {
    return std::sqrt(sum / each) + 1e-9;
  });
  for_groups(bound, view.count, [&](auto i, auto g) {
    y[i] = static_cast<T>((static_cast<double>(x[i]) - mean[g]) / deviation[g]);
  });
}

// --- run -----------------------------------------------------------------------------------------

Result<void> run_lp(const LpParams& params, KernelContext& context) {
  const bool single = context.input(0).datatype == DataType::float32;
  if (context.output(0).count > 0) {
    single ? run_lp_as<float>(params, context) : run_lp_as<double>(params, context);
  }
  return {};
}

Result<void> run_lrn(const LrnParams& params, KernelContext& context) {
  const bool single = context.input(0).datatype == DataType::float32;
  single ? run_lrn_as<float>(params, context) : run_lrn_as<double>(params, context);
  return {};
}

Result<void> run_mean_variance(const MeanVarianceParams&,
                               const MeanVarianceBound& bound,
                               KernelContext& context) {
  const bool single = context.input(0).datatype == DataType::float32;
  if (context.output(0).count > 0) {
    single ? run_mean_variance_as<float>(bound, context)
           : run_mean_variance_as<double>(bound, context);
  }
  return {};
}

}  // namespace

void register_norm(Registry& registry) {
  registry.add({.name = "LpNormalization",
                .since = {1, 22},
                .kernel = kernel<parse_lp, infer_lp, run_lp>(),
                .overwrites = {0},
                .tame = true});
  registry.add({.name = "LRN",
                .since = {1, 13},
                .kernel = kernel<parse_lrn, infer_lrn, run_lrn>(),
                .tame = true});
  registry.add({.name = "MeanVarianceNormalization",
                .since = {9, 13},
                .kernel = bound_kernel<parse_mean_variance,
                                       infer_mean_variance,
                                       bind_mean_variance,
                                       run_mean_variance>(),
                .overwrites = {0},
                .tame = true});
}

}  // namespace sluice::engine
