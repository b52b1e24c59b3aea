// One simulated history of a model's versions: nodes, workers, two shards and a fleet, changes of
// the folder, operators, faults; then calm, and what must have come of it.

#pragma once

#include <cstdint>
#include <string>

#include "gateway/control/rollout.h"
#include "tests/sim/rollout/world.h"

namespace sluice::sim::rollout {

struct Outcome {
  std::uint64_t seed = 0;
  std::string violation;  // empty: all was well
  std::uint64_t hash = 0;
  Coverage coverage;
};

// Stops at the first violation. `trace`: prints every event.
Outcome simulate(std::uint64_t seed, const gateway::RolloutRules& rules = {}, bool trace = false);

}  // namespace sluice::sim::rollout
