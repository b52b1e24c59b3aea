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
  const bool unloaded = pin_ && pin_->versions.empty() && !held_;
  if (!options_.rules.adopts || unloaded) {
    return;
  }
  for (const std::int64_t version : there()) {
    const bool incoming = std::ranges::any_of(units_, [&](const Unit& unit) {
      return unit.version == version && unit.role == Role::incoming;
    });
    const bool to_start = std::ranges::count(change_.to_start, version, &Spec::version) != 0;
    if (!served_before(version) || incoming || to_start) {
      continue;  // it has yet to pass what a rollout asks of it
    }
    const Spec spec = spec_of(version);
    Spec found{version, {}};
    // Of two builds that run, the one that served; else the one that is on the disk.
    int best = 0;
    for (const auto& [id, worker] : workers_) {
      if (worker.node != node || worker.version != version || worker.state != WorkerState::ready) {
        continue;
      }
      const std::string build = link::build_of(id);
      const int claim = build_served_before(version, build) ? 2 : spec.workers.contains(id) ? 1 : 0;
      if (claim != 2 && was_warm(version, build)) {
        continue;  // what it was kept beside is being started again
      }
      if (!found.workers.empty() && found.workers.begin()->second.build != build) {
        if (claim <= best) {
          continue;
        }
        found.workers.clear();
      }
      best = std::max(best, claim);
      found.workers.emplace(id, Place{node, build, worker.stamp, config_of(worker)});
    }
    if (found.workers.empty()) {
      continue;
    }
    if (std::exchange(held_, false)) {
      pin_.reset();  // an operator has asked for it in a life of the gateway before
    }
    restored_ = true;
    const Unit* known = serving(version);
    Unit& adopted =
        known != nullptr ? *unit(known->id) : add_unit(found, Role::serving, Routing::served);
    take_in(adopted, std::move(found.workers));
    tell(EventKind::adopted, version, "on node " + node, now);
  }
  adopt_warm(node, now);
}

// With what they have said of themselves.
void Deployment::take_in(Unit& unit, Workers workers) {
  for (const auto& [id, place] : workers) {
    if (const auto info = infos_.find(id); info != infos_.end()) {
      unit.infos[place.build] = info->second;
    }
    if (const auto& finite = workers_.at(id).finite; finite) {
      unit.finite.insert_or_assign(place.build, *finite);
    }
  }
  unit.workers.merge(workers);
}

// What was kept beside that stays so; its time begins anew.
void Deployment::adopt_warm(const std::string& node, TimePoint now) {
  for (const RememberedWarm& warm : memory_ ? memory_->warm : std::vector<RememberedWarm>()) {
    Workers found;
    for (const auto& [id, worker] : workers_) {
      const std::string build = link::build_of(id);
      const bool taken = std::ranges::any_of(
          units_, [&name = id](const Unit& each) { return each.workers.contains(name); });
      if (worker.node == node && worker.state == WorkerState::ready && !taken &&
          warm.builds.contains(build)) {
        found.emplace(id, Place{node, build, worker.stamp, config_of(worker)});
      }
    }
    if (found.empty()) {
      continue;
    }
    const auto known = std::ranges::find_if(units_, [&](const Unit& each) {
      return each.role == Role::standby && each.version == warm.version;
    });
    Unit& kept =
        known != units_.end() ? *known : add_unit({warm.version, {}}, Role::standby, Routing::none);
    kept.keep_for = warm.keep;
    kept.keep_until = warm.keep ? now + *warm.keep : TimePoint::max();
    take_in(kept, std::move(found));
    tell(EventKind::adopted, warm.version, "kept warm on node " + node, now);
  }
}

void Deployment::settle(TimePoint now) {
  int rounds = 0;
  while (advance_units(now) || (rollout_ ? advance_rollout(now) : reconcile(now))) {
    SLUICE_CHECK(++rounds < kRoundsMost);
  }
  for (Unit& each : units_) {
    each.has_served =
        each.has_served || (each.routing == Routing::served && state(each).ready != 0);
    for (const auto& [id, place] : each.alone ? assigned(each) : Workers()) {
      each.begun.insert(id);
    }
  }
  if (restored_ && !rollout_) {
    before_load_.reset();
  }
  take_up_settings();
  choose_primary();
  move_labels(now);
  finish_waiting(now);
  tell_stages(now);
  forget_gone();
}

