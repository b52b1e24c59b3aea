// One run of a freshly loaded model with made-up inputs, so that the first request does not pay for
// what an engine makes at first use, and a model that cannot run at all is never ready.

#pragma once

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/link/infer.h"
#include "worker/engine/engine.h"

namespace sluice::worker {

// Runs with every free extent 1: floats 0.5, integers 0 (they may be indices), inputs named *mask*
// 1, strings empty. Returns how long the run took. invalid_argument when the model does not take
// such inputs, which says nothing against it; every other error does.
Result<Duration> warm_up(engine::Execution& execution, const ModelInfo& info, const Clock& clock);

}  // namespace sluice::worker
