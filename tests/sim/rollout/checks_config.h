// ConfigChecks: what must be true of the configurations that operators load, or that change on the
// disk, held against snapshots, assignments and what the gateway keeps.
//
// 1. A load that is refused changes nothing.
// 2. Another configuration is in force only once all that serves is built by it.
// 3. A load that is done is kept until another, an unload, a rollback or the end of the model.
// 4. A load that fails before it was in force is not kept, where something served.
// 5. A gateway that starts again serves by what was in force, if the disk has not changed.
// 6. A worker's id stands for one configuration.
// 7. Once all is calm, what serves is built by what is shown to be in force.

#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gateway/control/fleet.h"
#include "tests/sim/rollout/world.h"

namespace sluice::sim::rollout {

class ConfigChecks {
 public:
  // `builds`: what each worker was told to run or runs, by id.
  ConfigChecks(World& world, const std::map<std::string, Build>& builds)
      : world_(&world), builds_(&builds) {}

  // As the first node has it.
  void on_disk(const link::ModelSettings& settings);
  void stored(const std::string& stamp, const std::string& part) { parts_[stamp] = part; }
  void several_nodes() { several_nodes_ = true; }

  void gateway_died(const gateway::FleetMemory& memory);
  void gateway_started(bool remembers);
  void assigned(const std::vector<link::AssignedWorker>& workers);
  void refused(const gateway::FleetMemory& before,
               const gateway::Routes& routes,
               const gateway::Fleet& fleet);
  void loaded(gateway::CommandId id, const std::string& config, const gateway::FleetMemory& before);
  // By whom nobody can tell which configuration is wanted then.
  void other_command() { settle_for(std::nullopt); }
  void unloaded() { settle_for(""); }
  void published(const gateway::Routes& after);
  void events(const std::vector<gateway::Event>& events, const gateway::Fleet& fleet);
  void finish(const gateway::Fleet& fleet);

 private:
  struct Load {
    std::string config;
    std::set<gateway::CommandId> ids{};
    bool something_served = false;
    bool was_in_force = false;
  };

  void settle_for(std::optional<std::string> config);
  void check_shown(const gateway::Routes& routes);
  [[nodiscard]] std::string part_of(const Build& build) const;
  [[nodiscard]] std::string part_of(const std::string& shown) const;
  [[nodiscard]] bool is_comparable(const std::string& shown) const;

  World* world_;
  const std::map<std::string, Build>* builds_;
  bool several_nodes_ = false;
  bool remembers_ = true;  // no life of the gateway has begun without a memory of those before
  std::map<std::string, std::string> parts_;        // what acts in workers, by stamp
  std::map<std::string, std::string> shown_parts_;  // the same, by what is shown of it
  std::string stored_;                              // on the disk, as it is shown
  std::string shown_;                               // in the last snapshot that shows one
  std::string loading_before_;                      // a load under way then may have come true
  std::optional<std::string> shown_before_;  // in the life before; nothing: it may be another
  std::optional<std::string> wanted_ = "";   // loaded, and done or as if; nothing: unknown
  bool has_restarted_ = false;               // the gateway, ever
  bool is_proved_ = false;                   // it has been in force
  std::optional<Load> under_way_;
};

}  // namespace sluice::sim::rollout
