// ClusterState: what the gateway knows of nodes and workers, whether the server is ready, and what
// the shards are told. Pure.
//
// Which versions live and serve is the Fleet's to say (fleet.h): facts() is what it is told of the
// workers, and its routes become the shards' ClusterView.
// The server becomes ready when every expected model is that was not unloaded or taken away, and
// stays so until no version at all has been ready for kUnreadyAfter, or it drains.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/link/control_messages.h"
#include "gateway/control/deployment.h"
#include "gateway/control/messages.h"

namespace sluice::gateway {

struct ClusterOptions {
  std::vector<std::string> expected_models;  // empty: one ready model is enough
  bool strict_readiness = true;              // false: a definitively failed one counts as well
  int shards = 1;
};

// One worker as `status` shows it.
struct WorkerStatus {
  std::string id;
  std::string node;  // empty: started by hand
  std::string model;
  std::int64_t version = 0;
  std::string stamp;  // of what it was made from; empty: started by hand
  link::WorkerState state = link::WorkerState::unknown;
  std::uint32_t pid = 0;
  std::uint32_t restarts = 0;
  Deaths deaths{};
  std::string reason;                      // of the last death or of failed
  link::Heartbeat beat;                    // the last one of its own
  std::uint32_t executors = 0;             // 0: not said
  std::uint32_t threads = 0;               // of each executor
  std::uint64_t memory = 0;                // bytes its node keeps for it
  ModelInfo info;                          // empty until it is loaded
  std::optional<link::Findings> findings;  // of this life, once it is ready
};

struct NodeStatus {
  std::uint32_t cpus = 0;          // that its workers share; 0: not said
  std::uint64_t memory_limit = 0;  // bytes its workers may take together; 0: not said
  std::uint64_t memory_taken = 0;  // by the workers of the last report
};

class ClusterState {
 public:
  static constexpr auto kUnreadyAfter = std::chrono::seconds(5);

  explicit ClusterState(ClusterOptions options);

  // From a worker's own link to control.
  void on_worker_hello(const link::Hello& hello);
  void on_worker_state(const std::string& worker_id, const link::StateChange& change);
  void on_worker_beat(const std::string& worker_id, const link::Heartbeat& beat);
  void on_worker_link_lost(const std::string& worker_id);
  // From a node. A report is complete: a worker of this node that is missing has left.
  void on_node_report(const std::string& node_id, const link::NodeReport& report);
  void on_node_link_lost(const std::string& node_id);
  void on_worker_died(const link::WorkerDied& died);
  // From the shards.
  void on_worker_met(const WorkerMet& message);
  void on_drain() { draining_ = true; }

  // All workers. The pointers in it hold until the next event.
  [[nodiscard]] std::vector<WorkerFact> facts() const;
  // What the shards are told, but for its number. Call with the loop's time after events and at
  // least once a second: readiness also changes by the mere passing of time.
  ClusterView view(Routes routes, TimePoint now);

  [[nodiscard]] const std::map<std::string, WorkerStatus>& workers() const { return workers_; }
  [[nodiscard]] const std::map<std::string, NodeStatus>& nodes() const { return nodes_; }
  [[nodiscard]] bool draining() const { return draining_; }

 private:
  struct Met {
    std::uint32_t pid = 0;
    std::set<int> shards;
  };

  WorkerStatus& worker(const std::string& id) { return workers_[id]; }
  [[nodiscard]] bool met_by_all(const WorkerStatus& worker) const;
  [[nodiscard]] bool passed(const WorkerStatus& worker) const;
  [[nodiscard]] bool all_expected(const std::vector<VersionView>& versions,
                                  const std::vector<std::string>& unloaded) const;
  void update_readiness(const std::vector<VersionView>& versions,
                        const std::vector<std::string>& unloaded,
                        TimePoint now);

  ClusterOptions options_;
  std::map<std::string, WorkerStatus> workers_;  // by worker id
  std::set<std::string> linked_;                 // workers whose own link to control is up
  std::map<std::string, NodeStatus> nodes_;      // those that are linked, by id
  std::map<std::string, std::uint32_t>
      passed_;                      // process ids of workers that their nodes call ready
  std::map<std::string, Met> met_;  // by worker id
  bool ready_ = false;
  bool draining_ = false;
  std::optional<TimePoint> none_ready_since_;
};

}  // namespace sluice::gateway
