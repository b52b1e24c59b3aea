// Checks: what must be true of every decision of the fleet, held against what the shards and the
// nodes really do. It reads snapshots, assignments, events and status; nothing of the fleet's
// insides.
//
// 1. What begins to switch is ready: every admitted worker of it, and met by every shard.
// 2. What is ready in a snapshot is meant to serve: nothing that only waits its turn.
// 3. A worker that is told to end is served by no shard's snapshot and has no work.
// 4. While one version is ready to serve, a snapshot serves; the model is not gone or unloaded and
//    is not one of recreate.
// 5. A label stays where it is while that serves, or goes to what serves.
// 6. A version with another signature than the one it replaces never serves, unless asked for.
// 7. One rollout at a time; one that failed is not begun again by itself.
// 8. With recreate no node runs two versions; no id is assigned while its process is ending.
// 9. A gateway that starts takes from no node what is ready there, or was kept warm.
// 10. A version whose workers crashed twice while both served, and those of no other, does not get
//     all requests.
// 11. Once all is calm, what is wanted serves or has failed with a reason, and nothing is
//    half-way.

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gateway/control/fleet.h"
#include "tests/sim/rollout/node.h"
#include "tests/sim/rollout/shard.h"
#include "tests/sim/rollout/world.h"

namespace sluice::sim::rollout {

// As the violations name a version.
inline std::string named(std::int64_t version) {
  return "version " + std::to_string(version);
}

class Checks {
 public:
  Checks(World& world, std::array<SimShard, kShards>& shards, std::map<std::string, SimNode>& nodes)
      : world_(&world), shards_(&shards), nodes_(&nodes) {}

  void settings(const link::ModelSettings& settings) { settings_ = settings; }
  [[nodiscard]] bool recreates() const { return settings_.strategy == link::Strategy::recreate; }

  void gateway_started();
  void remembers(const gateway::FleetMemory& memory);
  void first_report(const Report& report, const SimNode& node);
  [[nodiscard]] const std::map<std::string, Build>& builds() const { return builds_; }
  void runs(const Reported& worker) { builds_[worker.id] = worker.build; }
  void facts(const std::vector<gateway::WorkerFact>& facts);
  void unloaded() { unloaded_ = true; }
  void commanded(bool allows_another_signature);
  void disk_changed() { seen_failed_.clear(); }
  void published(const gateway::Routes& before,
                 const gateway::Routes& after,
                 const gateway::Fleet& fleet);
  void assigned(const std::string& node,
                const std::vector<link::AssignedWorker>& before,
                const std::vector<link::AssignedWorker>& after,
                bool rolls);
  void events(const std::vector<gateway::Event>& events, const gateway::Fleet& fleet);
  void finish(const gateway::Fleet& fleet);
  // As its node or the fleet has said.
  [[nodiscard]] Build what_is(const std::string& worker) const;

 private:
  void check_switch(const gateway::Fleet& fleet);
  [[nodiscard]] bool is_other(const Build& build) const;
  void add_served(std::int64_t version, const Build& build);
  void check_signature(const gateway::Routes& before, const gateway::Routes& after);
  void check_dropped(const std::string& node, const link::AssignedWorker& worker);
  void check_added(const std::string& node,
                   const link::AssignedWorker& worker,
                   const std::vector<link::AssignedWorker>& after);
  void check_labels(const gateway::Routes& before,
                    const gateway::Routes& after,
                    const gateway::DeploymentStatus& status);
  void check_deaths(const gateway::RolloutStatus& rollout);
  [[nodiscard]] bool is_up(const std::string& worker) const;

  World* world_;
  std::array<SimShard, kShards>* shards_;
  std::map<std::string, SimNode>* nodes_;
  link::ModelSettings settings_;
  std::map<std::string, gateway::WorkerFact> facts_;
  std::set<std::string> routed_at_begin_;                        // of the rollout under way
  std::map<std::string, gateway::WorkerFact> facts_at_shift_;    // when both began to serve
  gateway::Routes now_;                                          // the latest snapshot
  std::map<std::string, Build> builds_;                          // by worker id, ever known
  std::set<std::string> assigned_;                               // ids, in this life of the gateway
  std::map<std::string, std::set<std::string>> current_;         // ids assigned now, by node
  std::map<std::string, std::set<std::string>> ready_at_start_;  // by node
  std::map<std::string, std::set<std::string>> warm_at_start_;   // likewise
  std::set<std::string> reported_;                        // nodes, in this life of the gateway
  std::set<Build> served_;                                // that have answered unversioned requests
  std::set<std::pair<std::int64_t, bool>> served_kinds_;  // versions, with: another signature
  bool allowed_ = false;                                  // another signature, by the operator
  bool rolling_ = false;
  bool unloaded_ = false;                             // by the gateway's memory, or since
  bool rolled_ = false;                               // in this life of the gateway
  std::optional<std::set<std::int64_t>> remembered_;  // what served, by the gateway's memory
  std::set<std::string> remembered_builds_;
  std::set<std::string> remembered_warm_;
  std::set<std::string> seen_failed_;  // workers that cannot be loaded, while they were assigned
};

}  // namespace sluice::sim::rollout
