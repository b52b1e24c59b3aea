#include "cluster/node/node_actor.h"

#include <algorithm>
#include <csignal>
#include <functional>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "cluster/node/repository_view.h"
#include "common/base/log.h"
#include "common/base/overloaded.h"
#include "common/link/socket_spec.h"
#include "common/link/zmq_message.h"
#include "common/process/cpu_budget.h"
#include "common/process/memory.h"
#include "worker/serve/worker_main.h"

namespace sluice::cluster {

namespace {

// A start that takes no longer where a processor idles at times.
constexpr Duration kQuietStart = std::chrono::milliseconds(200);

WorkerCommand command_of(const NodeOptions& options) {
  WorkerCommand command;
  command.program = options.worker_program.empty() ? worker_program_beside(own_executable())
                                                   : options.worker_program;
  command.gateway = options.gateway;
  command.node_id =
      options.node_id.empty() ? own_host_name().substr(0, limits::kNodeIdBytes) : options.node_id;
  command.threads = cpu_budget(options.threads);
  command.memory = options.memory.value_or(0);
  command.engine_library = options.engine_library;
  command.test_operators = options.test_operators;
  return command;
}

WorkerState state_named(std::string_view name) {
  for (const WorkerState state : {WorkerState::loading,
                                  WorkerState::warming,
                                  WorkerState::probing,
                                  WorkerState::ready,
                                  WorkerState::draining}) {
    if (link::name_of(state) == name) {
      return state;
    }
  }
  return WorkerState::unknown;
}

std::string subject_of(const WorkerReport& report) {
  return report.model + "/" + std::to_string(report.version);
}

}  // namespace

NodeActor::NodeActor(const NodeOptions& options,
                     actor::Loop& loop,
                     zmq::context_t& context,
                     std::function<void()> on_ended)
    : options_(&options),
      command_(command_of(options)),
      loop_(&loop),
      context_(&context),
      on_ended_(std::move(on_ended)),
      memory_limit_(options.memory ? *options.memory : memory_in_all().value_or(0)),
      repository_(options.repository) {
  supervisor_.limit_memory(memory_limit_, command_.node_id);
}

Result<void> NodeActor::start(TimePoint now) {
  SLUICE_TRY(open_link(now));
  log_info("node_started", {{"node", command_.node_id}, {"threads", command_.threads}});
  watch_repository(now);
  publish(now);
  return {};
}

void NodeActor::on_signal(TimePoint now) {
  if (supervisor_.draining()) {
    if (!options_->lifeline) {
      perform(supervisor_.kill_all(), now);
    }
  } else {
    log_info("node_draining");
    perform(supervisor_.drain(now + options_->drain_limit), now);
  }
  publish(now);
}

void NodeActor::perform(const SupervisorActions& actions, TimePoint now) {
  for (const SupervisorAction& action : actions) {
    std::visit(Overloaded{[&](const StartWorker& start) { start_worker(start.id, now); },
                          [&](const SignalWorker& signal) {
                            const auto life = lives_.find(signal.id);
                            if (life != lives_.end()) {
                              send_signal(life->second.process.child(), signal.signal);
                            }
                          }},
               action);
  }
}

void NodeActor::start_worker(const std::string& id, TimePoint now) {
  const Result<worker::ServingPlan> plan =
      plans_.plan_for(repository_.view(), supervisor_.spec(id));
  if (!plan) {
    log_error("worker_refused", {{"worker", id}, {"reason", plan.error().detail}});
    supervisor_.on_refused(id, plan.error().detail);
    return;
  }
  const std::uint64_t estimate =
      limits::kWorkerBytes + bytes_of(repository_.view(), supervisor_.spec(id));
  if (const auto admission = supervisor_.admit(id, estimate);
      admission != WorkerSupervisor::Admission::start) {
    const bool waits = admission == WorkerSupervisor::Admission::wait;
    log_at(waits ? LogLevel::info : LogLevel::error,
           waits ? "worker_waits" : "worker_refused",
           {{"worker", id}, {"reason", supervisor_.reason(id)}});
    return;
  }
  WorkerCommand command = command_;
  if (!options_->threads) {
    const WorkerSpec& spec = supervisor_.spec(id);
    command.threads =
        threads_of_share(command_.threads, spec.share, spec.shares, plan->instance_count);
  }
  command.urgent = supervisor_.was_ready(id);
  const ThreadShares shares = shares_of(command.threads, plan->instance_count);
  Result<WorkerProcess> process = WorkerProcess::start(command, id, *plan);
  if (!process) {
    log_error("worker_not_started", {{"worker", id}, {"reason", process.error().detail}});
    perform(supervisor_.on_start_failed(id, process.error().detail, now), now);
    return;
  }
  const auto pid = static_cast<std::uint32_t>(process->child().pid);
  log_info("worker_started",
           {{"worker", id},
            {"pid", pid},
            {"file", plan->model_path},
            {"executors", shares.executors},
            {"threads", shares.threads_per_executor}});
  const auto [life, added] = lives_.try_emplace(
      id, Life{*std::move(process), OutputRelay("[" + id + "] ", STDERR_FILENO), shares});
  SLUICE_CHECK(added);
  watch(id, life->second);
  loop_->timers().at(now + kQuietStart,
                     [this, id, child = life->second.process.child().pid](TimePoint /*then*/) {
                       const auto living = lives_.find(id);
                       if (living != lives_.end() && living->second.process.child().pid == child) {
                         living->second.process.end_quiet_start();
                       }
                     });
  perform(supervisor_.on_started(id, pid), now);
}

void NodeActor::watch(const std::string& id, Life& life) {
  life.end = loop_->watch_descriptor(life.process.child().pidfd.get(), [this, id](TimePoint now) {
    on_end(id, now);
    return false;
  });
  life.states = loop_->watch_descriptor(life.process.states(), [this, id](TimePoint now) {
    Life& living = lives_.find(id)->second;
    const LineReader::State state = read_states(id, living, now);
    if (state == LineReader::State::ended) {
      loop_->unwatch(living.states);
    }
    publish(now);
    return state == LineReader::State::more;
  });
  life.errors = loop_->watch_descriptor(life.process.errors(), [this, id](TimePoint now) {
    Life& living = lives_.find(id)->second;
    const LineReader::State state =
        living.process.read_errors([&](std::string_view line) { living.relay.pass(line, now); });
    if (state == LineReader::State::ended) {
      loop_->unwatch(living.errors);
    }
    return state == LineReader::State::more;
  });
}

LineReader::State NodeActor::read_states(const std::string& id, Life& life, TimePoint now) {
  return life.process.read_states([&](std::string_view line) {
    const SplitLine split = split_line(line);
    if (split.word != "state") {
      return;
    }
    const WorkerState state = state_named(split.rest);
    if (state == WorkerState::ready) {
      perform(supervisor_.on_measured(
                  id, memory_peak_of(static_cast<std::uint32_t>(life.process.child().pid))),
              now);
    }
    supervisor_.on_state(id, state, now);
  });
}

void NodeActor::on_end(const std::string& id, TimePoint now) {
  const auto found = lives_.find(id);
  const std::optional<ProcessExit> exit = reap(found->second.process.child());
  if (!exit) {
    return;
  }
  Life& life = found->second;
  read_states(id, life, now);
  life.process.read_errors([&](std::string_view line) { life.relay.pass(line, now); });
  const WorkerEnd end{.exit = *exit,
                      .words = life.process.last_words(),
                      .load_failed = exit->signal == 0 && exit->code == worker::kExitLoadFailed};
  link::WorkerDied died;
  died.worker_id = id;
  died.pid = static_cast<std::uint32_t>(life.process.child().pid);
  died.reason = reason_of(end);
  died.running = life.process.suspects();
  died.killed = exit->signal == SIGKILL;
  const bool well = exit->signal == 0 && exit->code == 0;  // it was told to end
  log_at(well ? LogLevel::info : LogLevel::warn,
         "worker_ended",
         {{"worker", id},
          {"pid", died.pid},
          {"reason", died.reason},
          {"running", died.running.size()}});
  tell_death(std::move(died), now);
  loop_->unwatch(life.end);
  loop_->unwatch(life.states);
  loop_->unwatch(life.errors);
  lives_.erase(found);
  perform(supervisor_.on_exit(id, end, now), now);
  publish(now, id);
}

std::vector<WorkerReport> NodeActor::reports(TimePoint now) const {
  std::vector<WorkerReport> reports = supervisor_.reports(now);
  for (WorkerReport& report : reports) {
    if (const auto life = lives_.find(report.worker_id); life != lives_.end()) {
      report.executors = static_cast<std::uint32_t>(life->second.shares.executors);
      report.threads = static_cast<std::uint32_t>(life->second.shares.threads_per_executor);
    }
  }
  return reports;
}

void NodeActor::publish(TimePoint now, std::string_view died) {
  const std::vector<WorkerReport> workers = reports(now);
  for (const WorkerReport& worker : workers) {
    tell_parent(worker, worker.worker_id == died);
  }
  tell_parent_of_retired(workers);
  plans_.keep_only(workers);
  // Without the countdown, which changes at every look.
  std::vector<WorkerReport> comparable = workers;
  for (WorkerReport& worker : comparable) {
    worker.restart_in = Duration::zero();
  }
  if (comparable != reported_ && attach_.attached()) {
    reported_ = std::move(comparable);
    report(workers);
  }
  tell_repository(now);
  loop_->timers().cancel(timer_);
  TimePoint next = attach_.next_due();
  for (const auto& due : {supervisor_.next_due(), repository_.next_due()}) {
    next = due ? std::min(next, *due) : next;
  }
  timer_ = loop_->timers().at(next, [this](TimePoint then) { on_timer(then); });
  if (supervisor_.draining() && !supervisor_.any_alive()) {
    static_cast<void>(link::send(socket_, link::encode(link::Bye{"the node ends"})));
    on_ended_();
  }
}

void NodeActor::tell_parent(const WorkerReport& worker, bool died) {
  if (!options_->status) {
    return;
  }
  const std::string subject = subject_of(worker);
  Told& told = told_[worker.worker_id];
  if (told.state == worker.state && told.restarts == worker.restarts) {
    return;
  }
  told = {.subject = subject, .state = worker.state, .restarts = worker.restarts};
  if (worker.state == WorkerState::failed) {
    write_line(*options_->status, "failed", subject + " " + worker.reason);
    return;
  }
  if (died && worker.state != WorkerState::ended) {
    write_line(*options_->status, "died", subject + " " + worker.reason);
  }
  write_line(*options_->status, "state", subject + " " + std::string(link::name_of(worker.state)));
}

void NodeActor::tell_parent_of_retired(const std::vector<WorkerReport>& workers) {
  std::erase_if(told_, [&](const auto& entry) {
    const bool there = std::ranges::binary_search(
        workers, entry.first, std::ranges::less(), &WorkerReport::worker_id);
    if (!there) {
      write_line(*options_->status, "state", entry.second.subject + " ended");
    }
    return !there;
  });
}

void NodeActor::on_timer(TimePoint now) {
  perform(supervisor_.due(now), now);
  on_looked(repository_.tick(now), now);
  if (attach_.lost(now)) {
    if (attach_.attached()) {
      log_warn("gateway_lost", {{"gateway", command_.gateway}});
    }
    // The endpoint was good when the node started: out of sockets is worth another try.
    static_cast<void>(open_link(now));
  }
  if (attach_.beat_due(now)) {
    report(reports(now));
  }
  publish(now);
}

}  // namespace sluice::cluster
