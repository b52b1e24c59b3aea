#include "gateway/route/catalog.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"

namespace sluice::gateway {
namespace {

bool has_hope(const Version& version) {
  if (!version.declared) {
    return false;
  }
  return version.hopeful > 0 || *version.declared != VersionState::failed;
}

std::string words_for(const Model& model, const Version& version) {
  if (version.number == 0) {  // nothing in it can be used
    return "model '" + model.name + "'";
  }
  return "version " + std::to_string(version.number) + " of model '" + model.name + "'";
}

Error failed(const Model& model, const Version& version) {
  return {ErrorCode::unavailable,
          words_for(model, version) +
              " has failed: " + (version.reason.empty() ? "no reason given" : version.reason)};
}

Error no_version(const Model& model, std::int64_t number) {
  return {ErrorCode::not_found,
          "model '" + model.name + "' has no version " + std::to_string(number)};
}

// The lane of any version: one of them with hope is enough. Nor is anyone told off while a version
// without a share is expected: it may be about to get one.
std::optional<Error> hopeless_any(const Model& model) {
  if (model.expected) {
    return std::nullopt;
  }
  const Version* newest_failed = nullptr;
  for (const Version& version : model.versions) {
    if (version.declared == VersionState::expected || (version.takes_any() && has_hope(version))) {
      return std::nullopt;
    }
    if (version.declared == VersionState::failed &&
        (newest_failed == nullptr || newest_failed->number < version.number)) {
      newest_failed = &version;
    }
  }
  if (newest_failed != nullptr) {
    return failed(model, *newest_failed);
  }
  return Error{ErrorCode::not_found, "model '" + model.name + "' has no version to serve"};
}

}  // namespace

const Version* Model::find(std::int64_t number) const {
  const auto found = std::ranges::find(versions, number, &Version::number);
  return found == versions.end() ? nullptr : &*found;
}

std::uint32_t Catalog::find(std::string_view model) const {
  const auto found = indices_.find(model);
  return found == indices_.end() ? kNone : found->second;
}

std::uint32_t Catalog::intern(std::string_view model) {
  if (const std::uint32_t known = find(model); known != kNone) {
    return known;
  }
  if (models_.size() >= limits::kModelsPerShard) {
    return kNone;
  }
  const auto index = static_cast<std::uint32_t>(models_.size());
  models_.emplace_back(std::string(model), queue_count_, queue_bytes_);
  indices_.emplace(std::string(model), index);
  return index;
}

std::uint32_t Catalog::intern_version(Model& model, std::int64_t number) {
  auto& versions = model.versions;
  const auto index_of = [&](auto found) {
    return static_cast<std::uint32_t>(found - versions.begin());
  };
  const auto known = std::ranges::find(versions, number, &Version::number);
  if (known != versions.end()) {
    return index_of(known);
  }
  // A place whose version is gone for good is used again: versions rise for ever.
  const auto unused = std::ranges::find_if(versions, [](const Version& version) {
    return version.links == 0 && version.named == 0 && !version.declared;
  });
  if (unused != versions.end()) {
    *unused = Version{};
    unused->number = number;
    return index_of(unused);
  }
  if (versions.size() >= limits::kVersionsPerModel) {
    return kNone;
  }
  versions.emplace_back().number = number;
  return static_cast<std::uint32_t>(versions.size() - 1);
}

std::optional<Error> hopeless(const Model& model, std::uint32_t version) {
  if (version == kNone) {
    return hopeless_any(model);
  }
  const Version& named = model.versions[version];
  if (!named.declared) {
    return no_version(model, named.number);
  }
  return has_hope(named) ? std::nullopt : std::optional(failed(model, named));
}

Result<std::uint32_t> resolve(const Model& model, std::optional<std::int64_t> version) {
  std::uint32_t index = kNone;
  if (version) {
    const Version* named = model.find(*version);
    if (named == nullptr || named->declared == VersionState::draining) {
      return no_version(model, *version);
    }
    index = static_cast<std::uint32_t>(named - model.versions.data());
  }
  if (auto why = hopeless(model, index)) {
    return *std::move(why);
  }
  return index;
}

}  // namespace sluice::gateway
