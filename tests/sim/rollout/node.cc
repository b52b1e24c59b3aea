#include "tests/sim/rollout/node.h"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::sim::rollout {
namespace {

using namespace std::chrono_literals;
using link::WorkerState;

constexpr int kEarlyDeaths = 3;

}  // namespace

void SimNode::set_model(const link::ModelFound& model) {
  model_ = model;
  disk_.clear();
  for (const link::VersionFound& version : model.versions) {
    disk_[version.number] = version.stamp;
  }
  tell_everything();
}

void SimNode::remove_model() {
  set_model({});
}

void SimNode::tell_everything() {
  link::Repository repository;
  if (!model_.name.empty()) {
    repository.models.push_back(model_);
  }
  send_repository(name_, std::move(repository));
  tell_report();
}

void SimNode::tell_report() {
  Report report{name_, follows_, {}};
  for (const auto& [id, process] : processes_) {
    report.workers.push_back({id,
                              process.what.version,
                              process.build(),
                              process.state,
                              process.reason,
                              process.deaths,
                              process.life});
  }
  send_report(std::move(report));
}

void SimNode::assigned(std::uint64_t sequence, const std::vector<link::AssignedWorker>& workers) {
  if (sequence <= follows_) {
    return;
  }
  follows_ = sequence;
  std::set<std::string> named;
  for (const link::AssignedWorker& worker : workers) {
    named.insert(worker.worker_id);
    const auto [at, fresh] = processes_.try_emplace(worker.worker_id);
    if (fresh) {
      at->second.what = worker;
      start(worker.worker_id);
    } else if (at->second.ending) {
      at->second.wanted_again = true;
    }
  }
  std::vector<std::string> unnamed;
  for (const auto& [id, process] : processes_) {
    if (!named.contains(id)) {
      unnamed.push_back(id);
    }
  }
  for (const std::string& id : unnamed) {
    processes_.at(id).wanted_again = false;
    end(id);
  }
  tell_report();
}

void SimNode::start(const std::string& id) {
  Process& process = processes_.at(id);
  process.life = ++last_life_;
  process.state = WorkerState::starting;
  world_->note("start", process.life, static_cast<std::uint64_t>(process.what.version));
  world_->coverage.add("starts");
  if (!has(process.what.version, process.what.stamp)) {
    process.state = WorkerState::failed;
    process.reason = "this build is not in the repository any more";
    tell_report();
    return;
  }
  world_->time.in(world_->soon(),
                  [this, id, life = process.life] { step(id, life, WorkerState::loading); });
}

SimNode::Process* SimNode::alive(const std::string& id, std::uint64_t life) {
  const auto found = processes_.find(id);
  return found != processes_.end() && found->second.life == life ? &found->second : nullptr;
}

void SimNode::step(const std::string& id, std::uint64_t life, WorkerState next) {
  Process* process = alive(id, life);
  if (process == nullptr || process->ending) {
    return;
  }
  const Quality quality = world_->quality_of(process->build());
  process->state = next;
  if (next == WorkerState::ready) {
    become_ready(id, *process);
    return;
  }
  tell_report();
  Duration time = world_->random.between(20ms, 300ms);
  if (quality == Quality::slow) {
    time += world_->random.between(500ms, 3s);
  }
  if (next == WorkerState::loading && quality == Quality::fails_to_load) {
    world_->time.in(time, [this, id, life] {
      if (Process* failed = alive(id, life); failed != nullptr && !failed->ending) {
        failed->state = WorkerState::failed;
        failed->reason = "model.onnx: truncated";
        tell_report();
      }
    });
    return;
  }
  if (next == WorkerState::warming && quality == Quality::dies_early) {
    world_->time.in(time, [this, id, life] {
      if (alive(id, life) != nullptr) {
        ++processes_.at(id).deaths.crashes;
        die(id, "killed by signal 11", true);
      }
    });
    return;
  }
  const WorkerState then = next == WorkerState::loading ? WorkerState::warming : WorkerState::ready;
  world_->time.in(time, [this, id, life, then] { step(id, life, then); });
}

void SimNode::become_ready(const std::string& id, Process& process) {
  process.early_deaths = 0;
  tell_report();
  attach(id, process.life);
}

