// Done: what came of a request that an executor was given.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "common/base/time.h"
#include "common/link/message.h"
#include "worker/serve/job.h"

namespace sluice::worker {

enum class Outcome : std::uint8_t {
  executed,   // the engine ran, well or not
  expired,    // its deadline had passed before its turn
  cancelled,  // its stop flag ended the run
  refused,    // it could not be decoded or does not fit the model
  revoked,    // the link took it back: no answer from here
};

// The end of one assigned request: `answer` is a whole result or failure but for its credit.
struct Done {
  std::uint64_t order = 0;  // Job::order
  LinkRef to;
  Outcome outcome = Outcome::executed;
  std::optional<Duration> service;  // its part of an engine run
  link::Message answer;
  bool answered = false;  // the link thread's own: it has sent the answer, and will hear of the end
};

}  // namespace sluice::worker
