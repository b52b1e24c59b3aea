// The node process: keeps the workers of one machine alive and tells the gateway about them.

#pragma once

#include <optional>
#include <string>

#include "common/base/limits.h"
#include "common/base/time.h"
#include "worker/model/repository/watch.h"

namespace sluice::cluster {

struct NodeOptions {
  std::string gateway;  // required: its control endpoint, "ipc:///..." or "tcp://host:port"
  std::string node_id;  // unique in the cluster; empty: the host's name
  repository::WatchOptions repository;  // where its models are, and when it looks at them
  // Of each worker, cut by affinity and control groups; empty: they share what these allow.
  std::optional<int> threads;
  // Bytes that the workers may take together; empty: what machine and control groups have. 0: none.
  std::optional<std::uint64_t> memory;
  Duration drain_limit = limits::kDrainTime;  // then what still lives is killed

  std::string worker_program;  // empty: worker_program_beside this executable
  std::string engine_library;  // empty: the worker's default
  bool test_operators = false;

  std::optional<int> lifeline;  // read end of the parent's pipe
  // Write end of a line pipe to the parent, which gets at each change, SUBJECT being MODEL/VERSION:
  // "state SUBJECT STATE", "died SUBJECT REASON", "failed SUBJECT REASON"; and with MODEL alone
  // "problem MODEL REASON" when a model on disk cannot be used.
  std::optional<int> status;
};

// Until SIGTERM or SIGINT (drains the workers, then 0; a second one kills them, unless there is a
// parent to do so) or the end of the lifeline. 1 when it cannot run, said on stderr. Call it from
// the process' first thread.
int run_node(const NodeOptions& options);

}  // namespace sluice::cluster
