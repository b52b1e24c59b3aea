// Deployment: the versions of one model: which run, which serve, and every change between. Facts
// go in, with the time; what shall run, what the shards are told and what operators see come out.
// Pure. It compares what is with what is wanted after every event, so that no order of events, lost
// message or restart can leave it half-way.
//
// Wanted is what the pin says, else the policy. What serves changes by a Rollout; only the first
// start (nothing serves) and the end of a model are without one. A build that failed is not tried
// again until it is another build or an operator asks, and while a wanted version has failed,
// nothing that serves is taken away for it.
//
// A configuration is the one on disk or one that an operator has loaded in its place. Which
// versions are wanted is read from it at once. Labels, queues and what is shown of it are those in
// force: they change when builds of that configuration serve, or at once where no worker is
// concerned. So a configuration with which no worker becomes ready changes nothing.

#pragma once

#include <algorithm>
#include <cstddef>
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
#include "gateway/control/deployment_memory.h"
#include "gateway/control/deployment_status.h"
#include "gateway/control/deployment_unit.h"
#include "gateway/control/guards.h"
#include "gateway/control/loaded_config.h"
#include "gateway/control/rollout.h"
#include "gateway/control/version_policy.h"
#include "gateway/route/queue_rules.h"

namespace sluice::gateway {

struct DeploymentOptions {
  std::span<const Guard> guards = first_guards();
  RolloutRules rules{};
  ReadConfig read_config = nullptr;  // null: no configuration is taken from operators
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
  std::set<std::string> silent{};            // nodes that did, and may again
  // Nodes that speak for the first time in this life of the gateway: what is ready there goes on.
  std::set<std::string> fresh{};
};

// What the shards are told of one version.
struct RoutedVersion {
  enum class State : std::uint8_t { expected, ready, draining, failed };
  std::string model{};
  std::int64_t version = 0;  // 0: of a model that has none, and of which `reason` says why
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

struct RoutedSettings {
  std::string model{};
  std::string json{};  // the configuration
  QueueRules queue{};
  std::map<std::string, std::string> metric_tags{};

  friend bool operator==(const RoutedSettings&, const RoutedSettings&) = default;
};

struct Routes {
  // Models by name, that operators have unloaded or taken away: nobody shall wait for them.
  std::vector<std::string> unloaded{};
  std::vector<RoutedVersion> versions{};   // by model and version
  std::vector<RoutedLabel> labels{};       // by model and label
  std::vector<RoutedSettings> settings{};  // by model, of those that are routed to

  friend bool operator==(const Routes&, const Routes&) = default;
};

class Deployment {
 public:
  // `ids` lives longer than this.
  Deployment(std::string model, const DeploymentOptions& options, CommandIds& ids);

  // --- facts: all workers of this model, and so on; see Fleet
  // ---------------------------------------
  void on_model(ModelFacts facts, TimePoint now);
  void on_workers(std::span<const WorkerFact> workers, TimePoint now);
  // Ids in assignments that their nodes may not have heard of yet. Followed by another call.
  void on_unheard(std::set<std::string> ids) { unheard_ = std::move(ids); }
  void on_published(std::uint64_t number, TimePoint now);
  void on_applied(std::uint64_t number, TimePoint now);
  void on_quiet(std::int64_t version, std::uint64_t number, TimePoint now);
  void on_counts(std::int64_t version, const AnswerCounts& counts, TimePoint now);
  void tick(TimePoint now);
  [[nodiscard]] TimePoint next_due() const;

  // Nothing of it is started until an operator asks, but what runs already serves on.
  void hold();

  // --- the life of the gateway before this one
  // ---------------------------------------------------
  // Before any fact; and what to remember now. Nothing: it is held and was never asked for.
  void remember(ModelMemory memory);
  [[nodiscard]] std::optional<ModelMemory> memory() const;

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
  // The ids of those that shall run there once all is as it is wanted.
  void add_lasting(const std::string& node, std::vector<std::string>& ids) const;
  [[nodiscard]] DeploymentStatus status() const;
  [[nodiscard]] bool rolling() const { return rollout_.has_value(); }
  // Versions of which something is kept that the shards have said: none that has left for good.
  [[nodiscard]] std::size_t noted() const { return std::max(quiet_.size(), counts_.size()); }
  // Nothing of it lives or is known or pinned.
  [[nodiscard]] bool over() const;
  void take_events(std::vector<Event>& events);

