#include "tests/sim/worker.h"

#include <algorithm>
#include <utility>

#include "tests/sim/oracle.h"
#include "tests/sim/trace.h"

namespace sluice::sim {

using namespace std::chrono_literals;
using worker::Attach;

namespace {

constexpr Duration kPoisonActs = 100us;  // from the start of its execution to the crash

}  // namespace

std::string SimWorker::name() const {
  return "w" + std::to_string(index_) + "." + std::to_string(life_);
}

void SimWorker::start() {
  ++life_;
  state_ = State::loading;
  leaving_ = false;
  world_->scheduler->at<&SimWorker::loaded>(
      world_->scheduler->now() + world_->random->between(100ms, 600ms), *this, life_);
}

void SimWorker::loaded(std::uint64_t life, std::uint64_t /*unused*/) {
  if (life != life_) {
    return;
  }
  state_ = State::serving;
  still_ = false;
  armed_ = TimePoint::max();
  batcher_ = std::make_unique<worker::Batcher>(
      worker::BatcherOptions{.executors = world_->plan->executors});
  batcher_->expect_service(world_->plan->questions.front().service);
  executors_.assign(world_->plan->executors, Executor{});
  for (Link& link : links_) {
    link = Link{};
    link.attach.emplace(limits::kHeartbeatOnHost);
  }
  service_links();
}

void SimWorker::wake(std::uint64_t life, std::uint64_t /*unused*/) {
  if (life != life_ || state_ != State::serving) {
    return;
  }
  armed_ = TimePoint::max();
  if (still_) {
    wake_missed_ = true;
    return;
  }
  service_links();
}

void SimWorker::service_links() {
  TimePoint due = TimePoint::max();
  for (std::size_t shard = 0; shard < kShards; ++shard) {
    service(shard);
    if (state_ != State::serving) {
      return;
    }
    if (!links_[shard].finished) {
      due = std::min(due, links_[shard].attach->next_due());
    }
  }
  if (due < armed_) {
    armed_ = due;
    world_->scheduler->at<&SimWorker::wake>(due, *this, life_);
  }
}

void SimWorker::service(std::size_t shard) {
  Link& link = links_[shard];
  while (!link.finished) {
    switch (link.attach->step(world_->scheduler->now())) {
      case Attach::Step::wait:
        return;
      case Attach::Step::beat: {
        Packet beat{.kind = Kind::heartbeat, .credit = batcher_->credit(kShards)};
        beat.progress = progress_;
        beat.running = std::ranges::any_of(executors_, &Executor::busy);
        world_->network->send(link.connection, Direction::to_shard, beat);
        break;
      }
      case Attach::Step::open:
        drop_requests_of(shard);
        if (leaving_) {
          link.finished = true;
          return;
        }
        open(shard);
        break;
    }
  }
}

void SimWorker::open(std::size_t shard) {
  Link& link = links_[shard];
  if (link.connection != kNoConnection) {
    world_->network->close(link.connection);
  }
  ++sockets_;
  link.connection = world_->network->open(index_, life_, shard);
  world_->trace->add(world_->scheduler->now(), "dial", index_, shard, link.connection);
  world_->network->send(link.connection,
                        Direction::to_shard,
                        {.kind = Kind::hello,
                         .credit = batcher_->credit(kShards),
                         .executors = static_cast<std::uint32_t>(world_->plan->executors)});
}

void SimWorker::drop_requests_of(std::size_t shard) {
  const ConnectionId connection = links_[shard].connection;
  if (connection == kNoConnection) {
    return;
  }
  for (const auto& place : batcher_->drop_all({shard, connection}).assigned) {
    executors_[place.executor].stop[place.slot] = true;
  }
}

void SimWorker::arrived(ConnectionId connection, const Packet& packet) {
  const Connection& link = world_->network->at(connection);
  if (state_ != State::serving || link.life != life_ ||
      links_[link.shard].connection != connection) {
    return;  // the process or the socket is gone
  }
  if (still_) {
    inbox_.push_back({connection, packet});
    return;
  }
  read(connection, packet);
  dispatch();
}

void SimWorker::read(ConnectionId connection, const Packet& packet) {
  const std::size_t shard = world_->network->at(connection).shard;
  Link& link = links_[shard];
  const TimePoint now = world_->scheduler->now();
  link.attach->on_heard(now);
  switch (packet.kind) {
    case Kind::welcome:
      link.attach->on_welcome(limits::kHeartbeatOnHost, now);
      break;
    case Kind::bye:
      if (leaving_) {
        link.finished = true;
      } else {
        link.attach->on_bye();
      }
      break;
    case Kind::infer:
      if (link.attach->attached()) {
        on_infer(shard, packet);
      }
      break;
    case Kind::cancel:
      on_cancel(shard, packet);
      break;
    default:
      break;
  }
  service_links();
}

// The job's body is the question's number in one frame's length: nothing reads its bytes.
void SimWorker::on_infer(std::size_t shard, const Packet& packet) {
  worker::Job job{.id = packet.id,
                  .attempt = packet.attempt,
                  .from = {shard, links_[shard].connection},
                  .deadline = packet.deadline,
                  .received = TimePoint(Duration(packet.question)),
                  .body = {},
                  .alone = packet.alone};
  const worker::Job copy = job;
  if (!batcher_->add(std::move(job))) {
    refuse(copy, ErrorCode::resource_exhausted);
  }
}

std::uint32_t SimWorker::question_of(const worker::Job& job) const {
  return static_cast<std::uint32_t>(job.received.time_since_epoch().count());
}

void SimWorker::on_cancel(std::size_t shard, const Packet& packet) {
  const worker::LinkRef from{shard, links_[shard].connection};
  if (const auto waiting = batcher_->remove(from, packet.id, packet.attempt)) {
    refuse(*waiting, ErrorCode::cancelled);
  } else if (const auto place = batcher_->find(from, packet.id, packet.attempt)) {
    executors_[place->executor].stop[place->slot] = true;
  }
}

void SimWorker::dispatch() {
  if (state_ != State::serving || still_) {
    return;
  }
  std::vector<worker::Job> expired;
  for (worker::Run& run : batcher_->hand_out(world_->scheduler->now(), expired)) {
    Executor& executor = executors_[run.executor];
    for (worker::Assigned& assigned : run.requests) {
      executor.stop[assigned.slot] = false;
      executor.run.push_back(std::move(assigned));
    }
    if (!executor.busy) {
      begin_next(run.executor);
    }
  }
  for (const worker::Job& job : expired) {
    refuse(job, ErrorCode::deadline_exceeded);
  }
}

void SimWorker::begin_next(std::size_t index) {
  Executor& executor = executors_[index];
  const TimePoint now = world_->scheduler->now();
  while (!executor.run.empty()) {
    const worker::Assigned& next = executor.run.front();
    const worker::Job job = next.job;
    const bool stopped = executor.stop[next.slot];
    if (!stopped && now < job.deadline) {
      const std::uint32_t question = question_of(job);
      const Question& asked = world_->plan->questions[question];
      world_->trace->add(now, "execute", index_, job.id, job.attempt);
      world_->oracle->executed(question, now, job.deadline);
      executor.busy = true;
      ++progress_;
      executor.ends = now + (asked.poison ? kPoisonActs : asked.service * slowness_);
      world_->scheduler->at<&SimWorker::executor_ends>(
          executor.ends, *this, (life_ << 8) | index, ++executor.generation);
      return;
    }
    batcher_->on_done(index, next.slot, std::nullopt);
    executor.run.erase(executor.run.begin());
    refuse(job, stopped ? ErrorCode::cancelled : ErrorCode::deadline_exceeded);
  }
}

void SimWorker::executor_ends(std::uint64_t life_and_executor, std::uint64_t generation) {
  const std::size_t index = life_and_executor & 0xFF;
  if (life_and_executor >> 8 != life_ || state_ != State::serving ||
      executors_[index].generation != generation || still_) {
    return;
  }
  Executor& executor = executors_[index];
  const worker::Assigned done = executor.run.front();
  const std::uint32_t number = question_of(done.job);
  const Question& question = world_->plan->questions[number];
  if (question.poison) {
    world_->oracle->killed_by(number);
    end_by_death(false);
    return;
  }
  executor.busy = false;
  ++progress_;
  executor.run.erase(executor.run.begin());
  const Duration service = question.service * slowness_;
  batcher_->on_done(index, done.slot, service);
  Packet answer{.kind = question.bad ? Kind::failure : Kind::result};
  answer.error = ErrorCode::invalid_argument;
  answer.service = service;
  if (executor.stop[done.slot]) {
    answer.kind = Kind::failure;
    answer.error = ErrorCode::cancelled;
  }
  send_answer(done.job, answer);
  begin_next(index);
  dispatch();
}

void SimWorker::send_answer(const worker::Job& job, Packet answer) {
  if (links_[job.from.link].connection != job.from.attach) {
    return;  // the socket it came from is gone
  }
  answer.id = job.id;
  answer.attempt = job.attempt;
  answer.credit = batcher_->credit(kShards);
  world_->network->send(links_[job.from.link].connection, Direction::to_shard, answer);
}

void SimWorker::refuse(const worker::Job& job, ErrorCode code) {
  Packet answer{.kind = Kind::failure};
  answer.error = code;
  send_answer(job, answer);
}

std::vector<RequestId> SimWorker::running() const {
  std::vector<RequestId> ids;
  for (const Executor& executor : executors_) {
    if (executor.busy) {
      ids.push_back(executor.run.front().job.id);
    }
  }
  return ids;
}

void SimWorker::end_by_death(bool outside) {
  if (state_ == State::gone) {
    return;
  }
  world_->trace->add(world_->scheduler->now(), "die", index_, life_, running().size());
  for (const Executor& executor : executors_) {
    if (executor.busy) {
      world_->oracle->running_at_death(question_of(executor.run.front().job), outside);
    }
  }
  end_life(outside);
}

// The node sees the end and starts the next life at once. `killed`: by SIGKILL.
void SimWorker::end_life(bool killed) {
  world_->node->worker_ended(name(), running(), killed);
  for (Link& link : links_) {
    if (link.connection != kNoConnection) {
      world_->network->close(link.connection);
      link.connection = kNoConnection;
    }
  }
  executors_.clear();
  inbox_.clear();
  still_ = false;
  slowness_ = 1;
  start();
}

void SimWorker::stand_still() {
  if (state_ == State::serving && !still_) {
    world_->trace->add(world_->scheduler->now(), "stop", index_, life_, 0);
    still_ = true;
    wake_missed_ = false;
    stood_still_ = world_->scheduler->now();
  }
}

// SIGCONT: what arrived meanwhile is read before anything is run; executors go on where they were.
void SimWorker::go_on() {
  if (state_ != State::serving || !still_) {
    return;
  }
  const TimePoint now = world_->scheduler->now();
  world_->trace->add(now, "continue", index_, life_, inbox_.size());
  still_ = false;
  for (std::size_t i = 0; i < executors_.size(); ++i) {
    Executor& executor = executors_[i];
    if (executor.busy) {
      executor.ends += now - stood_still_;
      world_->scheduler->at<&SimWorker::executor_ends>(
          executor.ends, *this, (life_ << 8) | i, ++executor.generation);
    }
  }
  // Sockets come before timers in a turn of the loop; but which of them has more to read first is
  // not said.
  std::vector<Mail> mail = std::exchange(inbox_, {});
  if (world_->random->chance(50)) {
    std::ranges::stable_sort(mail, {}, &Mail::connection);
  }
  for (const Mail& each : mail) {
    if (state_ == State::serving &&
        links_[world_->network->at(each.connection).shard].connection == each.connection) {
      read(each.connection, each.packet);
    }
  }
  service_links();
  dispatch();
}

void SimWorker::leave() {
  if (state_ != State::serving || leaving_) {
    return;
  }
  leaving_ = true;
  world_->trace->add(world_->scheduler->now(), "drain", index_, life_, 0);
  for (Link& link : links_) {
    if (link.attach->attached()) {
      world_->network->send(link.connection, Direction::to_shard, {.kind = Kind::drain});
    } else {
      link.finished = true;
    }
  }
  idle_since_ = TimePoint::max();
  check_left(life_, 0);
}

// Everything accepted is answered, and every shard has said bye or a second has gone by since.
void SimWorker::check_left(std::uint64_t life, std::uint64_t /*unused*/) {
  if (life != life_ || state_ != State::serving) {
    return;
  }
  const TimePoint now = world_->scheduler->now();
  if (!still_) {
    if (!batcher_->idle()) {
      idle_since_ = TimePoint::max();
    } else {
      idle_since_ = std::min(idle_since_, now);
      if (std::ranges::all_of(links_, &Link::finished) || now >= idle_since_ + limits::kByeTime) {
        world_->trace->add(now, "left", index_, life_, 0);
        end_life(false);
        return;
      }
    }
  }
  world_->scheduler->at<&SimWorker::check_left>(now + 5ms, *this, life_);
}

}  // namespace sluice::sim
