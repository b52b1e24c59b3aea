// Plan: what a seed stands for: the cluster's size, its clients' requests and the faults.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "tests/sim/snapshot.h"

namespace sluice::sim {

inline constexpr std::size_t kShards = 2;
inline constexpr std::size_t kWorkers = 3;
inline constexpr auto kLength = std::chrono::seconds(30);
// Faults have ended by then, and what they broke has been mended.
inline constexpr auto kCalmFrom = std::chrono::seconds(27);

enum class FaultKind : std::uint8_t {
  drop,             // a connection is cut in both directions
  delay,            // messages of a worker and a shard take up to a second longer
  death,            // a worker dies at once
  stall,            // a worker stands still (SIGSTOP), then goes on
  half_open,        // a connection is cut in one direction
  gateway_restart,  // the gateway dies and comes back
  drain,            // a worker leaves in order and is started again
  slow,             // a worker's executions take twenty times longer
  routes,           // control changes the snapshot: draining, weights, held workers
};
inline constexpr int kFaultKinds = 9;

std::string name_of(FaultKind kind);

struct Fault {
  FaultKind kind = FaultKind::death;
  Duration at{};
  Duration length{};
  std::size_t worker = 0;
  std::size_t shard = 0;
  bool to_worker = false;  // the direction of half_open
  Snapshot snapshot{};     // of routes
};

// One request of a client.
struct Question {
  Duration at{};
  std::size_t shard = 0;
  std::optional<std::int64_t> version{};  // that it names
  Duration timeout{};
  std::uint32_t priority = 0;
  std::optional<Duration> wish{};  // its own time-out of the queue
  std::size_t bytes = 0;
  Duration service{};  // of its execution
  bool poison = false;
  bool bad = false;                 // the worker finds fault with it: invalid_argument
  std::uint64_t fingerprint = 0;    // equal for equal content
  std::optional<Duration> gone_at;  // its client goes away
};

// How the requests of one level wait.
struct Level {
  std::size_t most = 0;  // 0: any number
  Duration wait{};       // 0: any time
  bool delays = false;   // at its end: goes behind the others instead of being refused
  bool takes_wish = false;
};

struct Plan {
  std::uint64_t seed = 0;
  bool versions = false;      // two of them
  std::size_t executors = 1;  // of each worker
  std::size_t queue_requests = 0;
  std::size_t queue_bytes = 0;
  std::vector<Level> levels{};        // from 1, the highest; empty: one queue without rules
  std::size_t default_level = 0;      // from 1
  std::vector<Fault> faults{};        // by time
  std::vector<Question> questions{};  // by time
};

Plan plan_of(std::uint64_t seed);

// Of that question, by the plan's levels; 0: there are none.
std::size_t level_of(const Plan& plan, const Question& question);

}  // namespace sluice::sim
