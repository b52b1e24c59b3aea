// Deployment: what operators may ask, and why it is refused.

#include <algorithm>
#include <utility>

#include "gateway/control/deployment.h"

namespace sluice::gateway {
namespace {

using link::Strategy;

Strategy strategy_of(RolloutStrategy strategy) {
  switch (strategy) {
    case RolloutStrategy::rolling:
      return Strategy::rolling;
    case RolloutStrategy::blue_green:
      return Strategy::blue_green;
    case RolloutStrategy::recreate:
      return Strategy::recreate;
  }
  return Strategy::rolling;
}

Error wrong(std::string words) {
  return {ErrorCode::invalid_argument, std::move(words)};
}

}  // namespace

Result<void> Deployment::check_target(std::int64_t version) const {
  const std::vector<std::int64_t> versions = there();
  if (versions.empty() && !facts_.problem.empty()) {
    return wrong(model_ + ": " + facts_.problem);
  }
  if (!std::ranges::binary_search(versions, version)) {
    return Error{ErrorCode::not_found,
                 model_ + ": version " + std::to_string(version) +
                     " is not in the repository; it has " + list_of(versions)};
  }
  return {};
}

// A node that serves the model now would be left without it.
Result<void> Deployment::check_nodes(std::int64_t version) const {
  const Spec spec = spec_of(version);
  for (const Unit& each : units_) {
    for (const auto& [id, place] : each.role == Role::serving ? each.workers : Workers()) {
      const auto on_it = [&node = place.node](const auto& entry) {
        return entry.second.node == node;
      };
      const bool has_model = std::ranges::any_of(
          facts_.versions, [&](const auto& known) { return known.stamps.contains(place.node); });
      if (has_model && facts_.attached.contains(place.node) &&
          std::ranges::none_of(spec.workers, on_it)) {
        return wrong(model_ + ": " + named(version) + " is not on node '" + place.node +
                     "', which serves " + named(each.version) + "; put it there first");
      }
    }
  }
  return {};
}

// As the configuration wants it.
RolloutPlan Deployment::default_plan() const {
  RolloutPlan plan;
  plan.strategy = settings().strategy;
  plan.keep_old = settings().keep_old;
  plan.hold = settings().hold;
  for (const std::uint64_t step : settings().steps) {
    if (step < 100) {
      plan.steps.push_back(static_cast<int>(step));
    }
  }
  return plan;
}

Result<RolloutPlan> Deployment::plan_of(const RolloutAsked& asked, CommandId id) const {
  RolloutPlan plan = default_plan();
  plan.command = id;
  plan.allow_signature_change = asked.allow_signature_change;
  if (asked.strategy) {
    plan.strategy = strategy_of(*asked.strategy);
  }
  const bool recreate = plan.strategy == Strategy::recreate;
  if (asked.hold < Duration(0) || (asked.keep_old && *asked.keep_old < Duration(0))) {
    return wrong(model_ + ": a time cannot be negative");
  }
  if (recreate && asked.keep_old && *asked.keep_old > Duration(0)) {
    return wrong(model_ + ": recreate ends the old version first; it cannot be kept");
  }
  if (asked.keep_old) {
    plan.keep_old = asked.keep_old;
  } else if (asked.strategy) {
    plan.keep_old.reset();  // as that strategy has it
  }
  if (asked.steps.empty()) {
    if (asked.hold > Duration(0) && (recreate || plan.steps.empty())) {
      return wrong(model_ + ": a hold goes with steps, and there are none");
    }
    plan.hold = asked.hold > Duration(0) ? asked.hold : plan.hold;
    return plan;
  }
  SLUICE_TRY(check_steps(asked.steps));
  if (recreate) {
    return wrong(model_ + ": recreate ends the old version first; it cannot go by steps");
  }
  if (!primary_) {
    return wrong(model_ + ": nothing serves that steps could take requests from");
  }
  plan.steps.assign(asked.steps.begin(), asked.steps.end() - 1);
  plan.hold = asked.hold;
  return plan;
}

Result<void> Deployment::check_steps(const std::vector<int>& steps) const {
  int last = 0;
  for (const int step : steps) {
    if (step <= last || step > 100) {
      return wrong(model_ + ": steps are percent from 1 to 100, each above the one before");
    }
    last = step;
  }
  if (last != 100) {
    return wrong(model_ + ": the last step is " + std::to_string(last) + ", not 100");
  }
  return {};
}

void Deployment::hold() {
  pin_ = Pin{};
  held_ = true;
}

void Deployment::set_pin(std::optional<Pin> pin, TimePoint now) {
  if (pin_ == pin) {
    held_ = false;
    return;
  }
  pin_ = std::move(pin);
  held_ = false;
  if (pin_) {
    tell(EventKind::pinned, 0, list_of(pin_->versions), now);
  } else {
    tell(EventKind::unpinned, 0, {}, now);
  }
}

// Failed workers of what serves are started again, once their nodes have let go of them.
void Deployment::retry_failed() {
  for (const Unit& each : units_) {
    if (each.role != Role::serving) {
      continue;
    }
    for (const auto& [id, place] : each.workers) {
      const auto found = workers_.find(id);
      if (found != workers_.end() && found->second.state == link::WorkerState::failed) {
        retried_.insert(id);
      }
    }
  }
}

Result<void> Deployment::unload(CommandId id, TimePoint now) {
  set_pin(Pin{}, now);
  memory_.reset();
  loaded_ = {};
  before_load_.reset();
  unreadable_.clear();
  failed_.clear();
  if (rollout_) {
    rollout_->abort("unloaded");
    const RolloutStatus status = rollout_->status();
    last_rollout_ = status;
    last_rollout_->phase = RolloutPhase::rolled_back;
    tell(EventKind::rollout_phase, 0, std::string(name_of(RolloutPhase::rolled_back)), now);
    tell(EventKind::command_failed, 0, "unloaded", now, rollout_->plan().command);
    for (const CommandId abort : change_.aborts) {
      tell(EventKind::command_done, 0, {}, now, abort);
    }
    rollout_.reset();
    change_ = {};
  }
  // What serves last: it keeps what it shares with another build until the shards let go of it.
  for (const Role role : {Role::incoming, Role::serving}) {
    for (Unit& each : units_) {
      if (each.role == role) {
        retire(each, std::nullopt);
      }
    }
  }
  end_standby();
  for (Unit& each : units_) {
    each.keep_until.reset();
  }
  for (const Waiting& waiting : waiting_) {
    if (!waiting.unload) {
      tell(EventKind::command_failed, 0, "unloaded meanwhile", now, waiting.id);
    }
  }
  std::erase_if(waiting_, [](const Waiting& waiting) { return !waiting.unload; });
  previous_.clear();
  previous_config_.reset();
  waiting_.push_back({id, true});
  settle(now);
  return {};
}

Result<void> Deployment::check_idle() const {
  if (!rollout_ || !options_.rules.one_at_a_time) {
    return {};
  }
  const RolloutStatus status = rollout_->status();
  return wrong(model_ + ": a rollout to " + list_of(status.to) + " is under way (" +
               std::string(name_of(status.phase)) + "); wait for its end or abort it");
}

Result<void> Deployment::rollout(const RolloutAsked& asked, CommandId id, TimePoint now) {
  SLUICE_TRY(check_idle());
  SLUICE_TRY_ASSIGN(RolloutPlan plan, plan_of(asked, id));
  const Unit* served = nullptr;
  if (asked.to) {
    SLUICE_TRY(check_target(*asked.to));
    SLUICE_TRY(check_nodes(*asked.to));
    served = serving(*asked.to);
    const bool others = std::ranges::any_of(units_, [&](const Unit& each) {
      return each.role == Role::serving && each.version != *asked.to;
    });
    const bool same = served != nullptr && !differs(served->workers, spec_of(*asked.to).workers);
    if (same && !others && !has_failed(*served)) {
      return wrong(model_ + ": version " + std::to_string(*asked.to) + " is served already");
    }
    if (served != nullptr && asked.steps.size() > 1) {
      return wrong(model_ + ": version " + std::to_string(*asked.to) +
                   " is served already; steps go from one version to another");
    }
  }
  const std::optional<Pin> before = pin_;
  if (asked.to) {
    failed_.erase(*asked.to);
    set_pin(Pin{{*asked.to}}, now);
  } else {
    failed_.clear();
    set_pin(std::nullopt, now);
  }
  Difference change = difference();
  if (startable().empty() || (change.added.empty() && change.removed.empty())) {
    retry_failed();
    waiting_.push_back({id, false});
    settle(now);
    return {};
  }
  begin(std::move(plan), std::move(change), now);
  change_.pin = before;
  settle(now);
  return {};
}

Result<void> Deployment::pause(TimePoint now) {
  if (!rollout_) {
    return wrong(model_ + ": no rollout is under way");
  }
  const RolloutPhase phase = rollout_->phase();
  if (phase == RolloutPhase::switching || phase == RolloutPhase::restoring) {
    return wrong(model_ + ": the rollout is " + std::string(name_of(phase)) +
                 "; it is too late for a pause");
  }
  if (!rollout_->pause()) {
    return wrong(model_ + ": the rollout is paused already");
  }
  tell(EventKind::rollout_paused, 0, {}, now);
  return {};
}

Result<void> Deployment::resume(TimePoint now) {
  if (!rollout_) {
    return wrong(model_ + ": no rollout is under way");
  }
  if (!rollout_->resume()) {
    return wrong(model_ + ": the rollout is not paused");
  }
  tell(EventKind::rollout_resumed, 0, {}, now);
  settle(now);
  return {};
}

Result<void> Deployment::abort(CommandId id, TimePoint now) {
  if (!rollout_) {
    return wrong(model_ + ": no rollout is under way");
  }
  if (rollout_->phase() != RolloutPhase::restoring) {
    rollout_->abort("aborted");
  }
  change_.aborts.push_back(id);
  settle(now);
  return {};
}

Result<void> Deployment::rollback(CommandId id, TimePoint now) {
  SLUICE_TRY(check_idle());
  if (previous_.empty()) {
    return wrong(model_ + ": there is nothing to go back to");
  }
  RolloutPlan plan;
  plan.command = id;
  plan.strategy = settings().strategy;
  plan.allow_signature_change = true;  // it has served before
  const std::string& config = previous_config_ ? previous_config_->json : loaded_.json;
  Difference back;
  bool all_warm = true;
  for (const std::int64_t version : previous_) {
    const auto warm = std::ranges::find_if(units_, [&](const Unit& each) {
      return each.version == version &&
             (each.role == Role::standby || each.role == Role::outgoing) && !has_failed(each);
    });
    const Unit* served = serving(version);
    const Spec stored = spec_of(version, config);
    all_warm = all_warm && warm != units_.end();
    if (warm != units_.end()) {
      plan.strategy = Strategy::rolling;  // it runs beside the present one already
      back.added.push_back({version, warm->workers});
      if (differs(warm->workers, stored.workers)) {
        failed_[version] = {builds_of(stored.workers), "rolled back to the build before it"};
      }
    } else if (served == nullptr ||
               (config != loaded_.json && differs(served->workers, stored.workers))) {
      SLUICE_TRY(check_target(version));
      failed_.erase(version);
      back.added.push_back(stored);
    }
  }
  for (const Unit& each : units_) {
    const bool stays =
        std::ranges::find(previous_, each.version) != previous_.end() &&
        std::ranges::find(back.added, each.version, &Spec::version) == back.added.end();
    if (each.role == Role::serving && !stays) {
      back.removed.push_back(each.id);
    }
  }
  if (back.added.empty() && back.removed.empty()) {
    return wrong(model_ +
                 ": what served before the last rollout is served already, and the "
                 "build before it is gone");
  }
  const std::optional<Pin> before = pin_;
  set_pin(Pin{previous_}, now);
  restore_config();
  begin(std::move(plan), std::move(back), now);
  change_.pin = before;
  change_.back_to = all_warm ? previous_config_ : std::nullopt;
  settle(now);
  return {};
}

}  // namespace sluice::gateway
