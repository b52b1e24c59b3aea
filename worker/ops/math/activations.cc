// Celu, Gelu, HardSwish, Mish, Selu, Softsign, Swish, ThresholdedRelu: y[i] = f(x[i]).
// Spec: https://onnx.ai/onnx/operators/onnx__Celu.html and its neighbours (read 2026-11).
// Types: float32, and float64 by the C library's functions.
//
//   Celu             max(0, x) + min(0, alpha * (exp(x / alpha) - 1))
//   Gelu             x / 2 * (1 + erf(x / sqrt 2)), or with approximate = "tanh"
//                    x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
//   HardSwish        x * max(0, min(1, x / 6 + 0.5))
//   Mish             x * tanh(log(1 + exp(x)))
//   Selu             gamma * x above 0, gamma * alpha * (exp(x) - 1) else
//   Softsign         x / (1 + |x|)
//   Swish            x * sigmoid(alpha * x)
//   ThresholdedRelu  x above alpha, 0 else (so of NaN)
//
// Where a formula gives infinity * 0 or infinity / infinity, so does the result: NaN.
// Opsets: Selu 1 had rounder defaults and `consumed_inputs`, a hint that changes nothing.

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum class Op : std::uint8_t {
  celu,
  gelu,
  gelu_by_tanh,
  hard_swish,
  mish,
  selu,
  softsign,
  swish,
  thresholded_relu
};

struct ActivationParams {
  Op op = Op::celu;
  float alpha = 1;
  float gamma = 1;
};

template <Op kOp>
Result<ActivationParams> parse_activation(const Node& node) {
  Attributes attributes(node);
  ActivationParams params{.op = kOp};
  if constexpr (kOp == Op::celu || kOp == Op::swish || kOp == Op::thresholded_relu) {
    SLUICE_TRY_ASSIGN(params.alpha, attributes.real("alpha", 1.0F));
  } else if constexpr (kOp == Op::selu) {
    const bool first = node.since == 1;
    SLUICE_TRY_ASSIGN(params.alpha,
                      attributes.real("alpha", first ? 1.6732F : 1.67326319217681884765625F));
    SLUICE_TRY_ASSIGN(params.gamma,
                      attributes.real("gamma", first ? 1.0507F : 1.05070102214813232421875F));
    if (first) {
      attributes.ignore("consumed_inputs");
    }
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<ActivationParams> parse_gelu(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const std::string approximate, attributes.text("approximate", "none"));
  SLUICE_TRY(attributes.finish());
  const bool by_tanh = approximate == "tanh";
  if (!by_tanh && approximate != "none") {
    return Error{ErrorCode::unsupported, "approximate '" + approximate + "'"};
  }
  return ActivationParams{.op = by_tanh ? Op::gelu_by_tanh : Op::gelu};
}

Result<OutputFacts> infer_activation(const ActivationParams& params, const InputFacts& facts) {
  if (!is_float(facts.at(0).datatype)) {
    return unsupported_type(facts.at(0).datatype);
  }
  return infer_same(params, facts);
}

template <class T>
T softplus(T x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

// Those that vectors compute; float32.
std::optional<simd::UnaryOp> vector_op(Op op) {
  switch (op) {
    case Op::gelu:
      return simd::UnaryOp::gelu;
    case Op::gelu_by_tanh:
      return simd::UnaryOp::gelu_by_tanh;
    case Op::hard_swish:
      return simd::UnaryOp::hard_swish;
    case Op::mish:
      return simd::UnaryOp::mish;
    case Op::selu:
      return simd::UnaryOp::selu;
    case Op::swish:
      return simd::UnaryOp::swish;
    case Op::celu:
    case Op::softsign:
    case Op::thresholded_relu:
      break;
  }
  return std::nullopt;
}

template <class T>
void activate(const ActivationParams& params, const TensorView& x, TensorView& y) {
  const T* from = x.as<T>().data();
  T* to = y.mut<T>().data();
  const T alpha = static_cast<T>(params.alpha);
  const T gamma = static_cast<T>(params.gamma);
  const auto map = [&](const auto& f) {
    parallel_for(x.count, 2'048, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        to[i] = f(from[i]);
      }
    });
  };
  switch (params.op) {
    case Op::celu:
      return map([=](T v) { return v > 0 ? v : alpha * std::expm1(v / alpha); });
    case Op::gelu:  // by erfc: 1 + erf would lose the digits of what is far below 0
      return map([](T v) { return v / 2 * std::erfc(-v / std::numbers::sqrt2_v<T>); });
    case Op::gelu_by_tanh: {
      const T scale = std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T>;
      const T cubic = static_cast<T>(0.044715);
      return map([=](T v) { return v / 2 * (1 + std::tanh(scale * (v + cubic * v * v * v))); });
    }
    case Op::hard_swish:
      return map([](T v) { return v * std::clamp(v / 6 + T{0.5}, T{0}, T{1}); });
    case Op::mish:
      return map([](T v) { return v * std::tanh(softplus(v)); });
    case Op::selu:
      return map([=](T v) { return gamma * (v > 0 ? v : alpha * std::expm1(v)); });
    case Op::softsign:
      return map([](T v) { return v / (1 + std::abs(v)); });
    case Op::swish:
      return map([=](T v) { return v / (1 + std::exp(-alpha * v)); });
    case Op::thresholded_relu:
      return map([=](T v) { return v > alpha ? v : T{0}; });
  }
}

Result<void> run_activation(const ActivationParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  const auto by_vectors = vector_op(params.op);
  if (x.datatype == DataType::float32 && by_vectors) {
    const float* from = x.as<float>().data();
    float* to = context.output(0).mut<float>().data();
    parallel_for(x.count, 8'192, [&](std::int64_t begin, std::int64_t end) {
      simd::unary(*by_vectors, params.alpha, params.gamma, from + begin, to + begin, end - begin);
    });
  } else if (x.datatype == DataType::float32) {
    activate<float>(params, context.input(0), context.output(0));
  } else {
    activate<double>(params, context.input(0), context.output(0));
  }
  return {};
}

// None is a convolution's tail: they are bound by their arithmetic, so that a step of its own costs
// nothing more, and oneDNN's take longer for it (Swish twice).
template <auto Parse>
OperatorEntry activation_entry(const char* name, std::vector<int> since) {
  return {.name = name,
          .since = std::move(since),
          .kernel = kernel<Parse, infer_activation, run_activation>(),
          .layout = LayoutRule::follow,
          .overwrites = {0},
          .tame = true};
}

}  // namespace

void register_activations(Registry& registry) {
  OperatorEntry celu = activation_entry<parse_activation<Op::celu>>("Celu", {12});
  celu.tame = false;  // an alpha of 0
  registry.add(std::move(celu));
  registry.add(activation_entry<parse_gelu>("Gelu", {20}));
  registry.add(activation_entry<parse_activation<Op::hard_swish>>("HardSwish", {14, 22}));
  registry.add(activation_entry<parse_activation<Op::mish>>("Mish", {18, 22}));
  registry.add(activation_entry<parse_activation<Op::selu>>("Selu", {1, 6, 22}));
  registry.add(activation_entry<parse_activation<Op::softsign>>("Softsign", {1, 22}));
  registry.add(activation_entry<parse_activation<Op::swish>>("Swish", {24}));
  registry.add(
      activation_entry<parse_activation<Op::thresholded_relu>>("ThresholdedRelu", {10, 22}));
}

}  // namespace sluice::engine
