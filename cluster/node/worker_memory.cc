// WorkerSupervisor: whether the memory of the node has room for a worker.

#include <algorithm>
#include <csignal>
#include <utility>

#include "cluster/node/worker_supervisor.h"
#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/link/repository_messages.h"

namespace sluice::cluster {
namespace {

// Rounded up, so that what is refused by a byte does not read as if it fitted.
std::string megabytes(std::uint64_t bytes) {
  return std::to_string((bytes + limits::kMiB - 1) / limits::kMiB) + " MB";
}

}  // namespace

void WorkerSupervisor::limit_memory(std::uint64_t bytes, std::string node) {
  memory_limit_ = bytes;
  node_ = std::move(node);
}

WorkerSupervisor::MemoryTaken WorkerSupervisor::taken_beside(std::string_view id) const {
  MemoryTaken taken;
  for (const auto& [name, worker] : workers_) {
    const bool holds = worker.alive || worker.state == WorkerState::backing_off;
    if (name != id && holds) {
      (worker.retired || worker.unfit ? taken.leaving : taken.staying) += worker.memory;
    }
  }
  return taken;
}

std::string WorkerSupervisor::too_much(std::uint64_t needs,
                                       std::uint64_t taken,
                                       std::string_view how) const {
  const std::uint64_t free = memory_limit_ - std::min(memory_limit_, taken);
  return "it needs " + megabytes(needs) + " of memory (" + std::string(how) + "); node '" + node_ +
         "' has " + std::to_string(free / limits::kMiB) + " MB free of its limit of " +
         std::to_string(memory_limit_ / limits::kMiB) + " MB";
}

WorkerSupervisor::Admission WorkerSupervisor::admit(std::string_view id, std::uint64_t estimate) {
  Worker& worker = find(id);
  SLUICE_CHECK(worker.alive && worker.pid == 0);
  // All replicas of a build take the same.
  const auto known = measured_.find(link::build_of(id));
  const bool measured = known != measured_.end();
  const std::uint64_t needs = measured ? known->second : estimate;
  const MemoryTaken taken = taken_beside(id);
  // One that lived before has its place: its later lives are not put to the question again.
  if (memory_limit_ == 0 || worker.memory != 0 ||
      taken.staying + taken.leaving + needs <= memory_limit_) {
    worker.memory = std::max(worker.memory, needs);
    return Admission::start;
  }
  const char* how = measured ? "as measured at its warm-up" : "by the size of its files";
  if (taken.staying + needs <= memory_limit_) {
    worker.alive = false;
    worker.waits = true;
    worker.reason =
        too_much(needs, taken.staying + taken.leaving, how) + "; it waits for others to end";
    return Admission::wait;
  }
  on_refused(id, too_much(needs, taken.staying, how));
  return Admission::refused;
}

SupervisorActions WorkerSupervisor::start_waiting() {
  SupervisorActions actions;
  for (auto& [id, worker] : workers_) {
    if (std::exchange(worker.waits, false)) {
      worker.alive = true;
      worker.reason.clear();
      actions.emplace_back(StartWorker{id});
    }
  }
  return actions;
}

SupervisorActions WorkerSupervisor::on_measured(std::string_view id, std::uint64_t peak) {
  Worker& worker = find(id);
  if (!worker.alive || worker.pid == 0 || peak == 0) {
    return {};
  }
  if (measured_.size() >= limits::kMeasuredBuilds) {
    measured_.clear();  // estimates will do until they have been measured again
  }
  const auto [known, first] = measured_.try_emplace(link::build_of(id), peak);
  known->second = std::max(known->second, peak);
  worker.memory = known->second;
  const std::uint64_t taken = taken_beside(id).staying;
  if (!first || memory_limit_ == 0 || worker.retired || draining() ||
      taken + peak <= memory_limit_) {
    return {};
  }
  worker.unfit = true;
  worker.state = WorkerState::draining;
  worker.reason = too_much(peak, taken, "as measured at its warm-up");
  return {SignalWorker{worker.spec.id, SIGTERM}};
}

std::uint64_t WorkerSupervisor::memory_taken() const {
  const MemoryTaken taken = taken_beside({});
  return taken.staying + taken.leaving;
}

}  // namespace sluice::cluster
