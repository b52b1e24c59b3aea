#include "tests/sim/rollout/simulation.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/rollout/control.h"

namespace sluice::sim::rollout {
namespace {

using namespace std::chrono_literals;
using link::Strategy;
using link::VersionPolicy;

constexpr Duration kUnrest = 14s;  // faults and operators end by then
constexpr Duration kEnd = 40s;

class Simulation {
 public:
  Simulation(std::uint64_t seed, const gateway::RolloutRules& rules, bool print)
      : seed_(seed),
        world_(seed ^ 0x2011, print),
        shards_{SimShard(world_, 0), SimShard(world_, 1)},
        control_(world_, shards_, nodes_, rules) {}

  Outcome run() {
    build();
    draw_settings();
    draw_first_versions();
    for (auto& [name, node] : nodes_) {
      node.set_model(model_);
    }
    control_.start();
    draw_life();
    const TimePoint begin = world_.time.now();
    while (world_.violation.empty() && world_.time.run_one(begin + kEnd)) {
    }
    if (world_.violation.empty()) {
      control_.finish();
    }
    return {seed_, world_.violation, world_.trace.hash(), world_.coverage};
  }

 private:
  Random& random() { return world_.random; }

  void build() {
    nodes_.try_emplace("n", world_, "n", shards_);
    if (random().chance(40)) {
      nodes_.try_emplace("o", world_, "o", shards_);
      control_.config_checks().several_nodes();
    }
    for (auto& [name, node] : nodes_) {
      node.send_repository = [this](const std::string& from, const link::Repository& repository) {
        if (control_.lives()) {
          control_.repository_sent(from, repository);
        }
      };
      node.send_report = [this](const Report& report) {
        if (control_.lives()) {
          control_.report_sent(report);
        }
      };
      node.met = [this](std::size_t shard, const Life& worker) {
        if (control_.lives()) {
          control_.met(shard, worker);
        }
      };
      beat(name, 0);
    }
    for (SimShard& shard : shards_) {
      shard.applied = [this](std::size_t index, std::uint64_t number) {
        control_.applied(index, number);
      };
      shard.is_mortal = [this](const std::string& worker, bool poison) {
        const Build build = control_.checks().what_is(worker);
        return unrest() && (poison || world_.quality_of(build) == Quality::dies_of_requests);
      };
      shard.kill = [this](const Life& worker) {
        nodes_.at(worker.id.substr(0, worker.id.find('/'))).crash(worker);
      };
      shard.quiet = [this](std::size_t index, std::int64_t version, std::uint64_t number) {
        control_.quiet(index, version, number);
      };
    }
    control_.loses = [this](const std::string& node) {
      return unrest() && (world_.time.now() < parted_until_[node] || random().chance(losses_));
    };
    losses_ = random().chance(50) ? 15 : 0;
    end_of_unrest_ = world_.time.now() + kUnrest;
  }

  [[nodiscard]] bool unrest() const { return world_.time.now() < end_of_unrest_; }

  // A report twice a second, the repository every two.
  void beat(const std::string& name, int count) {
    world_.time.in(500ms, [this, name, count] {
      SimNode& node = nodes_.at(name);
      if (!node_down_[name]) {
        if (count % 4 == 3) {
          node.tell_everything();
        } else {
          node.tell_report();
        }
      }
      beat(name, count + 1);
    });
  }

  void draw_settings() {
    link::ModelSettings& settings = model_.settings;
    model_.name = kModel;
    const std::uint64_t draw = random().below(100);
    settings.strategy = draw < 50   ? Strategy::rolling
                        : draw < 75 ? Strategy::blue_green
                                    : Strategy::recreate;
    settings.replicas = random().chance(30) ? 2 : 1;
    if (settings.strategy != Strategy::recreate && random().chance(50)) {
      settings.steps = {20, 60};
      settings.hold = random().between(100ms, 3s);
    }
    draw_policy();
    draw_labels();
    next_settings();
    control_.checks().settings(settings);
    control_.config_checks().on_disk(settings);
  }

  // As clients are shown them.
  void next_settings() { model_.settings.json = "disk " + std::to_string(++settings_); }

  void draw_policy() {
    VersionPolicy& policy = model_.settings.policy;
    policy = {};
    if (model_.settings.strategy == Strategy::recreate) {
      return;  // one version at a time
    }
    const std::uint64_t draw = random().below(100);
    if (draw >= 80) {
      policy.kind = VersionPolicy::Kind::all;
    } else if (draw >= 70) {
      policy.kind = VersionPolicy::Kind::specific;
      policy.versions = {1, static_cast<std::int64_t>(1 + random().below(4))};
    } else if (draw >= 50) {
      policy.count = 2;
    }
  }

  void draw_labels() {
    model_.settings.labels.clear();
    if (random().chance(80)) {
      model_.settings.labels["stable"] =
          static_cast<std::int64_t>(1 + random().below(random().chance(70) ? 2 : 4));
    }
  }

