// One request through the engine: frames in, answer out. No sockets, no threads.

#pragma once

#include <atomic>
#include <optional>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/link/infer.h"
#include "common/link/message.h"
#include "common/link/tensor_codec.h"
#include "worker/engine/engine.h"
#include "worker/serve/done.h"
#include "worker/serve/job.h"
#include "worker/serve/served_model.h"

namespace sluice::worker {

struct Executed {
  Outcome outcome = Outcome::executed;
  std::optional<Duration> service;
  link::Message answer;  // kind, id, attempt and body
};

// Decodes, checks against the model, runs and encodes. The outputs are written by the engine
// straight into the buffers that travel. Whatever goes wrong is the request's own failure: an
// exception of the engine, a lack of memory and an answer too large for the link as well.
Executed execute(const Job& job,
                 const ServedModel& served,
                 engine::Execution& execution,
                 const std::atomic<bool>& stop,
                 const Clock& clock,
                 link::Encoder& encoder);

// The first half: what `job` asks, decoded and held against the model.
Result<InferRequest> accept(const Job& job, const ServedModel& served);
// The last half: the answer to an accepted request, or why there is none.
link::Message answer_of(const Job& job,
                        const ServedModel& served,
                        Result<std::vector<NamedTensor>> outputs,
                        const InferTiming& timing,
                        link::Encoder& encoder);

// The answer of a request that was not executed, or not to its end.
link::Message failure_of(RequestId id, std::uint32_t attempt, const Error& error);

}  // namespace sluice::worker
