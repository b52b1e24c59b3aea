// BatchNormalization (inference).
// Spec: https://onnx.ai/onnx/operators/onnx__BatchNormalization.html (read 2026-11).
// y = (x - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + shift[c], computed as x * a[c] +
// b[c]. x: [N, C, ...]. Types: float32, float64; all five inputs of one type. Opsets: momentum and
// is_test never matter here: a served model infers. Refused: more outputs than one and
// training_mode 1 (14), which are training; spatial 0 (before 9), statistics per place.

#include <algorithm>
#include <cmath>
#include <utility>

#include "worker/engine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct BatchNormParams {
  float epsilon = 1e-5F;
};

Result<BatchNormParams> parse_batch_norm(const Node& node) {
  Attributes attributes(node);
  BatchNormParams params;
  SLUICE_TRY_ASSIGN(params.epsilon, attributes.real("epsilon", 1e-5F));
  attributes.ignore("momentum");
  if (node.since < 9) {
    SLUICE_TRY_ASSIGN(const std::int64_t spatial, attributes.integer("spatial", 1));
    if (spatial == 0) {
      return Error{ErrorCode::unsupported, "spatial 0"};
    }
  }
  if (node.since < 7) {
    attributes.ignore("is_test");  // what exporters of that time left at its default, too
    attributes.ignore("consumed_inputs");
  }
  if (node.since >= 14) {
    SLUICE_TRY_ASSIGN(const std::int64_t training, attributes.integer("training_mode", 0));
    if (training != 0) {
      return Error{ErrorCode::unsupported, "training_mode 1"};
    }
  }
  SLUICE_TRY(attributes.finish());
  for (std::size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) {
      return Error{ErrorCode::unsupported, "the outputs of training"};
    }
  }
  return params;
}

Result<OutputFacts> infer_batch_norm(const BatchNormParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.size() < 2) {
    return bad_input("input " + to_string(x.dims) + " has no channels");
  }
  for (std::size_t i = 1; i <= 4; ++i) {
    const InputFact& input = facts.at(i);
    if (input.datatype != x.datatype || input.dims.size() != 1 || input.dims[0] != x.dims[1]) {
      return Error{
          input.datatype != x.datatype ? ErrorCode::unsupported : ErrorCode::invalid_argument,
          "statistics " + std::string(name_of(input.datatype)) + to_string(input.dims) +
              " for input " + std::string(name_of(x.datatype)) + to_string(x.dims)};
    }
  }
  OutputFacts made = *infer_same(params, facts);
  made.resize(std::max<std::size_t>(facts.output_count, 1));
  return made;
}

struct BatchNormBound {};

Result<BatchNormBound> bind_batch_norm(const BatchNormParams&, BindContext& context) {
  const auto channels = static_cast<std::size_t>(context.inputs[0].dims[1]);
  context.scratch_size = 2 * channels * storage_size(context.inputs[0].datatype);
  return BatchNormBound{};
}

// Factor and summand of every channel, into the scratch.
template <class T>
std::pair<const T*, const T*> coefficients(const BatchNormParams& params, KernelContext& context) {
  const auto scale = context.input(1).as<T>();
  const auto shift = context.input(2).as<T>();
  const auto mean = context.input(3).as<T>();
  const auto variance = context.input(4).as<T>();
  // NOLINTNEXTLINE: scratch is aligned to 64.
  T* factor = reinterpret_cast<T*>(context.scratch().data());
  T* summand = factor + scale.size();
  for (std::size_t c = 0; c < scale.size(); ++c) {
    factor[c] = scale[c] / std::sqrt(variance[c] + static_cast<T>(params.epsilon));
    summand[c] = shift[c] - mean[c] * factor[c];
  }
  return {factor, summand};
}

Result<void> run_batch_norm(const BatchNormParams& params,
                            const BatchNormBound&,
                            KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  if (x.count == 0) {
    return {};
  }
  const std::int64_t channels = x.dims[1];
  const std::int64_t places = x.count / x.dims[0] / channels;
  if (x.datatype == DataType::float64) {
    const auto [factor, summand] = coefficients<double>(params, context);
    const auto from = x.as<double>();
    const auto to = y.mut<double>();
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::int64_t c = static_cast<std::int64_t>(i) / places % channels;
      to[i] = from[i] * factor[c] + summand[c];
    }
    return {};
  }
  const std::pair<const float*, const float*> terms = coefficients<float>(params, context);
  const float* from = x.as<float>().data();
  float* to = y.mut<float>().data();
  const bool last = x.layout == Layout::channels_last;
  const std::int64_t row = last ? channels : places;
  parallel_for(x.count / row, 1 + 16'384 / row, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float* source = from + i * row;
      float* target = to + i * row;
      if (last) {
        simd::binary(simd::BinaryOp::mul, {source, 1, terms.first, 1, target, row});
        simd::binary(simd::BinaryOp::add, {target, 1, terms.second, 1, target, row});
      } else {
        const std::int64_t c = i % channels;
        simd::unary(simd::UnaryOp::scale, terms.first[c], terms.second[c], source, target, row);
      }
    }
  });
  return {};
}

}  // namespace

void register_batch_norm(Registry& registry) {
  registry.add(
      {.name = "BatchNormalization",
       .since = {1, 6, 7, 9, 14, 15},
       .arity = {5, 5, 5},
       .kernel =
           bound_kernel<parse_batch_norm, infer_batch_norm, bind_batch_norm, run_batch_norm>(),
       .layout = LayoutRule::follow,
       .overwrites = {0}});
}

}  // namespace sluice::engine
