// RotatePairs (sluice.fused): made by the plan of what exporters write out for rotary positions
// (worker/engine/plan/rotary_patterns.cc).
// x [..., P, E], E >= 2; cosine and sine broadcast with [..., P]. y [..., P, 2]:
//   y[..., 0] = x[..., 0] * cosine - x[..., 1] * sine
//   y[..., 1] = x[..., 0] * sine   + x[..., 1] * cosine
// float32. Every product is rounded by itself, as it is in the steps that this replaces.

#include <utility>

#include "worker/ops/broadcast.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

struct RotateParams {};

Result<RotateParams> parse_rotate(const Node& node) {
  SLUICE_TRY(Attributes(node).finish());
  return RotateParams{};
}

Result<OutputFacts> infer_rotate(const RotateParams&, const InputFacts& facts) {
  for (const std::size_t i : {0U, 1U, 2U}) {
    if (facts.at(i).datatype != DataType::float32) {
      return unsupported_type(facts.at(i).datatype);
    }
  }
  const Dims x = facts.at(0).dims;
  if (x.empty() || x.back() < 2) {
    return bad_input("no pairs in " + to_string(x));
  }
  SLUICE_TRY_ASSIGN(Shape dims, broadcast_dims(x.first(x.size() - 1), facts.at(1).dims));
  SLUICE_TRY_ASSIGN(dims, broadcast_dims(dims, facts.at(2).dims));
  dims.push_back(2);
  return one_output(DataType::float32, std::move(dims));
}

struct RotateBound {
  BroadcastLoop<3> loop;  // x, cosine and sine over the pairs
  std::int64_t step = 2;  // of x, from pair to pair
};

Result<RotateBound> bind_rotate(const RotateParams&, BindContext& context) {
  const auto outer = [](Dims dims) { return Shape(dims.begin(), dims.end() - 1); };
  const auto whole = [](Dims dims) { return Shape(dims.begin(), dims.end()); };
  const Dims x = context.inputs[0].dims;
  return RotateBound{.loop = make_loop<3>(
                         outer(context.outputs[0].dims),
                         {outer(x), whole(context.inputs[1].dims), whole(context.inputs[2].dims)}),
                     .step = x.back()};
}

Result<void> run_rotate(const RotateParams&, const RotateBound& bound, KernelContext& context) {
  TensorView& y = context.output(0);
  if (y.count == 0) {
    return {};
  }
  const float* x = context.input(0).as<float>().data();
  const float* cosine = context.input(1).as<float>().data();
  const float* sine = context.input(2).as<float>().data();
  float* to = y.mut<float>().data();
  const auto& step = bound.loop.inner_step;
  for_pieces(bound.loop, [&](const auto& at, std::int64_t out, std::int64_t count) {
    const float* from = x + at[0] * bound.step;
    for (std::int64_t i = 0; i < count; ++i) {
      const float first = from[i * step[0] * bound.step];
      const float second = from[i * step[0] * bound.step + 1];
      const float c = cosine[at[1] + i * step[1]];
      const float s = sine[at[2] + i * step[2]];
      to[2 * (out + i)] = first * c - second * s;
      to[2 * (out + i) + 1] = first * s + second * c;
    }
  });
  return {};
}

}  // namespace

void register_rotate_pairs(Registry& registry) {
  registry.add({.name = "RotatePairs",
                .domain = std::string(kFusedDomain),
                .since = {1},
                .arity = {3, 3, 1},
                .kernel = bound_kernel<parse_rotate, infer_rotate, bind_rotate, run_rotate>(),
                .tame = true});
}

}  // namespace sluice::engine
