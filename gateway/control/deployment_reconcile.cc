// Deployment: the lives of its units, and what is done when they are not what is wanted.

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "gateway/control/deployment.h"

namespace sluice::gateway {
namespace {

using link::WorkerState;

// Each round starts, ends or moves something; far more rounds than units is a rule that undoes
// another.
constexpr int kRoundsMost = 10'000;

}  // namespace

// Before anything is assigned to a node that speaks for the first time: what is ready there serves
// on.
void Deployment::adopt(const std::string& node, TimePoint now) {
  if (!options_.rules.adopts) {
    return;
  }
  for (const std::int64_t version : there()) {
    const Spec spec = spec_of(version);
    Spec found{version, {}};
    bool as_wanted = false;  // of two builds that run, the one that is on the disk
    for (const auto& [id, worker] : workers_) {
      if (worker.node != node || worker.version != version || worker.state != WorkerState::ready) {
        continue;
      }
      const std::string build = id.substr(0, id.rfind('/'));
      const bool wanted = spec.workers.contains(id);
      if (!found.workers.empty() && found.workers.begin()->second.build != build) {
        if (as_wanted || !wanted) {
          continue;
        }
        found.workers.clear();
      }
      as_wanted = as_wanted || wanted;
      found.workers.emplace(id, Place{node, build, worker.stamp, {}});
    }
    if (found.workers.empty()) {
      continue;
    }
    if (const Unit* known = serving(version); known != nullptr) {
      unit(known->id)->workers.merge(found.workers);
    } else {
      add_unit(found, Role::serving, Routing::served);
    }
    tell(EventKind::adopted, version, "on node " + node, now);
  }
}

void Deployment::settle(TimePoint now) {
  int rounds = 0;
  while (advance_units(now) || (rollout_ ? advance_rollout(now) : reconcile(now))) {
    SLUICE_CHECK(++rounds < kRoundsMost);
  }
  choose_primary();
  move_labels(now);
  finish_waiting(now);
  tell_stages(now);
}

Unit* Deployment::unit(std::uint64_t id) {
  const auto found = std::ranges::find(units_, id, &Unit::id);
  return found == units_.end() ? nullptr : &*found;
}

const Unit* Deployment::unit(std::uint64_t id) const {
  const auto found = std::ranges::find(units_, id, &Unit::id);
  return found == units_.end() ? nullptr : &*found;
}

const Unit* Deployment::serving(std::int64_t version) const {
  const auto found = std::ranges::find_if(units_, [&](const Unit& unit) {
    return unit.version == version && unit.role == Role::serving;
  });
  return found == units_.end() ? nullptr : &*found;
}

// Ids whose process is to end before it may return.
std::set<std::string> Deployment::leaving() const {
  std::set<std::string> leaving = retried_;
  for (const Unit& unit : units_) {
    if (unit.role == Role::ending && options_.rules.waits_until_gone) {
      for (const auto& [id, place] : unit.workers) {
        leaving.insert(id);
      }
    }
  }
  return leaving;
}

UnitState Deployment::state(const Unit& unit) const {
  return state_of(unit, workers_, unit.role == Role::ending ? std::set<std::string>() : leaving());
}

// All its workers; those of a silent node only if they are known to live.
bool Deployment::is_ready(const Unit& unit) const {
  bool any = false;
  const std::set<std::string> left = leaving();
  for (const auto& [id, place] : unit.workers) {
    const auto found = workers_.find(id);
    const bool known = found != workers_.end() && !left.contains(id);
    if (!known && !place.node.empty() && !facts_.attached.contains(place.node)) {
      continue;
    }
    const bool met = known && (found->second.met_by_all || !options_.rules.waits_until_met);
    if (!met || found->second.state != WorkerState::ready) {
      return false;
    }
    any = true;
  }
  return any;
}

bool Deployment::has_failed(const Unit& unit) const {
  const UnitState now = state(unit);
  return now.wanted != 0 && now.failed == now.wanted;
}

// No process of it can be left.
bool Deployment::is_gone(const Unit& unit) const {
  return std::ranges::none_of(unit.workers, [&](const auto& entry) {
    const bool by_hand = entry.second.node.empty();  // it may stay, it is not ours to end
    return !by_hand &&
           (workers_.contains(entry.first) || facts_.silent.contains(entry.second.node));
  });
}

bool Deployment::anything_serves() const {
  return std::ranges::any_of(
      units_, [&](const Unit& unit) { return unit.role == Role::serving && !has_failed(unit); });
}

// What a node is to run of it.
Workers Deployment::assigned(const Unit& unit) const {
  const bool others_end =
      std::ranges::any_of(units_, [](const Unit& other) { return other.role == Role::ending; });
  const bool waits = unit.waits_for_ending && others_end && options_.rules.waits_until_gone;
  if (unit.role == Role::ending || waits) {
    return {};
  }
  const std::set<std::string> left = leaving();
  Workers workers;
  for (const auto& [id, place] : unit.workers) {
    if (!place.node.empty() && !left.contains(id)) {
      workers.emplace(id, place);
    }
  }
  return workers;
}

Unit& Deployment::add_unit(const Spec& spec, Role role, Routing routing) {
  Unit unit;
  unit.id = ++last_unit_;
  unit.version = spec.version;
  unit.workers = spec.workers;
  unit.waits_for_ending = facts_.settings.strategy == link::Strategy::recreate;
  units_.push_back(std::move(unit));
  route(units_.back(), role, routing);
  return units_.back();
}

void Deployment::route(Unit& unit, Role role, Routing routing) {
  unit.role = role;
  unit.routing = routing;
  unit.published = 0;
  unit.quiet = false;
}

// Takes it out of the routes; it ends, or is kept, once the shards have nothing of it.
void Deployment::retire(Unit& unit, std::optional<TimePoint> keep_until) {
  // Where nodes have different builds, two units of a version may share what runs on one of them.
  for (const Unit& other : units_) {
    const bool runs = other.role == Role::serving || other.role == Role::incoming;
    if (other.id != unit.id && runs && !other.waits_for_ending) {
      std::erase_if(unit.workers,
                    [&](const auto& entry) { return other.workers.contains(entry.first); });
    }
  }
  if (unit.routing == Routing::none) {
    unit.role = Role::ending;
    return;
  }
  const bool replaced = std::ranges::any_of(units_, [&](const Unit& other) {
    return other.id != unit.id && other.version == unit.version && other.routing == Routing::served;
  });
  unit.keep_until = keep_until;
  // Another build of its version serves: the shards do not see it drain, only its workers end.
  route(unit, Role::outgoing, replaced ? Routing::none : Routing::draining);
}

bool Deployment::advance_units(TimePoint now) {
  bool changed =
      std::erase_if(retried_, [&](const std::string& id) { return !workers_.contains(id); }) != 0;
  const bool ending =
      std::ranges::any_of(units_, [](const Unit& each) { return each.role == Role::ending; });
  for (Unit& each : units_) {
    each.waits_for_ending = each.waits_for_ending && ending;
  }
  // By position: a unit may be added on the way.
  for (std::size_t i = 0; i < units_.size(); ++i) {
    changed = advance(units_[i], now) || changed;
  }
  return std::erase_if(units_,
                       [&](const Unit& unit) {
                         return unit.workers.empty() ||
                                (unit.role == Role::ending && is_gone(unit));
                       }) != 0 ||
         changed;
}

bool Deployment::advance(Unit& unit, TimePoint now) {
  // Who was started by hand leaves when he wants.
  const bool left = std::erase_if(unit.workers, [&](const auto& entry) {
                      return entry.second.node.empty() && !workers_.contains(entry.first);
                    }) != 0;
  switch (unit.role) {
    case Role::serving:
    case Role::incoming:
      return follow_spec(unit) || left;
    case Role::outgoing: {
      const RolloutRules& rules = options_.rules;
      const bool out = unit.published != 0 && applied_ >= unit.published;
      const UnitState now_is = state(unit);
      const bool silent = std::ranges::any_of(unit.workers, [&](const auto& entry) {
        return facts_.silent.contains(entry.second.node);
      });
      const bool nobody = now_is.present == now_is.failed && !silent;
      const bool quiet = unit.quiet || unit.routing == Routing::none || nobody;
      if ((rules.waits_for_shards && !out) || (rules.waits_for_quiet && !quiet)) {
        return left;
      }
      const bool keep = unit.keep_until && *unit.keep_until > now && !nobody;
      route(unit, keep ? Role::standby : Role::ending, Routing::none);
      return true;
    }
    case Role::standby:
      if ((unit.keep_until && *unit.keep_until <= now) || has_failed(unit)) {
        unit.role = Role::ending;
        return true;
      }
      return left;
    case Role::ending:
      return left;
  }
  return left;
}

// More or fewer workers of the same build need no rollout.
bool Deployment::follow_spec(Unit& unit) {
  const Spec spec = spec_of(unit.version);
  const std::vector<std::int64_t> versions = wanted().versions;
  if (spec.workers == unit.workers || differs(unit.workers, spec.workers) ||
      !std::ranges::binary_search(versions, unit.version)) {
    return false;
  }
  Workers fewer;
  for (const auto& [id, place] : unit.workers) {
    if (!spec.workers.contains(id)) {
      fewer.emplace(id, place);
    }
  }
  unit.workers = spec.workers;
  if (!fewer.empty()) {
    // Invalidates `unit`.
    Unit& rest = add_unit({unit.version, std::move(fewer)}, Role::outgoing, Routing::none);
    rest.published = 0;
  }
  return true;
}

bool Deployment::reconcile(TimePoint now) {
  if (rescue(now)) {
    return true;
  }
  Difference change = difference();
  if (change.added.empty() && change.removed.empty()) {
    return false;
  }
  const bool nothing =
      std::ranges::none_of(units_, [](const Unit& unit) { return unit.role == Role::serving; });
  if (nothing) {  // first start: each by itself
    for (const Spec& spec : change.added) {
      Unit& started = *unit(start(spec));
      route(started, Role::serving, Routing::served);
    }
    return true;
  }
  if (startable().empty()) {  // the model is gone, or unloaded
    for (const std::uint64_t id : change.removed) {
      retire(*unit(id), std::nullopt);
    }
    for (Unit& kept : units_) {
      if (kept.role == Role::standby) {
        kept.role = Role::ending;
      }
    }
    return true;
  }
  RolloutPlan plan;
  plan.strategy = facts_.settings.strategy;
  begin(std::move(plan), std::move(change), now);
  return true;
}

// Everything that serves has failed, and what served before is still warm: back to it.
bool Deployment::rescue(TimePoint now) {
  if (anything_serves() || !options_.rules.rolls_back) {
    return false;
  }
  Difference back;
  std::string reason;
  for (const Unit& unit : units_) {
    const bool warm = unit.role == Role::standby || unit.role == Role::outgoing;
    if (unit.role == Role::serving) {
      back.removed.push_back(unit.id);
      reason = "version " + std::to_string(unit.version) + " failed: " + state(unit).reason;
    } else if (warm && state(unit).ready != 0 &&
               std::ranges::find(previous_, unit.version) != previous_.end()) {
      back.added.push_back({unit.version, unit.workers});
    }
  }
  if (back.removed.empty() || back.added.empty()) {
    return false;
  }
  for (const std::uint64_t id : back.removed) {
    const Unit& failed = *unit(id);
    failed_[failed.version] = {failed.workers, state(failed).reason};
  }
  RolloutPlan plan;
  plan.allow_signature_change = true;  // it has served before
  tell(EventKind::version_failed, 0, reason + "; going back to what served before", now);
  begin(std::move(plan), std::move(back), now);
  return true;
}

// Sticky: a worker that restarts does not move the traffic to another version.
void Deployment::choose_primary() {
  std::optional<std::int64_t> best;
  for (const Unit& unit : units_) {
    if (unit.role == Role::serving && state(unit).ready != 0) {
      best = best ? std::max(*best, unit.version) : unit.version;
    }
  }
  const Unit* current = primary_ ? serving(*primary_) : nullptr;
  if (current != nullptr) {
    const UnitState now = state(*current);
    if (now.present > now.failed) {
      best = best ? std::max(*best, *primary_) : *primary_;
    }
  }
  primary_ = best;
}

void Deployment::finish_waiting(TimePoint now) {
  if (rollout_ || !retried_.empty()) {
    return;
  }
  bool pending = false;
  std::string failures;
  for (const Spec& spec : specs()) {
    const Unit* served = serving(spec.version);
    const Failed* failed = failure_of(spec);
    std::string reason = failed == nullptr ? "" : failed->reason;
    if (failed == nullptr && served != nullptr && has_failed(*served)) {
      reason = state(*served).reason;
    } else if (failed == nullptr && (served == nullptr || differs(served->workers, spec.workers) ||
                                     !is_ready(*served))) {
      pending = true;
    }
    if (!reason.empty()) {
      failures += (failures.empty() ? "version " : "; version ") + std::to_string(spec.version) +
                  ": " + reason;
    }
  }
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    if (waiting.unload ? !units_.empty() : pending) {
      return false;
    }
    const bool bad = !waiting.unload && !failures.empty();
    tell(bad ? EventKind::command_failed : EventKind::command_done,
         0,
         bad ? failures : "",
         now,
         waiting.id);
    return true;
  });
}

}  // namespace sluice::gateway
