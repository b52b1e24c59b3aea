// Deployment: what the shards are told, what the nodes shall run, what operators see.

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "gateway/control/deployment.h"

namespace sluice::gateway {
namespace {

using link::WorkerState;

VersionStage stage_of(WorkerState furthest) {
  switch (furthest) {
    case WorkerState::loading:
      return VersionStage::loading;
    case WorkerState::warming:
      return VersionStage::warming;
    case WorkerState::probing:
    case WorkerState::ready:  // and not met by every shard yet
      return VersionStage::probing;
    default:
      return VersionStage::starting;
  }
}

}  // namespace

int Deployment::weight_of(std::int64_t version) const {
  if (rollout_ && rollout_->phase() == RolloutPhase::shifting) {
    const std::optional<std::int64_t> newest = newest_incoming();
    const int percent = rollout_->percent();
    if (version == newest) {
      return percent;
    }
    return version == change_.primary ? 100 - percent : 0;
  }
  return version == primary_ ? 100 : 0;
}

// Where what is on the disks has failed as well, its reason: that is what somebody works on.
std::string Deployment::why_failed(const Unit& unit) const {
  const Failed* stored = failure_of(spec_of(unit.version));
  return stored != nullptr ? stored->reason : state(unit).reason;
}

std::optional<RoutedVersion> Deployment::route_of(std::int64_t version) const {
  RoutedVersion routed{.model = model_, .version = version};
  const Unit* served = nullptr;
  const Unit* draining = nullptr;
  const Unit* coming = nullptr;
  for (const Unit& each : units_) {
    if (each.version != version) {
      continue;
    }
    served = each.routing == Routing::served ? &each : served;
    draining = each.routing == Routing::draining ? &each : draining;
    coming = each.role == Role::incoming ? &each : coming;
  }
  const Unit* shown = served != nullptr ? served : draining;
  if (shown != nullptr) {
    const Unit part = admitted(*shown);
    const UnitState now = state(part);
    const bool up = now.ready != 0;
    routed.state = served == nullptr  ? RoutedVersion::State::draining
                   : up               ? RoutedVersion::State::ready
                   : has_failed(part) ? RoutedVersion::State::failed
                                      : RoutedVersion::State::expected;
    if (routed.state == RoutedVersion::State::failed) {
      routed.reason = why_failed(*shown);
    }
    routed.weight = served != nullptr ? weight_of(version) : 0;
    const std::set<std::string> left = leaving();  // and not back yet
    for (const auto& [id, place] : part.workers) {
      if (!left.contains(id)) {
        routed.workers.push_back(id);
      }
    }
  } else if (expects(version)) {
    routed.state = RoutedVersion::State::expected;
  } else {
    const Failed* failed = std::ranges::binary_search(wanted().versions, version)
                               ? failure_of(spec_of(version))
                               : nullptr;
    if (failed == nullptr) {
      return std::nullopt;
    }
    routed.state = RoutedVersion::State::failed;
    routed.reason = failed->reason;
  }
  if (coming != nullptr && !options_.rules.admits_only_routed) {
    routed.state = RoutedVersion::State::ready;
    for (const auto& [id, place] : coming->workers) {
      routed.workers.push_back(id);
    }
    std::ranges::sort(routed.workers);
  }
  return routed;
}

// Nothing serves until this version does, so that requests may as well wait for it.
bool Deployment::expects(std::int64_t version) const {
  if (!rollout_ || anything_serves()) {
    return false;
  }
  const std::vector<std::int64_t>& to = rollout_->plan().to;
  const RolloutPhase phase = rollout_->phase();
  return (phase == RolloutPhase::stopping || phase == RolloutPhase::starting) &&
         std::ranges::find(to, version) != to.end();
}

std::vector<std::int64_t> Deployment::all_versions() const {
  std::set<std::int64_t> versions;
  for (const std::int64_t version : there()) {
    versions.insert(version);
  }
  for (const Unit& each : units_) {
    versions.insert(each.version);
  }
  return {versions.begin(), versions.end()};
}

void Deployment::add_routes(Routes& routes) const {
  if (pin_ && pin_->versions.empty()) {
    routes.unloaded.push_back(model_);
  }
  std::set<std::int64_t> routed;
  for (const std::int64_t version : all_versions()) {
    if (std::optional<RoutedVersion> route = route_of(version)) {
      routed.insert(version);
      routes.versions.push_back(*std::move(route));
    }
  }
  if (routed.empty() && !facts_.problem.empty() && !(pin_ && pin_->versions.empty())) {
    // Whoever asks for the model is told why, and does not wait for what cannot come.
    routes.versions.push_back(
        {.model = model_, .state = RoutedVersion::State::failed, .reason = facts_.problem});
  }
  for (const auto& [label, version] : labels_) {
    if (routed.contains(version)) {
      routes.labels.push_back({model_, label, version});
    }
  }
  if (!routed.empty() && !in_force().json.empty()) {
    routes.settings.push_back(
        {model_, in_force().json, queue_rules_of(in_force()), in_force().metric_tags});
  }
}

void Deployment::add_assigned(
    std::map<std::string, std::vector<link::AssignedWorker>>& by_node) const {
  for (const Unit& each : units_) {
    for (const auto& [id, place] : assigned(each)) {
      link::AssignedWorker worker;
      worker.worker_id = id;
      worker.model = model_;
      worker.version = each.version;
      worker.stamp = place.stamp;
      worker.config = place.config;
      by_node[place.node].push_back(std::move(worker));
    }
  }
}

void Deployment::add_lasting(const std::string& node, std::vector<std::string>& ids) const {
  for (const Spec& spec : startable()) {
    for (const auto& [id, place] : spec.workers) {
      if (place.node == node && !node.empty()) {
        ids.push_back(id);
      }
    }
  }
}

VersionStatus Deployment::status_of(std::int64_t version) const {
  VersionStatus status;
  status.version = version;
  // Of several builds the one that answers, else the one that is furthest from its end.
  const Unit* shown = nullptr;
  const auto order = [&](const Unit& each) {
    const bool answers = each.routing == Routing::served && state(each).ready != 0;
    return answers ? -1 : static_cast<int>(each.role);
  };
  for (const Unit& each : units_) {
    if (each.version == version && (shown == nullptr || order(each) < order(*shown))) {
      shown = &each;
    }
  }
  if (shown == nullptr) {
    if (const Failed* failed = failure_of(spec_of(version)); failed != nullptr) {
      status.stage = VersionStage::failed;
      status.reason = failed->reason;
    }
    return status;
  }
  const UnitState now = state(*shown);
  status.workers_wanted = now.wanted;
  status.workers_ready = now.ready;
  status.reason = now.reason;
  switch (shown->role) {
    case Role::serving:
    case Role::incoming:
      if (has_failed(*shown)) {
        status.stage = VersionStage::failed;
        status.reason = why_failed(*shown);
      } else if (now.ready == 0) {
        status.stage = stage_of(now.furthest);
      } else if (shown->routing == Routing::served) {
        status.stage = VersionStage::serving;
        status.weight = weight_of(version);
      } else {
        status.stage = now.ready == now.wanted ? VersionStage::standby : VersionStage::probing;
      }
      break;
    case Role::standby:
      status.stage = VersionStage::standby;
      break;
    case Role::outgoing:
    case Role::ending:
      status.stage = VersionStage::draining;
      if (const Failed* failed = failure_of(spec_of(version)); failed != nullptr) {
        status.stage = VersionStage::failed;
        status.reason = failed->reason;
      }
      break;
  }
  return status;
}

DeploymentStatus Deployment::status() const {
  DeploymentStatus status;
  status.model = model_;
  status.problem = facts_.problem;
  status.notes = facts_.notes;
  std::ranges::move(notes_on_settings(), std::back_inserter(status.notes));
  if (const std::string note = wanted().note; !note.empty()) {
    status.notes.push_back(note);
  }
  if (pin_) {
    status.pin = pin_->versions;
  }
  for (const std::int64_t version : all_versions()) {
    status.versions.push_back(status_of(version));
  }
  for (const auto& [label, version] : in_force().labels) {
    LabelStatus shown{label, version, {}, {}};
    if (const auto at = labels_.find(label); at != labels_.end()) {
      shown.at = at->second;
    }
    if (shown.at != version) {
      shown.reason = "version " + std::to_string(version) + " is " +
                     std::string(name_of(status_of(version).stage)) + ", not serving";
    }
    status.labels.push_back(std::move(shown));
  }
  status.previous = previous_;
  status.rollout = rollout_ ? rollout_->status() : last_rollout_;
  status.settings_json = in_force().json;
  return status;
}

bool Deployment::over() const {
  return !facts_.found && units_.empty() && (!pin_ || held_) && waiting_.empty() && there().empty();
}

// A label goes where its version serves; until then it stays where it was, if that serves.
void Deployment::move_labels(TimePoint now) {
  std::erase_if(labels_, [&](const auto& entry) {
    return !in_force().labels.contains(entry.first) || serving(entry.second) == nullptr;
  });
  for (const auto& [label, version] : in_force().labels) {
    const Unit* there = serving(version);
    const bool up = there != nullptr && (state(*there).ready != 0 || !labels_.contains(label));
    if (!up && options_.rules.labels_move_with_switch) {
      continue;
    }
    const auto [at, fresh] = labels_.try_emplace(label, version);
    if (fresh || at->second != version) {
      at->second = version;
      tell(EventKind::label_moved, version, label, now);
    }
  }
}

void Deployment::tell_stages(TimePoint now) {
  std::map<std::int64_t, VersionStage> stages;
  for (const std::int64_t version : all_versions()) {
    const VersionStatus status = status_of(version);
    if (status.stage != VersionStage::known) {
      stages.emplace(version, status.stage);
    }
    const auto before = stages_.find(version);
    if (before != stages_.end() ? before->second == status.stage
                                : status.stage == VersionStage::known) {
      continue;
    }
    switch (status.stage) {
      case VersionStage::starting:
        tell(EventKind::version_starting, version, status.reason, now);
        break;
      case VersionStage::serving:
        tell(EventKind::version_serving, version, {}, now);
        break;
      case VersionStage::failed:
        tell(EventKind::version_failed, version, status.reason, now);
        break;
      case VersionStage::draining:
        tell(EventKind::version_draining, version, {}, now);
        break;
      default:
        break;
    }
  }
  for (const auto& [version, stage] : stages_) {
    if (!stages.contains(version)) {
      tell(EventKind::version_retired, version, {}, now);
    }
  }
  stages_ = std::move(stages);
}

void Deployment::tell(
    EventKind kind, std::int64_t version, std::string detail, TimePoint now, CommandId command) {
  if (events_.size() >= limits::kFleetEvents) {
    events_.erase(events_.begin());
  }
  events_.push_back({now, model_, version, kind, std::move(detail), command});
}

void Deployment::take_events(std::vector<Event>& events) {
  std::ranges::move(events_, std::back_inserter(events));
  events_.clear();
}

std::string_view name_of(VersionStage stage) noexcept {
  switch (stage) {
    case VersionStage::known:
      return "known";
    case VersionStage::starting:
      return "starting";
    case VersionStage::loading:
      return "loading";
    case VersionStage::warming:
      return "warming";
    case VersionStage::probing:
      return "probing";
    case VersionStage::standby:
      return "standby";
    case VersionStage::serving:
      return "ready";
    case VersionStage::draining:
      return "draining";
    case VersionStage::failed:
      return "failed";
  }
  return "unknown";
}

std::string_view name_of(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::adopted:
      return "adopted";
    case EventKind::version_starting:
      return "version_starting";
    case EventKind::version_serving:
      return "version_serving";
    case EventKind::version_failed:
      return "version_failed";
    case EventKind::version_draining:
      return "version_draining";
    case EventKind::version_retired:
      return "version_retired";
    case EventKind::rollout_started:
      return "rollout_started";
    case EventKind::rollout_phase:
      return "rollout_phase";
    case EventKind::rollout_step:
      return "rollout_step";
    case EventKind::rollout_paused:
      return "rollout_paused";
    case EventKind::rollout_resumed:
      return "rollout_resumed";
    case EventKind::pinned:
      return "pinned";
    case EventKind::unpinned:
      return "unpinned";
    case EventKind::label_moved:
      return "label_moved";
    case EventKind::problem:
      return "problem";
    case EventKind::command_done:
      return "command_done";
    case EventKind::command_failed:
      return "command_failed";
  }
  return "unknown";
}

}  // namespace sluice::gateway
