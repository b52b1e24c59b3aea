// Abs, Ceil, Clip, Elu, Erf, Exp, Floor, HardSigmoid, LeakyRelu, Log, Neg, Reciprocal, Relu, Round,
// Sigmoid, Sqrt, Softplus, Tanh: y[i] = f(x[i]).
// Spec: https://onnx.ai/onnx/operators/ (read 2026-11).
// Types: float32 (vector kernels), float64 (the C library); Abs, Neg, Relu and Clip also integers.
// Refused: integers where the specification has floats only, and Erf of integers, which it allows
// but gives no meaning.
// Opsets: version 1 of most had `consumed_inputs`, a hint that changes nothing. Clip takes its
// bounds from attributes before 11, from inputs since.

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

using simd::UnaryOp;

struct UnaryParams {
  UnaryOp op = UnaryOp::abs;
  float alpha = 0;
  float beta = 0;
};

constexpr std::int64_t kGrain = 16'384;  // elements: some 5 to 20 us of work

template <UnaryOp kOp>
Result<UnaryParams> parse_unary(const Node& node) {
  Attributes attributes(node);
  UnaryParams params{.op = kOp};
  if (node.since == 1) {
    attributes.ignore("consumed_inputs");
  }
  if constexpr (kOp == UnaryOp::leaky_relu) {
    SLUICE_TRY_ASSIGN(params.alpha, attributes.real("alpha", 0.01F));
  } else if constexpr (kOp == UnaryOp::elu) {
    SLUICE_TRY_ASSIGN(params.alpha, attributes.real("alpha", 1.0F));
  } else if constexpr (kOp == UnaryOp::hard_sigmoid) {
    SLUICE_TRY_ASSIGN(params.alpha, attributes.real("alpha", 0.2F));
    SLUICE_TRY_ASSIGN(params.beta, attributes.real("beta", 0.5F));
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

template <bool kIntegers>
Result<OutputFacts> infer_unary(const UnaryParams& params, const InputFacts& facts) {
  const DataType datatype = facts.at(0).datatype;
  const bool integers =
      kIntegers && is_number(datatype) && (params.op == UnaryOp::abs || is_signed(datatype));
  if (!is_float(datatype) && !integers) {
    return unsupported_type(datatype);
  }
  return infer_same(params, facts);
}

double unary_double(const UnaryParams& params, double x) {
  const double alpha = static_cast<double>(params.alpha);
  const double beta = static_cast<double>(params.beta);
  switch (params.op) {
    case UnaryOp::abs:
      return std::abs(x);
    case UnaryOp::neg:
      return -x;
    case UnaryOp::sqrt:
      return std::sqrt(x);
    case UnaryOp::reciprocal:
      return 1.0 / x;
    case UnaryOp::floor:
      return std::floor(x);
    case UnaryOp::ceil:
      return std::ceil(x);
    case UnaryOp::round:
      return std::nearbyint(x);
    case UnaryOp::exp:
      return std::exp(x);
    case UnaryOp::log:
      return std::log(x);
    case UnaryOp::tanh:
      return std::tanh(x);
    case UnaryOp::sigmoid:
      return 1.0 / (1.0 + std::exp(-x));
    case UnaryOp::softplus:
      return std::fmax(x, 0.0) + std::log1p(std::exp(-std::abs(x))) + (x - x);  // keeps NaN
    case UnaryOp::erf:
      return std::erf(x);
    case UnaryOp::relu:
      return x < 0 ? 0 : x;
    case UnaryOp::leaky_relu:
      return x < 0 ? alpha * x : x;
    case UnaryOp::elu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case UnaryOp::hard_sigmoid: {
      const double y = alpha * x + beta;
      return y < 0 ? 0 : y > 1 ? 1 : y;
    }
    case UnaryOp::clip:
    case UnaryOp::gelu:
    case UnaryOp::gelu_by_tanh:
    case UnaryOp::hard_swish:
    case UnaryOp::mish:
    case UnaryOp::scale:
    case UnaryOp::selu:
    case UnaryOp::swish:
      break;
  }
  SLUICE_CHECK(false);
}

// abs, neg, relu; the lowest integer stays itself, as in two's complement everywhere else.
template <class T>
T unary_integer(UnaryOp op, T x) {
  using U = std::make_unsigned_t<T>;
  const T negated = static_cast<T>(U{0} - static_cast<U>(x));
  if (op == UnaryOp::relu) {
    return x < 0 ? T{0} : x;
  }
  return op == UnaryOp::neg || x < 0 ? negated : x;
}

Result<void> run_unary(const UnaryParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  if (x.datatype == DataType::float32) {
    const float* from = x.as<float>().data();
    float* to = y.mut<float>().data();
    parallel_for(x.count, kGrain, [&](std::int64_t begin, std::int64_t end) {
      simd::unary(params.op, params.alpha, params.beta, from + begin, to + begin, end - begin);
    });
    return {};
  }
  const bool known = dispatch_number(x.datatype, [&](auto tag) {
    using T = decltype(tag);
    const auto from = x.as<T>();
    const auto to = y.mut<T>();
    parallel_for(x.count, kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        if constexpr (std::is_integral_v<T>) {
          to[i] = unary_integer(params.op, from[i]);
        } else {
          to[i] = static_cast<T>(unary_double(params, static_cast<double>(from[i])));
        }
      }
    });
  });
  SLUICE_CHECK(known);
  return {};
}

