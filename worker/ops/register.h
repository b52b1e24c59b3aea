// All operators there are.

#pragma once

#include "worker/engine/graph/registry.h"

namespace sluice::engine {

void register_all(Registry& registry);
// Domain "sluice.test": Abort, Sleep, Spin. For the tests of the cluster.
void register_test_operators(Registry& registry);

}  // namespace sluice::engine
