// Constant folding: steps whose inputs are all known when the model is loaded.

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "worker/engine/plan/plan.h"
#include "worker/engine/plan/uses.h"
#include "worker/engine/run/node_run.h"
#include "worker/engine/values/widen.h"

namespace sluice::engine {
namespace {

bool all_constant(const Plan& plan, const Step& step) {
  return std::ranges::all_of(step.node.inputs, [&](ValueId value) {
    return value == kNoValue || plan.is_constant(value);
  });
}

Result<void> fold_step(Plan& plan, Step& step) {
  SLUICE_TRY(prepare_step(plan, step, true));
  step.consumed.assign(step.consumed.size(), false);
  std::vector<TensorView> inputs;
  for (const ValueId value : step.node.inputs) {
    inputs.emplace_back();
    if (value != kNoValue) {
      SLUICE_TRY_ASSIGN(inputs.back(), plan.constants[value]->view());
    }
  }
  SLUICE_TRY_ASSIGN(const StepRun::Outputs outputs, run_step(step, inputs));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (step.node.outputs[i] != kNoValue) {
      plan.constants[step.node.outputs[i]] = std::make_shared<Constant>(std::move(*outputs[i]));
    }
  }
  return {};
}

// False where there would be many more elements: an expanded constant is better made when it is
// needed. Weights that are stored in fewer bytes are not: a run would need as much memory for them.
bool worth_folding(const Plan& plan, const Step& step) {
  if (step.node.inputs.empty() && step.node.op_type == "Constant") {
    return true;  // a weight, written as a node
  }
  if (!plan.takes(PassFamily::constants)) {
    return false;
  }
  std::vector<TensorView> inputs;
  std::size_t bytes = 64 * limits::kKiB;
  std::int64_t most = 0;
  for (const ValueId value : step.node.inputs) {
    inputs.emplace_back();
    if (value != kNoValue) {
      auto view = plan.constants[value]->view();
      if (!view) {
        return false;
      }
      inputs.back() = *view;
      bytes += view->size();
      most = std::max(most, view->count);
    }
  }
  const auto facts = facts_of(inputs);
  const auto made = infer_outputs(step, facts);
  if (!made) {
    return false;  // the run will say so, with its context
  }
  for (const OutputFact& fact : *made) {
    if (fact.data_dependent) {
      return false;
    }
    const auto size = storage_bytes(fact.datatype, fact.dims);
    const auto count = element_count(fact.dims);
    if (!size || !count || (*count > most && *size > std::min(bytes, limits::kFoldedBytes))) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<void> fold_constants(Plan& plan, bool but_quantized) {
  std::vector<std::size_t> uses = uses_of(plan);
  std::vector<bool> made(plan.constants.size(), false);
  std::vector<Step> kept;
  for (Step& step : plan.steps) {
    if (!step.entry->pure || step.entry->kernel.infer == nullptr || !all_constant(plan, step) ||
        (but_quantized && step.node.op_type == "DequantizeLinear") || !worth_folding(plan, step)) {
      kept.push_back(std::move(step));
      continue;
    }
    if (auto folded = fold_step(plan, step); !folded) {
      return with_context(std::move(folded).error(), describe(step.node));
    }
    for (const ValueId value : step.node.outputs) {
      if (value != kNoValue) {
        made[value] = true;
      }
    }
    for (const ValueId value : step.node.inputs) {
      if (value != kNoValue && --uses[value] == 0 && made[value]) {
        plan.constants[value].reset();  // large weights come by several steps
      }
    }
  }
  plan.steps = std::move(kept);
  return {};
}

}  // namespace sluice::engine