bool relu_as_activation(const Box&, const InputFacts&, Tail& tail) {
  tail.activation = Activation::relu;
  return true;
}

bool leaky_relu_as_activation(const Box& params, const InputFacts&, Tail& tail) {
  tail.activation = Activation::leaky_relu;
  tail.low = params.as<UnaryParams>().alpha;
  return true;
}

// --- Clip ----------------------------------------------------------------------------------------

struct ClipParams {
  bool from_inputs = true;  // since 11
  float low = std::numeric_limits<float>::lowest();
  float high = std::numeric_limits<float>::max();
};

Result<ClipParams> parse_clip(const Node& node) {
  Attributes attributes(node);
  ClipParams params{.from_inputs = node.since >= 11};
  if (!params.from_inputs) {
    SLUICE_TRY_ASSIGN(params.low, attributes.real("min", params.low));
    SLUICE_TRY_ASSIGN(params.high, attributes.real("max", params.high));
    if (node.since == 1) {
      attributes.ignore("consumed_inputs");
    }
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_clip(const ClipParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_number(x.datatype) || (!params.from_inputs && !is_float(x.datatype))) {
    return unsupported_type(x.datatype);
  }
  for (std::size_t i = 1; i <= 2; ++i) {
    if (facts.has(i)) {
      SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(facts.at(i).dims));
      if (count != 1 || facts.at(i).datatype != x.datatype) {
        return bad_input("its bounds must be one " + std::string(name_of(x.datatype)) + " each");
      }
    }
  }
  return infer_same(params, facts);
}

template <class T>
T bound_of(const KernelContext& context, std::size_t input, T fallback) {
  return context.has_input(input) ? context.input(input).as<T>()[0] : fallback;
}

Result<void> run_clip(const ClipParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  const bool known = dispatch_number(x.datatype, [&](auto tag) {
    using T = decltype(tag);
    using Limits = std::numeric_limits<T>;
    const auto from = x.as<T>();
    const auto to = y.mut<T>();
    const T low =
        params.from_inputs ? bound_of<T>(context, 1, Limits::lowest()) : static_cast<T>(params.low);
    const T high =
        params.from_inputs ? bound_of<T>(context, 2, Limits::max()) : static_cast<T>(params.high);
    parallel_for(x.count, kGrain, [&](std::int64_t begin, std::int64_t end) {
      if constexpr (std::is_same_v<T, float>) {
        simd::unary(UnaryOp::clip, low, high, from.data() + begin, to.data() + begin, end - begin);
      } else {
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
          const T raised = from[i] < low ? low : from[i];
          to[i] = raised > high ? high : raised;
        }
      }
    });
  });
  SLUICE_CHECK(known);
  return {};
}

