// SimShard: what a shard of the gateway does with snapshots, workers and requests, as simply as it
// can be said: requests wait, go to an admitted worker of a version that the snapshot routes to,
// are answered, or return when the worker dies.

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gateway/control/deployment.h"
#include "tests/sim/rollout/world.h"

namespace sluice::sim::rollout {

// A life of a worker's process, as its shards see it.
struct Life {
  std::string id;
  std::int64_t version = 0;
  std::uint64_t life = 0;
  friend auto operator<=>(const Life&, const Life&) = default;
};

class SimShard {
 public:
  SimShard(World& world, std::size_t index) : world_(&world), index_(index) {}

  // What the shard tells control.
  std::function<void(std::size_t shard, std::uint64_t number)> applied;
  std::function<void(std::size_t shard, std::int64_t version, std::uint64_t number)> quiet;
  // Whether this worker dies of a request, poison or not; and then: it does.
  std::function<bool(const std::string& worker, bool poison)> is_mortal;
  std::function<void(const Life& worker)> kill;

  void apply(std::uint64_t number, const gateway::Routes& routes);
  // poison: it kills the worker of any version, twice at most.
  void ask(std::optional<std::int64_t> version, Duration service, bool poison);
  void attach(const Life& worker);
  void detach(const Life& worker);    // it is dead
  void draining(const Life& worker);  // it takes nothing new
  [[nodiscard]] bool has_work_on(const std::string& worker) const;
  [[nodiscard]] bool has_met(const Life& worker) const { return workers_.contains(worker); }
  [[nodiscard]] bool routes_to(const std::string& worker) const;
  [[nodiscard]] bool drains(std::int64_t version, const std::string& worker) const;
  [[nodiscard]] std::size_t waiting() const { return requests_.size(); }
  // The gateway process ends.
  void restart();

 private:
  struct Request {
    std::optional<std::int64_t> version;  // named
    Duration service{};
    bool poison = false;
    int deaths = 0;  // while it ran
    std::optional<Life> on;
    std::uint64_t attempt = 0;
    std::set<std::int64_t> routed;  // to, since it was admitted
  };

  using Requests = std::map<std::uint64_t, Request>;

  [[nodiscard]] const gateway::RoutedVersion* route(std::int64_t version) const;
  [[nodiscard]] bool is_hopeless(const Request& request) const;
  void note_routes(Request& request) const;
  void pump();
  bool send(std::uint64_t id, Request& request);
  void answered(std::uint64_t id, std::uint64_t attempt, std::uint64_t life);
  void tell_quiet();

  World* world_;
  std::size_t index_;
  std::uint64_t life_ = 0;
  std::uint64_t number_ = 0;
  gateway::Routes routes_;
  std::map<Life, bool> workers_;  // attached; true: it drains
  Requests requests_;
  std::uint64_t last_request_ = 0;
  std::set<std::int64_t> told_quiet_;
};

}  // namespace sluice::sim::rollout
