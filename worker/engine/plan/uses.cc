#include "worker/engine/plan/uses.h"

namespace sluice::engine {

std::vector<std::size_t> uses_of(const Plan& plan) {
  std::vector<std::size_t> uses(plan.constants.size(), 0);
  for (const Step& step : plan.steps) {
    for (const ValueId value : step.node.inputs) {
      if (value != kNoValue) {
        ++uses[value];
      }
    }
  }
  for (const Declared& output : plan.outputs) {
    ++uses[output.value];
  }
  return uses;
}

}  // namespace sluice::engine
