// One simulated history: a plan, a gateway of two shards, three workers, thirty seconds and more.

#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/oracle.h"
#include "tests/sim/shard_core.h"

namespace sluice::sim {

struct Outcome {
  std::uint64_t seed = 0;
  std::string violation;  // empty: all was well
  std::uint64_t hash = 0;
  Coverage coverage;
};

// Stops at the first violation. `trace`: prints every event.
Outcome simulate(std::uint64_t seed, Mutant mutant, bool trace = false);

}  // namespace sluice::sim
