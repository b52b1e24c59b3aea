// SimControl: the control actor around a real Fleet: facts in, snapshots and assignments out, over
// links that lose and repeat. It can die and come back knowing nothing.

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gateway/control/fleet.h"
#include "tests/sim/rollout/checks.h"
#include "tests/sim/rollout/checks_config.h"
#include "tests/sim/rollout/node.h"
#include "tests/sim/rollout/shard.h"
#include "tests/sim/rollout/world.h"

namespace sluice::sim::rollout {

class SimControl {
 public:
  SimControl(World& world,
             std::array<SimShard, kShards>& shards,
             std::map<std::string, SimNode>& nodes,
             const gateway::RolloutRules& rules)
      : world_(&world),
        shards_(&shards),
        nodes_(&nodes),
        rules_(rules),
        checks_(world, shards, nodes),
        config_checks_(world, checks_.builds()) {}

  // Whether a message between control and that node is lost now.
  std::function<bool(const std::string& node)> loses;

  void start();
  void die();
  [[nodiscard]] bool lives() const { return fleet_ != nullptr; }
  void finish() {
    checks_.finish(*fleet_);
    config_checks_.finish(*fleet_);
  }
  Checks& checks() { return checks_; }
  ConfigChecks& config_checks() { return config_checks_; }

  void repository_sent(const std::string& node, const link::Repository& repository);
  void report_sent(const Report& report);
  void met(std::size_t shard, const Life& worker);
  void applied(std::size_t shard, std::uint64_t number);
  void quiet(std::size_t shard, std::int64_t version, std::uint64_t number);

  void operate();  // a random command
  void resume_all();

 private:
  struct Link {
    bool attached = false;
    TimePoint heard{};
    std::vector<link::AssignedWorker> sent{};
    bool has_sent = false;
    std::uint64_t sequence = 0;  // of the latest that was sent
    TimePoint sent_at{};
    std::vector<link::ModelFound> repository{};  // as it was told last
    bool has_reported = false;
    TimePoint last_in{};  // arrivals are in order
    TimePoint last_out{};
  };

  void deliver(const std::string& node, std::function<void()> what);
  void on_repository(const std::string& node, const link::Repository& repository);
  void on_report(const Report& report);
  void heard(const std::string& node);
  void watch_nodes();
  void tell_workers();
  void turn();
  void publish();
  void assign();
  void arm();
  void rollout_command();
  std::string next_config();
  void load_command(const std::string& config);

  World* world_;
  std::array<SimShard, kShards>* shards_;
  std::map<std::string, SimNode>* nodes_;
  gateway::RolloutRules rules_;
  Checks checks_;
  ConfigChecks config_checks_;
  std::string config_;  // that was loaded last
  std::uint64_t configs_ = 0;
  std::uint64_t life_ = 0;
  std::uint64_t assignments_ = 0;  // of all lives
  std::unique_ptr<gateway::Fleet> fleet_;
  gateway::FleetMemory memory_;  // the file
  std::map<std::string, Link> links_;
  std::map<std::string, Report> reports_;
  std::map<Life, std::set<std::size_t>> met_;
  gateway::Routes routes_;
  std::uint64_t number_ = 0;
  std::array<std::uint64_t, kShards> applied_{};
  std::array<TimePoint, kShards> last_view_{};
  std::map<std::int64_t, std::array<std::uint64_t, kShards>> quiet_;
  TimePoint armed_ = TimePoint::max();
};

}  // namespace sluice::sim::rollout
