// Gelu of the domain for fused steps: y[i] = x[i] / 2 * (1 + erf(x[i] / sqrt 2)), as exporters
// write it out, for the pattern that finds it (worker/engine/patterns.cc). float32.

#include "worker/engine/parallel.h"
#include "worker/ops/register.h"
#include "worker/ops/simd/rows.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

Result<OutputFacts> infer_gelu(const NoParams& params, const InputFacts& facts) {
  if (facts.at(0).datatype != DataType::float32) {
    return unsupported_type(facts.at(0).datatype);
  }
  return infer_same(params, facts);
}

Result<void> run_gelu(const NoParams&, KernelContext& context) {
  const float* from = context.input(0).as<float>().data();
  float* to = context.output(0).mut<float>().data();
  parallel_for(context.input(0).count, 8'192, [&](std::int64_t begin, std::int64_t end) {
    simd::unary(simd::UnaryOp::gelu, 0, 0, from + begin, to + begin, end - begin);
  });
  return {};
}

}  // namespace

void register_fused_gelu(Registry& registry) {
  registry.add({.name = "Gelu",
                .domain = std::string(kFusedDomain),
                .since = {1},
                .kernel = kernel<parse_nothing, infer_gelu, run_gelu>(),
                .layout = LayoutRule::follow,
                .overwrites = {0},
                .tame = true});
}

}  // namespace sluice::engine
