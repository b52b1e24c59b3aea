// Add, Div, Mul, Sub: element by element, broadcast.
// Spec: https://onnx.ai/onnx/operators/onnx__Add.html and its neighbours (read 2026-11).
// Types: all numbers; float32 by vector kernels. Integers as in arithmetic.h.
// Opsets: before 7 broadcasting is by attributes (`broadcast`, `axis`), the second operand only;
// both attributes are honoured. Version 1's `consumed_inputs` is a hint that changes nothing.

#include <utility>

#include "worker/ops/math/arithmetic.h"
#include "worker/ops/math/two_operands.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct BinaryParams {
  Arithmetic op = Arithmetic::add;
  Stretch stretch{};
};

template <Arithmetic kOp>
Result<BinaryParams> parse_binary(const Node& node) {
  Attributes attributes(node);
  BinaryParams params{.op = kOp};
  SLUICE_TRY_ASSIGN(params.stretch, parse_stretch(node, attributes));
  if (node.since == 1) {
    attributes.ignore("consumed_inputs");
  }
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_binary(const BinaryParams& params, const InputFacts& facts) {
  const InputFact& a = facts.at(0);
  const InputFact& b = facts.at(1);
  if (!is_number(a.datatype) || !is_number(b.datatype)) {
    return unsupported_type(is_number(a.datatype) ? b.datatype : a.datatype);
  }
  SLUICE_TRY(same_datatype(facts));
  SLUICE_TRY_ASSIGN(Shape dims, stretched_dims(params.stretch, a.dims, b.dims));
  return one_output(a.datatype, std::move(dims));
}

Result<BroadcastLoop<2>> bind_binary(const BinaryParams& params, BindContext& context) {
  return bind_stretch(params.stretch, context);
}

void run_float(simd::BinaryOp op, const BroadcastLoop<2>& loop, KernelContext& context) {
  const float* a = context.input(0).as<float>().data();
  const float* b = context.input(1).as<float>().data();
  float* out = context.output(0).mut<float>().data();
  if (repeats_a_short_row(loop, 1)) {
    for_joined_rows(loop, b, [&](std::int64_t at, const float* repeated, std::int64_t count) {
      simd::binary(op, {a + at, 1, repeated, 1, out + at, count});
    });
    return;
  }
  if (repeats_a_short_row(loop, 0)) {
    for_joined_rows(loop, a, [&](std::int64_t at, const float* repeated, std::int64_t count) {
      simd::binary(op, {repeated, 1, b + at, 1, out + at, count});
    });
    return;
  }
  for_pieces(loop, [&](const auto& at, std::int64_t to, std::int64_t count) {
    simd::binary(op,
                 {.a = a + at[0],
                  .a_step = loop.inner_step[0],
                  .b = b + at[1],
                  .b_step = loop.inner_step[1],
                  .out = out + to,
                  .count = count});
  });
}

Result<void> run_binary(const BinaryParams& params,
                        const BroadcastLoop<2>& loop,
                        KernelContext& context) {
  constexpr simd::BinaryOp kOps[] = {
      simd::BinaryOp::add, simd::BinaryOp::sub, simd::BinaryOp::mul, simd::BinaryOp::div};
  const DataType datatype = context.output(0).datatype;
  if (context.output(0).count == 0) {
    return {};
  }
  if (datatype == DataType::float32) {
    run_float(kOps[static_cast<std::size_t>(params.op)], loop, context);
    return {};
  }
  const bool known = dispatch_number(datatype, [&](auto tag) {
    using T = decltype(tag);
    with_arithmetic<T>(params.op, [&](const auto& f) {
      map_broadcast(loop,
                    context.input(0).as<T>().data(),
                    context.input(1).as<T>().data(),
                    context.output(0).template mut<T>().data(),
                    f);
    });
  });
  SLUICE_CHECK(known);
  return {};
}

template <Arithmetic kOp>
OperatorEntry binary_entry(const char* name) {
  return {.name = name,
          .since = {1, 6, 7, 13, 14},
          .arity = {2, 2, 1},
          .kernel = bound_kernel<parse_binary<kOp>, infer_binary, bind_binary, run_binary>(),
          .layout = LayoutRule::follow,
          .overwrites = {0, 1},
          .tame = kOp != Arithmetic::div};
}

}  // namespace

void register_binary(Registry& registry) {
  registry.add(binary_entry<Arithmetic::add>("Add"));
  registry.add(binary_entry<Arithmetic::div>("Div"));
  registry.add(binary_entry<Arithmetic::mul>("Mul"));
  registry.add(binary_entry<Arithmetic::sub>("Sub"));
}

}  // namespace sluice::engine
