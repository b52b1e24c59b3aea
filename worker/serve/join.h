// Several requests of one shape in one run: stacked along the batch, run, and taken apart again. No
// sockets, no threads.

#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/time.h"
#include "worker/engine/engine.h"
#include "worker/serve/execute.h"
#include "worker/serve/job.h"
#include "worker/serve/served_model.h"

namespace sluice::worker {

// Fills in what the batcher joins by: Job::shape (equal for requests that may share a run; 0 for
// one that may not, or that will be refused) and Job::rows.
void note_shape(Job& job, const ServedModel& served);

struct ExecutedTogether {
  std::vector<Executed> each;  // in the order of the jobs
  std::size_t runs = 0;        // of the engine
};

// Every job is answered by itself: one that is refused does not keep the others from their run, and
// when the run they share fails each is run alone, so that only the guilty fail. So it is when they
// turn out to be of different shapes, or the outputs not to be of their rows. `stop` ends the run
// they share; `stops` has the flag of each, looked at when it is run alone.
ExecutedTogether execute_together(std::span<const Job* const> jobs,
                                  std::span<const std::atomic<bool>* const> stops,
                                  const std::atomic<bool>& stop,
                                  const ServedModel& served,
                                  engine::Execution& execution,
                                  const Clock& clock,
                                  link::Encoder& encoder);

}  // namespace sluice::worker
