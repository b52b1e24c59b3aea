// IsInf, IsNaN, Shrink, Sign: what kind of number each element is, and numbers near 0 set to it.
// Spec: https://onnx.ai/onnx/operators/onnx__IsInf.html and its neighbours (read 2026-11).
// Types: IsInf and IsNaN float32 and float64; Shrink and Sign all numbers. Sign of NaN is NaN.
// Shrink: x + bias below -lambd, x - bias above lambd, 0 else (so of NaN); of integers computed in
// float64 and truncated.

#include <cmath>
#include <limits>
#include <type_traits>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

constexpr std::int64_t kGrain = 32'768;  // elements

template <class T, class Out, class F>
void map_elements(const TensorView& x, TensorView& y, const F& f) {
  const T* from = x.as<T>().data();
  Out* to = y.mut<Out>().data();
  parallel_for(x.count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      to[i] = f(from[i]);
    }
  });
}

// --- IsInf, IsNaN --------------------------------------------------------------------------------

struct OddParams {
  bool nan = false;
  bool positive = false;
  bool negative = false;
};

Result<OddParams> parse_is_nan(const Node& node) {
  SLUICE_TRY(Attributes(node).finish());
  return OddParams{.nan = true};
}

Result<OddParams> parse_is_inf(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const std::int64_t positive, attributes.integer("detect_positive", 1));
  SLUICE_TRY_ASSIGN(const std::int64_t negative, attributes.integer("detect_negative", 1));
  SLUICE_TRY(attributes.finish());
  return OddParams{.positive = positive != 0, .negative = negative != 0};
}

Result<OutputFacts> infer_odd(const OddParams&, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_float(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  return one_output(DataType::boolean, {x.dims.begin(), x.dims.end()});
}

Result<void> run_odd(const OddParams& params, KernelContext& context) {
  dispatch_number(context.input(0).datatype, [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_floating_point_v<T>) {
      const TensorView& x = context.input(0);
      TensorView& y = context.output(0);
      if (params.nan) {
        map_elements<T, bool>(x, y, [](T value) { return value != value; });
        return;
      }
      constexpr T kInfinity = std::numeric_limits<T>::infinity();
      // What no number is equal to, where one of them is not asked for.
      const T high = params.positive ? kInfinity : std::numeric_limits<T>::quiet_NaN();
      const T low = params.negative ? -kInfinity : std::numeric_limits<T>::quiet_NaN();
      map_elements<T, bool>(x, y, [=](T value) { return (value == high) | (value == low); });
    }
  });
  return {};
}

// --- Shrink, Sign --------------------------------------------------------------------------------

Result<OutputFacts> infer_sign(const NoParams& params, const InputFacts& facts) {
  if (!is_number(facts.at(0).datatype)) {
    return unsupported_type(facts.at(0).datatype);
  }
  return infer_same(params, facts);
}

Result<void> run_sign(const NoParams&, KernelContext& context) {
  dispatch_number(context.input(0).datatype, [&](auto tag) {
    using T = decltype(tag);
    map_elements<T, T>(context.input(0), context.output(0), [](T x) {
      if constexpr (std::is_unsigned_v<T>) {
        return static_cast<T>(x > 0);
      } else {
        return x > 0 ? T{1} : x < 0 ? T{-1} : x;  // 0, -0 and NaN are themselves
      }
    });
  });
  return {};
}

struct ShrinkParams {
  float bias = 0;
  float lambd = 0.5F;
};

Result<ShrinkParams> parse_shrink(const Node& node) {
  Attributes attributes(node);
  ShrinkParams params;
  SLUICE_TRY_ASSIGN(params.bias, attributes.real("bias", params.bias));
  SLUICE_TRY_ASSIGN(params.lambd, attributes.real("lambd", params.lambd));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_shrink(const ShrinkParams&, const InputFacts& facts) {
  return infer_sign({}, facts);
}

template <class T>
T shrunk(T x, double bias, double lambd) {
  // A cast of what the type cannot hold would be undefined: through int64, as x86 has it.
  const auto back = [](double y) {
    if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(y);
    } else {
      constexpr double kEnd = 9223372036854775808.0;  // 2^63
      return y >= -kEnd && y < kEnd ? static_cast<T>(static_cast<std::int64_t>(y)) : T{0};
    }
  };
  const auto wide = static_cast<double>(x);
  return wide < -lambd ? back(wide + bias) : wide > lambd ? back(wide - bias) : T{0};
}

Result<void> run_shrink(const ShrinkParams& params, KernelContext& context) {
  const auto bias = static_cast<double>(params.bias);
  const auto lambd = static_cast<double>(params.lambd);
  dispatch_number(context.input(0).datatype, [&](auto tag) {
    using T = decltype(tag);
    map_elements<T, T>(
        context.input(0), context.output(0), [=](T x) { return shrunk(x, bias, lambd); });
  });
  return {};
}

}  // namespace

void register_classify(Registry& registry) {
  registry.add({.name = "IsInf",
                .since = {10, 20},
                .kernel = kernel<parse_is_inf, infer_odd, run_odd>(),
                .layout = LayoutRule::follow,
                .tame = true});
  registry.add({.name = "IsNaN",
                .since = {9, 13, 20},
                .kernel = kernel<parse_is_nan, infer_odd, run_odd>(),
                .layout = LayoutRule::follow,
                .tame = true});
  registry.add({.name = "Shrink",
                .since = {9},
                .kernel = kernel<parse_shrink, infer_shrink, run_shrink>(),
                .layout = LayoutRule::follow,
                .overwrites = {0},
                .tame = true});
  registry.add({.name = "Sign",
                .since = {9, 13},
                .kernel = kernel<parse_nothing, infer_sign, run_sign>(),
                .layout = LayoutRule::follow,
                .overwrites = {0},
                .tame = true});
}

}  // namespace sluice::engine
