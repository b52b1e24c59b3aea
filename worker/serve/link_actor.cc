// LinkActor, the inner side: executors, the worker's state and its end.

#include "worker/serve/link_actor.h"

#include <algorithm>
#include <cstdio>
#include <random>
#include <utility>
#include <variant>

#include <unistd.h>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/process/lines.h"
#include "worker/serve/execute.h"

namespace sluice::worker {
namespace {

using link::WorkerState;

// What was sent last may still go out when the sockets close at an orderly end.
constexpr auto kLastWords = std::chrono::milliseconds(200);

// Unique enough that no ROUTER can still hold it from an earlier life.
std::string fresh_identity(const std::string& worker_id) {
  std::random_device random;
  char suffix[32];
  static_cast<void>(std::snprintf(suffix, sizeof suffix, "/%d-%08x", ::getpid(), random()));
  return worker_id + suffix;
}

}  // namespace

LinkActor::LinkActor(const WorkerOptions& options, const Parts& parts)
    : options_(options),
      parts_(parts),
      boot_id_(link::this_boot_id()),
      identity_(fresh_identity(options.worker_id)),
      batcher_({.executors = static_cast<std::size_t>(options.executors)}) {
  model_.name = options.model_name;
  model_.version = options.version;
}

void LinkActor::start(TimePoint now) {
  write_line(options_.status_fd, "state", name_of(state_));
  control_ = std::make_unique<PeerLink>(options_.control, options_.heartbeat_interval);
  control_->on_readable = [this](TimePoint then) { return on_readable(*control_, then); };
  service_links(now);
}

void LinkActor::receive(LinkInbox message, TimePoint now) {
  std::visit([&](auto& each) { on(each, now); }, message);
  flush_answers();
}

void LinkActor::on(Finished& message, TimePoint now) {
  std::vector<Done> ended = settle(message.executor, message.slots);
  dispatch(now);  // before the answers are sent: executors first
  send_answers(ended);
  check_drained(now);
}

// Takes the ends from the board: the slots are free then.
std::vector<Done> LinkActor::settle(std::size_t executor, std::span<const std::size_t> slots) {
  Board& board = (*parts_.boards)[executor];
  std::vector<Done> ended;
  for (const std::size_t slot : slots) {
    Done& done = ended.emplace_back(std::exchange(board.done[slot], {}));
    batcher_.on_done(executor, slot, done.service);
    expired_ += done.outcome == Outcome::expired ? 1 : 0;
    cancelled_ += done.outcome == Outcome::cancelled ? 1 : 0;
  }
  return ended;
}

void LinkActor::send_answers(std::span<Done> ended) {
  for (Done& done : ended) {
    if (done.outcome != Outcome::revoked && !std::exchange(done.answered, true)) {
      answer(done.order, done.to, std::move(done.answer));
    }
  }
}

void LinkActor::on(ThreadBroken& message, TimePoint /*now*/) {
  fail(kExitBroken, message.reason);
}

void LinkActor::set_state(WorkerState state, const std::string& reason) {
  state_ = state;
  log_info("worker_state",
           {{"worker", options_.worker_id},
            {"model", options_.model_name},
            {"version", options_.version},
            {"state", name_of(state)},
            {"reason", reason}});
  if (state != WorkerState::failed) {
    write_line(options_.status_fd, "state", name_of(state));
  }
  // Behind a hello that is still on its way it arrives in order.
  control_->send(link::encode(link::StateChange{state, reason, model_, findings_}));
}

void LinkActor::fail(int exit_code, const std::string& reason) {
  write_line(options_.status_fd, "failed", reason);
  static_cast<void>(std::fprintf(stderr, "sluice worker: %s\n", reason.c_str()));
  set_state(WorkerState::failed, reason);
  finish(exit_code);
}

void LinkActor::note_absence(TimePoint now) {
  if (armed_for_ == TimePoint::max() || now <= armed_for_ + kAwayTime || now < hold_until_) {
    return;
  }
  hold_until_ = now + kAwayGrace;
  control_->attach.on_heard(now);
  for (const auto& shard : shards_) {
    if (shard != nullptr) {
      shard->attach.on_heard(now);
    }
  }
  parts_.loop->timers().at(hold_until_, [this](TimePoint then) {
    if (!finished_) {
      read_all_empty(then);
      dispatch(then);
      flush_answers();
    }
  });
}

void LinkActor::dispatch(TimePoint now) {
  note_absence(now);
  if (now < hold_until_) {
    return;
  }
  std::vector<Job> expired;
  for (Run& run : batcher_.hand_out(now, expired)) {
    hand_over(std::move(run));
  }
  expired_ += expired.size();
  for (const Job& job : expired) {
    refuse(job, {ErrorCode::deadline_exceeded, "its time ran out in the worker's queue"});
  }
  watch_runs(now);
  arm_batches(now);
}

// Somebody waits for company, and for no longer than that.
void LinkActor::arm_batches(TimePoint now) {
  parts_.loop->timers().cancel(batch_timer_);
  batch_timer_ = 0;
  if (batcher_.next_due() != TimePoint::max()) {
    batch_timer_ =
        parts_.loop->timers().at(std::max(now, batcher_.next_due()), [this](TimePoint then) {
          batch_timer_ = 0;
          if (!finished_) {
            dispatch(then);
            flush_answers();
          }
        });
  }
}

void LinkActor::hand_over(Run run) {
  Board& board = (*parts_.boards)[run.executor];
  for (const Assigned& request : run.requests) {
    board.claim[request.slot].store(Claim::waiting, std::memory_order_relaxed);
    board.stop[request.slot].store(false, std::memory_order_relaxed);
    board.stop_joined[request.slot].store(false, std::memory_order_relaxed);
  }
  if (!batcher_.worth_handing_over(run)) {
    run_here(run);
    return;
  }
  auto& executor = (*parts_.executors)[run.executor];
  SLUICE_CHECK(executor.offer(std::move(run)) == actor::Offer::accepted);
}

// In the place of an idle executor, on its board and in its slots: it does not look at them until
// it is sent a run.
void LinkActor::run_here(const Run& run) {
  if (!runner_) {
    runner_.emplace(session_->new_execution(), *trials_, *parts_.suspects, *parts_.clock);
  }
  Board& board = (*parts_.boards)[run.executor];
  std::vector<std::size_t> slots;
  const std::span<const Assigned> requests(run.requests);
  for (std::size_t at = 0; at < requests.size();) {
    const auto batch = requests.subspan(at, batch_size(requests.subspan(at)));
    runner_->execute_batch(run.executor, batch, board);
    at += batch.size();
  }
  for (const Assigned& request : requests) {
    slots.push_back(request.slot);
  }
  std::vector<Done> ended = settle(run.executor, slots);
  send_answers(ended);
}

// While an executor has more than the request it runs, looks at it every kStuckTime.
void LinkActor::watch_runs(TimePoint now) {
  if (watching_runs_) {
    return;
  }
  progress_seen_.clear();
  for (std::size_t i = 0; i < parts_.boards->size(); ++i) {
    watching_runs_ = watching_runs_ || batcher_.has_run(i);
    progress_seen_.push_back((*parts_.boards)[i].progress.load(std::memory_order_relaxed));
  }
  if (watching_runs_) {
    parts_.loop->timers().at(now + kStuckTime, [this](TimePoint then) { relieve_stuck(then); });
  }
}

void LinkActor::relieve_stuck(TimePoint now) {
  watching_runs_ = false;
  for (std::size_t i = 0; i < parts_.boards->size(); ++i) {
    Board& board = (*parts_.boards)[i];
    const bool moved = board.progress.load(std::memory_order_relaxed) != progress_seen_[i];
    if (moved || !batcher_.has_run(i)) {
      continue;
    }
    std::vector<std::size_t> revoked;
    for (const std::size_t slot : batcher_.slots_of(i)) {
      if (take_claim(board, slot, Claim::revoked)) {
        revoked.push_back(slot);
      } else if (board.claim[slot].load(std::memory_order_acquire) == Claim::ended) {
        send_answers(std::span(&board.done[slot], 1));
      }
    }
    batcher_.take_back(i, revoked);
  }
  dispatch(now);
  flush_answers();
}

void LinkActor::answer(std::uint64_t order, const LinkRef& to, link::Message message) {
  if (!answer_order_) {
    post_answer(to, std::move(message));
    return;
  }
  release(answer_order_->on_answer(order, {to, std::move(message)}));
}

void LinkActor::release(std::vector<AnswerOrder::Answer> answers) {
  for (AnswerOrder::Answer& each : answers) {
    post_answer(each.to, std::move(each.message));
  }
}

void LinkActor::post_answer(const LinkRef& to, link::Message message) {
  PeerLink* link = to.link < shards_.size() ? shards_[to.link].get() : nullptr;
  if (link == nullptr || link->number != to.attach) {
    return;  // the socket it came from is gone, and with it whoever waits for the answer
  }
  message.header.credit = credit();
  if (!link->post(message)) {
    note_undelivered(*link, 1);
  }
}

// Every entry point that answers ends here: answers of one turn leave in as few frames as they fit
// in.
void LinkActor::flush_answers() {
  for (const auto& shard : shards_) {
    if (shard != nullptr) {
      const std::size_t count = shard->bundle.count();
      if (!shard->flush()) {
        note_undelivered(*shard, count);
      }
    }
  }
}

void LinkActor::note_undelivered(const PeerLink& link, std::size_t count) {
  undelivered_ += count;
  log_warn("answer_undelivered", {{"endpoint", link.endpoint}, {"count", undelivered_}});
}

void LinkActor::refuse(const Job& job, const Error& error) {
  answer(job.order, job.from, failure_of(job.id, job.attempt, error));
}

void LinkActor::drain(const std::string& reason, TimePoint now) {
  if (finished_ || state_ == WorkerState::draining) {
    return;
  }
  const bool served = state_ == WorkerState::ready;
  set_state(WorkerState::draining, reason);
  if (!served) {
    finish(0);
    return;
  }
  const link::Message message = link::encode(link::Drain{reason});
  control_->send(message);
  for (const auto& shard : shards_) {
    if (shard != nullptr) {
      shard->finished = !shard->send(message);  // not welcomed yet: it follows the hello
    }
  }
  drain_until_ = now + limits::kDrainTime;
  parts_.loop->timers().at(drain_until_, [this](TimePoint then) { check_drained(then); });
  check_drained(now);
}

// Rules: everything accepted is answered, and every shard has said bye or a second has gone by
// since; or the time for a drain is over.
void LinkActor::check_drained(TimePoint now) {
  if (state_ != WorkerState::draining || finished_) {
    return;
  }
  if (now >= drain_until_) {
    log_warn("drain_cut_short", {{"unanswered", batcher_.queued() + batcher_.assigned()}});
    finish(0);
    return;
  }
  if (!batcher_.idle()) {
    idle_since_.reset();
    return;
  }
  if (!idle_since_) {
    idle_since_ = now;
    parts_.loop->timers().at(now + limits::kByeTime,
                             [this](TimePoint then) { check_drained(then); });
  }
  const bool all_said_bye = std::ranges::all_of(
      shards_, [](const auto& shard) { return shard == nullptr || shard->finished; });
  if (all_said_bye || now >= *idle_since_ + limits::kByeTime) {
    finish(0);
  }
}

void LinkActor::finish(int exit_code) {
  if (finished_) {
    return;
  }
  finished_ = true;
  exit_code_ = exit_code;
  const link::Message bye = link::encode(link::Bye{std::string(name_of(state_))});
  for (const auto& shard : shards_) {
    if (shard != nullptr) {
      shard->send(bye);
      shard->close(*parts_.loop, kLastWords);
    }
  }
  control_->send(bye);
  control_->close(*parts_.loop, kLastWords);
  parts_.loop->stop();
}

}  // namespace sluice::worker
