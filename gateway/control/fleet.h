// Fleet: all models of the cluster: what the nodes have, what operators ask, what the workers are,
// and from these what each node shall run and what the shards are told. Pure; one Deployment a
// model decides for it.
//
// How the shell uses it, in one turn of its loop:
//   1. hand in the facts and commands that have come;
//   2. `routes()`: publish it under a new number if it differs from what was published last; then
//      on_published() with the number that now stands for it, new or not;
//   3. `assignment(node)` of each node: send it when it differs from what the node has;
//   4. take_events(): log them, answer who waits for a command that is done or has failed;
//   5. tick() at next_due().
//
// Nodes. A node that falls silent changes nothing: its workers may be alive and serving. Its
// repository is forgotten after limits::kSilentNode, if no worker of it is known then. Settings of
// a model come from the first node, by id, that has it in order; a node that says otherwise is
// named in the model's notes. A version has `replicas` workers on each node that has it.
// Until a node has said both what it has and what it runs, nothing is assigned to it, so that what
// runs there is adopted first.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/link/control_messages.h"
#include "common/link/repository_messages.h"
#include "gateway/control/admin.h"
#include "gateway/control/deployment.h"
#include "gateway/control/deployment_status.h"

namespace sluice::gateway {

struct VersionName {
  std::string model{};
  std::int64_t version = 0;
};

// Which models are served without being asked for, and which are to be there.
struct StartOptions {
  bool on_demand = false;  // those in `models` alone; "*": all
  std::vector<std::string> models{};
  std::vector<std::string> expected{};  // until they are taken out of the repositories
};

class Fleet {
 public:
  Fleet(const Fleet&) = delete;  // its models share its ids
  Fleet& operator=(const Fleet&) = delete;
  ~Fleet() = default;
  explicit Fleet(DeploymentOptions options = {}, StartOptions start = {});

  // Before any fact: what memory() gave in the life of the gateway before.
  void remember(FleetMemory memory);
  // Changes only by facts and commands; to be kept before their decisions are told to anybody.
  [[nodiscard]] FleetMemory memory() const;

  // --- facts -------------------------------------------------------------------------------------
  void on_repository(const std::string& node, const link::Repository& repository, TimePoint now);
  // It has opened a link: what it was sent by an older one is not on its way any more.
  void on_node_attached(const std::string& node);
  // It was sent an Assignment of that sequence.
  void on_assigned(const std::string& node,
                   std::uint64_t sequence,
                   std::span<const link::AssignedWorker> workers);
  // The node has sent a NodeReport since it attached, and on_workers() was called with it.
  // `follows`: the sequence of the Assignment that it follows.
  void on_node_reported(const std::string& node, std::uint64_t follows, TimePoint now);
  void on_node_lost(const std::string& node, TimePoint now);
  // All workers that are known, those started by hand too, at every change of one.
  void on_workers(std::span<const WorkerFact> workers, TimePoint now);
  void on_published(std::uint64_t number, TimePoint now);
  // Every shard has applied that snapshot or a later one.
  void on_applied(std::uint64_t number, TimePoint now);
  // Every shard has said VersionQuiet; `number` is the smallest of theirs.
  void on_quiet(const std::string& model,
                std::int64_t version,
                std::uint64_t number,
                TimePoint now);
  // Sums since the gateway started, of all shards.
  void on_counts(const std::string& model,
                 std::int64_t version,
                 const AnswerCounts& counts,
                 TimePoint now);
  void tick(TimePoint now);
  [[nodiscard]] TimePoint next_due() const;  // TimePoint::max(): nothing is pending

  // --- commands ----------------------------------------------------------------------------------
  // Each is refused with its reason, or accepted; then one event command_done or command_failed
  // carries the id. A `load` is to come after the nodes have looked again (link::Look).
  Result<CommandId> load(const LoadAsked& asked, TimePoint now);
  Result<CommandId> unload(const UnloadAsked& asked, TimePoint now);
  Result<CommandId> rollout(const RolloutAsked& asked, TimePoint now);
  // pause, resume: done when they return (0). abort: the id of the rollout that ends by it.
  Result<CommandId> control(const RolloutControl& asked, TimePoint now);

  // --- decisions ---------------------------------------------------------------------------------
  [[nodiscard]] Routes routes() const;
  // Absent: it has not said enough yet, leave it as it is. Ascending by id.
  [[nodiscard]] std::optional<std::vector<link::AssignedWorker>> assignment(
      const std::string& node) const;
  [[nodiscard]] std::vector<DeploymentStatus> status() const;  // by name
  [[nodiscard]] std::optional<DeploymentStatus> status(const std::string& model) const;
  // Of the models that roll: whose counts on_counts() wants to hear.
  [[nodiscard]] std::vector<VersionName> counted() const;
  std::vector<Event> take_events();

 private:
  struct Node {
    bool attached = false;
    bool has_repository = false;
    bool has_reported = false;
    TimePoint silent_since{};
    std::map<std::string, link::ModelFound> models{};  // by name
    std::string problem{};                             // as link::Repository has it
    // Ids of workers in assignments, by sequence, that no report has followed yet: they may begin,
    // whatever was decided since. 0: of links before this one, until its first report.
    std::map<std::uint64_t, std::set<std::string>> unheard{};

    // From then on it counts.
    [[nodiscard]] bool known() const { return has_repository && has_reported; }
  };

  void add_remembered(Routes& routes) const;
  void note_left(const std::map<std::string, link::ModelFound>& before);
  [[nodiscard]] bool left_meanwhile(const std::string& model) const;
  void share_out(const std::string& node, std::vector<link::AssignedWorker>& workers) const;
  Result<Deployment*> find(const std::string& model);
  template <class Do>
  Result<CommandId> command(Do what);
  [[nodiscard]] std::string named_problem(const std::string& node) const;
  Deployment& deployment(const std::string& model, TimePoint now);
  [[nodiscard]] ModelFacts facts_of(const std::string& model) const;
  void tell_models(const std::string& fresh_node, TimePoint now);
  void tell_unheard();
  void forget_silent(TimePoint now);
  [[nodiscard]] bool has_workers(const std::string& node) const;

  [[nodiscard]] bool starts(const std::string& model) const;

  DeploymentOptions options_;
  StartOptions start_;
  std::map<std::string, Node> nodes_;
  std::map<std::string, Deployment> deployments_;           // by model
  std::map<std::string, std::vector<WorkerFact>> workers_;  // by model
  std::map<std::string, ModelInfo> infos_;                  // by worker id: what workers_ point to
  std::map<std::string, ModelMemory> remembered_;  // of models that no node has told of yet
  std::set<std::string> left_;                     // expected ones that have been taken away
  std::uint64_t applied_ = 0;
  CommandIds ids_;
};

}  // namespace sluice::gateway
