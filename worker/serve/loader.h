// Runs on: the loader thread of the worker, which it lowers and ends with.
// Receives: nothing.
// Sends:    LoaderWarming, then ModelLoaded or LoadFailed (to the link).

#pragma once

#include <span>
#include <string>

#include "common/actor/mailbox.h"
#include "worker/serve/messages.h"
#include "worker/serve/serving_plan.h"
#include "worker/serve/start_board.h"

namespace sluice::worker {

struct LoaderOptions {
  std::string engine_library;  // empty: engine::default_library()
  ServingPlan plan;
  int threads = 1;
  std::size_t memory_bytes = 0;
  bool test_operators = false;
  bool urgent = false;  // as WorkerOptions::urgent
};

// Opens the engine, loads the model, holds it against its configuration and warms an
// execution up for each of `boards`, one an executor. Unless it is urgent the thread steps aside
// (step_aside.h), so that loading disturbs nobody who serves; as it cannot come back from there,
// the caller ends it afterwards.
void load_model(const LoaderOptions& options,
                actor::Link<LinkInbox>& link,
                std::span<StartBoard> boards);

}  // namespace sluice::worker
