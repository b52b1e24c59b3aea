// Unit: one version of one model in one build (what its files and configuration were): the workers
// that run it, and how far its life has come. And Spec: such a build as it should be. Pure values.
//
// A worker's id names its build, so that two builds of one version can live side by side:
// NODE/MODEL/VERSION.STAMP6/REPLICA.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/link/control_messages.h"
#include "common/link/infer.h"
#include "gateway/control/deployment_status.h"
#include "gateway/control/guards.h"

namespace sluice::gateway {

// One worker as its node and its own link show it.
struct WorkerFact {
  std::string id{};
  std::string node{};  // empty: started by hand
  std::string model{};
  std::int64_t version = 0;
  std::string stamp{};
  link::WorkerState state = link::WorkerState::unknown;
  std::string reason{};     // of the last death or of failed
  Deaths deaths{};          // since it was assigned
  bool met_by_all = false;  // every shard has met this life of it
  // No NaN and no infinity in its answer to the probe; absent: it has not said so yet.
  std::optional<bool> finite{true};
  const ModelInfo* info = nullptr;  // null until it is loaded; read during the call alone

  friend bool operator==(const WorkerFact&, const WorkerFact&) = default;
};

// Where a worker runs or shall run.
struct Place {
  std::string node{};   // empty: started by hand
  std::string build{};  // its id without the replica; empty: started by hand
  std::string stamp{};
  std::string config{};  // instead of the one on disk; empty: none

  friend bool operator==(const Place&, const Place&) = default;
};

using Workers = std::map<std::string, Place>;  // by id

struct Spec {
  std::int64_t version = 0;
  Workers workers{};
};

enum class Role : std::uint8_t {
  serving,   // in the snapshot, or waiting for its first worker to be so
  incoming,  // of a rollout: started, and routed to only by steps
  outgoing,  // no new requests; finishes what it has
  standby,   // kept warm beside what replaced it
  ending,    // not assigned any more; its processes are ending
};

enum class Routing : std::uint8_t { none, draining, served };

struct Unit {
  std::uint64_t id = 0;  // within its deployment
  std::int64_t version = 0;
  Workers workers{};
  Role role = Role::serving;
  Routing routing = Routing::none;
  // The snapshot that shows the latest change of routing; 0: not published yet.
  std::uint64_t published = 0;
  bool shown = false;             // some snapshot had its workers
  bool has_served = false;        // was routed to, and ready
  bool quiet = false;             // all shards, since `published`
  bool alone = false;             // its workers start where other builds of the model have ended
  std::set<std::string> begun{};  // of those that start alone: assigned once already
  std::optional<TimePoint> keep_until{};  // after draining: standby until then
  std::optional<Duration> keep_for{};     // from the switch; absent: until the next rollout
  // By build, once a worker of it has said so. Nodes may have different builds of a version.
  std::map<std::string, ModelInfo> infos{};
  std::map<std::string, bool> finite{};  // by build: what its workers' answers to the probe were
};

// What the facts say of a unit's workers.
struct UnitState {
  std::uint32_t wanted = 0;
  std::uint32_t ready = 0;                                  // and met by every shard
  std::uint32_t failed = 0;                                 // given up by their nodes
  std::uint32_t present = 0;                                // known at all
  link::WorkerState furthest = link::WorkerState::unknown;  // of those that are on their way
  std::string reason{};  // of the first that failed, else of the last trouble
};

// By worker id.
using FactsById = std::map<std::string, WorkerFact>;

// Workers in `leaving` are on their way out under the same id: what is said of them is said of the
// life before, not of this unit.
UnitState state_of(const Unit& unit, const FactsById& facts, const std::set<std::string>& leaving);

// The id without its replica. `model` is shortened where the id would be too long.
std::string build_name(const std::string& node,
                       const std::string& model,
                       std::int64_t version,
                       const std::string& stamp,
                       const std::string& config);

// "version 3".
std::string named(std::int64_t version);

std::set<std::string> builds_of(const Workers& workers);

// Whether a node that has both runs another build than it should.
bool differs(const Workers& is, const Workers& should);

}  // namespace sluice::gateway