 private:
  struct Failed {
    std::set<std::string> builds{};  // one of them is enough: it would fail again
    std::string reason{};
    bool for_want = false;  // of it on some node: only while these are all that there are
  };
  struct Waiting {
    CommandId id = 0;
    bool unload = false;  // else a load
  };
  // What goes with the rollout under way.
  struct Change {
    std::vector<std::uint64_t> incoming{};  // units
    std::set<std::uint64_t> stored{};       // of these, whose build was in the repository
    std::vector<std::uint64_t> outgoing{};
    std::vector<Spec> to_start{};             // recreate: once the old has ended
    std::vector<Unit> before{};               // of the outgoing ones, to go back to
    std::map<std::int64_t, Failed> failed{};  // of the outgoing ones, when they went
    std::optional<std::int64_t> primary{};    // before
    std::optional<Pin> pin{};                 // before
    std::optional<LoadedConfig> in_force{};   // before
    std::optional<LoadedConfig> back_to{};    // of what is still warm: in force with the switch
    std::map<std::int64_t, AnswerCounts> counts{};  // when both began to serve
    std::map<std::string, Deaths> deaths{};         // by worker, the same
    std::set<std::string> shared{};                 // builds that got the first share
    TimePoint both_since{};
    std::vector<CommandId> aborts{};         // who wait for its end
    std::optional<TimePoint> lacks_since{};  // when only a node without the new was missing
  };
  struct NewFailure {
    std::int64_t version = 0;
    std::string reason{};
    std::set<std::string> builds{};  // empty: it may well go better another time
    bool for_want = false;           // as in Failed
  };
  // What is to be changed.
  struct Difference {
    std::vector<Spec> added{};
    std::vector<std::uint64_t> removed{};
  };

  // What is wanted (deployment.cc).
  [[nodiscard]] std::vector<std::int64_t> there() const;
  [[nodiscard]] WantedVersions wanted() const;
  [[nodiscard]] WantedVersions wanted_by(const link::VersionPolicy& policy,
                                         const std::optional<Pin>& pin) const;
  [[nodiscard]] Spec spec_of(std::int64_t version) const;
  [[nodiscard]] Spec spec_of(std::int64_t version, const std::string& config) const;
  [[nodiscard]] std::vector<Spec> specs() const;      // of all that is wanted
  [[nodiscard]] std::vector<Spec> startable() const;  // without what has failed
  [[nodiscard]] const Failed* failure_of(const Spec& spec) const;
  [[nodiscard]] Difference difference() const;

  // Reconciling (deployment_reconcile.cc, deployment_units.cc).
  void adopt(const std::string& node, TimePoint now);
  void adopt_warm(const std::string& node, TimePoint now);
  void take_in(Unit& unit, Workers workers);
  void settle(TimePoint now);
  void forget_gone();
  bool advance_units(TimePoint now);
  bool advance(Unit& unit, TimePoint now);
  bool follow_spec(Unit& unit);
  bool reconcile(TimePoint now);
  bool rescue(TimePoint now);
  Unit& add_unit(const Spec& spec, Role role, Routing routing);
  [[nodiscard]] bool is_out(const Unit& unit) const;
  void end(Unit& unit);
  void end_standby();
  void retire(Unit& unit, std::optional<TimePoint> keep_until);
  void route(Unit& unit, Role role, Routing routing);
  [[nodiscard]] Unit* unit(std::uint64_t id);
  [[nodiscard]] const Unit* unit(std::uint64_t id) const;
  [[nodiscard]] const Unit* serving(std::int64_t version) const;
  [[nodiscard]] UnitState state(const Unit& unit) const;
  [[nodiscard]] bool is_ready(const Unit& unit) const;
  [[nodiscard]] bool is_up(const Unit& unit, bool all) const;
  [[nodiscard]] bool has_failed(const Unit& unit) const;
  [[nodiscard]] std::set<std::string> failed_builds(const Unit& unit) const;
  [[nodiscard]] bool may_live(const std::string& id, const Place& place) const;
  [[nodiscard]] bool is_gone(const Unit& unit) const;
  [[nodiscard]] bool anything_serves() const;
  [[nodiscard]] std::set<std::string> leaving() const;
  [[nodiscard]] Workers assigned(const Unit& unit) const;
  [[nodiscard]] bool others_end_on(const Place& place) const;
  void choose_primary();
  void finish_waiting(TimePoint now);

  // The configuration (deployment_settings.cc).
  [[nodiscard]] const link::ModelSettings& settings() const;  // that is wanted
  [[nodiscard]] const link::ModelSettings& in_force() const;
  [[nodiscard]] Result<LoadedConfig> read_config(const std::string& json) const;
  [[nodiscard]] std::string config_of(const WorkerFact& worker) const;
  [[nodiscard]] bool is_taken_up() const;
  [[nodiscard]] bool serves_otherwise() const;
  [[nodiscard]] std::vector<std::string> notes_on_settings() const;
  void take_up_settings();
  void give_back_config(const std::string& reason, TimePoint now);
  void restore_config();

  // What was before (deployment_memory.cc).
  [[nodiscard]] bool served_before(std::int64_t version) const;
  [[nodiscard]] bool build_served_before(std::int64_t version, const std::string& build) const;
  [[nodiscard]] bool was_warm(std::int64_t version, const std::string& build) const;
  [[nodiscard]] std::vector<Spec> remembered_specs() const;
  void add_unheard_builds(ModelMemory& memory) const;
  void begin_by_itself(Difference difference, TimePoint now);

