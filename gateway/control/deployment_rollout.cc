// Deployment: the rollout under way: the facts it is told, and the moves it asks for.

#include <algorithm>
#include <iterator>
#include <utility>

#include "gateway/control/deployment.h"

namespace sluice::gateway {
namespace {

using link::Strategy;

}  // namespace

void Deployment::begin(RolloutPlan plan, Difference difference, TimePoint now) {
  change_ = {};
  restored_ = true;
  if (memory_) {
    memory_->rollout.reset();  // whatever was cut off, this one takes its place
  }
  choose_primary();
  change_.primary = primary_;
  change_.pin = pin_;
  change_.in_force = in_force_;
  change_.outgoing = difference.removed;
  for (const Unit& each : units_) {
    if (each.role != Role::serving) {
      continue;
    }
    plan.from.push_back(each.version);
    if (std::ranges::find(difference.removed, each.id) == difference.removed.end()) {
      plan.to.push_back(each.version);
    } else {
      change_.before.push_back(each);
    }
  }
  for (const Spec& spec : difference.added) {
    plan.to.push_back(spec.version);
  }
  std::ranges::sort(plan.from);
  std::ranges::sort(plan.to);
  if (difference.added.empty() || difference.removed.empty()) {
    plan.strategy = Strategy::rolling;  // nothing that could be in the other's way
  }
  // Shares can only go from the version that has the requests to another that is to have them.
  const bool shifts = !plan.from.empty() && !difference.added.empty() &&
                      difference.added.back().version == plan.to.back() &&
                      std::ranges::find(plan.from, plan.to.back()) == plan.from.end();
  if (!shifts || plan.strategy == Strategy::recreate) {
    plan.steps.clear();
  }
  if (plan.strategy == Strategy::recreate) {
    change_.to_start = difference.added;
    for (const std::uint64_t id : difference.removed) {
      note_failed(*unit(id));
      retire(*unit(id), std::nullopt);
    }
  } else {
    bring_in(difference.added);
  }
  const auto served = [&](std::int64_t version) { return served_before(version); };
  const bool restores = memory_ && plan.command == 0 && difference.removed.empty() &&
                        std::ranges::all_of(plan.to, served);
  if (!restores) {  // what was kept is kept until the next rollout, and this one is none to anybody
    end_standby();
  }
  if (plan.id == 0) {
    plan.id = plan.command != 0 ? plan.command : ids_->next();
  }
  tell(EventKind::rollout_started,
       0,
       "from " + list_of(plan.from) + " to " + list_of(plan.to),
       now,
       plan.command);
  rollout_.emplace(std::move(plan), options_.rules, now);
}

// What is still warm of that very build is taken back as it is.
std::uint64_t Deployment::start(const Spec& spec) {
  for (Unit& each : units_) {
    const bool warm = each.role == Role::standby || each.role == Role::outgoing;
    const bool has_some = std::ranges::any_of(
        each.workers, [&](const auto& entry) { return spec.workers.contains(entry.first); });
    if (warm && has_some && each.version == spec.version && !differs(each.workers, spec.workers) &&
        !has_failed(each)) {
      each.role = Role::incoming;
      each.keep_until.reset();
      return each.id;
    }
  }
  return add_unit(spec, Role::incoming, Routing::none).id;
}

void Deployment::bring_in(const std::vector<Spec>& specs) {
  for (const Spec& spec : specs) {
    const std::uint64_t id = start(spec);
    change_.incoming.push_back(id);
    if (!differs(spec.workers, spec_of(spec.version).workers)) {
      change_.stored.insert(id);
    }
  }
}

bool Deployment::advance_rollout(TimePoint now) {
  const RolloutPhase before = rollout_->phase();
  if (before == RolloutPhase::starting && change_.to_start.empty()) {
    choose_primary();  // the old may have begun to serve, or failed, meanwhile
    change_.primary = primary_;
  }
  watch_for_want(now);
  std::vector<NewFailure> failures = failures_of_new(now);
  const RolloutMove move = rollout_->next(rollout_facts(failures, now), now);
  if (rollout_->phase() != before) {
    tell(EventKind::rollout_phase, 0, std::string(name_of(rollout_->phase())), now);
  }
  switch (move) {
    case RolloutMove::none:
      return false;
    case RolloutMove::start_new:
      bring_in(change_.to_start);
      return true;
    case RolloutMove::shift:
      shift(now);
      return true;
    case RolloutMove::switch_over:
      switch_over(now);
      return true;
    case RolloutMove::back_out:
      back_out(std::move(failures));
      return true;
    case RolloutMove::finish:
      finish(now);
      return true;
  }
  return false;
}

RolloutFacts Deployment::rollout_facts(const std::vector<NewFailure>& failures,
                                       TimePoint now) const {
  RolloutFacts facts;
  facts.old_gone =
      std::ranges::all_of(change_.outgoing, [&](std::uint64_t id) { return unit(id) == nullptr; });
  facts.waiting_for = waiting_for();
  facts.new_ready = facts.waiting_for.empty();
  for (const std::uint64_t id : change_.incoming) {
    if (const Unit* each = unit(id); each != nullptr && !is_ready(*each)) {
      facts.restarting = ready_of(*each);
    }
  }
  if (!failures.empty()) {
    facts.failure =
        "version " + std::to_string(failures.front().version) + ": " + failures.front().reason;
  }
  facts.guards_pass = rollout_->phase() != RolloutPhase::starting || guards_pass(now);
  facts.applied = published_ != 0 && applied_ >= published_;
  facts.restored = facts.applied && old_is_back();
  return facts;
}

// After recreate the old one must first be started again.
bool Deployment::old_is_back() const {
  if (rollout_->plan().strategy != Strategy::recreate) {
    return true;
  }
  return std::ranges::all_of(units_, [&](const Unit& each) {
    return each.role != Role::serving || is_ready(each) || state(each).failed != 0;
  });
}

std::optional<std::int64_t> Deployment::newest_incoming() const {
  std::optional<std::int64_t> newest;
  for (const std::uint64_t id : change_.incoming) {
    const Unit* each = unit(id);
    if (each != nullptr) {
      newest = newest ? std::max(*newest, each->version) : each->version;
    }
  }
  return newest;
}

void Deployment::shift(TimePoint now) {
  for (const std::uint64_t id : change_.incoming) {
    Unit& each = *unit(id);
    if (each.routing != Routing::served) {
      route(each, Role::incoming, Routing::served);
      change_.shared.merge(builds_of(each.workers));
      change_.counts = counts_;
      for (const auto& [worker, fact] : workers_) {
        change_.deaths[worker] = fact.deaths;
      }
      change_.both_since = now;
    }
  }
  published_ = 0;
  tell(EventKind::rollout_step, 0, std::to_string(rollout_->percent()) + " percent", now);
}

// What served and has failed is not tried again by itself once something else serves.
void Deployment::note_failed(const Unit& old) {
  if (has_failed(old)) {
    change_.failed[old.version] = {failed_builds(old), state(old).reason};
  }
}

void Deployment::switch_over(TimePoint now) {
  const RolloutPlan& plan = rollout_->plan();
  std::optional<TimePoint> keep;
  if (plan.keep_old) {
    keep = now + *plan.keep_old;
  } else if (plan.strategy == Strategy::blue_green) {
    keep = TimePoint::max();
  }
  for (const std::uint64_t id : change_.incoming) {
    if (Unit* each = unit(id); each != nullptr) {
      route(*each, Role::serving, Routing::served);
    }
  }
  for (const std::uint64_t id : change_.outgoing) {
    if (Unit* each = unit(id); each != nullptr && each->role == Role::serving) {
      note_failed(*each);
      each->keep_for = plan.keep_old;
      retire(*each, keep);
    }
  }
  if (change_.back_to) {
    in_force_ = change_.back_to;
  }
  published_ = 0;
}

// Builds that serve may be older than those on the disks: what is known of these stays known.
void Deployment::remember_failure(std::int64_t version, Failed failed) {
  const Spec stored = spec_of(version);
  const Failed* known = failure_of(stored);
  if (known != nullptr && !known->for_want && !failed.for_want) {
    std::ranges::set_intersection(known->builds,
                                  builds_of(stored.workers),
                                  std::inserter(failed.builds, failed.builds.end()));
  }
  failed_.insert_or_assign(version, std::move(failed));
}

void Deployment::back_out(std::vector<NewFailure> failures) {
  if (failures.empty()) {  // aborted: all of it
    for (const Spec& spec : change_.to_start) {
      failed_[spec.version] = {builds_of(spec.workers), rollout_->reason()};
    }
    for (const std::uint64_t id : change_.incoming) {
      if (const Unit* each = unit(id); each != nullptr) {
        failures.push_back({each->version, rollout_->reason(), builds_of(each->workers)});
      }
    }
  }
  for (NewFailure& failure : failures) {
    if (!failure.builds.empty()) {
      remember_failure(failure.version,
                       {std::move(failure.builds), std::move(failure.reason), failure.for_want});
    }
  }
  // The old first, so that a version of which both are builds is served by one of them.
  for (const Unit& old : change_.before) {
    Unit* each = unit(old.id);
    if (each != nullptr && each->role != Role::ending) {
      if (each->role != Role::serving) {
        route(*each, Role::serving, Routing::served);
        each->workers = old.workers;  // with what it had left to the new one
      }
      each->keep_until.reset();
      continue;
    }
    const Unit* adopted = serving(old.version);  // of a node that has come meanwhile
    Unit& again = adopted != nullptr ? *unit(adopted->id)
                                     : add_unit({old.version, {}}, Role::serving, Routing::served);
    for (const auto& [id, place] : old.workers) {
      if (!differs({{id, place}}, again.workers)) {  // one build a node
        again.workers.emplace(id, place);
      }
    }
    again.infos.insert(old.infos.begin(), old.infos.end());
    again.alone = true;
  }
  for (const std::uint64_t id : change_.incoming) {
    if (Unit* each = unit(id); each != nullptr) {
      retire(*each, std::nullopt);
    }
  }
  const Unit* old = change_.primary ? serving(*change_.primary) : nullptr;
  if (old != nullptr && state(*old).ready != 0) {
    primary_ = change_.primary;
  }
  published_ = 0;
}

void Deployment::finish(TimePoint now) {
  const RolloutStatus status = rollout_->status();
  const CommandId command = rollout_->plan().command;
  const bool done = status.phase == RolloutPhase::done;
  Change change = std::move(change_);
  change_ = {};
  rollout_.reset();
  last_rollout_ = status;
  if (done) {
    previous_ = status.from;
    previous_config_ = change.in_force != in_force_ ? change.in_force : std::nullopt;
    for (auto& [version, failed] : change.failed) {
      remember_failure(version, std::move(failed));
    }
  } else if ((status.by_operator || before_load_) && pin_ != change.pin) {
    set_pin(change.pin, now);
  }
  if (!done) {
    give_back_config(status.reason, now);
  }
  before_load_.reset();
  tell(done ? EventKind::command_done : EventKind::command_failed, 0, status.reason, now, command);
  for (const CommandId id : change.aborts) {
    tell(EventKind::command_done, 0, {}, now, id);
  }
}

}  // namespace sluice::gateway
