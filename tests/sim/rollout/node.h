// SimNode: a machine with a repository and worker processes. It does what the last Assignment that
// reached it says, and tells what it has and runs; either may be lost, late or told twice.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/link/control_messages.h"
#include "common/link/repository_messages.h"
#include "tests/sim/rollout/shard.h"
#include "tests/sim/rollout/world.h"

namespace sluice::sim::rollout {

// A worker as its node reports it.
struct Reported {
  std::string id;
  std::int64_t version = 0;
  Build build;
  link::WorkerState state = link::WorkerState::unknown;
  std::string reason;
  gateway::Deaths deaths;
  std::uint64_t life = 0;
};

struct Report {
  std::string node;
  std::uint64_t follows = 0;  // the assignment's sequence
  std::vector<Reported> workers;
};

class SimNode {
 public:
  SimNode(World& world, std::string name, std::array<SimShard, kShards>& shards)
      : world_(&world), name_(std::move(name)), shards_(&shards) {}

  // To control; they may get lost on the way.
  std::function<void(const std::string& node, link::Repository repository)> send_repository;
  std::function<void(Report report)> send_report;
  // A ready worker has attached to the shard; reliable, by way of the shard.
  std::function<void(std::size_t shard, const Life& worker)> met;

  void set_model(const link::ModelFound& model);
  void remove_model();
  // Of all lives of control the sequences rise.
  void assigned(std::uint64_t sequence, const std::vector<link::AssignedWorker>& workers);
  void tell_everything();  // after it has attached
  void tell_report();
  void reattach_workers();  // after the gateway came back

  // Faults.
  void kill_one();
  void crash(const Life& worker);  // of what it was asked
  void restart();                  // the node's process, and its workers with it

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool lives(const std::string& worker) const;
  [[nodiscard]] std::size_t processes() const { return processes_.size(); }
  [[nodiscard]] bool has(std::int64_t version, const std::string& stamp) const;
  [[nodiscard]] bool is_ending(const std::string& worker) const;
  [[nodiscard]] bool runs_another_version(std::int64_t version) const;
  [[nodiscard]] const std::map<std::int64_t, std::string>& disk() const { return disk_; }

 private:
  struct Process {
    link::AssignedWorker what;
    link::WorkerState state = link::WorkerState::starting;
    std::string reason;
    gateway::Deaths deaths;
    std::uint64_t life = 0;
    int early_deaths = 0;
    bool ending = false;  // told to
    bool wanted_again = false;

    [[nodiscard]] Build build() const { return {what.stamp, what.config}; }
  };
  using Processes = std::map<std::string, Process>;  // by worker id

  void start(const std::string& id);
  void step(const std::string& id, std::uint64_t life, link::WorkerState next);
  void become_ready(const std::string& id, Process& process);
  void attach(const std::string& id, std::uint64_t life);
  void die(const std::string& id, const std::string& reason, bool early);
  void end(const std::string& id);
  void end_when_idle(const std::string& id, std::uint64_t life);
  Process* alive(const std::string& id, std::uint64_t life);
  [[nodiscard]] Life life_of(const Process& process) const {
    return {process.what.worker_id, process.what.version, process.life};
  }

  World* world_;
  std::string name_;
  std::array<SimShard, kShards>* shards_;
  link::ModelFound model_;
  std::map<std::int64_t, std::string> disk_;  // stamps
  Processes processes_;
  std::uint64_t last_life_ = 0;
  std::uint64_t follows_ = 0;
};

}  // namespace sluice::sim::rollout
