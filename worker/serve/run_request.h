// A request that fits the model, through the engine: names to places, shapes of clients to shapes
// of the engine and back, outputs written by the engine straight into the buffers that travel.

#pragma once

#include <atomic>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "worker/engine/engine.h"
#include "worker/serve/served_model.h"

namespace sluice::worker {

// `request` has passed validate() against served.info. The answer has the wanted outputs in their
// order, with their names. An exception of the engine and a lack of memory are errors like others.
Result<std::vector<NamedTensor>> run_request(const InferRequest& request,
                                             const ServedModel& served,
                                             engine::Execution& execution,
                                             const std::atomic<bool>* stop);

}  // namespace sluice::worker
