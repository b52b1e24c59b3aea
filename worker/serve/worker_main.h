// The worker process: one loaded version of one model behind the worker link.

#pragma once

#include <cstdint>
#include <string>

#include "common/base/limits.h"
#include "common/base/time.h"
#include "worker/serve/serving_plan.h"

namespace sluice::worker {

struct WorkerOptions {
  std::string model_path{};  // required: the model file
  std::string model_name{};  // required
  std::int64_t version = 1;
  std::string control{};    // required: the gateway's control endpoint
  std::string worker_id{};  // required; at most limits::kWorkerIdBytes
  std::string node_id{};    // empty: started by hand
  int executors = 1;        // requests executed at the same time
  int threads_per_executor = 1;
  std::size_t memory_bytes = 0;  // as engine::LoadOptions::memory_bytes
  bool urgent = false;           // requests wait for it: it loads as loudly as they run
  // Of its links until a welcome says otherwise; the time to wait for a welcome is three of it.
  Duration heartbeat_interval = limits::kHeartbeatOnHost;
  // An inherited memfd of suspects.h, shared with the node; -1: none.
  int suspects_fd = -1;
  // An inherited pipe whose EOF means SIGKILL (common/process/lifeline.h). -1: none.
  int lifeline_fd = -1;
  // An inherited descriptor of common/process/quiet_start.h. -1: this process is as loud as others.
  int quiet_start_fd = -1;
  // An inherited pipe for the node, by write_line of common/process/lines.h: "state loading",
  // "state warming", "state probing", "state ready", "state draining" at each change, "failed
  // REASON" before an exit with kExitLoadFailed or kExitBroken. -1: none.
  int status_fd = -1;
  std::string engine_library{};  // empty: engine::default_library()
  bool test_operators = false;   // the engine's operators of the domain "sluice.test"
  // Of one run on the way to ready, not counting what it waits for a CPU: longer is stuck.
  Duration first_run_time = limits::kFirstRunTime;
  // What else is to be known of the version. model_path, model_name and version above are its own
  // too; of a worker started by hand they are all there is in it.
  ServingPlan plan{};
};

// Exit codes, besides 0 for an orderly end. Before it exits with one of them the worker prints one
// line "sluice worker: <reason>" to stderr, and sends it to control when that link is up.
inline constexpr int kExitBadOptions = 2;
inline constexpr int kExitLoadFailed = 3;  // the model or the engine: starting again will not help
inline constexpr int kExitBroken = 5;      // a thread of the worker died

// Runs a worker until SIGTERM or SIGINT (drains, returns 0), `drain` from control (the same), or a
// model that cannot be loaded. A lost gateway is dialled for ever. Call it from the main thread
// before any thread exists that should not hear those two signals: it blocks them. When a thread is
// still inside the engine at the end, the process exits here instead of returning.
int run_worker(const WorkerOptions& options);

}  // namespace sluice::worker
