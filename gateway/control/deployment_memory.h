// What is kept of the versions over the end of a gateway's process: which ones served, what
// operators have asked for, what has failed, and the rollout under way. Plain values; their JSON is
// memory_json.h. What runs is not in it: that is told by nodes and workers.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "gateway/control/loaded_config.h"
#include "gateway/control/rollout.h"
#include "gateway/control/version_policy.h"

namespace sluice::gateway {

struct RememberedVersion {
  std::int64_t version = 0;
  std::set<std::string> builds{};  // ids of its workers without the replica
  std::string reason{};            // of one that has failed

  friend bool operator==(const RememberedVersion&, const RememberedVersion&) = default;
};

// Kept beside what serves, so that going back is a switch.
struct RememberedWarm {
  std::int64_t version = 0;
  std::set<std::string> builds{};
  std::optional<Duration> keep{};  // after the switch; absent: until the next rollout

  friend bool operator==(const RememberedWarm&, const RememberedWarm&) = default;
};

struct RememberedRollout {
  RolloutPlan plan{};
  std::optional<Pin> pin{};  // before it, to go back to

  friend bool operator==(const RememberedRollout&, const RememberedRollout&) = default;
};

struct ModelMemory {
  std::optional<Pin> pin{};
  std::string config{};  // instead of the one on disk; empty: none
  // Until the rollout to `config` has succeeded: what it was before, to go back to.
  std::optional<std::string> config_before{};
  std::optional<LoadedConfig> in_force{};    // where it serves by another than is wanted
  std::set<std::string> other_configs{};     // that were loaded, by which workers still run
  std::vector<RememberedVersion> serving{};  // ascending; what to serve before anything changes
  std::optional<std::int64_t> primary{};     // of these, what had the requests that name none
  std::vector<RememberedWarm> warm{};        // ascending
  std::vector<RememberedVersion> failed{};   // ascending; builds that are not tried again
  std::vector<std::int64_t> previous{};      // what a rollback goes back to
  std::optional<LoadedConfig> previous_config{};  // that was in force then; absent: the present one
  std::map<std::string, std::int64_t> labels{};
  std::optional<RememberedRollout> rollout{};

  friend bool operator==(const ModelMemory&, const ModelMemory&) = default;
};

struct FleetMemory {
  CommandId last_command = 0;
  std::map<std::string, ModelMemory> models{};
  std::set<std::string> left{};  // models that were taken away, of those that are expected

  friend bool operator==(const FleetMemory&, const FleetMemory&) = default;
};

}  // namespace sluice::gateway
