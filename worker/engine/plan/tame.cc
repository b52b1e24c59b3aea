// note_tame: where a NaN or an infinity cannot come from.
//
// A value is tame when finite inputs of the graph make it finite (but for overflow, which is not
// followed but of 16-bit floats, where it is near): it is a finite constant, or made from tame
// values by an operator that is tame, or by the steps of any branch of an If (branches.h). A fused
// relu or clip behind tame values may lose NaN, because a run with other inputs is bound apart.

#include <algorithm>

#include "worker/engine/plan/plan.h"
#include "worker/engine/plan/subgraph.h"
#include "worker/engine/values/finite.h"

namespace sluice::engine {
namespace {

bool is_finite_constant(const Plan& plan, ValueId value) {
  const Constant& constant = *plan.constants[value];
  if (constant.datatype() == DataType::string) {
    return true;
  }
  const bool finite = all_finite(constant.datatype(), constant.bytes());
  constant.forget_pages();
  return finite;
}

bool sees_tame(const Step& step, const std::vector<bool>& tame) {
  const bool bias = step.tail.bias == kNoValue || tame[step.tail.bias];
  return bias && std::ranges::all_of(step.node.inputs, [&](ValueId value) {
           return value == kNoValue || tame[value];
         });
}

// Notes of each result of the step whether it is tame.
void note_results(const Plan& plan, const Step& step, std::vector<bool>& tame) {
  std::vector<bool> results(step.node.outputs.size(), sees_tame(step, tame));
  for (const auto& graph : step.graphs) {
    for (const Step& inner : graph->inlined) {
      note_results(plan, inner, tame);
    }
    for (std::size_t i = 0; i < results.size(); ++i) {
      const ValueId value = step.node.outputs[i];
      results[i] = results[i] && !graph->inlined.empty() && value != kNoValue && tame[value];
    }
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (step.node.outputs[i] != kNoValue) {
      const ValueId value = step.node.outputs[i];
      tame[value] = results[i] && (step.entry->tame || !step.graphs.empty()) &&
                    !is_half(plan.datatypes[value]);
    }
  }
}

}  // namespace

void note_tame(Plan& plan) {
  plan.looks_for_nan = std::ranges::any_of(plan.steps, [](const Step& step) {
    return step.tail.activation == Activation::relu || step.tail.activation == Activation::clip ||
           step.entry->spreads_nan;
  });
  if (!plan.looks_for_nan) {
    return;
  }
  std::vector<bool> tame(plan.value_names.size(), false);
  for (const Declared& input : plan.inputs) {
    tame[input.value] = true;
  }
  for (ValueId value = 0; value < plan.constants.size(); ++value) {
    if (plan.is_constant(value)) {
      tame[value] = is_finite_constant(plan, value);
    }
  }
  for (Step& step : plan.steps) {
    step.tame = sees_tame(step, tame);
    note_results(plan, step, tame);
  }
}

}  // namespace sluice::engine
