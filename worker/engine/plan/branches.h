// The branches of an If as steps of the graph around it. Exporters write an If where PyTorch's
// squeeze drops an extent that may be 1: the condition looks at a shape, and is known as soon as
// the inputs' shapes are. A binding that knows it takes that branch's steps in the If's place, and
// what lies behind it has dims, a layout and a place in memory like everything else.

#pragma once

#include "common/base/result.h"
#include "worker/engine/plan/plan.h"
#include "worker/engine/plan/subgraph.h"

namespace sluice::engine {

// For each value of the graph inside that the graph around has, too: its number there.
using Outside = std::vector<std::pair<ValueId, ValueId>>;  // inside, outside

// Fills `branch.inlined` where every step of the branch can stand outside; `step` is the If. Adds
// the values and constants of the branch to `around`.
Result<void> inline_branch(Plan& around,
                           const Step& step,
                           const Outside& captured,
                           const Registry& registry,
                           Subgraph& branch);

// The steps of the branch that an If takes whose condition is `holds`; empty: it is run by itself.
std::span<const Step> steps_of_branch(const Step& step, bool holds);

[[nodiscard]] bool is_if(const Step& step);

}  // namespace sluice::engine
