#include "worker/serve/executor_actor.h"

#include <utility>
#include <variant>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/overloaded.h"
#include "common/process/memory.h"
#include "worker/serve/execute.h"
#include "worker/serve/join.h"
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
  const std::span<const Assigned> requests(run.requests);
  for (std::size_t at = 0; at < requests.size();) {
    std::size_t end = at + 1;
    while (end < requests.size() && requests[end].leader == requests[at].leader) {
      ++end;
    }
    const bool gathering = !finished_.done.empty();
    execute_batch(requests.subspan(at, end - at));
    const TimePoint now = parts_.clock->now();
    oldest_ = gathering ? oldest_ : now;
    if (now - oldest_ >= kGatherTime) {
      flush();
    }
    at = end;
  }
  flush();
}

// Whether `request` shall be executed now; else `done` says what became of it.
bool ExecutorActor::begin(const Assigned& request, Done& done) {
  const Job& job = request.job;
  if (!take_claim(*parts_.board, request.slot, Claim::begun)) {
    done.outcome = Outcome::revoked;
    return false;
  }
  if (parts_.clock->now() >= job.deadline) {
    done.outcome = Outcome::expired;
    done.answer = failure_of(
        job.id, job.attempt, {ErrorCode::deadline_exceeded, "its time ran out in the worker"});
    return false;
  }
  return true;
}

// The ends of a batch leave together: until then its leader's slot is its own.
void ExecutorActor::execute_batch(std::span<const Assigned> batch) {
  begun_.clear();
  for (const Assigned& request : batch) {
    Done done{.executor = parts_.index,
              .slot = request.slot,
              .order = request.job.order,
              .to = request.job.from,
              .outcome = Outcome::executed,
              .service = std::nullopt,
              .answer = {}};
    if (begin(request, done)) {
      begun_.push_back({&request, finished_.done.size()});
    }
    finished_.done.push_back(std::move(done));
  }
  if (!begun_.empty()) {
    execute_begun(batch[0].leader);
  }
}

void ExecutorActor::execute_begun(std::size_t leader) {
  Board& board = *parts_.board;
  ids_.clear();
  for (const Begun& each : begun_) {
    ids_.push_back(each.request->job.id);
  }
  parts_.suspects->begin(parts_.index, ids_);
  board.running.store(true, std::memory_order_relaxed);
  board.progress.fetch_add(1, std::memory_order_relaxed);
  std::size_t runs = 0;
  std::size_t reached = 0;  // the engine
  const auto keep = [&](const Begun& each, Executed executed) {
    reached += executed.outcome != Outcome::refused ? 1 : 0;
    Done& done = finished_.done[each.done];
    done.outcome = executed.outcome;
    done.service = executed.service;
    done.answer = std::move(executed.answer);
  };
  if (begun_.size() == 1) {
    const Assigned& request = *begun_[0].request;
    keep(begun_[0],
         execute(request.job,
                 trials_->served,
                 *execution_,
                 board.stop[request.slot],
                 *parts_.clock,
                 encoder_));
    runs = reached;
  } else {
    std::vector<const Job*> jobs;
    std::vector<const std::atomic<bool>*> stops;
    for (const Begun& each : begun_) {
      jobs.push_back(&each.request->job);
      stops.push_back(&board.stop[each.request->slot]);
    }
    ExecutedTogether all = execute_together(jobs,
                                            stops,
                                            board.stop_joined[leader],
                                            trials_->served,
                                            *execution_,
                                            *parts_.clock,
                                            encoder_);
    for (std::size_t i = 0; i < begun_.size(); ++i) {
      keep(begun_[i], std::move(all.each[i]));
    }
    runs = all.runs;
  }
  board.progress.fetch_add(1, std::memory_order_relaxed);
  board.running.store(false, std::memory_order_relaxed);
  parts_.suspects->end(parts_.index, ids_.size());
  board.executed.fetch_add(runs, std::memory_order_relaxed);
  board.requests.fetch_add(reached, std::memory_order_relaxed);
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
