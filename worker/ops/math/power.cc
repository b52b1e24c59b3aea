// Pow: Z[i] = X[i] to the Y[i], broadcast.
// Spec: https://onnx.ai/onnx/operators/onnx__Pow.html (read 2026-11).
// Types: base float32, float64, int32 or int64, any number as exponent; the result is like the
// base. Integers to integers are exact modulo 2^n; what an integer base cannot hold of a power by
// floats is its nearest limit.
// Opsets: 1 stretches the exponent by attributes (`broadcast`, `axis`); before 12 both operands
// have the same datatype, which is not asked for.

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/math/two_operands.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

Result<Stretch> parse_pow(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const Stretch stretch, parse_stretch(node, attributes));
  SLUICE_TRY(attributes.finish());
  return stretch;
}

Result<OutputFacts> infer_pow(const Stretch& stretch, const InputFacts& facts) {
  const InputFact& base = facts.at(0);
  const InputFact& exponent = facts.at(1);
  if (!is_float(base.datatype) && base.datatype != DataType::int32 &&
      base.datatype != DataType::int64) {
    return unsupported_type(base.datatype);
  }
  if (!is_number(exponent.datatype)) {
    return unsupported_type(exponent.datatype);
  }
  SLUICE_TRY_ASSIGN(Shape dims, stretched_dims(stretch, base.dims, exponent.dims));
  return one_output(base.datatype, std::move(dims));
}

Result<BroadcastLoop<2>> bind_pow(const Stretch& stretch, BindContext& context) {
  return bind_stretch(stretch, context);
}

template <class T>
T integer_power(T base, std::int64_t exponent) {
  if (exponent < 0) {
    return base == 1 ? T{1} : base == -1 ? (exponent % 2 == 0 ? T{1} : T{-1}) : T{0};
  }
  std::uint64_t result = 1;
  for (auto x = static_cast<std::uint64_t>(base); exponent > 0; exponent >>= 1, x *= x) {
    result *= (exponent & 1) != 0 ? x : 1;
  }
  return static_cast<T>(result);
}

template <class Base, class Exponent>
Base power(Base base, Exponent exponent) {
  if constexpr (std::is_integral_v<Base> && std::is_integral_v<Exponent>) {
    return integer_power(base, static_cast<std::int64_t>(exponent));
  } else if constexpr (std::is_same_v<Base, float> && !std::is_same_v<Exponent, double>) {
    const auto e = static_cast<float>(exponent);
    return e == 2.0F                ? base * base
           : e == 3.0F              ? base * base * base
           : e == 0.5F && base >= 0 ? std::sqrt(base)
                                    : std::pow(base, e);
  } else {
    const double y = std::pow(static_cast<double>(base), static_cast<double>(exponent));
    if constexpr (std::is_integral_v<Base>) {
      // Outside of the integers the specification says nothing; a cast there would be undefined.
      return y >= static_cast<double>(std::numeric_limits<Base>::max())
                 ? std::numeric_limits<Base>::max()
             : !(y > static_cast<double>(std::numeric_limits<Base>::lowest()))
                 ? std::numeric_limits<Base>::lowest()
                 : static_cast<Base>(y);
    } else {
      return static_cast<Base>(y);
    }
  }
}

// The square or cube of each element, what most exponents are, by products.
bool by_products(const TensorView& base, const TensorView& exponent, TensorView& out) {
  if (base.datatype != DataType::float32 || exponent.datatype != DataType::float32 ||
      exponent.count != 1 || base.count != out.count) {
    return false;
  }
  const float e = exponent.as<float>()[0];
  if (e != 2.0F && e != 3.0F) {
    return false;
  }
  const float* from = base.as<float>().data();
  float* to = out.mut<float>().data();
  constexpr std::int64_t kPart = 1'024;  // of a row, so that its squares are still near
  parallel_for(out.count, 16'384, [&](std::int64_t begin, std::int64_t end) {
    float squares[kPart];
    for (std::int64_t at = begin; at < end; at += kPart) {
      const std::int64_t count = std::min(kPart, end - at);
      float* square = e == 2.0F ? to + at : squares;
      simd::binary(simd::BinaryOp::mul, {from + at, 1, from + at, 1, square, count});
      if (e == 3.0F) {
        simd::binary(simd::BinaryOp::mul, {square, 1, from + at, 1, to + at, count});
      }
    }
  });
  return true;
}

Result<void> run_pow(const Stretch&, const BroadcastLoop<2>& loop, KernelContext& context) {
  const TensorView& base = context.input(0);
  const TensorView& exponent = context.input(1);
  TensorView& out = context.output(0);
  if (out.count == 0 || by_products(base, exponent, out)) {
    return {};
  }
  dispatch_number(base.datatype, [&](auto base_tag) {
    using Base = decltype(base_tag);
    if constexpr (std::is_floating_point_v<Base> || std::is_same_v<Base, std::int32_t> ||
                  std::is_same_v<Base, std::int64_t>) {
      dispatch_number(exponent.datatype, [&](auto exponent_tag) {
        using Exponent = decltype(exponent_tag);
        map_broadcast(loop,
                      base.as<Base>().data(),
                      exponent.as<Exponent>().data(),
                      out.mut<Base>().data(),
                      power<Base, Exponent>);
      });
    }
  });
  return {};
}

}  // namespace

void register_power(Registry& registry) {
  registry.add({.name = "Pow",
                .since = {1, 7, 12, 13, 15},
                .arity = {2, 2, 1},
                .kernel = bound_kernel<parse_pow, infer_pow, bind_pow, run_pow>(),
                .layout = LayoutRule::follow,
                .overwrites = {0}});
}

}  // namespace sluice::engine
