// Add, Sub, Mul, Div, Pow and the variadic Max, Min, Mean, Sum: element by element, broadcast.
// Spec: https://onnx.ai/onnx/operators/ (read 2026-11).
// Types: all numbers; float32 by vector kernels. Integer Div truncates towards zero; by zero it is
// invalid_argument. Pow: base float32, float64, int32 or int64, any number as exponent. Max and Min
// keep NaN, as the specification says. Mean and Sum: floats.
// Opsets: before 7 Add, Sub, Mul, Div and Pow broadcast by attributes (`broadcast`, `axis`), the
// second operand only; both attributes are honoured. Variadic ones before 8 do not broadcast.
// Refused: float16, bfloat16.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

#include "worker/engine/parallel.h"
#include "worker/ops/broadcast.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum class Op : std::uint8_t { add, sub, mul, div, pow, min, max };

struct BinaryParams {
  Op op = Op::add;
  bool by_attributes = false;  // before 7
  bool stretch = true;
  std::optional<std::int64_t> axis{};
};

template <Op kOp>
Result<BinaryParams> parse_binary(const Node& node) {
  Attributes attributes(node);
  BinaryParams params{.op = kOp, .by_attributes = node.since < 7};
  if (params.by_attributes) {
    SLUICE_TRY_ASSIGN(const std::int64_t broadcast, attributes.integer("broadcast", 0));
    params.stretch = broadcast != 0;
    if (attributes.has("axis")) {
      SLUICE_TRY_ASSIGN(params.axis, attributes.integer("axis", 0));
    }
    if (node.since == 1) {
      attributes.ignore("consumed_inputs");
    }
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

// The second operand's dims, as today's rules would want them written.
Result<Shape> stretched(const BinaryParams& params, Dims a, Dims b) {
  Shape dims(b.begin(), b.end());
  if (!params.by_attributes) {
    return dims;
  }
  if (!params.stretch) {
    if (!std::equal(a.begin(), a.end(), b.begin(), b.end())) {
      return bad_input("shapes " + to_string(a) + " and " + to_string(b) +
                       " differ and broadcast is 0");
    }
    return dims;
  }
  if (params.axis) {
    const std::int64_t axis =
        *params.axis < 0 ? *params.axis + static_cast<std::int64_t>(a.size()) : *params.axis;
    const std::int64_t behind =
        static_cast<std::int64_t>(a.size()) - axis - static_cast<std::int64_t>(b.size());
    if (axis < 0 || behind < 0) {
      return bad_input("axis " + std::to_string(*params.axis) + " does not place " + to_string(b) +
                       " in " + to_string(a));
    }
    dims.insert(dims.end(), static_cast<std::size_t>(behind), 1);
  }
  return dims;
}

Result<OutputFacts> infer_binary(const BinaryParams& params, const InputFacts& facts) {
  const InputFact& a = facts.at(0);
  const InputFact& b = facts.at(1);
  if (!is_number(a.datatype) || !is_number(b.datatype)) {
    return unsupported_type(is_number(a.datatype) ? b.datatype : a.datatype);
  }
  if (a.datatype != b.datatype && params.op != Op::pow) {
    return bad_input("its inputs are " + std::string(name_of(a.datatype)) + " and " +
                     std::string(name_of(b.datatype)));
  }
  if (params.op == Op::pow && !is_float(a.datatype) && a.datatype != DataType::int32 &&
      a.datatype != DataType::int64) {
    return unsupported_type(a.datatype);
  }
  SLUICE_TRY_ASSIGN(const Shape b_dims, stretched(params, a.dims, b.dims));
  SLUICE_TRY_ASSIGN(Shape dims, broadcast_dims(a.dims, b_dims));
  return one_output(a.datatype, std::move(dims));
}

struct BinaryBound {
  BroadcastLoop<2> loop;
};

Result<BinaryBound> bind_binary(const BinaryParams& params, BindContext& context) {
  const TensorView& a = context.inputs[0];
  TensorView b = context.inputs[1];
  SLUICE_TRY_ASSIGN(const Shape b_dims, stretched(params, a.dims, b.dims));
  b.dims = b_dims;
  const TensorView& y = context.outputs[0];
  return BinaryBound{make_loop<2>(physical_dims_of(y), {operand_dims(a, y), operand_dims(b, y)})};
}

template <class T>
T wrap(T a, T b, Op op) {
  // Integer arithmetic is modulo 2^n, as in NumPy. Through uint64: no promotion to a signed int.
  const auto x = static_cast<std::uint64_t>(a);
  const auto y = static_cast<std::uint64_t>(b);
  return static_cast<T>(op == Op::add ? x + y : op == Op::sub ? x - y : x * y);
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

template <class T>
T apply(Op op, T a, T b) {
  switch (op) {
    case Op::add:
    case Op::sub:
    case Op::mul:
      if constexpr (std::is_integral_v<T>) {
        return wrap(a, b, op);
      } else {
        return op == Op::add ? a + b : op == Op::sub ? a - b : a * b;
      }
    case Op::div:
      if constexpr (std::is_signed_v<T> && std::is_integral_v<T>) {
        return b == -1 ? wrap(T{0}, a, Op::sub) : static_cast<T>(a / b);
      } else {
        return static_cast<T>(a / b);
      }
    case Op::min:
      return a < b || a != a ? a : b;
    case Op::max:
      return a > b || a != a ? a : b;
    case Op::pow:
      break;
  }
  SLUICE_CHECK(false);
}

// Calls row(a offset, b offset, out offset) for every row, in parallel where it pays.
template <class Row>
void for_rows(const BroadcastLoop<2>& loop, const Row& row) {
  if (loop.rows == 1) {
    row(std::int64_t{0}, std::int64_t{0}, std::int64_t{0});
    return;
  }
  const std::int64_t grain = 1 + 16'384 / (loop.inner + 1);
  parallel_for(loop.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto at = loop.offsets(i);
      row(at[0], at[1], i * loop.inner);
    }
  });
}

void run_float(Op op, const BroadcastLoop<2>& loop, KernelContext& context) {
  constexpr simd::BinaryOp kOps[] = {simd::BinaryOp::add,
                                     simd::BinaryOp::sub,
                                     simd::BinaryOp::mul,
                                     simd::BinaryOp::div,
                                     simd::BinaryOp::add,
                                     simd::BinaryOp::min,
                                     simd::BinaryOp::max};
  const float* a = context.input(0).as<float>().data();
  const float* b = context.input(1).as<float>().data();
  float* out = context.output(0).mut<float>().data();
  for_rows(loop, [&](std::int64_t a_at, std::int64_t b_at, std::int64_t out_at) {
    simd::binary(kOps[static_cast<std::size_t>(op)],
                 {.a = a + a_at,
                  .a_step = loop.inner_step[0],
                  .b = b + b_at,
                  .b_step = loop.inner_step[1],
                  .out = out + out_at,
                  .count = loop.inner});
  });
}

template <class T>
Result<void> run_any(Op op, const BroadcastLoop<2>& loop, KernelContext& context) {
  const auto a = context.input(0).as<T>();
  const auto b = context.input(1).as<T>();
  const auto out = context.output(0).template mut<T>();
  if (std::is_integral_v<T> && op == Op::div && std::find(b.begin(), b.end(), T{0}) != b.end()) {
    return bad_input("integer division by zero");
  }
  for_rows(loop, [&](std::int64_t a_at, std::int64_t b_at, std::int64_t out_at) {
    for (std::int64_t i = 0; i < loop.inner; ++i) {
      out[static_cast<std::size_t>(out_at + i)] =
          apply(op,
                a[static_cast<std::size_t>(a_at + i * loop.inner_step[0])],
                b[static_cast<std::size_t>(b_at + i * loop.inner_step[1])]);
    }
  });
  return {};
}

template <class Base, class Exponent>
Base power(Base base, Exponent exponent) {
  if constexpr (std::is_integral_v<Base> && std::is_integral_v<Exponent>) {
    return integer_power(base, static_cast<std::int64_t>(exponent));
  } else if constexpr (std::is_same_v<Base, float> && !std::is_same_v<Exponent, double>) {
    const auto e = static_cast<float>(exponent);
    return e == 2.0F ? base * base : e == 0.5F && base >= 0 ? std::sqrt(base) : std::pow(base, e);
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

void run_pow(const BroadcastLoop<2>& loop, KernelContext& context) {
  const TensorView& base = context.input(0);
  const TensorView& exponent = context.input(1);
  TensorView& out = context.output(0);
  dispatch_number(base.datatype, [&](auto base_tag) {
    using Base = decltype(base_tag);
    if constexpr (std::is_floating_point_v<Base> || std::is_same_v<Base, std::int32_t> ||
                  std::is_same_v<Base, std::int64_t>) {
      dispatch_number(exponent.datatype, [&](auto exponent_tag) {
        using Exponent = decltype(exponent_tag);
        const Base* a = base.as<Base>().data();
        const Exponent* b = exponent.as<Exponent>().data();
        Base* to = out.mut<Base>().data();
        for_rows(loop, [&](std::int64_t a_at, std::int64_t b_at, std::int64_t out_at) {
          for (std::int64_t i = 0; i < loop.inner; ++i) {
            to[out_at + i] =
                power(a[a_at + i * loop.inner_step[0]], b[b_at + i * loop.inner_step[1]]);
          }
        });
      });
    }
  });
}

Result<void> run_binary(const BinaryParams& params,
                        const BinaryBound& bound,
                        KernelContext& context) {
  const DataType datatype = context.output(0).datatype;
  if (context.output(0).count == 0) {
    return {};
  }
  if (params.op == Op::pow) {
    run_pow(bound.loop, context);
    return {};
  }
  if (datatype == DataType::float32) {
    run_float(params.op, bound.loop, context);
    return {};
  }
  Result<void> done;
  const bool known = dispatch_number(
      datatype, [&](auto tag) { done = run_any<decltype(tag)>(params.op, bound.loop, context); });
  SLUICE_CHECK(known);
  return done;
}

// --- Max, Min, Mean, Sum -------------------------------------------------------------------------

struct VariadicParams {
  Op op = Op::add;
  bool mean = false;
  bool stretch = true;  // since 8
};

template <Op kOp, bool kMean>
Result<VariadicParams> parse_variadic(const Node& node) {
  Attributes attributes(node);
  if (node.since == 1) {
    attributes.ignore("consumed_inputs");
  }
  SLUICE_TRY(attributes.finish());
  if (node.inputs.empty()) {
    return Error{ErrorCode::data_corrupt, "has no inputs"};
  }
  return VariadicParams{.op = kOp, .mean = kMean, .stretch = node.since >= 8};
}

Result<OutputFacts> infer_variadic(const VariadicParams& params, const InputFacts& facts) {
  const DataType datatype = facts.at(0).datatype;
  if (params.op == Op::add ? !is_float(datatype) : !is_number(datatype)) {
    return unsupported_type(datatype);
  }
  Shape dims(facts.at(0).dims.begin(), facts.at(0).dims.end());
  for (std::size_t i = 1; i < facts.inputs.size(); ++i) {
    const InputFact& input = facts.at(i);
    if (input.datatype != datatype) {
      return bad_input("its inputs are " + std::string(name_of(datatype)) + " and " +
                       std::string(name_of(input.datatype)));
    }
    if (!params.stretch &&
        !std::equal(dims.begin(), dims.end(), input.dims.begin(), input.dims.end())) {
      return bad_input("shapes " + to_string(dims) + " and " + to_string(input.dims) + " differ");
    }
    SLUICE_TRY_ASSIGN(dims, broadcast_dims(dims, input.dims));
  }
  return one_output(datatype, std::move(dims));
}

struct VariadicBound {
  std::vector<BroadcastLoop<1>> loops;  // by input
};

Result<VariadicBound> bind_variadic(const VariadicParams&, BindContext& context) {
  VariadicBound bound;
  const TensorView& y = context.outputs[0];
  for (const TensorView& input : context.inputs) {
    bound.loops.push_back(make_loop<1>(physical_dims_of(y), {operand_dims(input, y)}));
  }
  return bound;
}

template <class T>
void run_variadic_as(const VariadicParams& params,
                     const VariadicBound& bound,
                     KernelContext& context) {
  TensorView& y = context.output(0);
  T* out = y.mut<T>().data();
  for (std::size_t k = 0; k < bound.loops.size(); ++k) {
    const T* x = context.input(k).as<T>().data();
    const BroadcastLoop<1>& loop = bound.loops[k];
    for (std::int64_t row = 0; row < loop.rows; ++row) {
      const std::int64_t at = loop.offsets(row)[0];
      for (std::int64_t i = 0; i < loop.inner; ++i) {
        T& to = out[row * loop.inner + i];
        const T value = x[at + i * loop.inner_step[0]];
        to = k == 0 ? value : apply(params.op, to, value);
      }
    }
  }
  if (params.mean) {
    for (std::int64_t i = 0; i < y.count; ++i) {
      out[i] = static_cast<T>(out[i] / static_cast<T>(bound.loops.size()));
    }
  }
}

Result<void> run_variadic(const VariadicParams& params,
                          const VariadicBound& bound,
                          KernelContext& context) {
  if (context.output(0).count > 0) {
    const bool known = dispatch_number(context.output(0).datatype, [&](auto tag) {
      run_variadic_as<decltype(tag)>(params, bound, context);
    });
    SLUICE_CHECK(known);
  }
  return {};
}

template <Op kOp>
OperatorEntry binary_entry(const char* name, std::vector<int> since) {
  return {.name = name,
          .since = std::move(since),
          .arity = {2, 2, 1},
          .kernel = bound_kernel<parse_binary<kOp>, infer_binary, bind_binary, run_binary>(),
          .layout = LayoutRule::follow,
          .overwrites = {0, 1},
          .tame = kOp != Op::div && kOp != Op::pow};
}

template <Op kOp, bool kMean>
OperatorEntry variadic_entry(const char* name, std::vector<int> since) {
  return {
      .name = name,
      .since = std::move(since),
      .arity = {1, kAnyNumber, 1},
      .kernel =
          bound_kernel<parse_variadic<kOp, kMean>, infer_variadic, bind_variadic, run_variadic>(),
      .layout = LayoutRule::follow};
}

}  // namespace

void register_binary(Registry& registry) {
  registry.add(binary_entry<Op::add>("Add", {1, 6, 7, 13, 14}));
  registry.add(binary_entry<Op::div>("Div", {1, 6, 7, 13, 14}));
  registry.add(variadic_entry<Op::max, false>("Max", {1, 6, 8, 12, 13}));
  registry.add(variadic_entry<Op::add, true>("Mean", {1, 6, 8, 13}));
  registry.add(variadic_entry<Op::min, false>("Min", {1, 6, 8, 12, 13}));
  registry.add(binary_entry<Op::mul>("Mul", {1, 6, 7, 13, 14}));
  OperatorEntry pow = binary_entry<Op::pow>("Pow", {1, 7, 12, 13, 15});
  pow.overwrites = {0};
  registry.add(std::move(pow));
  registry.add(binary_entry<Op::sub>("Sub", {1, 6, 7, 13, 14}));
  registry.add(variadic_entry<Op::add, false>("Sum", {1, 6, 8, 13}));
}

}  // namespace sluice::engine
