// LayerNormalization, RMSNormalization.
// Spec: https://onnx.ai/onnx/operators/onnx__LayerNormalization.html, onnx__RMSNormalization.html
// (read 2026-11).
// Rows are all dimensions from `axis` on. LayerNormalization: y = (x - mean) / sqrt(variance +
// epsilon) * scale + bias, with the mean and 1 / sqrt(...) as further outputs, their dims 1 from
// axis on. RMSNormalization: y = x / sqrt(mean of x^2 + epsilon) * scale.
// scale and bias have the dims from axis on, or one element.
// Types: float32, float64; sums in double, so stash_type cannot ask for more.

#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/nn/rows_norm.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct LayerParams {
  std::int64_t axis = -1;
  double epsilon = 1e-5;
  bool centred = true;  // false: RMSNormalization
};

template <bool kCentred>
Result<LayerParams> parse_layer(const Node& node) {
  Attributes attributes(node);
  LayerParams params{.centred = kCentred};
  SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", -1));
  SLUICE_TRY_ASSIGN(const float epsilon, attributes.real("epsilon", 1e-5F));
  params.epsilon = static_cast<double>(epsilon);
  attributes.ignore("stash_type");  // the least precision of the statistics
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_layer(const LayerParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  SLUICE_TRY_ASSIGN(const std::size_t axis, resolve_axis(params.axis, x.dims.size()));
  const std::int64_t length = product(x.dims, axis, x.dims.size());
  for (std::size_t i = 1; i < facts.inputs.size(); ++i) {
    if (!facts.has(i)) {
      continue;
    }
    const InputFact& input = facts.at(i);
    const std::int64_t count = product(input.dims, 0, input.dims.size());
    if (input.datatype != x.datatype || (count != length && count != 1)) {
      return bad_input("scale or bias " + std::string(name_of(input.datatype)) +
                       to_string(input.dims) + " does not fit " + std::string(name_of(x.datatype)) +
                       to_string(x.dims) + " from axis " + std::to_string(params.axis) + " on");
    }
  }
  OutputFacts made = *infer_same(params, facts);
  Shape reduced(x.dims.begin(), x.dims.end());
  std::fill(reduced.begin() + static_cast<std::ptrdiff_t>(axis), reduced.end(), 1);
  made.resize(3, {.datatype = x.datatype, .dims = std::move(reduced)});
  return made;
}

template <class T>
void run_as(const LayerParams& params, KernelContext& context) {
  const TensorView& view = context.input(0);
  const T* x = view.as<T>().data();
  const TensorView& scale_view = context.input(1);
  const T* scale = scale_view.as<T>().data();
  const T* bias = context.has_input(2) ? context.input(2).as<T>().data() : nullptr;
  const std::int64_t scale_step = scale_view.count == 1 ? 0 : 1;
  const std::int64_t bias_step = bias != nullptr && context.input(2).count == 1 ? 0 : 1;
  T* y = context.has_output(0) ? context.output(0).mut<T>().data() : nullptr;
  T* mean = context.has_output(1) ? context.output(1).mut<T>().data() : nullptr;
  T* inverse = context.has_output(2) ? context.output(2).mut<T>().data() : nullptr;
  const std::size_t axis = *resolve_axis(params.axis, view.rank());
  const std::int64_t length = product(view.dims, axis, view.rank());
  const std::int64_t rows = product(view.dims, 0, axis);
  parallel_for(rows, 1 + 16'384 / (length + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* from = x + row * length;
      const auto [centre, factor] =
          params.centred
              ? statistics_of_row(from, length, params.epsilon)
              : RowStatistics<T>{T{}, inverse_length_of_row(from, length, params.epsilon)};
      if (y != nullptr) {
        normalize_row(simd::NormalizedRow<T>{.x = from,
                                             .mean = centre,
                                             .inverse = factor,
                                             .scale = scale,
                                             .scale_step = scale_step,
                                             .bias = bias,
                                             .bias_step = bias_step,
                                             .y = y + row * length,
                                             .count = length});
      }
      if (mean != nullptr) {
        mean[row] = centre;
      }
      if (inverse != nullptr) {
        inverse[row] = factor;
      }
    }
  });
}

Result<void> run_layer(const LayerParams& params, KernelContext& context) {
  if (context.input(0).datatype == DataType::float32) {
    run_as<float>(params, context);
  } else {
    run_as<double>(params, context);
  }
  return {};
}

}  // namespace

void register_layer_norm(Registry& registry) {
  registry.add({.name = "LayerNormalization",
                .since = {17},
                .arity = {2, 3, 3},
                .kernel = kernel<parse_layer<true>, infer_layer, run_layer>(),
                .wide_outputs = {1, 2},
                .overwrites = {0},
                .tame = true});
  registry.add({.name = "RMSNormalization",
                .since = {23},
                .arity = {2, 2, 1},
                .kernel = kernel<parse_layer<false>, infer_layer, run_layer>(),
                .overwrites = {0},
                .tame = true});
}

}  // namespace sluice::engine
