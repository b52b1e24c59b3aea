// Snapshot: what control tells the shards of the one model: its versions, their weights and the
// workers that are given work. In half of the plans all workers are of version 1; in the others the
// last one is of version 2, some requests name a version, and a fault of kind `routes` changes the
// snapshot for a while.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/route/messages.h"
#include "tests/sim/random.h"

namespace sluice::sim {

struct Snapshot {
  struct Version {
    std::int64_t number = 1;
    gateway::VersionState state = gateway::VersionState::expected;
    int weight = 100;
    std::vector<std::string> workers;  // ids, ascending
  };
  std::vector<Version> versions;

  [[nodiscard]] const Version* find(std::int64_t number) const;
  [[nodiscard]] bool admits(std::int64_t number, const std::string& worker) const;
  // Whether requests that name no version may be sent to it.
  [[nodiscard]] bool takes_any(std::int64_t number) const;
};

// "w2" of plans with two versions is of version 2, every other of version 1.
std::int64_t version_of_worker(std::size_t worker, bool versions);
std::string id_of_worker(std::size_t worker);

// When nothing is wrong: every worker is given work, versions share equally.
Snapshot usual_snapshot(bool versions);
// A draining version, other weights, a worker that is held, or several of these. One version always
// takes requests and has a worker that is given work.
Snapshot draw_snapshot(Random& random);

}  // namespace sluice::sim
