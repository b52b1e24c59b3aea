// Runner: executes assigned requests on the thread that owns it, batch by batch, and says what came
// of each. An executor has one; so has the link thread, for runs that are shorter than a hand-over.
//
// Requests of one batch share a run of the engine (join.h), others are run one by one. The id of
// every request is written into the executor's slot of the suspects memfd before it begins: what
// killed the worker can be read there afterwards.

#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "common/base/time.h"
#include "common/link/tensor_codec.h"
#include "worker/engine/engine.h"
#include "worker/serve/board.h"
#include "worker/serve/suspects.h"
#include "worker/serve/trial.h"

namespace sluice::worker {

class Runner {
 public:
  // All others outlive the runner.
  Runner(std::unique_ptr<engine::Execution> execution,
         const Trials& trials,
         Suspects& suspects,
         const Clock& clock)
      : trials_(&trials), suspects_(&suspects), clock_(&clock), execution_(std::move(execution)) {}

  // `batch`: requests of executor number `executor` that have one leader; `board` is that
  // executor's, and gets a Done for each. The ends of a batch leave together: until then its
  // leader's slot is its own.
  void execute_batch(std::size_t executor, std::span<const Assigned> batch, Board& board);

  [[nodiscard]] engine::Execution& execution() noexcept { return *execution_; }

 private:
  bool begin(const Assigned& request, Board& board);
  void execute_begun(std::size_t executor, std::size_t leader, Board& board);

  const Trials* trials_;
  Suspects* suspects_;
  const Clock* clock_;
  std::unique_ptr<engine::Execution> execution_;
  link::Encoder encoder_;
  // Of the batch at hand; kept for their memory.
  std::vector<const Assigned*> begun_;
  std::vector<RequestId> ids_;
};

}  // namespace sluice::worker
