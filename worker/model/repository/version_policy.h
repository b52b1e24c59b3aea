// Which of the versions on disk a model serves. Pure.

#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace sluice::repository {

struct VersionPolicy {
  enum class Kind : std::uint8_t { latest, all, specific };

  Kind kind = Kind::latest;
  std::uint32_t count = 1;               // of latest: how many of the newest
  std::vector<std::int64_t> versions{};  // of specific: ascending, without repeats, never empty

  friend bool operator==(const VersionPolicy&, const VersionPolicy&) = default;
};

// A count of 0 is 1, which is what Triton's schema and TensorFlow Serving say of it.
VersionPolicy latest_policy(std::uint32_t count);
// invalid_argument: no version, one below 1, one named twice.
Result<VersionPolicy> specific_policy(std::vector<std::int64_t> versions);

// "latest 2", "all", "specific 3, 5": for people.
std::string describe(const VersionPolicy& policy);

// The versions to serve, ascending, out of those that are there (in any order).
std::vector<std::int64_t> select_versions(const VersionPolicy& policy,
                                          std::span<const std::int64_t> available);

// Versions that the policy names and that are not there, ascending.
std::vector<std::int64_t> missing_versions(const VersionPolicy& policy,
                                           std::span<const std::int64_t> available);

using Labels = std::map<std::string, std::int64_t>;  // "stable" -> 3

// not_found naming the first label whose version is not there.
Result<void> check_labels(const Labels& labels, std::span<const std::int64_t> available);

// A label stands in URLs as a model's name does, and is no number (it would look like a version).
Result<void> check_label_name(std::string_view label);

}  // namespace sluice::repository
