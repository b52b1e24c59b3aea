#include "gateway/control/version_policy.h"

#include <algorithm>
#include <cstddef>

namespace sluice::gateway {
namespace {

WantedVersions some_of(std::vector<std::int64_t> asked,
                       std::span<const std::int64_t> available,
                       const char* who) {
  std::ranges::sort(asked);
  asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
  WantedVersions wanted;
  std::vector<std::int64_t> missing;
  for (const std::int64_t version : asked) {
    (std::ranges::binary_search(available, version) ? wanted.versions : missing).push_back(version);
  }
  if (!missing.empty()) {
    wanted.note = std::string(who) + " wants " + (missing.size() == 1 ? "version " : "versions ") +
                  list_of(missing) + ", not in the repository; it has " + list_of(available);
  }
  return wanted;
}

}  // namespace

WantedVersions wanted_versions(const link::VersionPolicy& policy,
                               const std::optional<Pin>& pin,
                               std::span<const std::int64_t> available) {
  using Kind = link::VersionPolicy::Kind;
  if (pin) {
    return some_of(pin->versions, available, "the pin");
  }
  if (policy.kind == Kind::specific) {
    return some_of(policy.versions, available, "the version policy");
  }
  std::size_t count = available.size();
  if (policy.kind == Kind::latest) {
    count = std::min(count, std::max<std::size_t>(policy.count, 1));
  }
  const auto last = available.last(count);
  return {{last.begin(), last.end()}, {}};
}

std::string list_of(std::span<const std::int64_t> versions) {
  std::string list;
  for (const std::int64_t version : versions) {
    list += (list.empty() ? "" : ", ") + std::to_string(version);
  }
  return list.empty() ? "none" : list;
}

}  // namespace sluice::gateway
