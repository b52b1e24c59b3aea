// Deployment: the versions of one model: which run, which serve, and every change between. Facts
// go in, with the time; what shall run, what the shards are told and what operators see come out.
// Pure. It compares what is with what is wanted after every event, so that no order of events, lost
// message or restart can leave it half-way.
//
// Wanted is what the pin says, else the policy. What serves changes by a Rollout; only the first
// start (nothing serves) and the end of a model are without one. A build that failed is not tried
// again until it is another build or an operator asks, and while a wanted version has failed,
// nothing that serves is taken away for it.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/link/repository_messages.h"
#include "gateway/control/admin.h"
#include "gateway/control/deployment_status.h"
#include "gateway/control/deployment_unit.h"
#include "gateway/control/guards.h"
#include "gateway/control/rollout.h"
#include "gateway/control/version_policy.h"

namespace sluice::gateway {

struct DeploymentOptions {
  std::span<const Guard> guards = first_guards();
  RolloutRules rules{};
};

struct AvailableVersion {
  std::int64_t number = 0;
  std::map<std::string, std::string> stamps{};  // by node that has it
};

// What the repositories of all nodes say of one model.
struct ModelFacts {
  bool found = false;  // in any of them
  std::string problem{};
  std::vector<std::string> notes{};
  link::ModelSettings settings{};
  std::vector<AvailableVersion> versions{};  // ascending
  std::set<std::string> attached{};          // nodes that speak to us
};

// What the shards are told of one version.
struct RoutedVersion {
  enum class State : std::uint8_t { expected, ready, draining, failed };
  std::string model{};
  std::int64_t version = 0;
  State state = State::expected;
  int weight = 0;        // share of unversioned requests, percent; 0: by its name alone
  std::string reason{};  // of failed
  std::vector<std::string> workers{};  // admitted ids, ascending

  friend bool operator==(const RoutedVersion&, const RoutedVersion&) = default;
};

struct RoutedLabel {
  std::string model{};
  std::string label{};
  std::int64_t version = 0;

  friend bool operator==(const RoutedLabel&, const RoutedLabel&) = default;
};

struct Routes {
  std::vector<RoutedVersion> versions{};  // by model and version
  std::vector<RoutedLabel> labels{};      // by model and label

  friend bool operator==(const Routes&, const Routes&) = default;
};

class Deployment {
 public:
  Deployment(std::string model, const DeploymentOptions& options);

  // --- facts: all workers of this model, and so on; see Fleet
  // ---------------------------------------
  void on_model(ModelFacts facts, TimePoint now);
  void on_workers(std::span<const WorkerFact> workers, TimePoint now);
  // The node speaks for the first time in this life of the gateway: what is ready on it goes on.
  void adopt(const std::string& node, TimePoint now);
  void on_published(std::uint64_t number, TimePoint now);
  void on_applied(std::uint64_t number, TimePoint now);
  void on_quiet(std::int64_t version, std::uint64_t number, TimePoint now);
  void on_counts(std::int64_t version, const AnswerCounts& counts, TimePoint now);
  void tick(TimePoint now);
  [[nodiscard]] TimePoint next_due() const;

  // --- commands: refused with a reason, or accepted under the id
  // -----------------------------------
  Result<void> load(const std::string& config, CommandId id, TimePoint now);
  Result<void> unload(CommandId id, TimePoint now);
  Result<void> rollout(const RolloutAsked& asked, CommandId id, TimePoint now);
  Result<void> pause(TimePoint now);
  Result<void> resume(TimePoint now);
  Result<void> abort(CommandId id, TimePoint now);
  Result<void> rollback(CommandId id, TimePoint now);

  // --- decisions ---------------------------------------------------------------------------------
  void add_routes(Routes& routes) const;
  // Of all nodes, with the node's id.
  void add_assigned(std::map<std::string, std::vector<link::AssignedWorker>>& by_node) const;
  [[nodiscard]] DeploymentStatus status() const;
  // Nothing of it lives or is known or pinned.
  [[nodiscard]] bool over() const;
  void take_events(std::vector<Event>& events);
};

}  // namespace sluice::gateway
