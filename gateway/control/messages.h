// What the control actor and the shards say to each other. One comment a message: who sends it,
// when.

#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/time.h"
#include "common/link/infer.h"
#include "common/tensor/buffer.h"

namespace sluice::gateway {

// What control knows of one version, as far as a shard needs it.
struct VersionView {
  enum class State : std::uint8_t { expected, ready, failed };
  std::string model;
  std::int64_t version = 0;
  State state = State::expected;
  std::string reason;  // of failed, for the caller

  friend bool operator==(const VersionView&, const VersionView&) = default;
};

// --- control → shard ---------------------------------------------------------------------------

// At every change: the whole truth, replacing the one before. A version that is missing is retired.
struct ClusterView {
  bool ready = false;                        // of the server, for /v2/health/ready
  std::vector<std::string> expected_models;  // named at start; perhaps not heard of yet
  std::vector<VersionView> versions;

  friend bool operator==(const ClusterView&, const ClusterView&) = default;
};

// A node's proof that this life of a worker is over.
struct WorkerLifeEnded {
  std::string life;                // life_name() of it
  std::vector<RequestId> running;  // what its executors were executing, of any shard
};

// The answer to a StatusQuery.
struct StatusReply {
  std::uint64_t token = 0;
  Buffer json;
};

// Take no new work and finish what is accepted; answer ShardDrained.
struct DrainShard {
  TimePoint until;  // then give up what is left
};

// End the loop now.
struct StopShard {};

using ShardInbox = std::variant<ClusterView, WorkerLifeEnded, StatusReply, DrainShard, StopShard>;

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

// Everything accepted is answered and written, or the limit of the drain has come.
struct ShardDrained {
  int shard = 0;
};

// --- main → control ------------------------------------------------------------------------------

// SIGTERM: refuse new work, finish, then end.
struct DrainGateway {
  TimePoint until;
};

using ControlInbox = std::variant<WorkerMet, StatusQuery, ShardDrained, DrainGateway>;

// Names one life of a worker: its process-unique id for the dispatchers.
inline std::string life_name(const std::string& worker_id, std::uint32_t pid) {
  return worker_id + "#" + std::to_string(pid);
}

}  // namespace sluice::gateway
