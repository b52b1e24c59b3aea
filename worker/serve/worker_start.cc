// LinkActor, the start: loading, warming, probing, ready; and what never gets there.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "worker/serve/link_actor.h"

namespace sluice::worker {
namespace {

using link::WorkerState;

// How often a start is looked at, at most.
constexpr Duration kStartLook = std::chrono::seconds(1);

std::string seconds(Duration time) {
  char text[32];
  static_cast<void>(
      std::snprintf(text, sizeof text, "%g s", std::chrono::duration<double>(time).count()));
  return text;
}

}  // namespace

bool LinkActor::starting() const noexcept {
  return state_ == WorkerState::warming || state_ == WorkerState::probing;
}

void LinkActor::on(LoaderWarming& message, TimePoint now) {
  if (state_ != WorkerState::loading) {
    return;  // it drains
  }
  trials_ = message.trials;
  model_ = trials_->served.info;
  config_ = shown_config(trials_->served, static_cast<std::size_t>(options_.executors));
  set_state(WorkerState::warming);
  start_watches_.assign(parts_.start_boards->size(), StartWatch(options_.first_run_time));
  watch_start(now);
}

void LinkActor::on(ModelLoaded& message, TimePoint /*now*/) {
  loader_ended_ = true;
  engine_ = std::move(message.engine);
  session_ = std::move(message.session);
  own_trials_ = std::move(message.trials);
  if (!starting()) {
    return;
  }
  batcher_.expect_service(std::max(batcher_.service_mean(), message.service));
  for (std::size_t i = 0; i < parts_.executors->size(); ++i) {
    SLUICE_CHECK((*parts_.executors)[i].offer(UseExecution{std::move(message.executions[i]),
                                                           trials_}) == actor::Offer::accepted);
  }
  set_state(WorkerState::probing);
  SLUICE_CHECK(parts_.executors->front().offer(ProbeModel{}) == actor::Offer::accepted);
  probing_ = true;
}

void LinkActor::on(LoadFailed& message, TimePoint /*now*/) {
  loader_ended_ = true;
  own_trials_ = std::move(message.trials);
  fail(kExitLoadFailed, message.reason);
}

void LinkActor::on(Probed& message, TimePoint now) {
  probing_ = false;
  if (state_ == WorkerState::probing) {
    const ServingPlan& plan = options_.plan;
    if (trials_->served.joins) {
      batcher_.join_by({.rows_most = plan.max_batch_size,
                        .preferred = plan.preferred_batch_sizes,
                        .delay = plan.max_queue_delay});
    }
    if (plan.preserve_ordering) {
      answer_order_.emplace();
    }
    findings_ = message.findings;
    if (!findings_.probe_finite) {
      log_warn("probe_not_finite", {{"model", options_.model_name}, {"version", options_.version}});
    }
    set_state(WorkerState::ready);
    dial_shards(now);
  }
}

void LinkActor::on(TrialFailed& message, TimePoint /*now*/) {
  probing_ = false;
  if (starting()) {
    fail(kExitLoadFailed, message.reason);
  }
}

// A model that never answers is not warming, it is broken.
void LinkActor::watch_start(TimePoint now) {
  if (!starting() || finished_) {
    return;
  }
  for (std::size_t i = 0; i < start_watches_.size(); ++i) {
    const StartBoard& board = (*parts_.start_boards)[i];
    const bool busy = board.busy.load(std::memory_order_acquire);
    const StartWatch::Seen seen{
        .busy = busy,
        .runs = board.runs.load(std::memory_order_relaxed),
        .waited = busy ? cpu_wait_of(board.thread.load(std::memory_order_relaxed)) : Duration{}};
    if (start_watches_[i].stuck(seen, now)) {
      const auto& list =
          board.probes.load(std::memory_order_relaxed) ? trials_->probes : trials_->warm_ups;
      const std::size_t at = std::min(board.trial.load(std::memory_order_relaxed), list.size() - 1);
      fail(kExitLoadFailed,
           list[at].name + ": no answer within " + seconds(options_.first_run_time));
      return;
    }
  }
  const Duration look = std::min(kStartLook, options_.first_run_time / 4);
  parts_.loop->timers().at(now + look, [this](TimePoint then) { watch_start(then); });
}

}  // namespace sluice::worker