  std::string draw_stamp(bool good) {
    const std::string stamp = std::to_string(100'000 + ++builds_) + "ab";
    Quality quality = Quality::good;
    if (!good) {
      const std::uint64_t draw = random().below(100);
      quality = draw < 50   ? Quality::good
                : draw < 60 ? Quality::slow
                : draw < 75 ? Quality::fails_to_load
                : draw < 82 ? Quality::dies_early
                : draw < 91 ? Quality::other_signature
                            : Quality::dies_of_requests;
    }
    world_.qualities[stamp] = quality;
    control_.config_checks().stored(stamp, model_.settings.worker_part);
    return stamp;
  }

  void draw_first_versions() {
    const std::uint64_t count = 1 + random().below(2);
    for (std::uint64_t version = 1; version <= count; ++version) {
      model_.versions.push_back(
          {static_cast<std::int64_t>(version), draw_stamp(random().chance(90)), 1});
    }
  }

  void change_settings() {
    next_settings();
    const std::uint64_t draw = random().below(16);
    if (draw < 10) {
      model_.settings.replicas = 1 + static_cast<std::uint32_t>(random().below(2));
      draw_labels();
    }
    if (draw >= 10) {
      draw_policy();
    }
    if (random().chance(25)) {  // something that acts in workers: other builds of all versions
      model_.settings.worker_part = model_.settings.json;
      for (link::VersionFound& version : model_.versions) {
        version.stamp = draw_stamp(random().chance(70));
      }
    }
  }

  void change_disk() {
    auto& versions = model_.versions;
    const std::uint64_t draw = random().below(100);
    if (draw < 45 || versions.empty()) {
      const std::int64_t next = versions.empty() ? 1 : versions.back().number + 1;
      if (next <= 6) {
        versions.push_back({next, draw_stamp(false), 1});
      }
    } else if (draw < 65) {
      versions[random().below(versions.size())].stamp = draw_stamp(false);
    } else if (draw < 78) {
      versions.erase(versions.begin() +
                     static_cast<std::ptrdiff_t>(random().below(versions.size())));
    } else if (draw < 94) {
      change_settings();
    } else {
      model_.name = model_.name.empty() ? kModel : "";
    }
    if (model_.name.empty() && draw < 94) {
      model_.name = kModel;  // it is there again
    }
    world_.note("disk", versions.size(), draw);
    world_.coverage.add("folder changes");
    std::string words = "disk of " + model_.name + ":";
    for (const link::VersionFound& version : versions) {
      words += " " + std::to_string(version.number) + "." + version.stamp + "(" +
               std::to_string(static_cast<int>(world_.qualities.at(version.stamp))) + ")";
    }
    world_.say(words);
    for (auto& [name, node] : nodes_) {
      const Duration time = name == "n" ? Duration(0) : random().between(0ms, 1s);
      world_.time.in(time, [this, &node = node] {
        control_.checks().settings(model_.settings);
        control_.config_checks().on_disk(model_.settings);
        control_.checks().disk_changed();
        link::ModelFound found = model_;
        if (found.name.empty()) {
          found.versions.clear();
        }
        node.set_model(found);
      });
    }
  }

  template <class What>
  void sometime(std::uint64_t most, What what) {
    const std::uint64_t count = random().below(most + 1);
    for (std::uint64_t i = 0; i < count; ++i) {
      world_.time.in(random().between(500ms, kUnrest - 1s), what);
    }
  }

  SimNode& any_node() {
    auto it = nodes_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random().below(nodes_.size())));
    return it->second;
  }

  void draw_life() {
    sometime(5, [this] { change_disk(); });
    sometime(7, [this] {
      if (control_.lives()) {
        control_.operate();
      }
    });
    sometime(5, [this] { any_node().kill_one(); });
    if (random().chance(40)) {
      sometime(2, [this] { restart_gateway(); });
    }
    if (random().chance(25)) {
      sometime(1, [this] { restart_node(); });
    }
    if (random().chance(30)) {
      sometime(2, [this] {
        world_.coverage.add("partitions");
        parted_until_[any_node().name()] = world_.time.now() + random().between(200ms, 4s);
      });
    }
    for (int i = 0; i < 100; ++i) {
      world_.time.in(random().between(100ms, kUnrest + 2s), [this] { ask(); });
    }
    world_.time.in(kUnrest, [this] { calm(); });
    // Labels and policies of both nodes are the same from here on.
  }

  void ask() {
    std::optional<std::int64_t> version;
    if (random().chance(40)) {
      version = static_cast<std::int64_t>(1 + random().below(4));
    }
    const Duration service =
        random().chance(10) ? random().between(200ms, 2s) : random().between(1ms, 60ms);
    shards_[random().below(kShards)].ask(version, service, random().chance(2));
  }

  void restart_gateway() {
    if (!control_.lives()) {
      return;
    }
    world_.coverage.add("gateway restarts");
    world_.note("gateway dies", 0);
    control_.die();
    world_.time.in(random().between(20ms, 500ms), [this] { control_.start(); });
  }

  void restart_node() {
    SimNode& node = any_node();
    world_.coverage.add("node restarts");
    world_.note("node dies", 0);
    node.restart();
    control_.checks().disk_changed();  // it may not have told of what cannot be loaded
    node_down_[node.name()] = true;
    world_.time.in(random().between(50ms, 3s), [this, &node] {
      node_down_[node.name()] = false;
      node.restart();  // what it was told while it was away
      node.tell_everything();
    });
  }

  void calm() {
    if (!control_.lives()) {
      world_.time.in(100ms, [this] { calm(); });
      return;
    }
    // Again, for one that was paused and comes back with its node.
    for (const Duration later : {0s, 1s, 2s}) {
      world_.time.in(later, [this] { resume(); });
    }
  }
  void resume() {
    if (control_.lives()) {
      control_.resume_all();
    }
  }

  std::uint64_t seed_;
  World world_;
  std::array<SimShard, kShards> shards_;
  std::map<std::string, SimNode> nodes_;
  SimControl control_;
  link::ModelFound model_;
  std::uint64_t builds_ = 0;
  std::uint64_t settings_ = 0;
  int losses_ = 0;
  TimePoint end_of_unrest_{};
  std::map<std::string, TimePoint> parted_until_;
  std::map<std::string, bool> node_down_;
};

}  // namespace

Outcome simulate(std::uint64_t seed, const gateway::RolloutRules& rules, bool trace) {
  return Simulation(seed, rules, trace).run();
}

}  // namespace sluice::sim::rollout
