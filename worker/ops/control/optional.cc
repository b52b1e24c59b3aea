// Optional, OptionalGetElement, OptionalHasElement.
// Spec: https://onnx.ai/onnx/operators/onnx__Optional.html and its neighbours (read 2026-11).
// Types: of tensors and of sequences. An optional that holds something is that value, so that
// Optional and OptionalGetElement hand on what they get; since 18 the latter two also take values
// that are no optionals, and OptionalHasElement's input may be left out, which holds nothing.

#include <utility>

#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

Result<NoParams> parse_optional(const Node& node) {
  Attributes attributes(node);
  attributes.ignore("type");  // of an optional that holds nothing; we go by what comes
  SLUICE_TRY(attributes.finish());
  return NoParams{};
}

bool holds(const ValueContext& context) {
  if (!context.has(0)) {
    return false;
  }
  const ValueInput& input = context.inputs()[0];
  return input.is_tensor() || input.value->is_sequence();
}

Result<std::vector<Value>> run_optional(const NoParams&, ValueContext& context) {
  std::vector<Value> made(1);
  if (context.has(0)) {
    SLUICE_TRY_ASSIGN(made[0], value_of(context.inputs()[0]));
  }
  return made;
}

Result<std::vector<Value>> run_get(const NoParams& params, ValueContext& context) {
  if (!holds(context)) {
    return bad_input("its optional holds nothing");
  }
  return run_optional(params, context);
}

Result<std::vector<Value>> run_has(const NoParams&, ValueContext& context) {
  std::vector<Value> made;
  made.emplace_back(Tensor::of<bool>({}, {holds(context)}));
  return made;
}

}  // namespace

void register_optional(Registry& registry) {
  registry.add({.name = "Optional",
                .since = {15},
                .arity = {0, 1, 1},
                .kernel = value_kernel<parse_optional, run_optional>(),
                .halves = HalfRule::native});
  registry.add({.name = "OptionalGetElement",
                .since = {15, 18},
                .kernel = value_kernel<parse_nothing, run_get>(),
                .halves = HalfRule::native});
  registry.add({.name = "OptionalHasElement",
                .since = {15, 18},
                .arity = {0, 1, 1},
                .kernel = value_kernel<parse_nothing, run_has>(),
                .halves = HalfRule::native});
}

}  // namespace sluice::engine
