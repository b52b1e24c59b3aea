// Checks: what must be true once all is calm.

#include <algorithm>

#include "tests/sim/rollout/checks.h"

namespace sluice::sim::rollout {

using gateway::RolloutPhase;
using gateway::RoutedVersion;
using gateway::VersionStage;
using State = gateway::RoutedVersion::State;

void Checks::finish(const gateway::Fleet& fleet) {
  for (const auto& [name, node] : *nodes_) {
    const std::size_t assigned = fleet.assignment(name) ? fleet.assignment(name)->size() : 0;
    if (node.processes() != assigned) {
      world_->violate("node '" + name + "' runs " + std::to_string(node.processes()) +
                      " workers, not " + std::to_string(assigned));
    }
  }
  const auto status = fleet.status(kModel);
  if (!status) {
    world_->coverage.add("ended without model");
    return;
  }
  if (status->rollout && status->rollout->phase != RolloutPhase::done &&
      status->rollout->phase != RolloutPhase::rolled_back) {
    world_->violate("a rollout has not ended: " + std::string(name_of(status->rollout->phase)) +
                    ", waits for " + status->rollout->waiting_for);
  }
  std::optional<gateway::Pin> pin;
  if (status->pin) {
    pin = gateway::Pin{*status->pin};
  }
  std::vector<std::int64_t> there;
  for (const auto& [version, stamp] : nodes_->begin()->second.disk()) {
    there.push_back(version);
  }
  const auto wanted = gateway::wanted_versions(settings_.policy, pin, there).versions;
  bool serving = false;
  for (const gateway::VersionStatus& each : status->versions) {
    const bool is_wanted = std::ranges::binary_search(wanted, each.version);
    // A build kept warm may be shown in place of the one that failed.
    const bool failed = (each.stage == VersionStage::failed && !each.reason.empty()) ||
                        each.stage == VersionStage::standby;
    serving = serving || each.stage == VersionStage::serving;
    if (is_wanted && each.stage != VersionStage::serving && !failed) {
      world_->violate(named(each.version) + " is wanted and " + std::string(name_of(each.stage)));
    }
    if (each.stage == VersionStage::serving && each.workers_ready != each.workers_wanted &&
        each.reason.empty()) {
      world_->violate(named(each.version) + " serves with too few workers");
    }
    if (each.stage == VersionStage::draining) {
      world_->violate(named(each.version) + " is draining still");
    }
  }
  const auto routes = fleet.routes().versions;
  const auto has_all = [](const RoutedVersion& each) {
    return each.weight == 100 && each.state == State::ready;
  };
  if (serving && std::ranges::count_if(routes, has_all) != 1) {
    world_->violate("no version has the unversioned requests");
  }
  for (const SimShard& shard : *shards_) {
    if (serving && shard.waiting() != 0) {
      world_->violate("requests wait though a version serves");
    }
  }
  world_->coverage.add(serving ? "ended serving" : "ended without service");
}

}  // namespace sluice::sim::rollout
