// Runs on: an executor thread of the worker, one for each.
// Receives: UseExecution, ProbeModel, Run, StopExecutor (from the link).
// Sends:    Probed, TrialFailed, Finished (to the link).
//
// Executes runs by its Runner. Answers go back as they are ready, those of very short executions
// several at once.

#pragma once

#include <cstddef>
#include <optional>

#include "common/actor/loop.h"
#include "common/actor/mailbox.h"
#include "common/base/time.h"
#include "worker/serve/board.h"
#include "worker/serve/messages.h"
#include "worker/serve/runner.h"
#include "worker/serve/start_board.h"
#include "worker/serve/suspects.h"

namespace sluice::worker {

class ExecutorActor {
 public:
  struct Parts {
    std::size_t index = 0;
    actor::Loop* loop = nullptr;
    actor::Link<LinkInbox>* link = nullptr;
    Board* board = nullptr;
    StartBoard* start_board = nullptr;
    Suspects* suspects = nullptr;
    const Clock* clock = nullptr;
  };

  explicit ExecutorActor(const Parts& parts) : parts_(parts) {}

  void receive(ExecutorInbox message, TimePoint now);

 private:
  void on_use_execution(UseExecution& message);
  void on_probe();
  void on_run(const Run& run);
  void send(LinkInbox message);
  void flush();

  Parts parts_;
  const Trials* trials_ = nullptr;
  std::optional<Runner> runner_;
  Finished finished_;   // not sent yet
  TimePoint oldest_{};  // when the first of them ended
};

}  // namespace sluice::worker
