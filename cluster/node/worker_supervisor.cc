#include "cluster/node/worker_supervisor.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "common/base/check.h"
#include "common/base/limits.h"

namespace sluice::cluster {

std::string reason_of(const WorkerEnd& end) {
  std::string reason = describe(end.exit);
  if (!end.words.empty()) {
    reason += ": " + end.words.substr(0, limits::kReasonBytes);
  }
  return reason;
}

WorkerSupervisor::Worker& WorkerSupervisor::find(std::string_view id) {
  const auto found = workers_.find(id);
  SLUICE_CHECK(found != workers_.end());
  return found->second;
}

const WorkerSpec& WorkerSupervisor::spec(std::string_view id) const {
  const auto found = workers_.find(id);
  SLUICE_CHECK(found != workers_.end());
  return found->second.spec;
}

bool WorkerSupervisor::was_ready(std::string_view id) const {
  const auto found = workers_.find(id);
  SLUICE_CHECK(found != workers_.end());
  return found->second.was_ready;
}

const std::string& WorkerSupervisor::reason(std::string_view id) const {
  const auto found = workers_.find(id);
  SLUICE_CHECK(found != workers_.end());
  return found->second.reason;
}

SupervisorActions WorkerSupervisor::begin(std::string id, WorkerSpec spec) {
  Worker& worker = workers_[id];
  worker = Worker{};
  worker.spec = std::move(spec);
  if (draining()) {
    worker.state = WorkerState::ended;
    return {};
  }
  worker.alive = true;
  return {StartWorker{std::move(id)}};
}

SupervisorActions WorkerSupervisor::desire(WorkerSpec spec) {
  const auto found = workers_.find(spec.id);
  if (found != workers_.end() && !found->second.refused) {
    if (found->second.retired) {
      found->second.revival = std::move(spec);
    } else {
      found->second.spec.share = spec.share;
      found->second.spec.shares = spec.shares;
    }
    return {};
  }
  std::string id = spec.id;
  return begin(std::move(id), std::move(spec));
}

SupervisorActions WorkerSupervisor::retire(std::string_view id, TimePoint kill_at) {
  Worker& worker = find(id);
  worker.revival.reset();
  if (worker.retired || draining()) {
    return {};
  }
  if (!worker.alive) {
    workers_.erase(workers_.find(id));
    return {};
  }
  worker.retired = true;
  worker.kill_at = kill_at;
  worker.state = WorkerState::draining;
  if (worker.pid == 0) {
    return {};  // its process is being made: on_started() ends it
  }
  return {SignalWorker{worker.spec.id, SIGTERM}};
}

SupervisorActions WorkerSupervisor::assign(std::vector<WorkerSpec> specs, TimePoint kill_at) {
  if (draining()) {
    return {};
  }
  SupervisorActions actions;
  const auto add = [&actions](SupervisorActions more) {
    actions.insert(actions.end(), more.begin(), more.end());
  };
  std::vector<std::string> unnamed;
  for (const auto& [id, worker] : workers_) {
    const auto is_it = [&name = id](const WorkerSpec& spec) { return spec.id == name; };
    if (std::ranges::none_of(specs, is_it)) {
      unnamed.push_back(id);
    }
  }
  for (const std::string& id : unnamed) {
    add(retire(id, kill_at));
  }
  add(start_waiting());  // there may be room now
  for (WorkerSpec& spec : specs) {
    add(desire(std::move(spec)));
  }
  return actions;
}

SupervisorActions WorkerSupervisor::restart(Worker& worker) {
  worker.state = WorkerState::starting;
  worker.alive = true;
  ++worker.restarts;
  return {StartWorker{worker.spec.id}};
}

SupervisorActions WorkerSupervisor::on_started(std::string_view id, std::uint32_t pid) {
  Worker& worker = find(id);
  SLUICE_CHECK(worker.alive && worker.pid == 0);
  worker.pid = pid;
  if (worker.retired) {
    return {SignalWorker{worker.spec.id, SIGTERM}};
  }
  worker.state = WorkerState::starting;
  if (draining()) {
    worker.state = WorkerState::draining;
    return {SignalWorker{worker.spec.id, killed_ ? SIGKILL : SIGTERM}};
  }
  return {};
}

SupervisorActions WorkerSupervisor::on_start_failed(std::string_view id,
                                                    const std::string& reason,
                                                    TimePoint now) {
  Worker& worker = find(id);
  SLUICE_CHECK(worker.alive && worker.pid == 0);
  worker.reason = reason;
  return after_death(worker, /*load_failed=*/false, now);
}

void WorkerSupervisor::on_refused(std::string_view id, const std::string& reason) {
  Worker& worker = find(id);
  SLUICE_CHECK(worker.alive && worker.pid == 0 && !worker.retired);
  worker.alive = false;
  worker.refused = true;
  worker.state = WorkerState::failed;
  worker.reason = reason;
}

SupervisorActions WorkerSupervisor::retry_refused() {
  SupervisorActions actions;
  for (auto& [id, worker] : workers_) {
    if (worker.refused && !draining()) {
      WorkerSpec spec = std::move(worker.spec);
      const SupervisorActions start = begin(id, std::move(spec));
      actions.insert(actions.end(), start.begin(), start.end());
    }
  }
  return actions;
}

void WorkerSupervisor::on_state(std::string_view id, WorkerState state, TimePoint now) {
  Worker& worker = find(id);
  if (!worker.alive) {
    return;  // its last words, read after its end
  }
  const bool own_states = state == WorkerState::loading || state == WorkerState::warming ||
                          state == WorkerState::probing || state == WorkerState::ready ||
                          state == WorkerState::draining;
  if (!own_states || worker.state == WorkerState::draining) {
    return;
  }
  worker.state = state;
  if (state == WorkerState::ready) {
    worker.rule.on_ready(now);
    worker.was_ready = true;
  }
}

// The kernel kills for want of memory by SIGKILL, as an operator may: it is told apart.
void WorkerSupervisor::count_end(Worker& worker, const ProcessExit& exit) const {
  const bool asked = worker.retired || worker.unfit || draining();
  const bool well = exit.signal == 0 && exit.code == 0;
  if (asked || well) {
    return;
  }
  ++(exit.signal == SIGKILL ? worker.kills : worker.crashes);
}

SupervisorActions WorkerSupervisor::on_exit(std::string_view id,
                                            const WorkerEnd& end,
                                            TimePoint now) {
  Worker& worker = find(id);
  SLUICE_CHECK(worker.alive);
  if (!worker.unfit) {
    worker.reason = reason_of(end);
  }
  count_end(worker, end.exit);
  SupervisorActions actions = after_death(worker, end.load_failed, now);
  const SupervisorActions more = start_waiting();  // it may have made room
  actions.insert(actions.end(), more.begin(), more.end());
  return actions;
}

SupervisorActions WorkerSupervisor::after_death(Worker& worker, bool load_failed, TimePoint now) {
  worker.alive = false;
  worker.pid = 0;
  if (worker.retired && !draining()) {
    return after_retirement(worker);
  }
  if (draining()) {
    worker.state = WorkerState::ended;
    return {};
  }
  if (std::exchange(worker.unfit, false)) {
    worker.refused = true;
    worker.state = WorkerState::failed;
    return {};
  }
  const std::optional<TimePoint> next = worker.rule.on_death(now, load_failed);
  if (!next) {
    worker.state = WorkerState::failed;
    return {};
  }
  if (*next <= now) {
    return restart(worker);
  }
  worker.restart_at = *next;
  worker.state = WorkerState::backing_off;
  return {};
}

SupervisorActions WorkerSupervisor::after_retirement(const Worker& worker) {
  std::string id = worker.spec.id;
  std::optional<WorkerSpec> revival = worker.revival;
  workers_.erase(id);
  return revival ? begin(std::move(id), *std::move(revival)) : SupervisorActions{};
}

SupervisorActions WorkerSupervisor::drain(TimePoint kill_at) {
  if (draining()) {
    return {};
  }
  kill_at_ = kill_at;
  SupervisorActions actions;
  for (auto& [id, worker] : workers_) {
    if (worker.alive && worker.pid != 0) {
      worker.state = WorkerState::draining;
      worker.kill_at.reset();
      if (!worker.retired) {
        actions.emplace_back(SignalWorker{id, SIGTERM});
      }
    } else if (worker.state == WorkerState::backing_off || worker.waits) {
      worker.state = WorkerState::ended;
      worker.waits = false;
    }
  }
  return actions;
}

SupervisorActions WorkerSupervisor::kill_all() {
  SupervisorActions actions;
  killed_ = true;
  for (const auto& [id, worker] : workers_) {
    if (worker.pid != 0) {
      actions.emplace_back(SignalWorker{id, SIGKILL});
    }
  }
  return actions;
}

SupervisorActions WorkerSupervisor::due(TimePoint now) {
  if (draining()) {
    return now >= *kill_at_ && !killed_ ? kill_all() : SupervisorActions{};
  }
  SupervisorActions actions;
  for (auto& [id, worker] : workers_) {
    if (worker.state == WorkerState::backing_off && now >= worker.restart_at) {
      SupervisorActions start = restart(worker);
      actions.insert(actions.end(), start.begin(), start.end());
    }
    if (worker.kill_at && worker.pid != 0 && now >= *worker.kill_at) {
      worker.kill_at.reset();
      actions.emplace_back(SignalWorker{id, SIGKILL});
    }
  }
  return actions;
}

std::optional<TimePoint> WorkerSupervisor::next_due() const {
  if (draining()) {
    return killed_ ? std::nullopt : kill_at_;
  }
  std::optional<TimePoint> next;
  for (const auto& [id, worker] : workers_) {
    if (worker.state == WorkerState::backing_off) {
      next = next ? std::min(*next, worker.restart_at) : worker.restart_at;
    }
    if (worker.kill_at && worker.pid != 0) {
      next = next ? std::min(*next, *worker.kill_at) : *worker.kill_at;
    }
  }
  return next;
}

std::vector<WorkerReport> WorkerSupervisor::reports(TimePoint now) const {
  std::vector<WorkerReport> reports;
  reports.reserve(workers_.size());
  for (const auto& [id, worker] : workers_) {
    WorkerReport report;
    report.worker_id = id;
    report.model = worker.spec.model;
    report.version = worker.spec.version;
    report.stamp = worker.spec.stamp;
    report.pid = worker.pid;
    report.state = worker.state;
    report.restarts = worker.restarts;
    report.early_deaths = worker.rule.early_deaths();
    report.kills = worker.kills;
    report.crashes = worker.crashes;
    report.reason = worker.reason;
    report.memory = worker.alive || worker.state == WorkerState::backing_off ? worker.memory : 0;
    if (worker.state == WorkerState::backing_off) {
      report.restart_in = std::max(worker.restart_at - now, Duration::zero());
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

bool WorkerSupervisor::any_alive() const noexcept {
  return std::any_of(
      workers_.begin(), workers_.end(), [](const auto& entry) { return entry.second.alive; });
}

}  // namespace sluice::cluster
