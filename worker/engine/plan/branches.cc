#include "worker/engine/plan/branches.h"

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::engine {
namespace {

constexpr std::size_t kMost = 8;  // steps of a branch: the others are worth a run of their own

// Steps that need nothing but their node: neither packed weights nor graphs of their own, nothing
// fused, nothing made by the plan alone.
bool stands_alone(const Step& step) {
  const Kernel& kernel = step.entry->kernel;
  return kernel.infer != nullptr && kernel.prepare == nullptr && step.entry->pure &&
         step.graphs.empty() && step.entry->domain != kFusedDomain &&
         step.tail.activation == Activation::none && step.tail.bias == kNoValue &&
         !step.tail.residual;
}

// The results of the branch, each made by one of its steps.
bool makes_its_results(const Plan& branch) {
  std::vector<ValueId> made;
  for (const Step& step : branch.steps) {
    made.insert(made.end(), step.node.outputs.begin(), step.node.outputs.end());
  }
  std::vector<ValueId> results;
  for (const Declared& output : branch.outputs) {
    results.push_back(output.value);
  }
  const bool known = std::ranges::all_of(
      results, [&](ValueId value) { return std::ranges::find(made, value) != made.end(); });
  std::ranges::sort(results);
  return known && std::ranges::adjacent_find(results) == results.end();
}

}  // namespace

bool is_if(const Step& step) {
  return step.node.op_type == "If" && step.node.domain.empty();
}

Result<void> inline_branch(Plan& around,
                           const Step& step,
                           const Outside& captured,
                           const Registry& registry,
                           Subgraph& branch) {
  const Plan& inside = branch.plan;
  if (!is_if(step) || inside.outputs.size() < step.node.outputs.size() ||
      inside.steps.size() > kMost || !std::ranges::all_of(inside.steps, stands_alone) ||
      !makes_its_results(inside)) {
    return {};
  }
  std::map<ValueId, ValueId> outside(captured.begin(), captured.end());
  for (std::size_t i = 0; i < step.node.outputs.size(); ++i) {
    if (step.node.outputs[i] != kNoValue) {
      outside.emplace(inside.outputs[i].value, step.node.outputs[i]);
    }
  }
  const auto value_outside = [&](ValueId value) {
    if (value == kNoValue) {
      return value;
    }
    const auto [at, is_new] =
        outside.emplace(value, static_cast<ValueId>(around.value_names.size()));
    if (is_new) {
      if (inside.constants[value] != nullptr) {
        around.borrowed.insert(at->second);  // the branch's own plan frees it
      }
      around.value_names.push_back(inside.value_names[value]);
      around.constants.push_back(inside.constants[value]);
      around.typical.emplace_back();
      around.datatypes.push_back(DataType::undefined);
    }
    return at->second;
  };
  std::vector<Step> steps;
  for (const Step& from : inside.steps) {
    Node node = from.node;
    std::ranges::transform(node.inputs, node.inputs.begin(), value_outside);
    std::ranges::transform(node.outputs, node.outputs.begin(), value_outside);
    SLUICE_TRY_ASSIGN(Step made, make_step(std::move(node), registry));
    made.halves = from.halves;
    steps.push_back(std::move(made));
  }
  branch.inlined = std::move(steps);
  return {};
}

std::span<const Step> steps_of_branch(const Step& step, bool holds) {
  for (const auto& graph : step.graphs) {
    if (graph->attribute == (holds ? "then_branch" : "else_branch")) {
      return graph->inlined;
    }
  }
  return {};
}

}  // namespace sluice::engine
