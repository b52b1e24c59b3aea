// And, Not, Or, Xor: truth values, element by element, the two-handed ones broadcast.
// Spec: https://onnx.ai/onnx/operators/onnx__And.html and its neighbours (read 2026-11).
// Types: bool. Opsets: before 7
// the second operand is stretched by attributes.

#include <cstdint>
#include <functional>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/elements.h"
#include "worker/ops/math/two_operands.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/plain.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum class Op : std::uint8_t { both, either, one };

struct LogicParams {
  Op op = Op::both;
  Stretch stretch{};
};

template <Op kOp>
Result<LogicParams> parse_logic(const Node& node) {
  Attributes attributes(node);
  LogicParams params{.op = kOp};
  SLUICE_TRY_ASSIGN(params.stretch, parse_stretch(node, attributes));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_logic(const LogicParams& params, const InputFacts& facts) {
  SLUICE_TRY(same_datatype(facts));
  if (facts.at(0).datatype != DataType::boolean) {
    return unsupported_type(facts.at(0).datatype);
  }
  SLUICE_TRY_ASSIGN(Shape dims, stretched_dims(params.stretch, facts.at(0).dims, facts.at(1).dims));
  return one_output(DataType::boolean, std::move(dims));
}

Result<BroadcastLoop<2>> bind_logic(const LogicParams& params, BindContext& context) {
  return bind_stretch(params.stretch, context);
}

Result<void> run_logic(const LogicParams& params,
                       const BroadcastLoop<2>& loop,
                       KernelContext& context) {
  // A byte of 0 or 1 each.
  const auto* a = elements<std::uint8_t>(context.input(0));
  const auto* b = elements<std::uint8_t>(context.input(1));
  auto* out = elements<std::uint8_t>(context.output(0));
  if (context.output(0).count == 0) {
    return {};
  }
  switch (params.op) {
    case Op::both:
      map_broadcast(loop, a, b, out, std::bit_and<std::uint8_t>());
      break;
    case Op::either:
      map_broadcast(loop, a, b, out, std::bit_or<std::uint8_t>());
      break;
    case Op::one:
      map_broadcast(loop, a, b, out, std::bit_xor<std::uint8_t>());
      break;
  }
  return {};
}

Result<OutputFacts> infer_not(const NoParams& params, const InputFacts& facts) {
  if (facts.at(0).datatype != DataType::boolean) {
    return unsupported_type(facts.at(0).datatype);
  }
  return infer_same(params, facts);
}

Result<void> run_not(const NoParams&, KernelContext& context) {
  const bool* x = context.input(0).as<bool>().data();
  bool* y = context.output(0).mut<bool>().data();
  parallel_for(context.input(0).count, 65'536, [&](std::int64_t begin, std::int64_t end) {
    simd::invert(x + begin, end - begin, y + begin);
  });
  return {};
}

template <Op kOp>
OperatorEntry logic_entry(const char* name) {
  return {.name = name,
          .since = {1, 7},
          .arity = {2, 2, 1},
          .kernel = bound_kernel<parse_logic<kOp>, infer_logic, bind_logic, run_logic>(),
          .layout = LayoutRule::follow,
          .overwrites = {0, 1},
          .tame = true};
}

}  // namespace

void register_logic(Registry& registry) {
  registry.add(logic_entry<Op::both>("And"));
  registry.add({.name = "Not",
                .since = {1},
                .kernel = kernel<parse_nothing, infer_not, run_not>(),
                .layout = LayoutRule::follow,
                .overwrites = {0},
                .tame = true});
  registry.add(logic_entry<Op::either>("Or"));
  registry.add(logic_entry<Op::one>("Xor"));
}

}  // namespace sluice::engine
