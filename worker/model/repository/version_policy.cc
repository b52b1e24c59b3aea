#include "worker/model/repository/version_policy.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "worker/model/repository/model_config.h"

namespace sluice::repository {

namespace {

std::vector<std::int64_t> sorted(std::span<const std::int64_t> versions) {
  std::vector<std::int64_t> all(versions.begin(), versions.end());
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::string joined(std::span<const std::int64_t> numbers) {
  std::string text;
  for (const std::int64_t number : numbers) {
    text += (text.empty() ? "" : ", ") + std::to_string(number);
  }
  return text;
}

}  // namespace

VersionPolicy latest_policy(std::uint32_t count) {
  return {.kind = VersionPolicy::Kind::latest, .count = std::max(1U, count), .versions = {}};
}

Result<VersionPolicy> specific_policy(std::vector<std::int64_t> versions) {
  if (versions.empty()) {
    return Error{ErrorCode::invalid_argument, "'specific' names no version"};
  }
  std::vector<std::int64_t> ascending = sorted(versions);
  if (ascending.front() < 1) {
    return Error{ErrorCode::invalid_argument,
                 "'specific' names version " + std::to_string(ascending.front()) +
                     "; versions are numbers from 1"};
  }
  if (ascending.size() != versions.size()) {
    return Error{ErrorCode::invalid_argument, "'specific' names a version twice"};
  }
  return VersionPolicy{.kind = VersionPolicy::Kind::specific, .versions = std::move(ascending)};
}

std::string describe(const VersionPolicy& policy) {
  switch (policy.kind) {
    case VersionPolicy::Kind::latest:
      return "latest " + std::to_string(policy.count);
    case VersionPolicy::Kind::all:
      return "all";
    case VersionPolicy::Kind::specific:
      return "specific " + joined(policy.versions);
  }
  return "unknown";
}

std::vector<std::int64_t> select_versions(const VersionPolicy& policy,
                                          std::span<const std::int64_t> available) {
  std::vector<std::int64_t> there = sorted(available);
  if (policy.kind == VersionPolicy::Kind::latest && there.size() > policy.count) {
    there.erase(there.begin(), there.end() - static_cast<std::ptrdiff_t>(policy.count));
  }
  if (policy.kind == VersionPolicy::Kind::specific) {
    std::erase_if(there, [&](std::int64_t version) {
      return !std::ranges::binary_search(policy.versions, version);
    });
  }
  return there;
}

std::vector<std::int64_t> missing_versions(const VersionPolicy& policy,
                                           std::span<const std::int64_t> available) {
  std::vector<std::int64_t> missing;
  if (policy.kind == VersionPolicy::Kind::specific) {
    std::ranges::set_difference(policy.versions, sorted(available), std::back_inserter(missing));
  }
  return missing;
}

Result<void> check_labels(const Labels& labels, std::span<const std::int64_t> available) {
  const std::vector<std::int64_t> there = sorted(available);
  for (const auto& [label, version] : labels) {
    if (!std::ranges::binary_search(there, version)) {
      return Error{ErrorCode::not_found,
                   "label '" + label + "' names version " + std::to_string(version) +
                       ", which is not there; there " +
                       (there.empty() ? "is none" : "are " + joined(there))};
    }
  }
  return {};
}

Result<void> check_label_name(std::string_view label) {
  if (!check_model_name(label)) {
    return Error{ErrorCode::invalid_argument,
                 "'" + std::string(label) + "' cannot be a label: " + std::string(kNameRule)};
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (std::ranges::all_of(label, is_digit)) {
    return Error{ErrorCode::invalid_argument,
                 "'" + std::string(label) + "' cannot be a label: it looks like a version"};
  }
  return {};
}

}  // namespace sluice::repository
