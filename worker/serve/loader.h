// Runs on: the loader thread of the worker, which it lowers and ends with.
// Receives: nothing.
// Sends:    LoaderWarming, then ModelLoaded or LoadFailed (to the link).

#pragma once

#include <string>

#include "common/actor/mailbox.h"
#include "common/base/time.h"
#include "worker/serve/messages.h"
#include "worker/serve/serving_plan.h"
#include "worker/serve/start_board.h"

namespace sluice::worker {

struct LoaderOptions {
  std::string engine_library;  // empty: engine::default_library()
  ServingPlan plan;
  int threads = 1;
  bool test_operators = false;
};

// Opens the engine, loads the model, holds it against its configuration and runs each warm-up once.
// The thread's own nice value and I/O class are lowered first, so that loading disturbs nobody who
// serves; a thread cannot come back from there unprivileged, so the caller ends it afterwards.
void load_model(const LoaderOptions& options,
                actor::Link<LinkInbox>& link,
                const Clock& clock,
                StartBoard& board);

}  // namespace sluice::worker
