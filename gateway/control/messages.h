// What the control actor and the shards say to each other. One comment a message: who sends it,
// when.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/link/infer.h"
#include "common/metrics/registry.h"
#include "common/tensor/buffer.h"
#include "gateway/control/admin.h"
#include "gateway/route/queue_rules.h"

namespace sluice::gateway {

// What control knows of one version, as far as a shard needs it.
struct VersionView {
  enum class State : std::uint8_t {
    expected,  // not served yet, or for the moment: requests wait
    ready,
    draining,  // no new requests; those that name it and those it has are finished
    failed,    // given up, with the reason
  };
  std::string model;
  std::int64_t version = 0;
  State state = State::expected;
  std::string reason;  // of failed, for the caller
  // Its share of the requests that name no version, in parts of the sum over its model's versions;
  // 0: by its name alone. A draining version has none, whatever is said here.
  int weight = 0;
  // Ids of those that are given work, ascending. Any other worker that attaches is held: met, but
  // idle. An id is the same over restarts, so that a worker that comes back is used at once.
  std::vector<std::string> workers;

  friend bool operator==(const VersionView&, const VersionView&) = default;
};

// What control says of a model as a whole.
struct ModelSetup {
  std::string model;
  std::map<std::string, std::int64_t> labels;  // those that can be resolved now
  std::string config;  // JSON as KServe v2 shows it; empty: there is none (workers started by hand)
  QueueRules queue{};

  friend bool operator==(const ModelSetup&, const ModelSetup&) = default;
};

// --- control → shard ---------------------------------------------------------------------------

// At every change: the whole truth, replacing the one before. Applied in one turn, then
// acknowledged by ViewApplied. A version that is missing is retired.
struct ClusterView {
  std::uint64_t number = 0;                  // from 1, one more for each that is sent
  bool ready = false;                        // of the server, for /v2/health/ready
  std::vector<std::string> expected_models;  // named at start; perhaps not heard of yet
  std::vector<VersionView> versions;
  std::vector<ModelSetup> models;  // of those with anything to say

  friend bool operator==(const ClusterView&, const ClusterView&) = default;
};

// A node's proof that this life of a worker is over.
struct WorkerLifeEnded {
  std::string life;                // life_name() of it
  std::vector<RequestId> running;  // what its executors were executing, of any shard
  bool killed = false;             // by SIGKILL
};

// The answer to a StatusQuery.
struct StatusReply {
  std::uint64_t token = 0;
  Buffer json;
};

// The answer to an AdminCall.
struct AdminReply {
  std::uint64_t token = 0;
  std::optional<Error> error{};  // then the rest is empty
  Buffer json{};                 // may be empty: done, nothing to say
};

// A part of the streamed answer to an AdminCall; the first one begins it. Once it was refused or
// has ended, by FollowerGone too, there are no more.
struct StreamPart {
  std::uint64_t token = 0;
  Buffer text;
};

// Finish what is accepted and answer ShardDrained. Without a successor new work is refused; with
// one it is served, and new connections are taken until `successor_from`: the successor accepts on
// the same listening sockets.
struct DrainShard {
  TimePoint until;  // then give up what is left
  std::optional<TimePoint> successor_from{};
};

// End the loop now.
struct StopShard {};

using ShardInbox = std::variant<ClusterView,
                                WorkerLifeEnded,
                                StatusReply,
                                AdminReply,
                                StreamPart,
                                DrainShard,
                                StopShard>;

// --- shard → control ---------------------------------------------------------------------------

// A ready worker has attached to this shard, or its link is gone again.
struct WorkerMet {
  int shard = 0;
  std::string worker_id;
  std::uint32_t pid = 0;
  bool met = true;
};

// A client asks for GET /sluice/status. Answered by StatusReply with the same token.
struct StatusQuery {
  int shard = 0;
  std::uint64_t token = 0;
};

// The snapshot of that number is what every later decision of this shard is made by.
struct ViewApplied {
  int shard = 0;
  std::uint64_t number = 0;
};

// Nothing on this shard waits for a draining version by its name or is outstanding on a worker of
// it. Told once for each snapshot that drains it, as soon as that is so; `number` is of the latest
// snapshot applied.
struct VersionQuiet {
  int shard = 0;
  std::uint64_t number = 0;
  std::string model;
  std::int64_t version = 0;
};

// A client asks something that only control can answer or do. Answered by AdminReply with the same
// token, for a load when the outcome is known; the client may have gone away by then.
struct AdminCall {
  int shard = 0;
  std::uint64_t token = 0;
  AdminRequest request;
};

// Nobody reads the streamed answer to that AdminCall any more.
struct FollowerGone {
  int shard = 0;
  std::uint64_t token = 0;
};

// Everything accepted is answered and written, or the limit of the drain has come.
struct ShardDrained {
  int shard = 0;
};

// --- control → metrics page ----------------------------------------------------------------------

// At every change: of all models, by their names, what the labels `_KEY` of their metrics say.
struct MetricTags {
  metrics::ModelTags models;
};

using MetricsInbox = std::variant<MetricTags>;

// --- main → control ------------------------------------------------------------------------------

// Asked to end: as DrainShard, then end. One without a successor may follow one with.
struct DrainGateway {
  TimePoint until;
  std::optional<TimePoint> successor_from{};
};

using ControlInbox = std::variant<WorkerMet,
                                  StatusQuery,
                                  ViewApplied,
                                  VersionQuiet,
                                  AdminCall,
                                  FollowerGone,
                                  ShardDrained,
                                  DrainGateway>;

// Names one life of a worker: its process-unique id for the dispatchers.
inline std::string life_name(const std::string& worker_id, std::uint32_t pid) {
  return worker_id + "#" + std::to_string(pid);
}

}  // namespace sluice::gateway
