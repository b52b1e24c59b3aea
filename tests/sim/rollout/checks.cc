#include "tests/sim/rollout/checks.h"

#include <algorithm>
#include <utility>

namespace sluice::sim::rollout {

using gateway::DeploymentStatus;
using gateway::Event;
using gateway::EventKind;
using gateway::RolloutPhase;
using gateway::RoutedVersion;
using gateway::Routes;
using gateway::VersionStage;
using State = gateway::RoutedVersion::State;
using link::WorkerState;

namespace {

std::string build_of(const std::string& worker) {
  return worker.substr(0, worker.rfind('/'));
}

const RoutedVersion* find(const Routes& routes, std::int64_t version) {
  const auto found = std::ranges::find(routes.versions, version, &RoutedVersion::version);
  return found == routes.versions.end() ? nullptr : &*found;
}

bool names(const std::vector<link::AssignedWorker>& workers, const std::string& id) {
  return std::ranges::find(workers, id, &link::AssignedWorker::worker_id) != workers.end();
}

bool serves(const RoutedVersion* version) {
  return version != nullptr && version->state != State::draining && version->state != State::failed;
}

}  // namespace

void Checks::gateway_started() {
  facts_.clear();
  facts_at_shift_.clear();
  routed_at_begin_.clear();
  now_ = {};
  assigned_.clear();
  current_.clear();
  ready_at_start_.clear();
  warm_at_start_.clear();
  reported_.clear();
  served_.clear();
  served_kinds_.clear();
  seen_failed_.clear();
  remembered_.reset();
  remembered_builds_.clear();
  remembered_warm_.clear();
  allowed_ = false;
  rolling_ = false;
  rolled_ = false;
  unloaded_ = false;
}

void Checks::remembers(const gateway::FleetMemory& memory) {
  const auto model = memory.models.find(kModel);
  if (model == memory.models.end()) {
    return;
  }
  remembered_.emplace();
  for (const gateway::RememberedVersion& each : model->second.serving) {
    remembered_->insert(each.version);
    remembered_builds_.insert(each.builds.begin(), each.builds.end());
  }
  for (const gateway::RememberedWarm& each : model->second.warm) {
    remembered_warm_.insert(each.builds.begin(), each.builds.end());
  }
  unloaded_ = model->second.pin == gateway::Pin{};
  if (model->second.rollout) {
    allowed_ = model->second.rollout->plan.allow_signature_change;
  }
}

void Checks::first_report(const Report& report, const SimNode& node) {
  if (!reported_.insert(report.node).second) {
    return;  // it was silent for a while
  }
  const auto of_a_served_build = [&](const Reported& worker) {
    return worker.state == WorkerState::ready &&
           remembered_builds_.contains(worker.id.substr(0, worker.id.rfind('/')));
  };
  for (const Reported& worker : report.workers) {
    if (worker.state == WorkerState::ready && remembered_warm_.contains(build_of(worker.id)) &&
        node.has(worker.version, worker.build.stamp)) {
      warm_at_start_[report.node].insert(worker.id);
      world_->coverage.add("kept warm over a restart");
    }
    const bool served =
        !remembered_ || remembered_->empty() || remembered_->contains(worker.version);
    // Of two builds of a version the one that served goes on, not the one that was being tried;
    // without a memory, either.
    const bool tried =
        !of_a_served_build(worker) &&
        std::ranges::any_of(report.workers, [&](const Reported& other) {
          const bool another = !remembered_ && build_of(other.id) != build_of(worker.id);
          return other.version == worker.version && (of_a_served_build(other) || another);
        });
    if (!served || tried || worker.state != WorkerState::ready) {
      continue;
    }
    add_served(worker.version, worker.build);
    if (node.has(worker.version, worker.build.stamp)) {
      ready_at_start_[report.node].insert(worker.id);
    }
  }
}

void Checks::facts(const std::vector<gateway::WorkerFact>& facts) {
  const auto before = std::exchange(facts_, {});
  for (const gateway::WorkerFact& fact : facts) {
    facts_.emplace(fact.id, fact);
    const bool never_loads = world_->quality_of(builds_.at(fact.id)) == Quality::fails_to_load;
    const auto known = before.find(fact.id);
    const bool fresh = known == before.end() || known->second.state != WorkerState::failed;
    // One node's part of a version that serves on others says nothing against the version.
    const bool serves_elsewhere = std::ranges::any_of(facts, [&](const auto& other) {
      return other.version == fact.version && other.state == WorkerState::ready;
    });
    if (never_loads && fresh && !serves_elsewhere && fact.state == WorkerState::failed &&
        current_[fact.node].contains(fact.id)) {
      seen_failed_.insert(fact.id);
    }
  }
}

void Checks::commanded(bool allows_another_signature) {
  unloaded_ = false;
  allowed_ = allows_another_signature || (rolling_ && allowed_);
  seen_failed_.clear();
}

Build Checks::what_is(const std::string& worker) const {
  const auto found = builds_.find(worker);
  return found == builds_.end() ? Build() : found->second;
}

bool Checks::is_up(const std::string& worker) const {
  const auto found = facts_.find(worker);
  return found != facts_.end() && found->second.state == WorkerState::ready &&
         found->second.met_by_all;
}

// --- snapshots -----------------------------------------------------------------------------------

void Checks::published(const Routes& before, const Routes& after, const gateway::Fleet& fleet) {
  now_ = after;
  const auto status = fleet.status(kModel);
  if (!status) {
    rolling_ = false;  // it has gone with its model
    return;
  }
  for (const RoutedVersion& each : after.versions) {
    const auto shown =
        std::ranges::find(status->versions, each.version, &gateway::VersionStatus::version);
    if (each.state == State::ready &&
        (shown == status->versions.end() || shown->stage != VersionStage::serving)) {
      world_->violate(named(each.version) + " is routed to before it serves");
    }
  }
  check_signature(before, after);
  check_labels(before, after, *status);
  const auto is_serving = [](const RoutedVersion& each) {
    return each.weight != 0 && each.state == State::ready;
  };
  const bool ending =
      std::ranges::all_of(after.versions, [](const RoutedVersion& each) { return !serves(&each); });
  const bool unloaded = status->pin && status->pin->empty();
  // Who goes back waits for the old, even if it is just being started again.
  const bool back = status->rollout && status->rollout->phase == RolloutPhase::restoring;
  if (std::ranges::any_of(after.versions, is_serving) || recreates() || ending || unloaded ||
      back) {
    return;
  }
  for (const RoutedVersion& each : before.versions) {
    const bool up =
        std::ranges::any_of(each.workers, [&](const std::string& worker) { return is_up(worker); });
    if (is_serving(each) && up) {
      world_->violate("nothing serves, though " + named(each.version) + " could");
    }
  }
}

void Checks::check_labels(const Routes& before,
                          const Routes& after,
                          const DeploymentStatus& status) {
  for (const gateway::RoutedLabel& label : before.labels) {
    const auto now = std::ranges::find(after.labels, label.label, &gateway::RoutedLabel::label);
    const bool wanted =
        std::ranges::find(status.labels, label.label, &gateway::LabelStatus::label) !=
        status.labels.end();
    if (now == after.labels.end()) {
      if (wanted && serves(find(after, label.version))) {
        world_->violate("label '" + label.label + "' left " + named(label.version) +
                        ", which serves, for nothing");
      }
      continue;
    }
    if (now->version != label.version) {
      world_->coverage.add("labels moved");
      // Where the one it named has left, it names the wanted one, whatever state that is in.
      if (!serves(find(after, now->version)) && serves(find(after, label.version))) {
        world_->violate("label '" + label.label + "' moved to " + named(now->version) +
                        ", which does not serve");
      }
    }
  }
}

// --- assignments ---------------------------------------------------------------------------------

void Checks::assigned(const std::string& node,
                      const std::vector<link::AssignedWorker>& before,
                      const std::vector<link::AssignedWorker>& after,
                      bool rolls) {
  for (const link::AssignedWorker& worker : before) {
    if (!names(after, worker.worker_id)) {
      check_dropped(node, worker);
    }
  }
  for (const link::AssignedWorker& worker : after) {
    builds_[worker.worker_id] = {worker.stamp, worker.config};
    if (!names(before, worker.worker_id)) {
      check_added(node, worker, after);
    }
  }
  current_[node].clear();
  for (const link::AssignedWorker& worker : after) {
    assigned_.insert(worker.worker_id);
    current_[node].insert(worker.worker_id);
  }
  std::set<std::string> kept = ready_at_start_[node];
  if (!rolls) {  // what is warm ends with the next rollout, which may begin at once
    kept.insert(warm_at_start_[node].begin(), warm_at_start_[node].end());
  }
  for (const std::string& id : kept) {
    const auto fact = facts_.find(id);
    const bool still = fact != facts_.end() && fact->second.state == WorkerState::ready &&
                       nodes_->at(node).has(fact->second.version, fact->second.stamp);
    if (still && !rolled_ && !unloaded_ && !names(after, id)) {
      world_->violate("a gateway that started took '" + id + "' away, which was ready");
    }
  }
  ready_at_start_[node].clear();
  warm_at_start_[node].clear();
}

void Checks::check_dropped(const std::string& node, const link::AssignedWorker& worker) {
  if (!nodes_->at(node).lives(worker.worker_id)) {
    return;
  }
  for (const SimShard& shard : *shards_) {
    if (shard.routes_to(worker.worker_id)) {
      world_->violate("'" + worker.worker_id + "' was told to end while a shard routes to it");
    }
    // A version that is back again lets go of workers without waiting; they end what they have.
    const RoutedVersion* now = find(now_, worker.version);
    const bool back = now != nullptr && serves(now);
    if (!back && shard.has_work_on(worker.worker_id) &&
        shard.drains(worker.version, worker.worker_id)) {
      world_->violate("'" + worker.worker_id + "' was told to end with work left on it");
    }
  }
}

void Checks::check_added(const std::string& node,
                         const link::AssignedWorker& worker,
                         const std::vector<link::AssignedWorker>& after) {
  // With recreate the old one is started again, whatever it is.
  if (!recreates() && seen_failed_.contains(worker.worker_id)) {
    world_->violate("'" + worker.worker_id + "' is tried again, though nobody asked");
  }
  for (const auto& [id, fact] : facts_) {
    if (fact.node != node || fact.state == WorkerState::failed) {
      continue;
    }
    // One that an earlier life of the gateway had told to end returns after that: by its node.
    const bool ours = assigned_.contains(id);
    if (ours && id == worker.worker_id && fact.state == WorkerState::draining) {
      world_->violate("'" + id + "' was assigned again before its process had ended");
    }
    const bool stays = names(after, id);  // more than one version is wanted
    const bool starts = !nodes_->at(node).lives(worker.worker_id);
    if (recreates() && starts && !stays && build_of(id) != build_of(worker.worker_id)) {
      world_->violate("'" + worker.worker_id + "' was started beside '" + id +
                      "', though the model is to be recreated");
    }
  }
}

// --- events --------------------------------------------------------------------------------------

void Checks::events(const std::vector<Event>& events, const gateway::Fleet& fleet) {
  for (const Event& event : events) {
    world_->note("event",
                 static_cast<std::uint64_t>(event.kind),
                 static_cast<std::uint64_t>(event.version),
                 event.command);
    world_->say(std::string(name_of(event.kind)) + " " + std::to_string(event.version) + " " +
                event.detail);
    world_->coverage.add(std::string(name_of(event.kind)));
    if (event.kind == EventKind::rollout_started) {
      if (rolling_) {
        world_->violate("a rollout began while another was under way");
      }
      rolling_ = true;
      rolled_ = true;
      facts_at_shift_.clear();
      routed_at_begin_.clear();
      for (const RoutedVersion& each : now_.versions) {
        routed_at_begin_.insert(each.workers.begin(), each.workers.end());
      }
    }
    if (event.kind != EventKind::rollout_phase) {
      continue;
    }
    world_->coverage.add("rollout " + event.detail);
    if (event.detail == "shifting") {
      facts_at_shift_ = facts_;
    }
    if (event.detail == "switching") {
      check_switch(fleet);
    }
    if (event.detail == "done" || event.detail == "rolled_back") {
      rolling_ = false;
      allowed_ = false;
    }
  }
  if (!fleet.status(kModel)) {
    rolling_ = false;  // it has gone with its model
  }
}

void Checks::check_switch(const gateway::Fleet& fleet) {
  const auto status = fleet.status(kModel);
  if (!status || !status->rollout || status->rollout->phase != RolloutPhase::switching) {
    return;
  }
  check_deaths(*status->rollout);
  for (const RoutedVersion& each : now_.versions) {
    // What stays beside the new one may die at any step, and nothing waits for that.
    const bool stays =
        status->rollout->steps != 0 && std::ranges::count(status->rollout->from, each.version) != 0;
    if (each.state == State::draining || each.state == State::failed || stays) {
      continue;
    }
    for (const std::string& id : each.workers) {
      const auto found = facts_.find(id);
      if (found != facts_.end() && found->second.state == WorkerState::failed) {
        continue;
      }
      if (found == facts_.end()) {
        continue;  // of a node that is silent or has come just now
      }
      if (found->second.state != WorkerState::ready || !found->second.met_by_all) {
        world_->violate("a switch to '" + id + "', which is not ready");
      }
    }
  }
}

}  // namespace sluice::sim::rollout
