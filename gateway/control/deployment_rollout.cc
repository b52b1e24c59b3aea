// Deployment: the rollout under way: the facts it is told, and the moves it asks for.

#include <algorithm>
#include <utility>

#include "gateway/control/deployment.h"

namespace sluice::gateway {
namespace {

using link::Strategy;
using link::WorkerState;

std::string named(std::int64_t version) {
  return "version " + std::to_string(version);
}

AnswerCounts since(const std::map<std::int64_t, AnswerCounts>& now,
                   const std::map<std::int64_t, AnswerCounts>& then,
                   std::int64_t version) {
  const auto last = now.find(version);
  const auto first = then.find(version);
  AnswerCounts counts = last == now.end() ? AnswerCounts{} : last->second;
  if (first != then.end()) {
    counts.ok -= std::min(counts.ok, first->second.ok);
    counts.server_errors -= std::min(counts.server_errors, first->second.server_errors);
  }
  return counts;
}

}  // namespace

void Deployment::begin(RolloutPlan plan, Difference difference, TimePoint now) {
  change_ = {};
  change_.primary = primary_;
  change_.pin = pin_;
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
  if (plan.strategy == Strategy::recreate) {
    change_.to_start = difference.added;
    for (const std::uint64_t id : difference.removed) {
      retire(*unit(id), std::nullopt);
    }
  } else {
    for (const Spec& spec : difference.added) {
      change_.incoming.push_back(start(spec));
    }
  }
  for (Unit& each : units_) {
    if (each.role == Role::standby) {
      each.role = Role::ending;  // kept until the next rollout, at most
    }
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
    if (warm && each.version == spec.version && !differs(each.workers, spec.workers) &&
        !has_failed(each)) {
      each.role = Role::incoming;
      each.keep_until.reset();
      return each.id;
    }
  }
  return add_unit(spec, Role::incoming, Routing::none).id;
}

bool Deployment::advance_rollout(TimePoint now) {
  const RolloutPhase before = rollout_->phase();
  if (before == RolloutPhase::starting && change_.to_start.empty()) {
    choose_primary();  // the old may have begun to serve, or failed, meanwhile
    change_.primary = primary_;
  }
  std::vector<NewFailure> failures = failures_of_new(now);
  const RolloutMove move = rollout_->next(rollout_facts(failures, now), now);
  if (rollout_->phase() != before) {
    tell(EventKind::rollout_phase, 0, std::string(name_of(rollout_->phase())), now);
  }
  switch (move) {
    case RolloutMove::none:
      return false;
    case RolloutMove::start_new:
      for (const Spec& spec : change_.to_start) {
        change_.incoming.push_back(start(spec));
      }
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
  if (!failures.empty()) {
    facts.failure = named(failures.front().version) + ": " + failures.front().reason;
  }
  facts.guards_pass = rollout_->phase() != RolloutPhase::starting || guards_pass(now);
  facts.applied = published_ != 0 && applied_ >= published_;
  facts.restored = facts.applied && old_is_back();
  return facts;
}

// What must be there before the old may go; empty: nothing is missing.
std::string Deployment::waiting_for() const {
  const auto is_old = [&](const Unit& each) {
    return std::ranges::find(change_.outgoing, each.id) != change_.outgoing.end();
  };
  std::set<std::string> nodes;
  for (const Unit& each : units_) {
    const bool stays = each.role == Role::serving && !is_old(each) && !has_failed(each);
    if (each.role != Role::incoming && !stays) {
      continue;
    }
    if (!is_ready(each)) {
      const UnitState now = state(each);
      return named(each.version) + ": " + std::to_string(now.ready) + " of " +
             std::to_string(now.wanted) + " workers ready" +
             (now.reason.empty() ? "" : ": " + now.reason);
    }
    for (const auto& [id, place] : each.workers) {
      nodes.insert(place.node);
    }
  }
  // A node that serves the old and is still being given the new.
  for (const Unit& each : units_) {
    if (!is_old(each) || change_.incoming.empty()) {
      continue;
    }
    for (const auto& [id, place] : each.workers) {
      const bool has_model = std::ranges::any_of(facts_.versions, [&](const auto& version) {
        return version.stamps.contains(place.node);
      });
      if (has_model && facts_.attached.contains(place.node) && !nodes.contains(place.node)) {
        return "node '" + place.node + "' has none of the versions that shall serve";
      }
    }
  }
  return {};
}

std::vector<Deployment::NewFailure> Deployment::failures_of_new(TimePoint now) const {
  std::vector<NewFailure> failures;
  for (const std::uint64_t id : change_.incoming) {
    const Unit* each = unit(id);
    if (each == nullptr) {
      failures.push_back({rollout_->plan().to.back(), "its workers have left"});
      continue;
    }
    const UnitState is = state(*each);
    if (is.failed != 0) {
      failures.push_back({each->version, is.reason});
      continue;
    }
    const bool there_still = std::ranges::binary_search(there(), each->version);
    if (rollout_->phase() == RolloutPhase::starting && !there_still && !waiting_for().empty()) {
      failures.push_back({each->version, "it has left the repository", true});
      continue;
    }
    Verdict verdict = judge_unit(*each, now);
    if (verdict.kind == Verdict::Kind::fail) {
      failures.push_back({each->version, std::move(verdict.reason)});
    }
  }
  return failures;
}

bool Deployment::guards_pass(TimePoint now) const {
  return std::ranges::all_of(change_.incoming, [&](std::uint64_t id) {
    const Unit* each = unit(id);
    return each != nullptr && judge_unit(*each, now).kind == Verdict::Kind::pass;
  });
}

// By the guards of the phase. A version is held against another build of itself, or, when it is to
// take the requests that name none, against the version that has them now.
Verdict Deployment::judge_unit(const Unit& judged, TimePoint now) const {
  const RolloutPhase phase = rollout_->phase();
  const bool both = phase == RolloutPhase::shifting;
  if (!options_.rules.asks_guards || (!both && phase != RolloutPhase::starting)) {
    return {};
  }
  std::optional<std::int64_t> replaced;
  for (const Unit& old : change_.before) {
    if (old.version == judged.version) {
      replaced = old.version;
    }
  }
  if (!replaced && judged.version == newest_incoming() &&
      judged.version == rollout_->plan().to.back()) {
    replaced = change_.primary;
  }
  if (!replaced) {
    return {};
  }
  GuardFacts facts;
  facts.allow_signature_change = rollout_->plan().allow_signature_change;
  for (const Unit& old : change_.before) {
    const Unit* lives = unit(old.id);
    const Unit& latest = lives != nullptr ? *lives : old;
    if (old.version == *replaced && !latest.infos.empty()) {
      facts.old_info = &latest.infos.begin()->second;
    }
  }
  const Unit* serves_on = serving(*replaced);
  if (facts.old_info == nullptr && serves_on != nullptr && !serves_on->infos.empty()) {
    facts.old_info = &serves_on->infos.begin()->second;
  }
  if (both) {
    facts.old_counts = since(counts_, change_.counts, *replaced);
    facts.new_counts = since(counts_, change_.counts, judged.version);
    facts.both_serve = now - change_.both_since;
  }
  // Each build of it: nodes may have different ones.
  Verdict verdict;
  for (const auto& [id, place] : judged.workers) {
    const auto info = judged.infos.find(place.build);
    facts.new_info = info == judged.infos.end() ? nullptr : &info->second;
    Verdict one = judge(
        options_.guards, both ? GuardStage::while_both_serve : GuardStage::before_switch, facts);
    if (one.kind == Verdict::Kind::fail) {
      return one;
    }
    if (one.kind == Verdict::Kind::undecided) {
      verdict = std::move(one);
    }
  }
  return verdict;
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
      change_.counts = counts_;
      change_.both_since = now;
    }
  }
  published_ = 0;
  tell(EventKind::rollout_step, 0, std::to_string(rollout_->percent()) + " percent", now);
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
      retire(*each, keep);
    }
  }
  published_ = 0;
}

