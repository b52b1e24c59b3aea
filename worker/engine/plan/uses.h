// How often a plan's values are read.

#pragma once

#include <cstddef>
#include <vector>

#include "worker/engine/plan/plan.h"

namespace sluice::engine {

// By ValueId: the inputs of steps that are it, and one more where the graph gives it out.
std::vector<std::size_t> uses_of(const Plan& plan);

}  // namespace sluice::engine