bool Deployment::advance_units(TimePoint now) {
  bool changed =
      std::erase_if(retried_, [&](const std::string& id) { return !workers_.contains(id); }) != 0;
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
      const UnitState now_is = state(unit);
      const bool silent = std::ranges::any_of(unit.workers, [&](const auto& entry) {
        return facts_.silent.contains(entry.second.node);
      });
      const bool nobody = now_is.present == now_is.failed && !silent;
      const bool quiet = unit.quiet || unit.routing == Routing::none || nobody;
      if ((rules.waits_for_shards && !is_out(unit)) || (rules.waits_for_quiet && !quiet)) {
        return left;
      }
      const bool keep = unit.keep_until && *unit.keep_until > now && !nobody;
      route(unit, keep ? Role::standby : Role::outgoing, Routing::none);
      if (!keep) {
        end(unit);
      }
      return true;
    }
    case Role::standby:
      if ((unit.keep_until && *unit.keep_until <= now) || has_failed(unit)) {
        end(unit);
        return true;
      }
      return left;
    case Role::ending:
      return left;
  }
  return left;
}

// More or fewer workers of the same build need no rollout. None leaves while the rest cannot serve.
bool Deployment::follow_spec(Unit& unit) {
  const Spec spec = spec_of(unit.version);
  // A rollout goes on to where it began to go, whatever is wanted meanwhile.
  const bool meant = unit.role == Role::incoming
                         ? !spec.workers.empty()
                         : std::ranges::binary_search(wanted().versions, unit.version);
  if (!meant || spec.workers == unit.workers || differs(unit.workers, spec.workers)) {
    return false;
  }
  const auto ready_in = [&, left = leaving()](const Workers& workers) {
    return std::ranges::any_of(workers, [&](const auto& entry) {
      const auto found = workers_.find(entry.first);
      return found != workers_.end() && !left.contains(entry.first) &&
             found->second.state == WorkerState::ready && found->second.met_by_all;
    });
  };
  Workers fewer;
  for (const auto& [id, place] : unit.workers) {
    if (!spec.workers.contains(id)) {
      fewer.emplace(id, place);
    }
  }
  Workers next = spec.workers;
  if (ready_in(fewer) && !ready_in(spec.workers)) {
    next.merge(std::exchange(fewer, {}));
  }
  if (next == unit.workers) {
    return false;
  }
  unit.workers = std::move(next);
  if (!fewer.empty()) {
    // Moves `unit`.
    add_unit({unit.version, std::move(fewer)}, Role::outgoing, Routing::none).shown = true;
  }
  return true;
}

bool Deployment::reconcile(TimePoint now) {
  if (rescue(now)) {
    return true;
  }
  const bool nothing =
      std::ranges::none_of(units_, [](const Unit& unit) { return unit.role == Role::serving; });
  Difference change = difference();
  std::vector<Spec> first = nothing ? remembered_specs() : std::vector<Spec>();
  if (first.empty() && change.added.empty() && change.removed.empty()) {
    return false;
  }
  if (nothing) {  // first start: each by itself
    for (const Spec& spec : first.empty() ? change.added : first) {
      Unit& started = *unit(start(spec));
      route(started, Role::serving, Routing::served);
    }
    restored_ = true;
    return true;
  }
  if (startable().empty()) {  // the model is gone, or unloaded
    for (const std::uint64_t id : change.removed) {
      retire(*unit(id), std::nullopt);
    }
    end_standby();
    previous_config_.reset();
    return true;
  }
  begin_by_itself(std::move(change), now);
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
               std::ranges::binary_search(there(), unit.version) &&
               failure_of({unit.version, unit.workers}) == nullptr &&
               std::ranges::find(previous_, unit.version) != previous_.end()) {
      back.added.push_back({unit.version, unit.workers});
    }
  }
  if (back.removed.empty() || back.added.empty()) {
    return false;
  }
  for (const std::uint64_t id : back.removed) {
    const Unit& failed = *unit(id);
    remember_failure(failed.version, {builds_of(failed.workers), state(failed).reason});
  }
  RolloutPlan plan;
  plan.allow_signature_change = true;  // it has served before
  tell(EventKind::version_failed, 0, reason + "; going back to what served before", now);
  begin(std::move(plan), std::move(back), now);
  change_.back_to = previous_config_;
  return true;
}

// Sticky: neither a worker that restarts nor a gateway moves the traffic to another version.
void Deployment::choose_primary() {
  const std::optional<std::int64_t> before = !primary_ && memory_ ? memory_->primary : primary_;
  std::optional<std::int64_t> best;
  for (const Unit& unit : units_) {
    if (unit.role == Role::serving && state(unit).ready != 0) {
      best = best ? std::max(*best, unit.version) : unit.version;
    }
  }
  const Unit* current = before ? serving(*before) : nullptr;
  if (current != nullptr) {
    const UnitState now = state(*current);
    if (now.present > now.failed) {
      best = best ? std::max(*best, *before) : *before;
    }
  }
  primary_ = best;
  if (primary_ && memory_) {
    memory_->primary.reset();
  }
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
