// BitShift, BitwiseAnd, BitwiseNot, BitwiseOr, BitwiseXor, Mod: integers, broadcast.
// Spec: https://onnx.ai/onnx/operators/onnx__BitShift.html and its neighbours (read 2026-11).
// Types: BitShift unsigned integers, the Bitwise ones all integers, Mod all numbers.
// A shift by all bits or more leaves 0, as in NumPy. Mod has the divisor's sign with fmod 0, which
// is for integers alone, and the dividend's with fmod 1; an integer modulo 0 is 0, as in NumPy.

#include <cmath>
#include <functional>
#include <type_traits>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/math/two_operands.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum class Op : std::uint8_t { all_of, any_of, one_of, shift_left, shift_right, modulo, remainder };

struct BitParams {
  Op op = Op::all_of;
};

template <Op kOp>
Result<BitParams> parse_bits(const Node& node) {
  SLUICE_TRY(Attributes(node).finish());
  return BitParams{.op = kOp};
}

Result<BitParams> parse_shift(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const std::string direction, attributes.text("direction", ""));
  SLUICE_TRY(attributes.finish());
  if (direction != "LEFT" && direction != "RIGHT") {
    return Error{ErrorCode::data_corrupt,
                 "its direction is '" + direction + "', not LEFT or RIGHT"};
  }
  return BitParams{.op = direction == "LEFT" ? Op::shift_left : Op::shift_right};
}

Result<BitParams> parse_mod(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const std::int64_t fmod, attributes.integer("fmod", 0));
  SLUICE_TRY(attributes.finish());
  return BitParams{.op = fmod != 0 ? Op::remainder : Op::modulo};
}

Result<OutputFacts> infer_bits(const BitParams& params, const InputFacts& facts) {
  SLUICE_TRY(same_datatype(facts));
  const DataType datatype = facts.at(0).datatype;
  const bool shifts = params.op == Op::shift_left || params.op == Op::shift_right;
  if (!is_number(datatype) || (is_float(datatype) && params.op < Op::modulo) ||
      (is_signed(datatype) && shifts)) {
    return unsupported_type(datatype);
  }
  if (is_float(datatype) && params.op == Op::modulo) {
    return Error{ErrorCode::unsupported,
                 "datatype " + std::string(name_of(datatype)) + " where fmod is 0"};
  }
  SLUICE_TRY_ASSIGN(Shape dims, broadcast_dims(facts.at(0).dims, facts.at(1).dims));
  return one_output(datatype, std::move(dims));
}

Result<BroadcastLoop<2>> bind_bits(const BitParams&, BindContext& context) {
  return bind_stretch({}, context);
}

template <class T>
T shift(T value, T by, bool left) {
  constexpr T kBits = sizeof(T) * 8;
  if (by >= kBits) {
    return 0;
  }
  const auto wide = static_cast<std::uint64_t>(value);
  return static_cast<T>(left ? wide << by : wide >> by);
}

// With the sign of the divisor.
template <class T>
T modulo(T a, T b) {
  if (b == 0 || (std::is_signed_v<T> && b == static_cast<T>(-1))) {
    return 0;  // -1: the lowest number has no quotient
  }
  const T rest = static_cast<T>(a % b);
  return rest != 0 && (rest < 0) != (b < 0) ? static_cast<T>(rest + b) : rest;
}

// With the sign of the dividend.
template <class T>
T remainder_of(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::fmod(a, b);
  } else {
    return b == 0 || (std::is_signed_v<T> && b == static_cast<T>(-1)) ? T{0}
                                                                      : static_cast<T>(a % b);
  }
}

template <class T>
void run_integers(Op op, const BroadcastLoop<2>& loop, KernelContext& context) {
  const T* a = context.input(0).as<T>().data();
  const T* b = context.input(1).as<T>().data();
  T* out = context.output(0).mut<T>().data();
  const auto apply = [&](const auto& f) {
    map_broadcast(loop, a, b, out, [&](T x, T y) { return static_cast<T>(f(x, y)); });
  };
  switch (op) {
    case Op::all_of:
      return apply(std::bit_and<>());
    case Op::any_of:
      return apply(std::bit_or<>());
    case Op::one_of:
      return apply(std::bit_xor<>());
    case Op::shift_left:
    case Op::shift_right:
      if constexpr (std::is_unsigned_v<T>) {
        return apply([&](T x, T y) { return shift(x, y, op == Op::shift_left); });
      }
      break;
    case Op::modulo:
      return apply([](T x, T y) { return modulo(x, y); });
    case Op::remainder:
      return apply([](T x, T y) { return remainder_of(x, y); });
  }
}

Result<void> run_bits(const BitParams& params,
                      const BroadcastLoop<2>& loop,
                      KernelContext& context) {
  if (context.output(0).count == 0) {
    return {};
  }
  const bool known = dispatch_number(context.output(0).datatype, [&](auto tag) {
    using T = decltype(tag);
    if constexpr (std::is_integral_v<T>) {
      run_integers<T>(params.op, loop, context);
    } else {
      map_broadcast(loop,
                    context.input(0).as<T>().data(),
                    context.input(1).as<T>().data(),
                    context.output(0).template mut<T>().data(),
                    remainder_of<T>);
    }
  });
  SLUICE_CHECK(known);
  return {};
}

Result<OutputFacts> infer_not(const NoParams& params, const InputFacts& facts) {
  const DataType datatype = facts.at(0).datatype;
  if (!is_number(datatype) || is_float(datatype)) {
    return unsupported_type(datatype);
  }
  return infer_same(params, facts);
}

Result<void> run_not(const NoParams&, KernelContext& context) {
  const std::byte* x = context.input(0).bytes().data();
  auto* y = static_cast<std::byte*>(context.output(0).data);
  const auto size = static_cast<std::int64_t>(context.input(0).size());
  parallel_for(size, 65'536, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      y[i] = ~x[i];
    }
  });
  return {};
}

OperatorEntry bits_entry(const char* name, std::vector<int> since, Kernel kernel) {
  return {.name = name,
          .since = std::move(since),
          .arity = {2, 2, 1},
          .kernel = kernel,
          .layout = LayoutRule::follow,
          .overwrites = {0, 1}};
}

template <auto Parse>
Kernel bits_kernel() {
  return bound_kernel<Parse, infer_bits, bind_bits, run_bits>();
}

}  // namespace

void register_bitwise(Registry& registry) {
  registry.add(bits_entry("BitShift", {11}, bits_kernel<parse_shift>()));
  registry.add(bits_entry("BitwiseAnd", {18}, bits_kernel<parse_bits<Op::all_of>>()));
  registry.add({.name = "BitwiseNot",
                .since = {18},
                .kernel = kernel<parse_nothing, infer_not, run_not>(),
                .layout = LayoutRule::follow,
                .overwrites = {0},
                .tame = true});
  registry.add(bits_entry("BitwiseOr", {18}, bits_kernel<parse_bits<Op::any_of>>()));
  registry.add(bits_entry("BitwiseXor", {18}, bits_kernel<parse_bits<Op::one_of>>()));
  registry.add(bits_entry("Mod", {10, 13}, bits_kernel<parse_mod>()));
}

}  // namespace sluice::engine
