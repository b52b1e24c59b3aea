// Where: out[i] = condition[i] ? x[i] : y[i], all three broadcast.
// Spec: https://onnx.ai/onnx/operators/onnx__Where.html (read 2026-11).
// Types: all, strings too; the condition is bool. Opsets: 16 added bfloat16.

#include <string>
#include <type_traits>
#include <utility>

#include "worker/ops/broadcast.h"
#include "worker/ops/elements.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/plain.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

Result<OutputFacts> infer_where(const NoParams&, const InputFacts& facts) {
  const InputFact& condition = facts.at(0);
  const InputFact& x = facts.at(1);
  const InputFact& y = facts.at(2);
  if (condition.datatype != DataType::boolean) {
    return bad_input("its condition is " + std::string(name_of(condition.datatype)));
  }
  if (x.datatype != y.datatype) {
    return bad_input("it chooses between " + std::string(name_of(x.datatype)) + " and " +
                     std::string(name_of(y.datatype)));
  }
  SLUICE_TRY_ASSIGN(const Shape both, broadcast_dims(x.dims, y.dims));
  SLUICE_TRY_ASSIGN(Shape dims, broadcast_dims(condition.dims, both));
  return one_output(x.datatype, std::move(dims));
}

Result<BroadcastLoop<3>> bind_where(const NoParams&, BindContext& context) {
  const TensorView& out = context.outputs[0];
  return make_loop<3>(physical_dims_of(out),
                      {operand_dims(context.inputs[0], out),
                       operand_dims(context.inputs[1], out),
                       operand_dims(context.inputs[2], out)});
}

Result<void> run_where(const NoParams&, const BroadcastLoop<3>& loop, KernelContext& context) {
  TensorView& out = context.output(0);
  if (out.count == 0) {
    return {};
  }
  const bool* condition = context.input(0).as<bool>().data();
  dispatch_element(out.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const T* x = elements<T>(context.input(1));
    const T* y = elements<T>(context.input(2));
    T* to = elements<T>(out);
    for_pieces(loop, [&](const auto& at, std::int64_t begin, std::int64_t count) {
      if constexpr (std::is_same_v<T, std::string>) {
        for (std::int64_t i = 0; i < count; ++i) {
          to[begin + i] = condition[at[0] + i * loop.inner_step[0]]
                              ? x[at[1] + i * loop.inner_step[1]]
                              : y[at[2] + i * loop.inner_step[2]];
        }
      } else {
        simd::select({.condition = condition + at[0],
                      .condition_step = loop.inner_step[0],
                      .x = x + at[1],
                      .x_step = loop.inner_step[1],
                      .y = y + at[2],
                      .y_step = loop.inner_step[2],
                      .to = to + begin,
                      .element = sizeof(T),
                      .count = count});
      }
    });
  });
  return {};
}

}  // namespace

void register_where(Registry& registry) {
  registry.add({.name = "Where",
                .since = {9, 16},
                .arity = {3, 3, 1},
                .kernel = bound_kernel<parse_nothing, infer_where, bind_where, run_where>(),
                .layout = LayoutRule::follow,
                .halves = HalfRule::native,
                .overwrites = {1, 2},
                .tame = true});
}

}  // namespace sluice::engine
