#include "worker/serve/executor_actor.h"

#include <utility>
#include <variant>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/overloaded.h"
#include "common/process/memory.h"
#include "worker/serve/execute.h"
#include "worker/serve/try_out.h"

namespace sluice::worker {
namespace {

// Answers wait for company at most this long while their run goes on: waking the link thread costs
// about a tenth of it.
constexpr Duration kGatherTime = std::chrono::microseconds(50);

}  // namespace

void ExecutorActor::receive(ExecutorInbox message, TimePoint /*now*/) {
  std::visit(Overloaded{[&](UseSession& use) { on_use_session(use); },
                        [&](ProbeModel&) { on_probe(); },
                        [&](Run& run) { on_run(run); },
                        [&](StopExecutor&) { parts_.loop->stop(); }},
             message);
}

void ExecutorActor::on_use_session(const UseSession& message) {
  trials_ = message.trials;
  execution_ = message.session->new_execution();
  auto tried = try_out(*trials_,
                       Stage::warm_up,
                       limits::kWarmUpRuns,
                       *execution_,
                       *parts_.clock,
                       *parts_.start_board);
  if (!tried) {
    send(TrialFailed{std::move(tried).error().detail});
    return;
  }
  send(ExecutorReady{parts_.index, tried->service});
}

void ExecutorActor::on_probe() {
  SLUICE_CHECK(execution_ != nullptr);
  auto tried = try_out(*trials_, Stage::probe, 1, *execution_, *parts_.clock, *parts_.start_board);
  if (!tried) {
    send(TrialFailed{std::move(tried).error().detail});
    return;
  }
  const MemoryUse memory = memory_use();
  send(Probed{{.probe_kind = tried->answered ? trials_->probe_kind : link::ProbeKind::none,
               .probe_finite = tried->finite,
               .memory_bytes = memory.share,
               .memory_peak_bytes = memory.peak}});
}

void ExecutorActor::on_run(const Run& run) {
  SLUICE_CHECK(execution_ != nullptr);
  for (const Assigned& request : run.requests) {
    finished_.done.push_back(execute_one(request));
    const TimePoint now = parts_.clock->now();
    if (finished_.done.size() == 1) {
      oldest_ = now;
    }
    if (now - oldest_ >= kGatherTime) {
      flush();
    }
  }
  flush();
}

Done ExecutorActor::execute_one(const Assigned& request) {
  const Job& job = request.job;
  Board& board = *parts_.board;
  const std::atomic<bool>& stop = board.stop[request.slot];
  Done done{.executor = parts_.index,
            .slot = request.slot,
            .to = job.from,
            .outcome = Outcome::executed,
            .service = std::nullopt,
            .answer = {}};
  if (!take_claim(board, request.slot, Claim::begun)) {
    done.outcome = Outcome::revoked;
    return done;
  }
  if (parts_.clock->now() >= job.deadline) {
    done.outcome = Outcome::expired;
    done.answer = failure_of(
        job.id, job.attempt, {ErrorCode::deadline_exceeded, "its time ran out in the worker"});
    return done;
  }
  parts_.suspects->begin(parts_.index, job.id);
  board.running.store(true, std::memory_order_relaxed);
  board.progress.fetch_add(1, std::memory_order_relaxed);
  Executed executed = execute(job, trials_->served, *execution_, stop, *parts_.clock, encoder_);
  board.progress.fetch_add(1, std::memory_order_relaxed);
  board.running.store(false, std::memory_order_relaxed);
  parts_.suspects->end(parts_.index);
  if (executed.outcome != Outcome::refused) {
    board.executed.fetch_add(1, std::memory_order_relaxed);
  }
  done.outcome = executed.outcome;
  done.service = executed.service;
  done.answer = std::move(executed.answer);
  return done;
}

void ExecutorActor::flush() {
  if (!finished_.done.empty()) {
    send(std::exchange(finished_, {}));
  }
}

void ExecutorActor::send(LinkInbox message) {
  // The link's mailbox holds more than credit lets be on the way.
  SLUICE_CHECK(parts_.link->offer(std::move(message)) == actor::Offer::accepted);
}

}  // namespace sluice::worker
