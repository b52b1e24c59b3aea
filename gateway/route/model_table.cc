#include "gateway/route/model_table.h"

#include <algorithm>
#include <utility>

#include "gateway/protocol/completed_config.h"
#include "gateway/protocol/control_replies.h"

namespace sluice::gateway {
namespace {

constexpr std::size_t kShownModels = 8;  // of those that keep the server from being ready

ModelTable::Standing standing_of(VersionView::State state) {
  switch (state) {
    case VersionView::State::ready:
      return ModelTable::Standing::ready;
    case VersionView::State::failed:
      return ModelTable::Standing::failed;
    case VersionView::State::draining:
      return ModelTable::Standing::unknown;
    case VersionView::State::expected:
      break;
  }
  return ModelTable::Standing::expected;
}

}  // namespace

void ModelTable::learn(const ModelInfo& info, bool admitted, std::string_view config) {
  Version& version = models_[info.name][info.version];
  if (!admitted && version.by_admitted) {
    return;
  }
  version.info = info;
  version.config = config;
  version.described = true;
  version.by_admitted = admitted;
}

bool ModelTable::admits(const ModelInfo& info, const std::string& worker_id) const {
  return std::ranges::any_of(view_.versions, [&](const VersionView& version) {
    return version.model == info.name && version.version == info.version &&
           std::ranges::count(version.workers, worker_id) > 0;
  });
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
    version.weight = seen.weight;
  }
  view_ = view;
}

const ModelTable::Versions* ModelTable::versions_of(std::string_view model) const {
  const auto found = models_.find(model);
  return found == models_.end() ? nullptr : &found->second;
}

ModelTable::Standing ModelTable::standing(const ModelRef& target) const {
  const Versions* versions = versions_of(target.model);
  Standing best = Standing::unknown;
  if (versions != nullptr && target.version) {
    const auto found = versions->find(*target.version);
    return found == versions->end() ? Standing::unknown : found->second.standing;
  }
  if (versions != nullptr) {
    for (const auto& [number, version] : *versions) {
      const bool by_name_alone = version.standing == Standing::ready && version.weight == 0;
      best = std::min(best, by_name_alone ? Standing::expected : version.standing);
    }
  }
  const bool named = std::ranges::count(view_.expected_models, target.model) > 0;
  return best == Standing::unknown && named && !target.version ? Standing::expected : best;
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

std::string ModelTable::why_not_ready(const ModelRef& target) const {
  const std::string not_ready = "model '" + target.model + "' is not ready";
  const Versions* versions = versions_of(target.model);
  if (versions == nullptr) {
    return not_ready + ": no version of it is known yet";
  }
  std::string states;
  for (const auto& [number, version] : *versions) {
    if (target.version.value_or(number) != number || version.standing == Standing::unknown) {
      continue;
    }
    states += (states.empty() ? ": " : "; ") +
              (number == 0 ? "" : "version " + std::to_string(number) + " ");
    if (version.standing == Standing::failed) {
      states += (number == 0 ? "" : "has failed: ") + version.reason;
    } else if (version.standing == Standing::expected) {
      states += "has no ready worker yet, or for the moment";
    } else {
      states += "is ready for requests that name it alone";
    }
  }
  return not_ready + (states.empty() ? ": no version of it is known yet" : states);
}

std::string ModelTable::why_not_ready() const {
  std::string text;
  std::size_t more = 0;
  std::size_t shown = 0;
  for (const std::string& model : view_.expected_models) {
    if (standing({.model = model}) == Standing::ready) {
      continue;
    }
    if (shown == kShownModels) {
      ++more;
      continue;
    }
    ++shown;
    text += (text.empty() ? "" : "; ") + why_not_ready({.model = model});
  }
  if (more != 0) {
    text += "; nor are " + std::to_string(more) + " more";
  }
  return text.empty() ? "no model is ready" : text;
}

const ModelInfo* ModelTable::find(const ModelRef& target) const {
  const Version* best = described(target);
  return best == nullptr ? nullptr : &best->info;
}

const ModelTable::Version* ModelTable::described(const ModelRef& target) const {
  const Versions* versions = versions_of(target.model);
  if (versions == nullptr) {
    return nullptr;
  }
  // A ready one counts by its weight, so that requests are checked against what most of them reach.
  const auto rank = [](const Version& version) {
    return version.standing == Standing::ready ? version.weight : -1;
  };
  const Version* best = nullptr;
  for (auto it = versions->rbegin(); it != versions->rend(); ++it) {
    const Version& version = it->second;
    const bool meant = !target.version || *target.version == it->first;
    if (meant && version.described && version.standing != Standing::unknown &&
        (best == nullptr || rank(version) > rank(*best))) {
      best = &version;
    }
  }
  return best;
}

const ModelSetup* ModelTable::setup_of(std::string_view model) const {
  const auto found = std::ranges::find(view_.models, model, &ModelSetup::model);
  return found == view_.models.end() ? nullptr : &*found;
}

Result<std::int64_t> ModelTable::labelled(const ModelRef& target) const {
  const ModelSetup* setup = setup_of(target.model);
  if (setup == nullptr && standing({.model = target.model}) == Standing::unknown) {
    return unknown_model({.model = target.model});
  }
  std::string there;
  if (setup != nullptr) {
    for (const auto& [label, version] : setup->labels) {
      if (label == target.label) {
        return version;
      }
      there += (there.empty() ? ": it has '" : ", '") + label + "'";
    }
  }
  return Error{ErrorCode::not_found,
               "model '" + target.model + "' has no label '" + target.label + "'" +
                   (there.empty() ? ", nor any other" : there)};
}

std::string ModelTable::config(const ModelRef& target) const {
  const ModelSetup* setup = setup_of(target.model);
  const Version* version = described(target);
  return completed_config(setup == nullptr ? std::string_view() : setup->config,
                          version == nullptr ? std::string_view() : version->config);
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
