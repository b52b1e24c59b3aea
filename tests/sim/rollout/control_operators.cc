// SimControl: the operators.

#include <utility>

#include "tests/sim/rollout/config_words.h"
#include "tests/sim/rollout/control.h"

namespace sluice::sim::rollout {

using namespace std::chrono_literals;
using gateway::RolloutAsked;
using gateway::RolloutVerb;

void SimControl::rollout_command() {
  RolloutAsked asked;
  asked.model = kModel;
  if (!world_->random.chance(15)) {
    asked.to = static_cast<std::int64_t>(1 + world_->random.below(4));
  }
  const bool recreate = checks_.recreates();
  if (!recreate && world_->random.chance(35)) {
    asked.steps = {10, 50, 100};
    asked.hold = world_->random.between(1ms, 3s);
  }
  if (!recreate && world_->random.chance(60)) {
    asked.keep_old = world_->random.between(0ms, 12s);
  }
  asked.allow_signature_change = world_->random.chance(20);
  const auto result = fleet_->rollout(asked, world_->time.now());
  world_->coverage.add(result ? "rollouts asked" : "rollouts refused");
  if (result) {
    checks_.commanded(asked.allow_signature_change);
  }
}

// Another one, or that of the last time.
std::string SimControl::next_config() {
  if (config_.empty() || world_->random.chance(80)) {
    config_ = draw_config(world_->random, ++configs_, checks_.recreates());
    const std::uint64_t draw = world_->random.below(100);
    world_->qualities[config_] = draw < 70   ? Quality::good
                                 : draw < 75 ? Quality::slow
                                 : draw < 87 ? Quality::fails_to_load
                                 : draw < 91 ? Quality::dies_early
                                 : draw < 97 ? Quality::other_signature
                                             : Quality::dies_of_requests;
  }
  return config_;
}

// An empty text is no configuration: the one on the disk.
void SimControl::load_command(const std::string& config) {
  const gateway::FleetMemory memory = fleet_->memory();
  const gateway::Routes routes = fleet_->routes();
  const auto result = fleet_->load({kModel, config}, world_->time.now());
  world_->say("load '" + config + "': " + (result ? "accepted" : result.error().detail));
  if (!result) {
    config_checks_.refused(memory, routes, *fleet_);
    return;
  }
  world_->coverage.add(config.empty() ? "loads" : "loads with a configuration");
  checks_.commanded(false);
  config_checks_.loaded(*result, config, memory);
}

void SimControl::operate() {
  const TimePoint now = world_->time.now();
  const auto verb = [&](RolloutVerb what, const char* name) {
    if (fleet_->control({kModel, what}, now)) {
      world_->coverage.add(name);
      checks_.commanded(what == RolloutVerb::rollback);
      if (what == RolloutVerb::rollback) {
        config_checks_.other_command();
      }
    }
  };
  switch (world_->random.below(16)) {
    case 0:
      load_command({});
      break;
    case 1:
      if (fleet_->unload({kModel}, now)) {
        world_->coverage.add("unloads");
        checks_.commanded(false);
        checks_.unloaded();
        config_checks_.unloaded();
      }
      break;
    case 2:
      verb(RolloutVerb::pause, "pauses");
      break;
    case 3:
      verb(RolloutVerb::resume, "resumes");
      break;
    case 4:
      verb(RolloutVerb::abort, "aborts");
      break;
    case 5:
    case 6:
      verb(RolloutVerb::rollback, "rollbacks");
      break;
    case 7:
    case 8:
    case 9:
    case 10:
      load_command(next_config());
      break;
    default:
      rollout_command();
      break;
  }
  turn();
}

void SimControl::resume_all() {
  static_cast<void>(fleet_->control({kModel, RolloutVerb::resume}, world_->time.now()));
  turn();
}

}  // namespace sluice::sim::rollout