  // The rollout under way (deployment_rollout.cc, deployment_judge.cc).
  void begin(RolloutPlan plan, Difference difference, TimePoint now);
  std::uint64_t start(const Spec& spec);
  void bring_in(const std::vector<Spec>& specs);
  bool advance_rollout(TimePoint now);
  [[nodiscard]] RolloutFacts rollout_facts(const std::vector<NewFailure>& failures,
                                           TimePoint now) const;
  [[nodiscard]] std::string waiting_for() const;
  [[nodiscard]] std::string what_is_not_up() const;
  [[nodiscard]] std::string node_without_new() const;
  void watch_for_want(TimePoint now);
  [[nodiscard]] std::string ready_of(const Unit& unit) const;
  [[nodiscard]] std::vector<NewFailure> failures_of_new(TimePoint now) const;
  [[nodiscard]] bool guards_pass(TimePoint now) const;
  [[nodiscard]] std::optional<GuardFacts> guard_facts(const Unit& judged, TimePoint now) const;
  [[nodiscard]] Verdict judge_build(const Unit& judged,
                                    const std::string& build,
                                    GuardStage stage,
                                    GuardFacts facts) const;
  [[nodiscard]] Verdict judge_unit(const Unit& judged, TimePoint now) const;
  [[nodiscard]] Unit admitted(const Unit& unit) const;
  void count_deaths(const Unit& unit, Deaths& deaths) const;
  void add_deaths(const Unit& judged, std::int64_t replaced, GuardFacts& facts) const;
  [[nodiscard]] bool old_is_back() const;
  void shift(TimePoint now);
  void switch_over(TimePoint now);
  void note_failed(const Unit& old);
  void remember_failure(std::int64_t version, Failed failed);
  void back_out(std::vector<NewFailure> failures);
  void finish(TimePoint now);
  [[nodiscard]] std::optional<std::int64_t> newest_incoming() const;

  // Commands (deployment_commands.cc).
  [[nodiscard]] RolloutPlan default_plan() const;
  Result<void> check_steps(const std::vector<int>& steps) const;
  Result<RolloutPlan> plan_of(const RolloutAsked& asked, CommandId id) const;
  Result<void> check_target(std::int64_t version) const;
  Result<void> check_nodes(std::int64_t version) const;
  Result<void> check_idle() const;
  void set_pin(std::optional<Pin> pin, TimePoint now);
  void retry_failed();

  // What is shown (deployment_view.cc).
  [[nodiscard]] int weight_of(std::int64_t version) const;
  [[nodiscard]] std::string why_failed(const Unit& unit) const;
  [[nodiscard]] std::optional<RoutedVersion> route_of(std::int64_t version) const;
  [[nodiscard]] bool expects(std::int64_t version) const;
  [[nodiscard]] VersionStatus status_of(std::int64_t version) const;
  [[nodiscard]] std::vector<std::int64_t> all_versions() const;
  void move_labels(TimePoint now);
  void tell_stages(TimePoint now);
  void tell(EventKind kind,
            std::int64_t version,
            std::string detail,
            TimePoint now,
            CommandId command = 0);

  std::string model_;
  DeploymentOptions options_;
  CommandIds* ids_;
  ModelFacts facts_;
  FactsById workers_;
  std::map<std::string, ModelInfo> infos_;  // by worker id; of who is known and has said it
  std::vector<Unit> units_;
  std::uint64_t last_unit_ = 0;
  std::optional<Pin> pin_;
  std::optional<ModelMemory> memory_;        // of the life before
  bool restored_ = false;                    // something of it runs
  bool held_ = false;                        // the pin is of hold(), not an operator's
  LoadedConfig loaded_;                      // instead of the one on disk
  std::optional<LoadedConfig> before_load_;  // while the rollout to a loaded one is under way
  std::optional<LoadedConfig> in_force_;     // the configuration by which it serves
  std::string unreadable_;                   // why a remembered one was dropped
  std::map<std::int64_t, Failed> failed_;    // builds that are not tried again
  std::set<std::string> unheard_;            // ids that nodes may start yet, whatever we want
  std::set<std::string> retried_;            // failed workers: not assigned until they are gone
  std::optional<Rollout> rollout_;
  Change change_;
  std::optional<RolloutStatus> last_rollout_;
  std::vector<std::int64_t> previous_;           // what served before the last rollout
  std::optional<LoadedConfig> previous_config_;  // by which, if it is another
  std::optional<std::int64_t> primary_;
  std::map<std::int64_t, AnswerCounts> counts_;
  std::uint64_t published_ = 0;  // the snapshot of the latest change of routes; 0: not yet
  std::uint64_t applied_ = 0;    // by every shard
  std::map<std::int64_t, std::uint64_t> quiet_;  // by version: the snapshot since which it is
  std::map<std::string, std::int64_t> labels_;
  std::map<std::int64_t, VersionStage> stages_;  // as told by events
  std::vector<Waiting> waiting_;
  std::vector<Event> events_;
};

}  // namespace sluice::gateway
