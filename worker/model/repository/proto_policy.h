// Version policies of both schemas, which differ in their packages alone.

#pragma once

#include <optional>
#include <utility>

#include "worker/model/repository/version_policy.h"

namespace sluice::repository {

template <class Message>
Result<std::optional<VersionPolicy>> read_policy(const Message& message) {
  if (message.has_latest()) {
    return std::optional(latest_policy(message.latest().num_versions()));
  }
  if (message.has_all()) {
    return std::optional(VersionPolicy{.kind = VersionPolicy::Kind::all});
  }
  if (message.has_specific()) {
    SLUICE_TRY_ASSIGN(VersionPolicy policy,
                      specific_policy({message.specific().versions().begin(),
                                       message.specific().versions().end()}));
    return std::optional(std::move(policy));
  }
  return std::optional<VersionPolicy>();
}

}  // namespace sluice::repository
