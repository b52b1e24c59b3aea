#include "gateway/route/model_table.h"

#include <algorithm>
#include <utility>

namespace sluice::gateway {
namespace {

ModelTable::Standing standing_of(VersionView::State state) {
  switch (state) {
    case VersionView::State::ready:
      return ModelTable::Standing::ready;
    case VersionView::State::failed:
      return ModelTable::Standing::failed;
    case VersionView::State::expected:
      break;
  }
  return ModelTable::Standing::expected;
}

}  // namespace

void ModelTable::learn(const ModelInfo& info) {
  Version& version = models_[info.name][info.version];
  version.info = info;
  version.described = true;
}

void ModelTable::update(const ClusterView& view) {
  for (auto& [name, versions] : models_) {
    std::erase_if(versions, [&, &model = name](const auto& entry) {
      return std::ranges::none_of(view.versions, [&](const VersionView& seen) {
        return seen.model == model && seen.version == entry.first;
      });
    });
  }
  std::erase_if(models_, [](const auto& entry) { return entry.second.empty(); });
  for (const VersionView& seen : view.versions) {
    Version& version = models_[seen.model][seen.version];
    version.standing = standing_of(seen.state);
    version.reason = seen.reason;
  }
  view_ = view;
}

const ModelTable::Versions* ModelTable::versions_of(std::string_view model) const {
  const auto found = models_.find(model);
  return found == models_.end() ? nullptr : &found->second;
}

ModelTable::Standing ModelTable::standing(const ModelRef& target) const {
  const Versions* versions = versions_of(target.model);
  if (versions == nullptr) {
    const bool named = std::ranges::count(view_.expected_models, target.model) > 0;
    return named && !target.version ? Standing::expected : Standing::unknown;
  }
  if (target.version) {
    const auto found = versions->find(*target.version);
    return found == versions->end() ? Standing::unknown : found->second.standing;
  }
  Standing best = Standing::unknown;
  for (const auto& [number, version] : *versions) {
    best = std::min(best, version.standing);
  }
  return best;
}

std::string ModelTable::failure(const ModelRef& target) const {
  const Versions* versions = versions_of(target.model);
  if (versions != nullptr) {
    for (auto it = versions->rbegin(); it != versions->rend(); ++it) {
      const bool meant = !target.version || *target.version == it->first;
      if (meant && it->second.standing == Standing::failed) {
        return it->second.reason;
      }
    }
  }
  return {};
}

const ModelInfo* ModelTable::find(const ModelRef& target) const {
  const Versions* versions = versions_of(target.model);
  if (versions == nullptr) {
    return nullptr;
  }
  if (target.version) {
    const auto found = versions->find(*target.version);
    return found != versions->end() && found->second.described ? &found->second.info : nullptr;
  }
  const ModelInfo* newest = nullptr;
  for (auto it = versions->rbegin(); it != versions->rend(); ++it) {
    if (!it->second.described) {
      continue;
    }
    if (it->second.standing == Standing::ready) {
      return &it->second.info;
    }
    if (newest == nullptr) {
      newest = &it->second.info;
    }
  }
  return newest;
}

std::vector<std::int64_t> ModelTable::ready_versions(std::string_view model) const {
  std::vector<std::int64_t> ready;
  if (const Versions* versions = versions_of(model)) {
    for (const auto& [number, version] : *versions) {
      if (version.standing == Standing::ready) {
        ready.push_back(number);
      }
    }
  }
  return ready;
}

}  // namespace sluice::gateway
