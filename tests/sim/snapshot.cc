#include "tests/sim/snapshot.h"

#include <algorithm>

#include "tests/sim/plan.h"

namespace sluice::sim {

using gateway::VersionState;

const Snapshot::Version* Snapshot::find(std::int64_t number) const {
  const auto found = std::ranges::find(versions, number, &Version::number);
  return found == versions.end() ? nullptr : &*found;
}

bool Snapshot::admits(std::int64_t number, const std::string& worker) const {
  const Version* version = find(number);
  return version != nullptr && std::ranges::count(version->workers, worker) > 0;
}

bool Snapshot::takes_any(std::int64_t number) const {
  const Version* version = find(number);
  return version != nullptr && version->weight > 0 && version->state != VersionState::draining;
}

std::int64_t version_of_worker(std::size_t worker, bool versions) {
  return versions && worker == kWorkers - 1 ? 2 : 1;
}

std::string id_of_worker(std::size_t worker) {
  return "w" + std::to_string(worker);
}

Snapshot usual_snapshot(bool versions) {
  Snapshot snapshot;
  for (std::size_t worker = 0; worker < kWorkers; ++worker) {
    const std::int64_t number = version_of_worker(worker, versions);
    if (snapshot.find(number) == nullptr) {
      snapshot.versions.push_back({.number = number, .workers = {}});
    }
    snapshot.versions.back().workers.push_back(id_of_worker(worker));
  }
  return snapshot;
}

Snapshot draw_snapshot(Random& random) {
  Snapshot snapshot = usual_snapshot(true);
  Snapshot::Version& first = snapshot.versions[0];
  Snapshot::Version& second = snapshot.versions[1];
  switch (random.below(4)) {
    case 0:
      first.state = VersionState::draining;
      break;
    case 1:
      second.state = VersionState::draining;
      break;
    case 2:
      first.weight = static_cast<int>(1 + random.below(99));
      second.weight = 100 - first.weight;
      break;
    default:
      second.weight = 0;
      second.workers.clear();
      break;
  }
  if (random.chance(50)) {
    first.workers.erase(first.workers.begin() + static_cast<std::ptrdiff_t>(random.below(2)));
  }
  return snapshot;
}

}  // namespace sluice::sim
