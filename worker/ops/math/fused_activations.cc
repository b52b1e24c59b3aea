// Gelu and Silu of the domain for fused steps, as exporters write them out, for the patterns that
// find them (worker/engine/patterns.cc). float32.
//
//   Gelu  y[i] = x[i] / 2 * (1 + erf(x[i] / sqrt 2))
//   Silu  y[i] = x[i] * sigmoid(x[i])

#include "worker/engine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

Result<OutputFacts> infer_float(const NoParams& params, const InputFacts& facts) {
  if (facts.at(0).datatype != DataType::float32) {
    return unsupported_type(facts.at(0).datatype);
  }
  return infer_same(params, facts);
}

template <simd::UnaryOp kOp>
Result<void> run_unary(const NoParams&, KernelContext& context) {
  const float* from = context.input(0).as<float>().data();
  float* to = context.output(0).mut<float>().data();
  parallel_for(context.input(0).count, 8'192, [&](std::int64_t begin, std::int64_t end) {
    simd::unary(kOp, 0, 0, from + begin, to + begin, end - begin);
  });
  return {};
}

template <simd::UnaryOp kOp>
OperatorEntry fused_entry(const char* name) {
  return {.name = name,
          .domain = std::string(kFusedDomain),
          .since = {1},
          .kernel = kernel<parse_nothing, infer_float, run_unary<kOp>>(),
          .layout = LayoutRule::follow,
          .overwrites = {0},
          .tame = true};
}

}  // namespace

void register_fused_activations(Registry& registry) {
  registry.add(fused_entry<simd::UnaryOp::gelu>("Gelu"));
  registry.add(fused_entry<simd::UnaryOp::silu>("Silu"));
}

}  // namespace sluice::engine
