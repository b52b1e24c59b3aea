#include "worker/serve/runner.h"

#include <utility>

#include "worker/serve/execute.h"
#include "worker/serve/join.h"

namespace sluice::worker {

// Whether `request` shall be executed now; else its Done says what became of it.
bool Runner::begin(const Assigned& request, Board& board) {
  const Job& job = request.job;
  Done& done = board.done[request.slot];
  if (!take_claim(board, request.slot, Claim::begun)) {
    done.outcome = Outcome::revoked;
    return false;
  }
  if (clock_->now() >= job.deadline) {
    done.outcome = Outcome::expired;
    done.answer = failure_of(
        job.id, job.attempt, {ErrorCode::deadline_exceeded, "its time ran out in the worker"});
    return false;
  }
  return true;
}

void Runner::execute_batch(std::size_t executor, std::span<const Assigned> batch, Board& board) {
  begun_.clear();
  for (const Assigned& request : batch) {
    Done& done = board.done[request.slot];
    done = {};
    done.order = request.job.order;
    done.to = request.job.from;
    if (begin(request, board)) {
      begun_.push_back(&request);
    }
  }
  if (!begun_.empty()) {
    execute_begun(executor, batch[0].leader, board);
  }
  for (const Assigned& request : batch) {
    board.claim[request.slot].store(Claim::ended, std::memory_order_release);
  }
}

void Runner::execute_begun(std::size_t executor, std::size_t leader, Board& board) {
  ids_.clear();
  for (const Assigned* each : begun_) {
    ids_.push_back(each->job.id);
  }
  suspects_->begin(executor, ids_);
  board.running.store(true, std::memory_order_relaxed);
  board.progress.fetch_add(1, std::memory_order_relaxed);
  std::size_t runs = 0;
  std::size_t reached = 0;  // the engine
  const auto keep = [&](const Assigned& request, Executed executed) {
    reached += executed.outcome != Outcome::refused ? 1 : 0;
    Done& ended = board.done[request.slot];
    ended.outcome = executed.outcome;
    ended.service = executed.service;
    ended.answer = std::move(executed.answer);
  };
  if (begun_.size() == 1) {
    const Assigned& request = *begun_[0];
    keep(request,
         execute(request.job,
                 trials_->served,
                 *execution_,
                 board.stop[request.slot],
                 *clock_,
                 encoder_));
    runs = reached;
  } else {
    std::vector<const Job*> jobs;
    std::vector<const std::atomic<bool>*> stops;
    for (const Assigned* each : begun_) {
      jobs.push_back(&each->job);
      stops.push_back(&board.stop[each->slot]);
    }
    ExecutedTogether all = execute_together(
        jobs, stops, board.stop_joined[leader], trials_->served, *execution_, *clock_, encoder_);
    for (std::size_t i = 0; i < begun_.size(); ++i) {
      keep(*begun_[i], std::move(all.each[i]));
    }
    runs = all.runs;
  }
  board.progress.fetch_add(1, std::memory_order_relaxed);
  board.running.store(false, std::memory_order_relaxed);
  suspects_->end(executor, ids_.size());
  board.executed.fetch_add(runs, std::memory_order_relaxed);
  board.requests.fetch_add(reached, std::memory_order_relaxed);
}

}  // namespace sluice::worker
