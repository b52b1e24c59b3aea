// What operators ask of control over HTTP, in one form for the KServe v2 repository API and for our
// own paths. Plain values: adapters make them of requests, control answers with an AdminReply.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/time.h"

namespace sluice::gateway {

// POST /v2/repository/index: all versions that are known, as JSON.
struct IndexAsked {
  bool ready_only = false;
};

// POST /v2/repository/models/M/load: read the repository again, pin the model to what its policy
// says of that now, and answer when that serves or has failed.
struct LoadAsked {
  std::string model;
  std::string config;  // JSON of a configuration instead of the one on disk; empty: none
};

// POST /v2/repository/models/M/unload: pin the model to nothing. Answered at once.
struct UnloadAsked {
  std::string model;
};

enum class RolloutStrategy : std::uint8_t { rolling, blue_green, recreate };

// POST /sluice/models/M/rollout. Answered at once with the rollout's JSON; how it goes on is asked
// by RolloutLook.
struct RolloutAsked {
  std::string model;
  std::optional<std::int64_t> to;           // absent: lift the pin, back to the policy
  std::optional<RolloutStrategy> strategy;  // absent: the configuration's
  std::vector<int> steps;                   // percent of requests, rising, the last 100; empty: one
  Duration hold{};                          // at each step but the last
  std::optional<Duration> keep_old;         // warm after the switch; absent: the strategy's
  bool allow_signature_change = false;
};

// GET /sluice/models/M/rollout
struct RolloutLook {
  std::string model;
};

enum class RolloutVerb : std::uint8_t { pause, resume, abort, rollback };

// POST /sluice/models/M/rollout/pause, resume, abort; POST /sluice/models/M/rollback
struct RolloutControl {
  std::string model;
  RolloutVerb verb = RolloutVerb::pause;
};

// GET /sluice/models: models with pins, labels, versions and states, as JSON.
struct ModelsAsked {};

// GET /sluice/events, GET /sluice/models/M/events: how the rollouts stand, then whatever happens.
// Answered by a stream that goes on until the client goes away or the gateway drains.
struct EventsAsked {
  std::string model;  // empty: all of them
};

using AdminRequest = std::variant<IndexAsked,
                                  LoadAsked,
                                  UnloadAsked,
                                  RolloutAsked,
                                  RolloutLook,
                                  RolloutControl,
                                  ModelsAsked,
                                  EventsAsked>;

}  // namespace sluice::gateway
