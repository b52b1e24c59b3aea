// Runs on: an executor thread of the worker, one for each.
// Receives: UseSession, ProbeModel, Run, StopExecutor (from the link).
// Sends:    ExecutorReady, Probed, TrialFailed, Finished (to the link).
//
// Requests of one batch share a run of the engine (join.h), others are run one by one. Writes the
// id of every request it executes into its slot of the suspects memfd before it begins: what killed
// the worker can be read there afterwards. Answers go back as they are ready, those of very short
// executions several at once.

#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "common/actor/loop.h"
#include "common/actor/mailbox.h"
#include "common/base/time.h"
#include "common/link/tensor_codec.h"
#include "worker/engine/engine.h"
#include "worker/serve/board.h"
#include "worker/serve/messages.h"
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
  void on_use_session(const UseSession& message);
  void on_probe();
  void on_run(const Run& run);
  bool begin(const Assigned& request, Done& done);
  void execute_batch(std::span<const Assigned> batch);
  void execute_begun(std::size_t leader);
  void send(LinkInbox message);
  void flush();

  Parts parts_;
  const Trials* trials_ = nullptr;
  std::unique_ptr<engine::Execution> execution_;
  link::Encoder encoder_;
  // Of the batch at hand; kept for their memory.
  struct Begun {
    const Assigned* request = nullptr;
    std::size_t done = 0;  // its place in finished_
  };
  std::vector<Begun> begun_;
  std::vector<RequestId> ids_;
  Finished finished_;   // not sent yet
  TimePoint oldest_{};  // when the first of them ended
};

}  // namespace sluice::worker
