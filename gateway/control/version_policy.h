// Which versions of a model are wanted: an operator's pin, or else the policy of its configuration,
// of those that are there. Pure.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/link/repository_messages.h"

namespace sluice::gateway {

// What an operator asked for instead of the policy. No versions: the model is unloaded.
struct Pin {
  std::vector<std::int64_t> versions{};

  friend bool operator==(const Pin&, const Pin&) = default;
};

struct WantedVersions {
  std::vector<std::int64_t> versions{};  // ascending, all of them available
  std::string note{};                    // which of those asked for are not there; empty: all are

  friend bool operator==(const WantedVersions&, const WantedVersions&) = default;
};

// `available` is ascending. A policy of the latest 0 is one of the latest 1.
WantedVersions wanted_versions(const link::VersionPolicy& policy,
                               const std::optional<Pin>& pin,
                               std::span<const std::int64_t> available);

// "1, 2, 5"; "none" when empty.
std::string list_of(std::span<const std::int64_t> versions);

}  // namespace sluice::gateway
