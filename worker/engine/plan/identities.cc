// Steps that change nothing: Identity, a Cast to what it already is, Dropout outside of training.
// They would cost no copy, but stand between the steps of patterns and fusions.

#include <algorithm>
#include <numeric>
#include <set>

#include "worker/engine/plan/plan.h"
#include "worker/engine/values/widen.h"

namespace sluice::engine {
namespace {

bool is_same_type(const Plan& plan, const Node& node) {
  const DataType from = plan.datatypes[node.inputs[0]];
  // 16 bits are computed in 32: a Cast may be what rounds them.
  return from != DataType::undefined && from == plan.datatypes[node.outputs[0]] && !is_half(from);
}

// The kernel refuses to where it can see that it should.
bool may_train(const Plan& plan, const Node& node) {
  return node.has_input(2) && !plan.is_constant(node.inputs[2]);
}

bool is_identity(const Plan& plan, const Node& node) {
  const bool one_result = std::ranges::all_of(node.outputs.begin() + 1,
                                              node.outputs.end(),
                                              [](ValueId value) { return value == kNoValue; });
  if (!node.domain.empty() || !one_result) {
    return false;
  }
  if (node.op_type == "Cast") {
    return is_same_type(plan, node);
  }
  return node.op_type == "Identity" || (node.op_type == "Dropout" && !may_train(plan, node));
}

}  // namespace

void drop_identities(Plan& plan) {
  std::set<ValueId> outputs;
  for (const Declared& output : plan.outputs) {
    outputs.insert(output.value);
  }
  std::vector<ValueId> stands_for(plan.value_names.size());
  std::iota(stands_for.begin(), stands_for.end(), ValueId{0});
  std::erase_if(plan.steps, [&](Step& step) {
    rename_inputs(step.node, stands_for);
    if (!is_identity(plan, step.node) || outputs.contains(step.node.outputs[0])) {
      return false;
    }
    stands_for[step.node.outputs[0]] = step.node.inputs[0];
    return true;
  });
}

}  // namespace sluice::engine
