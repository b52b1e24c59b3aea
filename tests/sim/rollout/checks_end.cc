// Checks: what must be true once all is calm, and when a rollout goes on to its end.

#include <algorithm>

#include "tests/sim/rollout/checks.h"
#include "tests/sim/rollout/config_words.h"

namespace sluice::sim::rollout {

using gateway::RolloutPhase;
using gateway::RoutedVersion;
using gateway::VersionStage;
using State = gateway::RoutedVersion::State;
using link::WorkerState;

void Checks::check_deaths(const gateway::RolloutStatus& rollout) {
  std::uint32_t of_new = 0;
  std::uint32_t of_others = 0;
  bool others_served = false;
  for (const auto& [id, then] : facts_at_shift_) {
    const auto now = facts_.find(id);
    if (now == facts_.end() || now->second.deaths.crashes < then.deaths.crashes) {
      return;  // it or its node has left since: nobody knows
    }
    const std::uint32_t crashes = now->second.deaths.crashes - then.deaths.crashes;
    const bool is_new = then.version == rollout.to.back();
    (is_new ? of_new : of_others) += crashes;
    // Without it there would be nothing to go back to.
    const bool is_old = routed_at_begin_.contains(id);
    others_served = others_served || (!is_new && is_old && then.state == WorkerState::ready);
  }
  facts_at_shift_.clear();
  if (of_new >= 2 && of_others == 0 && others_served) {
    world_->violate(named(rollout.to.back()) + " gets all requests, though it crashed " +
                    std::to_string(of_new) + " times beside the old");
  }
}

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
  const std::string loaded = fleet.memory().models.at(kModel).config;
  const auto instead = read_config_words(loaded, kModel);
  const link::VersionPolicy& policy = loaded.empty() ? settings_.policy : instead->settings.policy;
  const auto wanted = gateway::wanted_versions(policy, pin, there).versions;
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