void SimNode::attach(const std::string& id, std::uint64_t life) {
  for (std::size_t shard = 0; shard < kShards; ++shard) {
    Duration time = world_->soon();
    if (world_->random.chance(10)) {
      time += world_->random.between(100ms, 1s);  // one shard is slow to meet it
    }
    world_->time.in(time, [this, id, life, shard] {
      const Process* process = alive(id, life);
      if (process != nullptr && process->state == WorkerState::ready && !process->ending) {
        (*shards_)[shard].attach(life_of(*process));
        met(shard, life_of(*process));
      }
    });
  }
}

void SimNode::reattach_workers() {
  for (const auto& [id, process] : processes_) {
    if (process.state == WorkerState::ready) {
      attach(id, process.life);
    }
  }
}

void SimNode::die(const std::string& id, const std::string& reason, bool early) {
  Process& process = processes_.at(id);
  for (SimShard& shard : *shards_) {
    shard.detach(life_of(process));
  }
  process.life = ++last_life_;  // nothing of the old one happens any more
  process.reason = reason;
  world_->note("death", process.life);
  if (process.ending) {
    const link::AssignedWorker what = process.what;
    const bool again = process.wanted_again;
    processes_.erase(id);
    if (again) {
      processes_[id].what = what;
      start(id);
    }
  } else if (early && ++process.early_deaths >= kEarlyDeaths) {
    process.state = WorkerState::failed;
  } else {
    process.state = WorkerState::backing_off;
    const Duration wait = world_->random.between(1ms, 300ms);
    world_->time.in(wait, [this, id, life = process.life] {
      if (alive(id, life) != nullptr) {
        start(id);
      }
    });
  }
  tell_report();
}

void SimNode::end(const std::string& id) {
  Process& process = processes_.at(id);
  if (process.ending) {
    return;
  }
  process.ending = true;
  const bool has_process =
      process.state != WorkerState::failed && process.state != WorkerState::backing_off;
  if (!has_process) {
    processes_.erase(id);
    tell_report();
    return;
  }
  process.state = WorkerState::draining;
  for (SimShard& shard : *shards_) {
    shard.draining(life_of(process));
  }
  tell_report();
  end_when_idle(id, process.life);
}

void SimNode::end_when_idle(const std::string& id, std::uint64_t life) {
  world_->time.in(world_->random.between(1ms, 60ms), [this, id, life] {
    if (alive(id, life) == nullptr) {
      return;
    }
    const bool busy =
        std::ranges::any_of(*shards_, [&](const SimShard& shard) { return shard.has_work_on(id); });
    if (busy) {
      end_when_idle(id, life);
    } else {
      die(id, "", false);
    }
  });
}

void SimNode::kill_one() {
  std::vector<std::string> ids;
  for (const auto& [id, process] : processes_) {
    if (process.state != WorkerState::failed && process.state != WorkerState::backing_off) {
      ids.push_back(id);
    }
  }
  if (ids.empty()) {
    return;
  }
  const std::string& id = ids[world_->random.below(ids.size())];
  world_->coverage.add(processes_.at(id).state == WorkerState::ready ? "killed when ready"
                                                                     : "killed before");
  ++processes_.at(id).deaths.kills;
  die(id, "killed by signal 9", processes_.at(id).state != WorkerState::ready);
}

void SimNode::crash(const Life& worker) {
  if (Process* process = alive(worker.id, worker.life)) {
    process->deaths.crashes += process->ending ? 0 : 1;
    die(worker.id, "killed by signal 11", false);
  }
}

void SimNode::restart() {
  for (auto& [id, process] : processes_) {
    for (SimShard& shard : *shards_) {
      shard.detach(life_of(process));
    }
  }
  processes_.clear();
  follows_ = 0;
}

bool SimNode::lives(const std::string& worker) const {
  const auto found = processes_.find(worker);
  return found != processes_.end() && found->second.state != WorkerState::failed &&
         found->second.state != WorkerState::backing_off;
}

bool SimNode::is_ending(const std::string& worker) const {
  const auto found = processes_.find(worker);
  return found != processes_.end() && found->second.ending;
}

bool SimNode::runs_another_version(std::int64_t version) const {
  return std::ranges::any_of(processes_, [&](const auto& entry) {
    return entry.second.what.version != version && lives(entry.first);
  });
}

bool SimNode::has(std::int64_t version, const std::string& stamp) const {
  const auto found = disk_.find(version);
  return found != disk_.end() && found->second == stamp;
}

}  // namespace sluice::sim::rollout
