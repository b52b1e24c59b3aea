// Warming up: every execution of a fresh model answers before it is an executor's.

#pragma once

#include <memory>
#include <span>

#include "common/base/result.h"
#include "common/base/time.h"
#include "worker/engine/engine.h"
#include "worker/serve/start_board.h"
#include "worker/serve/trial.h"

namespace sluice::worker {

// Runs all warm-ups on each execution: on the first alone, where a model that is broken shows it,
// then on the others at once, each on a thread of its own that is as quiet as the caller. Shows on
// the board of the same index what each is at. Returns the time of the last run of the first
// without what it waited for a processor, which says nothing of the model.
Result<Duration> warm_up(const Trials& trials,
                         std::span<const std::unique_ptr<engine::Execution>> executions,
                         std::span<StartBoard> boards);

}  // namespace sluice::worker
