// Checks: which signature takes the place of which.

#include <algorithm>

#include "tests/sim/rollout/checks.h"

namespace sluice::sim::rollout {

using gateway::RoutedVersion;
using gateway::Routes;
using State = gateway::RoutedVersion::State;

bool Checks::is_other(const Build& build) const {
  return build != Build() && world_->quality_of(build) == Quality::other_signature;
}

void Checks::add_served(std::int64_t version, const Build& build) {
  served_.insert(build);
  served_kinds_.insert({version, is_other(build)});
}

// A version is held against another build of itself, where it has served, else against the version
// that has the unversioned requests.
void Checks::check_signature(const Routes& before, const Routes& after) {
  std::set<Build> admitted;
  std::set<bool> old;  // of what unversioned requests get; nodes may have different builds
  int weight = 0;
  for (const RoutedVersion& each : before.versions) {
    for (const std::string& worker : each.workers) {
      admitted.insert(what_is(worker));
      if (each.state == State::ready && each.weight >= std::max(weight, 1)) {
        if (each.weight > weight) {
          old.clear();
        }
        weight = each.weight;
        old.insert(is_other(what_is(worker)));
      }
    }
  }
  for (const RoutedVersion& each : after.versions) {
    for (const std::string& worker : each.workers) {
      if (each.weight != 0 && admitted.contains(what_is(worker))) {
        old.insert(is_other(what_is(worker)));  // it takes them back, as after a restart
      }
    }
  }
  for (const RoutedVersion& each : after.versions) {
    if (each.state != State::ready || each.workers.empty()) {
      continue;
    }
    Build build;
    for (const std::string& worker : each.workers) {
      build = build == Build() ? what_is(worker) : build;
    }
    if (each.weight == 0) {
      served_kinds_.insert({each.version, is_other(build)});
      continue;
    }
    if (!old.empty() && !admitted.contains(build) && !served_.contains(build) && !allowed_ &&
        !old.contains(is_other(build)) &&
        !served_kinds_.contains({each.version, is_other(build)})) {
      world_->violate(named(each.version) + " serves with another signature than what it replaces");
    }
    add_served(each.version, build);
  }
}

}  // namespace sluice::sim::rollout
