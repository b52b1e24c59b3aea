// Deployment: what the rollout under way still waits for, and whether what is new is good.

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "gateway/control/deployment.h"

namespace sluice::gateway {
namespace {

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

// Of a build that it runs now.
const ModelInfo* info_of(const Unit& unit) {
  for (const auto& [id, place] : unit.workers) {
    if (const auto info = unit.infos.find(place.build); info != unit.infos.end()) {
      return &info->second;
    }
  }
  return nullptr;
}

bool is_finite(const Unit& unit) {
  return std::ranges::all_of(unit.finite, [](const auto& entry) { return entry.second; });
}

}  // namespace

std::string Deployment::ready_of(const Unit& unit) const {
  const UnitState now = state(unit);
  return named(unit.version) + ": " + std::to_string(now.ready) + " of " +
         std::to_string(now.wanted) + " workers ready" +
         (now.reason.empty() ? "" : ": " + now.reason);
}

// What must be there before the old may go; empty: nothing is missing.
std::string Deployment::waiting_for() const {
  const std::string not_up = what_is_not_up();
  const std::string node = not_up.empty() ? node_without_new() : "";
  return node.empty() ? not_up : "node '" + node + "' has none of the versions that shall serve";
}

std::string Deployment::what_is_not_up() const {
  const auto is_old = [&](const Unit& each) {
    return std::ranges::find(change_.outgoing, each.id) != change_.outgoing.end();
  };
  for (const Unit& each : units_) {
    const bool stays = each.role == Role::serving && !is_old(each) && !has_failed(each);
    if (each.role != Role::incoming && !stays) {
      continue;
    }
    // What stays is not held to more than it has: nobody may ever mend it.
    if (!is_up(each, !stays)) {
      return ready_of(each);
    }
  }
  // Steps share between two: where everything was started again, the old comes first.
  const Unit* leads = change_.primary ? serving(*change_.primary) : nullptr;
  const bool old_leads = leads != nullptr && state(*leads).ready != 0;
  if (rollout_ && !rollout_->plan().steps.empty() && !old_leads) {
    for (const Unit& old : change_.before) {
      if (const Unit* each = unit(old.id); each != nullptr && !has_failed(*each)) {
        return ready_of(*each);
      }
    }
  }
  return {};
}

// One that serves the old and is still to be given the new. What is not as the disks have it, such
// as an older build that was kept warm, comes to no other node.
std::string Deployment::node_without_new() const {
  if (change_.stored.empty()) {
    return {};
  }
  std::set<std::string> nodes;
  for (const Unit& each : units_) {
    const bool old =
        std::ranges::find(change_.outgoing, each.id) != change_.outgoing.end() || has_failed(each);
    if (each.role == Role::incoming || (each.role == Role::serving && !old)) {
      for (const auto& [id, place] : each.workers) {
        nodes.insert(place.node);
      }
    }
  }
  for (const std::uint64_t old : change_.outgoing) {
    const Unit* each = unit(old);
    for (const auto& [id, place] : each == nullptr ? Workers() : each->workers) {
      const bool has_model = std::ranges::any_of(facts_.versions, [&](const auto& version) {
        return version.stamps.contains(place.node);
      });
      if (has_model && facts_.attached.contains(place.node) && !nodes.contains(place.node)) {
        return place.node;
      }
    }
  }
  return {};
}

// Nobody may ever put it there: after a while the rollout gives up.
void Deployment::watch_for_want(TimePoint now) {
  const bool wants = rollout_->phase() == RolloutPhase::starting && what_is_not_up().empty() &&
                     !node_without_new().empty();
  change_.lacks_since = wants ? change_.lacks_since.value_or(now) : std::optional<TimePoint>();
}

std::vector<Deployment::NewFailure> Deployment::failures_of_new(TimePoint now) const {
  std::vector<NewFailure> failures;
  for (const std::uint64_t id : change_.incoming) {
    const Unit* each = unit(id);
    if (each == nullptr) {
      failures.push_back({rollout_->plan().to.back(), "its workers have left", {}});
      continue;
    }
    const UnitState is = state(*each);
    if (is.failed != 0) {
      failures.push_back({each->version, is.reason, failed_builds(*each)});
      continue;
    }
    if (rollout_->phase() == RolloutPhase::starting && !waiting_for().empty()) {
      if (!std::ranges::binary_search(there(), each->version)) {
        failures.push_back({each->version, "it has left the repository", {}});
        continue;
      }
      if (change_.stored.contains(id) && differs(each->workers, spec_of(each->version).workers)) {
        failures.push_back({each->version, "its files have changed meanwhile", {}});
        continue;
      }
    }
    if (change_.lacks_since && now >= *change_.lacks_since + limits::kNodeWithoutVersion) {
      const std::string node = node_without_new();
      failures.push_back(
          {.version = each->version,
           .reason = "it is not on node '" + node + "', which serves what it replaces",
           .builds = builds_of(each->workers),
           .for_want = true});
      continue;
    }
    Verdict verdict = judge_unit(*each, now);
    if (verdict.kind == Verdict::Kind::fail) {
      failures.push_back({each->version, std::move(verdict.reason), builds_of(each->workers)});
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

// Since both serve, of the workers it has now. A node that was started again counts from nothing.
void Deployment::count_deaths(const Unit& unit, Deaths& deaths) const {
  for (const auto& [id, place] : unit.workers) {
    const auto fact = workers_.find(id);
    if (fact == workers_.end()) {
      continue;
    }
    const auto known = change_.deaths.find(id);
    Deaths then = known == change_.deaths.end() ? Deaths{} : known->second;
    const Deaths& now = fact->second.deaths;
    if (now.crashes < then.crashes || now.kills < then.kills) {
      then = {};
    }
    deaths.crashes += now.crashes - then.crashes;
    deaths.kills += now.kills - then.kills;
  }
}

void Deployment::add_deaths(const Unit& judged, std::int64_t replaced, GuardFacts& facts) const {
  if (!options_.rules.counts_deaths) {
    return;
  }
  for (const Unit& each : units_) {
    if (each.version == replaced && each.id != judged.id) {
      count_deaths(each, facts.old_deaths);
    }
  }
  count_deaths(judged, facts.new_deaths);
  facts.new_last_death = state(judged).reason;
}

// A version is held against another build of itself, or, when it is to take the requests that name
// none, against the version that has them now; nothing when there is none.
std::optional<GuardFacts> Deployment::guard_facts(const Unit& judged, TimePoint now) const {
  std::optional<std::int64_t> replaced;
  for (const Unit& old : change_.before) {
    const Unit* lives = unit(old.id);
    const Unit& latest = lives != nullptr ? *lives : old;
    if (old.version == judged.version && latest.has_served && info_of(latest) != nullptr) {
      replaced = old.version;
    }
  }
  const bool other_leads = std::ranges::any_of(units_, [&](const Unit& each) {
    const bool stays = std::ranges::find(change_.outgoing, each.id) == change_.outgoing.end();
    return each.role == Role::serving && stays && each.version > judged.version &&
           !has_failed(each);
  });
  if (!replaced && judged.version == newest_incoming() && !other_leads) {
    replaced = change_.primary ? change_.primary : primary_;
  }
  GuardFacts facts;
  facts.allow_signature_change = rollout_->plan().allow_signature_change;
  if (!replaced) {
    // What comes while it serves already, beside nothing else, is to be like it.
    for (const std::string& build : change_.shared) {
      const auto info = judged.infos.find(build);
      facts.old_info = info == judged.infos.end() ? facts.old_info : &info->second;
      const auto finite = judged.finite.find(build);
      facts.old_finite = facts.old_finite && (finite == judged.finite.end() || finite->second);
    }
    return facts.old_info == nullptr ? std::nullopt : std::optional(facts);
  }
  for (const Unit& old : change_.before) {
    const Unit* lives = unit(old.id);
    const Unit& latest = lives != nullptr ? *lives : old;
    if (old.version == *replaced && info_of(latest) != nullptr) {
      facts.old_info = info_of(latest);
      facts.old_finite = is_finite(latest);
    }
  }
  const Unit* serves_on = serving(*replaced);
  if (facts.old_info == nullptr && serves_on != nullptr) {
    facts.old_info = info_of(*serves_on);
    facts.old_finite = is_finite(*serves_on);
  }
  if (rollout_->phase() == RolloutPhase::shifting) {
    facts.old_counts = since(counts_, change_.counts, *replaced);
    facts.new_counts = since(counts_, change_.counts, judged.version);
    facts.both_serve = now - change_.both_since;
    add_deaths(judged, *replaced, facts);
  }
  return facts;
}

Verdict Deployment::judge_build(const Unit& judged,
                                const std::string& build,
                                GuardStage stage,
                                GuardFacts facts) const {
  const auto info = judged.infos.find(build);
  facts.new_info = info == judged.infos.end() ? nullptr : &info->second;
  const auto finite = judged.finite.find(build);
  facts.new_finite = finite == judged.finite.end() ? std::nullopt : std::optional(finite->second);
  return judge(options_.guards, stage, facts);
}

// By the guards of the phase, each build of it: nodes may have different ones, and one that comes
// while shares shift has passed nothing yet.
Verdict Deployment::judge_unit(const Unit& judged, TimePoint now) const {
  const RolloutPhase phase = rollout_->phase();
  const bool both = phase == RolloutPhase::shifting;
  if (!options_.rules.asks_guards || (!both && phase != RolloutPhase::starting)) {
    return {};
  }
  const std::optional<GuardFacts> facts = guard_facts(judged, now);
  Verdict verdict;
  for (const std::string& build : facts ? builds_of(judged.workers) : std::set<std::string>()) {
    Verdict one = judge_build(judged, build, GuardStage::before_switch, *facts);
    if (both && one.kind != Verdict::Kind::fail) {
      one = judge_build(judged, build, GuardStage::while_both_serve, *facts);
    }
    if (one.kind == Verdict::Kind::fail) {
      return one;
    }
    if (one.kind == Verdict::Kind::undecided) {
      verdict = std::move(one);
    }
  }
  return verdict;
}

// Without the workers of builds that came while shares shift and are not judged yet.
Unit Deployment::admitted(const Unit& unit) const {
  Unit part = unit;
  const bool shifts = unit.role == Role::incoming && rollout_ &&
                      rollout_->phase() == RolloutPhase::shifting && options_.rules.asks_guards;
  const std::optional<GuardFacts> facts =
      shifts ? guard_facts(unit, change_.both_since) : std::nullopt;
  if (facts) {
    std::erase_if(part.workers, [&](const auto& entry) {
      return judge_build(unit, entry.second.build, GuardStage::before_switch, *facts).kind !=
             Verdict::Kind::pass;
    });
  }
  return part;
}

}  // namespace sluice::gateway
