// The environment that the engine's libraries read when a process starts: set by whoever spawns it,
// because in main it is too late.

#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace sluice {

// OMP_NUM_THREADS as one execution may use, OPENBLAS_NUM_THREADS=1 and GOMP_SPINCOUNT=2000 (libgomp
// would spin for 8-10 ms after each run; passive waiting makes two threads as slow as one), as
// "NAME=VALUE" for SpawnSpec::environment. `threads` at least 1.
std::vector<std::string> engine_environment(int threads);

// For a process that runs the engine itself and was not spawned that way: when its environment
// differs, executes itself again, with the right one and the same command line; returns only when
// nothing had to change, or with unavailable. Call before any thread exists.
Result<void> enter_engine_environment(int threads);

}  // namespace sluice
