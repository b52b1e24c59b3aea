// What control shows of its models as JSON: the v2 repository index, `sluice models`, a rollout.
// Keys are documented in docs/protocols/admin.md. Pure.

#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/base/time.h"
#include "gateway/control/deployment_status.h"

namespace sluice::gateway {

// How many shards have acknowledged the snapshot that is published.
struct Acknowledged {
  int count = 0;
  int all = 0;
};

// An array with an entry for each version that was ever wanted; a model without one has its name
// alone. `ready_only`: those that serve.
std::string index_json(std::span<const DeploymentStatus> models, bool ready_only);

// {"models": [...]}
std::string models_json(std::span<const DeploymentStatus> models,
                        Acknowledged shards,
                        TimePoint now);

// One model's rollout, the one under way or the last; with "phase": "none" when there was none.
std::string rollout_json(const DeploymentStatus& model, Acknowledged shards, TimePoint now);

// One event of a version's or model's life.
std::string event_json(const Event& event);

}  // namespace sluice::gateway
