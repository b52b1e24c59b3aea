// One life of a worker as its node holds it: the process, its lifeline, what it was running (the
// suspects' memfd), what it says of itself (the status pipe) and its stderr.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "common/process/lines.h"
#include "common/process/spawn.h"
#include "common/process/unique_fd.h"
#include "worker/serve/serving_plan.h"

namespace sluice::cluster {

// What all workers of a node have in common.
struct WorkerCommand {
  std::string program;  // takes the word `worker` and its options
  std::string gateway;  // control endpoint
  std::string node_id;
  int threads = 1;             // the budget of each worker
  std::uint64_t memory = 0;    // bytes that all may take together; 0: what there is
  std::string engine_library;  // empty: the worker's default
  bool test_operators = false;
  bool urgent = false;  // it takes the place of one that was ready
};

// How a worker uses its threads: `instances` executors, or as many as there are threads when that
// is 0; never more than threads, and each with the same share of them.
struct ThreadShares {
  int executors = 1;
  int threads_per_executor = 1;

  friend bool operator==(const ThreadShares&, const ThreadShares&) = default;
};
ThreadShares shares_of(int threads, std::uint32_t instances);

// Threads of worker number `share` of `shares` that divide the CPUs between them, to the last one
// and at least one each; all of them when `shares` is 0. Who asks for `instances` gets at least so
// many, as far as there are CPUs.
int threads_of_share(int cpus,
                     std::uint32_t share,
                     std::uint32_t shares,
                     std::uint32_t instances) noexcept;

// What a node whose executable is `own` starts for a worker: `sluice-worker` beside it, which has
// the same command and starts faster, or, where there is none, itself.
std::string worker_program_beside(const std::string& own);

// The options of `sluice worker` for it, without those that name descriptors.
std::vector<std::string> worker_arguments(const WorkerCommand& command,
                                          const std::string& worker_id,
                                          const worker::ServingPlan& plan);

class WorkerProcess {
 public:
  // unavailable with the system's words.
  static Result<WorkerProcess> start(const WorkerCommand& command,
                                     const std::string& worker_id,
                                     const worker::ServingPlan& plan);

  [[nodiscard]] const Child& child() const noexcept { return child_; }
  [[nodiscard]] int states() const noexcept { return states_.get(); }  // to be watched
  [[nodiscard]] int errors() const noexcept { return errors_.get(); }

  // Has it start as loudly as others, should it still be at it.
  void end_quiet_start() const;

  // Read what is there; `more` says that a limit stopped them.
  LineReader::State read_states(const LineReader::Take& take);
  LineReader::State read_errors(const LineReader::Take& take);

  // After its end: the ids it was executing; empty as well when they cannot be read.
  [[nodiscard]] std::vector<RequestId> suspects() const;
  // What it said of its end: by "failed REASON" on its status pipe, or else in its last
  // "sluice worker: REASON" on stderr.
  [[nodiscard]] const std::string& last_words() const noexcept {
    return failure_.empty() ? error_words_ : failure_;
  }

 private:
  WorkerProcess() = default;

  Child child_;
  bool starts_quietly_ = false;
  UniqueFd lifeline_;
  UniqueFd suspects_;
  UniqueFd states_;
  UniqueFd errors_;
  LineReader state_lines_;
  LineReader error_lines_;
  std::string failure_;
  std::string error_words_;
};

}  // namespace sluice::cluster
