#include "gateway/control/rollout.h"

#include <utility>

namespace sluice::gateway {

Rollout::Rollout(RolloutPlan plan, const RolloutRules& rules, TimePoint now)
    : plan_(std::move(plan)),
      rules_(rules),
      paused_(plan_.paused),
      step_(plan_.first_step < plan_.steps.size() ? plan_.first_step : 0),
      began_(now),
      since_(now) {
  if (plan_.strategy == link::Strategy::recreate) {
    phase_ = RolloutPhase::stopping;
  }
}

bool Rollout::ended() const {
  return phase_ == RolloutPhase::done || phase_ == RolloutPhase::rolled_back;
}

RolloutMove Rollout::enter(RolloutPhase phase, RolloutMove move, TimePoint now) {
  phase_ = phase;
  since_ = now;
  step_since_.reset();
  short_ = false;
  waiting_for_.clear();
  return move;
}

RolloutMove Rollout::next(const RolloutFacts& facts, TimePoint now) {
  const bool can_fail = phase_ == RolloutPhase::starting || phase_ == RolloutPhase::shifting ||
                        phase_ == RolloutPhase::switching;
  if (rules_.rolls_back && can_fail && reason_.empty()) {
    reason_ = facts.failure;
  }
  if (!reason_.empty() && !ended() && phase_ != RolloutPhase::restoring) {
    return enter(RolloutPhase::restoring, RolloutMove::back_out, now);
  }
  switch (phase_) {
    case RolloutPhase::stopping:
      if ((!facts.old_gone && rules_.waits_until_gone) || paused_) {
        waiting_for_ = facts.old_gone ? "" : "the old version's processes to end";
        return RolloutMove::none;
      }
      return enter(RolloutPhase::starting, RolloutMove::start_new, now);
    case RolloutPhase::starting:
      waiting_for_ = facts.waiting_for;
      if ((!facts.new_ready && rules_.waits_until_ready) || !facts.guards_pass || paused_) {
        return RolloutMove::none;
      }
      return plan_.steps.empty() ? enter(RolloutPhase::switching, RolloutMove::switch_over, now)
                                 : enter(RolloutPhase::shifting, RolloutMove::shift, now);
    case RolloutPhase::shifting:
      return next_step(facts, now);
    case RolloutPhase::switching:
      if (!facts.applied) {
        waiting_for_ = "every shard's acknowledgement";
        return RolloutMove::none;
      }
      return enter(RolloutPhase::done, RolloutMove::finish, now);
    case RolloutPhase::restoring:
      if (!facts.restored) {
        return RolloutMove::none;
      }
      return enter(RolloutPhase::rolled_back, RolloutMove::finish, now);
    case RolloutPhase::done:
    case RolloutPhase::rolled_back:
      return RolloutMove::none;
  }
  return RolloutMove::none;
}

// The hold counts from when every shard has the step's shares.
RolloutMove Rollout::next_step(const RolloutFacts& facts, TimePoint now) {
  if (!step_since_) {
    if (!facts.applied) {
      waiting_for_ = "every shard's acknowledgement";
      return RolloutMove::none;
    }
    step_since_ = now;
    waiting_for_.clear();
  }
  if (paused_ || now - *step_since_ < plan_.hold) {
    return RolloutMove::none;
  }
  short_ = step_ + 1 == plan_.steps.size() && !facts.restarting.empty() && rules_.waits_until_ready;
  if (short_) {
    waiting_for_ = facts.restarting;
    return RolloutMove::none;
  }
  ++step_;
  return step_ == plan_.steps.size() ? enter(RolloutPhase::switching, RolloutMove::switch_over, now)
                                     : enter(RolloutPhase::shifting, RolloutMove::shift, now);
}

void Rollout::abort(std::string reason) {
  reason_ = std::move(reason);
  paused_ = false;
}

bool Rollout::pause() {
  return !std::exchange(paused_, true);
}

bool Rollout::resume() {
  return std::exchange(paused_, false);
}

RolloutPlan Rollout::remaining() const {
  RolloutPlan plan = plan_;
  plan.first_step = phase_ == RolloutPhase::shifting ? step_ : plan_.first_step;
  plan.paused = paused_;
  return plan;
}

int Rollout::percent() const {
  switch (phase_) {
    case RolloutPhase::shifting:
      return plan_.steps[step_];
    case RolloutPhase::switching:
    case RolloutPhase::done:
      return 100;
    default:
      return 0;
  }
}

TimePoint Rollout::next_due() const {
  const bool holds = phase_ == RolloutPhase::shifting && step_since_ && !paused_ && !short_;
  return holds ? *step_since_ + plan_.hold : TimePoint::max();
}

RolloutStatus Rollout::status() const {
  RolloutStatus status;
  status.id = plan_.id;
  status.by_operator = plan_.command != 0;
  status.from = plan_.from;
  status.to = plan_.to;
  status.strategy = plan_.strategy;
  status.phase = phase_;
  status.paused = paused_;
  status.step = phase_ == RolloutPhase::shifting ? static_cast<std::uint32_t>(step_) + 1 : 0;
  status.steps = static_cast<std::uint32_t>(plan_.steps.size());
  status.percent = percent();
  status.began = began_;
  status.since = since_;
  status.waiting_for = waiting_for_;
  status.reason = reason_;
  return status;
}

std::string_view name_of(RolloutPhase phase) noexcept {
  switch (phase) {
    case RolloutPhase::stopping:
      return "stopping";
    case RolloutPhase::starting:
      return "starting";
    case RolloutPhase::shifting:
      return "shifting";
    case RolloutPhase::switching:
      return "switching";
    case RolloutPhase::restoring:
      return "restoring";
    case RolloutPhase::done:
      return "done";
    case RolloutPhase::rolled_back:
      return "rolled_back";
  }
  return "unknown";
}

}  // namespace sluice::gateway
