#include "tests/sim/rollout/checks_config.h"

#include <algorithm>
#include <utility>

namespace sluice::sim::rollout {

using gateway::EventKind;
using gateway::Fleet;
using gateway::FleetMemory;
using gateway::RoutedVersion;
using gateway::Routes;
using State = gateway::RoutedVersion::State;

namespace {

std::string config_in(const FleetMemory& memory) {
  const auto model = memory.models.find(kModel);
  return model == memory.models.end() ? "" : model->second.config;
}

std::string quoted(const std::string& config) {
  return config.empty() ? "the configuration on the disk" : "configuration '" + config + "'";
}

bool has_ready(const Routes& routes) {
  return std::ranges::any_of(routes.versions,
                             [](const auto& each) { return each.state == State::ready; });
}

}  // namespace

void ConfigChecks::on_disk(const link::ModelSettings& settings) {
  shown_parts_[settings.json] = settings.worker_part;
  stored_ = settings.json;
  shown_before_.reset();
}

std::string ConfigChecks::part_of(const Build& build) const {
  const auto part = parts_.find(build.stamp);
  return !build.config.empty() ? build.config : part == parts_.end() ? "" : part->second;
}

std::string ConfigChecks::part_of(const std::string& shown) const {
  const auto part = shown_parts_.find(shown);
  return part == shown_parts_.end() ? shown : part->second;
}

// Nodes may have different files for a while, and one of them decides.
bool ConfigChecks::is_comparable(const std::string& shown) const {
  return !several_nodes_ || !shown_parts_.contains(shown);
}

void ConfigChecks::gateway_died(const FleetMemory& memory) {
  has_restarted_ = true;  // the disk may change meanwhile, which is taken up as it is
  const auto model = memory.models.find(kModel);
  const bool known = model != memory.models.end() && !shown_.empty() && is_comparable(shown_) &&
                     (shown_ == stored_ || !shown_parts_.contains(shown_));
  shown_before_ = known ? std::optional(shown_) : std::nullopt;
  loading_before_ = shown_;
  if (known && model->second.config_before) {
    loading_before_ = model->second.config.empty() ? stored_ : model->second.config;
  }
  if (model == memory.models.end()) {
    settle_for("");
  } else if (under_way_ && under_way_->was_in_force) {
    settle_for(under_way_->config);
  } else if (under_way_) {
    under_way_->ids.clear();  // nobody is told any more
  }
  shown_.clear();
}

void ConfigChecks::gateway_started(bool remembers) {
  remembers_ = remembers_ && remembers;
  if (!remembers) {
    shown_before_.reset();
    settle_for("");
  }
}

void ConfigChecks::settle_for(std::optional<std::string> config) {
  wanted_ = std::move(config);
  under_way_.reset();
  shown_before_.reset();
  is_proved_ = false;
}

void ConfigChecks::assigned(const std::vector<link::AssignedWorker>& workers) {
  for (const link::AssignedWorker& worker : workers) {
    const auto known = builds_->find(worker.worker_id);
    if (remembers_ && !several_nodes_ && known != builds_->end() &&
        known->second.config != worker.config) {
      world_->violate("'" + worker.worker_id + "' is to run by " + quoted(worker.config) +
                      ", and was by " + quoted(known->second.config));
    }
  }
}

void ConfigChecks::refused(const FleetMemory& before, const Routes& routes, const Fleet& fleet) {
  world_->coverage.add("configurations refused");
  if (fleet.memory() != before || fleet.routes() != routes) {
    world_->violate("a load was refused and changed something");
  }
}

void ConfigChecks::loaded(gateway::CommandId id,
                          const std::string& config,
                          const FleetMemory& before) {
  if (under_way_ && config == under_way_->config) {
    under_way_->ids.insert(id);
    return;
  }
  const auto model = before.models.find(kModel);
  const bool unproved = model != before.models.end() && model->second.config_before.has_value();
  if (config == config_in(before) && !unproved) {
    settle_for(config);
    return;
  }
  const bool served = model != before.models.end() && !model->second.serving.empty();
  if (under_way_) {
    wanted_.reset();  // it has failed or not, and nobody was told yet
  }
  under_way_ = Load{config, {id}, served, false};
  shown_before_.reset();
}

// --- snapshots -----------------------------------------------------------------------------------

void ConfigChecks::published(const Routes& after) {
  if (after.settings.empty()) {
    shown_.clear();
    return;
  }
  const std::string& now = after.settings.front().json;
  if (shown_.empty() && shown_before_) {
    world_->coverage.add("configurations over a restart", now.starts_with("c") ? 1 : 0);
    if (now != *shown_before_ && now != loading_before_) {
      world_->violate("a gateway that started serves by " + quoted(now) + ", not by " +
                      quoted(*shown_before_));
    }
    shown_before_.reset();
  } else if (!shown_.empty() && now != shown_ && part_of(now) != part_of(shown_)) {
    world_->coverage.add("configurations in force");
    if (!several_nodes_) {  // each may leave or come at its time
      check_shown(after);
    }
  }
  shown_ = now;
  if (under_way_) {
    const bool from_disk = shown_parts_.contains(now);
    under_way_->was_in_force |= from_disk ? under_way_->config.empty() : now == under_way_->config;
  }
}

void ConfigChecks::check_shown(const Routes& routes) {
  const std::string& shown = routes.settings.front().json;
  if (!remembers_ || !is_comparable(shown)) {
    return;
  }
  for (const RoutedVersion& each : routes.versions) {
    if (each.state == State::draining) {
      continue;
    }
    for (const std::string& worker : each.workers) {
      const auto build = builds_->find(worker);
      if (build != builds_->end() && part_of(build->second) != part_of(shown)) {
        world_->violate("'" + shown + "' is in force, and '" + worker + "' runs by '" +
                        part_of(build->second) + "'");
      }
    }
  }
}

// --- events --------------------------------------------------------------------------------------

void ConfigChecks::events(const std::vector<gateway::Event>& events, const Fleet& fleet) {
  for (const gateway::Event& event : events) {
    const bool done = event.kind == EventKind::command_done;
    const bool failed = event.kind == EventKind::command_failed;
    if (!under_way_ || (!done && !failed) || !under_way_->ids.contains(event.command)) {
      continue;
    }
    const Load load = *under_way_;
    const std::string kept = config_in(fleet.memory());
    if (done || load.was_in_force || !load.something_served) {
      // An abort may come while the shards are being told.
      settle_for(failed && load.was_in_force ? std::nullopt : std::optional(load.config));
      is_proved_ = done;
      if (done && kept != load.config) {
        world_->violate(quoted(load.config) + " was loaded, and " + quoted(kept) + " is kept");
      }
      world_->coverage.add("configurations loaded", done && !load.config.empty() ? 1 : 0);
      continue;
    }
    under_way_.reset();
    if (load.config.empty()) {
      // It may have been rolled out, and is not in force while what serves has left the disk.
      settle_for(std::nullopt);
      continue;
    }
    world_->coverage.add("configurations given back");
    if (kept == load.config) {
      world_->violate(quoted(load.config) + " is kept, though its load has failed");
    }
  }
  if (!fleet.memory().models.contains(kModel)) {
    settle_for("");  // it has gone with its model
  }
}

void ConfigChecks::finish(const Fleet& fleet) {
  const std::string kept = config_in(fleet.memory());
  const bool may_be = !wanted_ || kept == *wanted_ || (under_way_ && kept == under_way_->config);
  if (fleet.status(kModel) && !may_be) {
    world_->violate(quoted(kept) + " is kept, not " + quoted(*wanted_));
  }
  const Routes routes = fleet.routes();
  if (!remembers_ || routes.settings.empty() || !has_ready(routes)) {
    return;
  }
  const std::string& shown = routes.settings.front().json;
  const std::vector<std::string> notes = fleet.status(kModel)->notes;
  if (std::ranges::any_of(notes, [](const std::string& note) {
        return note.starts_with("a changed configuration is not in force: ");
      })) {
    world_->coverage.add("ended by a configuration that is not wanted");
    return;
  }
  if (!kept.empty() && shown != kept) {
    world_->violate(quoted(kept) + " is kept, and '" + shown + "' in force");
  }
  if (is_proved_ && !kept.empty()) {
    world_->coverage.add("ended by a loaded configuration");
    if (!several_nodes_) {
      check_shown(routes);
    }
    return;
  }
  // Beside what cannot be built by the new one, others may be.
  const auto is_by_it = [&](const std::string& worker) {
    const auto build = builds_->find(worker);
    return build != builds_->end() && part_of(build->second) == part_of(shown);
  };
  const bool any = std::ranges::any_of(routes.versions, [&](const RoutedVersion& each) {
    return each.state != State::draining && std::ranges::any_of(each.workers, is_by_it);
  });
  if (kept.empty() && !several_nodes_ && !has_restarted_ && !any) {
    world_->violate("'" + shown + "' is in force, and nothing runs by it");
  }
}

}  // namespace sluice::sim::rollout