bool clip_as_activation(const Box& box, const InputFacts& facts, Tail& tail) {
  const ClipParams& params = box.as<ClipParams>();
  tail.activation = Activation::clip;
  tail.low = params.low;
  tail.high = params.high;
  if (!params.from_inputs) {
    return true;
  }
  for (std::size_t i = 1; i <= 2; ++i) {
    if (facts.has(i)) {
      const TensorView* value = facts.at(i).value;
      if (value == nullptr || value->datatype != DataType::float32 || value->count != 1) {
        return false;
      }
      (i == 1 ? tail.low : tail.high) = value->as<float>()[0];
    }
  }
  return !(tail.low > tail.high) && !std::isnan(tail.low) && !std::isnan(tail.high);
}

template <UnaryOp kOp, bool kIntegers>
OperatorEntry unary_entry(const char* name, std::vector<int> since) {
  return {.name = name,
          .since = std::move(since),
          .kernel = kernel<parse_unary<kOp>, infer_unary<kIntegers>, run_unary>(),
          .layout = LayoutRule::follow,
          .overwrites = {0},
          .tame = kOp != UnaryOp::exp && kOp != UnaryOp::log && kOp != UnaryOp::sqrt &&
                  kOp != UnaryOp::reciprocal};
}

}  // namespace

void register_unary(Registry& registry) {
  registry.add(unary_entry<UnaryOp::abs, true>("Abs", {1, 6, 13}));
  registry.add(unary_entry<UnaryOp::ceil, false>("Ceil", {1, 6, 13}));
  registry.add({.name = "Clip",
                .since = {1, 6, 11, 12, 13},
                .arity = {1, 3, 1},
                .kernel = kernel<parse_clip, infer_clip, run_clip>(),
                .layout = LayoutRule::follow,
                .overwrites = {0},
                .tame = true,
                .as_activation = clip_as_activation});
  registry.add(unary_entry<UnaryOp::elu, false>("Elu", {1, 6, 22}));
  registry.add(unary_entry<UnaryOp::erf, false>("Erf", {9, 13}));
  registry.add(unary_entry<UnaryOp::exp, false>("Exp", {1, 6, 13}));
  registry.add(unary_entry<UnaryOp::floor, false>("Floor", {1, 6, 13}));
  registry.add(unary_entry<UnaryOp::hard_sigmoid, false>("HardSigmoid", {1, 6, 22}));
  OperatorEntry leaky = unary_entry<UnaryOp::leaky_relu, false>("LeakyRelu", {1, 6, 16});
  leaky.as_activation = leaky_relu_as_activation;
  registry.add(std::move(leaky));
  registry.add(unary_entry<UnaryOp::log, false>("Log", {1, 6, 13}));
  registry.add(unary_entry<UnaryOp::neg, true>("Neg", {1, 6, 13}));
  registry.add(unary_entry<UnaryOp::reciprocal, false>("Reciprocal", {1, 6, 13}));
  OperatorEntry relu = unary_entry<UnaryOp::relu, true>("Relu", {1, 6, 13, 14});
  relu.as_activation = relu_as_activation;
  registry.add(std::move(relu));
  registry.add(unary_entry<UnaryOp::round, false>("Round", {11, 22}));
  registry.add(unary_entry<UnaryOp::sigmoid, false>("Sigmoid", {1, 6, 13}));
  registry.add(unary_entry<UnaryOp::softplus, false>("Softplus", {1, 22}));
  registry.add(unary_entry<UnaryOp::sqrt, false>("Sqrt", {1, 6, 13}));
  registry.add(unary_entry<UnaryOp::tanh, false>("Tanh", {1, 6, 13}));
}

}  // namespace sluice::engine
