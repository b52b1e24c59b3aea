// The inboxes of the worker's threads: every message that crosses a thread boundary.

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/link/control_messages.h"
#include "worker/engine/engine.h"
#include "worker/serve/batcher.h"
#include "worker/serve/trial.h"

namespace sluice::worker {

// --- to an executor ------------------------------------------------------------------------------

// From the link, once the model is loaded: what to run requests on, warmed up. No answer.
struct UseExecution {
  std::unique_ptr<engine::Execution> execution;
  const Trials* trials = nullptr;  // outlive the executor
};

// From the link to one executor, after that: run the probes. Answer: Probed or TrialFailed.
struct ProbeModel {};

// From the link, at the end: leave the loop. No answer.
struct StopExecutor {};

// Run (batcher.h), from the link: execute its requests, batch by batch. Answer: Finished, once or
// more.
using ExecutorInbox = std::variant<UseExecution, ProbeModel, Run, StopExecutor>;

// --- to the link ---------------------------------------------------------------------------------

// From the loader: the model is loaded, fits its configuration and is being run once.
struct LoaderWarming {
  const Trials* trials = nullptr;  // the loader's until its last message brings them
};

// From the loader, last: the model answers.
struct ModelLoaded {
  std::unique_ptr<engine::Engine> engine;  // outlives the session
  std::unique_ptr<engine::Session> session;
  std::unique_ptr<const Trials> trials;
  std::vector<std::unique_ptr<engine::Execution>> executions;  // one an executor, warmed up
  Duration service{};                                          // of one run
};

// From the loader, last: it cannot be served.
struct LoadFailed {
  std::string reason;
  std::unique_ptr<const Trials> trials;  // where LoaderWarming named them
};

// From the executor that probed: nothing speaks against the version.
struct Probed {
  link::Findings findings;
};

// From the executor that probed: the version cannot be served.
struct TrialFailed {
  std::string reason;
};

// From an executor: these requests of its run have ended; their Dones are on its board.
struct Finished {
  std::size_t executor = 0;
  std::vector<std::size_t> slots;
};

// From any other thread, last: an exception ended it.
struct ThreadBroken {
  std::string reason;
};

using LinkInbox = std::
    variant<LoaderWarming, ModelLoaded, LoadFailed, Probed, TrialFailed, Finished, ThreadBroken>;

}  // namespace sluice::worker