void Deployment::back_out(std::vector<NewFailure> failures) {
  if (failures.empty()) {  // aborted: all of it
    for (const Spec& spec : change_.to_start) {
      failed_[spec.version] = {spec.workers, rollout_->reason()};
    }
    for (const std::uint64_t id : change_.incoming) {
      if (const Unit* each = unit(id); each != nullptr) {
        failures.push_back({each->version, rollout_->reason()});
      }
    }
  }
  for (const NewFailure& failure : failures) {
    for (const std::uint64_t id : change_.incoming) {
      const Unit* each = unit(id);
      if (each != nullptr && each->version == failure.version && !failure.passing) {
        failed_[failure.version] = {each->workers, failure.reason};
      }
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
    Unit& again = add_unit({old.version, old.workers}, Role::serving, Routing::served);
    again.infos = old.infos;
    again.waits_for_ending = true;
  }
  for (const std::uint64_t id : change_.incoming) {
    if (Unit* each = unit(id); each != nullptr) {
      retire(*each, std::nullopt);
    }
  }
  primary_ = change_.primary;
  published_ = 0;
}

void Deployment::finish(TimePoint now) {
  const RolloutStatus status = rollout_->status();
  const bool done = status.phase == RolloutPhase::done;
  const Change change = std::move(change_);
  change_ = {};
  rollout_.reset();
  last_rollout_ = status;
  if (done) {
    previous_ = status.from;
  } else if (status.by_operator && pin_ != change.pin) {
    set_pin(change.pin, now);
  }
  tell(
      done ? EventKind::command_done : EventKind::command_failed, 0, status.reason, now, status.id);
  for (const CommandId id : change.aborts) {
    tell(EventKind::command_done, 0, {}, now, id);
  }
}

}  // namespace sluice::gateway
