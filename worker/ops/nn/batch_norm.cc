// BatchNormalization (inference).
// Spec: https://onnx.ai/onnx/operators/onnx__BatchNormalization.html (read 2026-11).
// y = (x - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + shift[c], computed as x * a[c] +
// b[c]. x: [N, C, ...]. Types: float32, float64; all five inputs of one type. Opsets: momentum and
// is_test never matter here: a served model infers. Refused: more outputs than one and
// training_mode 1 (14), which are training; spatial 0 (before 9), statistics per place.

#include <algorithm>
#include <cmath>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct BatchNormParams {
  float epsilon = 1e-5F;
};

// BatchNormPRelu (sluice.fused) is made by the plan of a normalisation and the PRelu behind it: its
// results below 0 are multiplied by slope[c], or by the one slope there is. float32.
constexpr std::size_t kSlope = 5;  // behind the inputs of the normalisation

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

Result<OutputFacts> infer_batch_norm_prelu(const BatchNormParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& slope = facts.at(kSlope);
  if (x.datatype != DataType::float32 || slope.datatype != x.datatype) {
    return unsupported_type(x.datatype != DataType::float32 ? x.datatype : slope.datatype);
  }
  SLUICE_TRY_ASSIGN(const std::int64_t slopes, element_count(slope.dims));
  if (slopes != 1 && (x.dims.size() < 2 || slopes != x.dims[1])) {
    return bad_input("slope " + to_string(slope.dims) + " does not fit input " + to_string(x.dims));
  }
  return infer_batch_norm(params, facts);
}

struct BatchNormBound {
  std::int64_t repeats = 1;  // of the channels in a row: channels-last, short rows cost a call each
};

Result<BatchNormBound> bind_batch_norm(const BatchNormParams&, BindContext& context) {
  constexpr std::int64_t kJoined = 512;  // elements of a row worth a call
  const TensorView& x = context.inputs[0];
  const std::int64_t channels = x.dims[1];
  BatchNormBound bound;
  if (x.layout == Layout::channels_last && channels > 0) {
    bound.repeats = std::max<std::int64_t>(1, kJoined / channels);
  }
  context.scratch_size =
      static_cast<std::size_t>(3 * channels * bound.repeats) * storage_size(x.datatype);
  return bound;
}

// Of every channel, `repeats` times, in the scratch.
template <class T>
struct Coefficients {
  T* factor;
  T* summand;
  T* slope;  // null: there is none
};

template <class T>
Coefficients<T> coefficients(const BatchNormParams& params,
                             std::int64_t repeats,
                             KernelContext& context) {
  const auto scale = context.input(1).as<T>();
  const auto shift = context.input(2).as<T>();
  const auto mean = context.input(3).as<T>();
  const auto variance = context.input(4).as<T>();
  const auto channels = static_cast<std::int64_t>(scale.size());
  // NOLINTNEXTLINE: scratch is aligned to 64.
  T* const factor = reinterpret_cast<T*>(context.scratch().data());
  const Coefficients<T> made{
      .factor = factor,
      .summand = factor + channels * repeats,
      .slope = context.has_input(kSlope) ? factor + 2 * channels * repeats : nullptr};
  for (std::size_t c = 0; c < scale.size(); ++c) {
    made.factor[c] = scale[c] / std::sqrt(variance[c] + static_cast<T>(params.epsilon));
    made.summand[c] = shift[c] - mean[c] * made.factor[c];
    if (made.slope != nullptr) {
      const auto slope = context.input(kSlope).as<T>();
      made.slope[c] = slope[slope.size() == 1 ? 0 : c];
    }
  }
  const std::int64_t all = channels * repeats;
  for (T* const row : {made.factor, made.summand, made.slope}) {
    for (std::int64_t done = channels; row != nullptr && done < all; done *= 2) {
      std::copy_n(row, std::min(done, all - done), row + done);
    }
  }
  return made;
}

// A channel of a row-major image.
void run_channel(const Coefficients<float>& each,
                 std::int64_t c,
                 const float* from,
                 float* to,
                 std::int64_t places) {
  constexpr std::int64_t kNear = 2048;  // elements that stay in the first cache
  for (std::int64_t at = 0; at < places; at += kNear) {
    const std::int64_t count = std::min(kNear, places - at);
    simd::unary(simd::UnaryOp::scale, each.factor[c], each.summand[c], from + at, to + at, count);
    if (each.slope != nullptr) {
      simd::unary(simd::UnaryOp::leaky_relu, each.slope[c], 0, to + at, to + at, count);
    }
  }
}

Result<void> run_batch_norm(const BatchNormParams& params,
                            const BatchNormBound& bound,
                            KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  if (x.count == 0) {
    return {};
  }
  const std::int64_t channels = x.dims[1];
  const std::int64_t places = x.count / x.dims[0] / channels;
  if (x.datatype == DataType::float64) {
    const Coefficients<double> each = coefficients<double>(params, 1, context);
    const auto from = x.as<double>();
    const auto to = y.mut<double>();
    for (std::size_t i = 0; i < from.size(); ++i) {
      const std::int64_t c = static_cast<std::int64_t>(i) / places % channels;
      to[i] = from[i] * each.factor[c] + each.summand[c];
    }
    return {};
  }
  const Coefficients<float> each = coefficients<float>(params, bound.repeats, context);
  const float* from = x.as<float>().data();
  float* to = y.mut<float>().data();
  if (x.layout == Layout::channels_last) {
    const std::int64_t row = channels * bound.repeats;
    const std::int64_t rows = (x.count + row - 1) / row;
    parallel_for(rows, 1 + 16'384 / row, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t at = begin * row; at < end * row; at += row) {
        const std::int64_t count = std::min(row, x.count - at);
        simd::scale_each({.x = from + at,
                          .factor = each.factor,
                          .summand = each.summand,
                          .slope = each.slope,
                          .out = to + at,
                          .count = count});
      }
    });
    return {};
  }
  parallel_for(x.count / places, 1 + 16'384 / places, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t c = i % channels;
      run_channel(each, c, from + i * places, to + i * places, places);
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
  registry.add({.name = "BatchNormPRelu",
                .domain = std::string(kFusedDomain),
                .since = {1},
                .arity = {6, 6, 1},
                .kernel = bound_kernel<parse_batch_norm,
                                       infer_batch_norm_prelu,
                                       bind_batch_norm,
                                       run_batch_norm>(),
                .layout = LayoutRule::follow,
                .overwrites = {0}});
}

}  // namespace sluice::engine
