#include "gateway/control/metric_tags.h"

#include "common/base/limits.h"

namespace sluice::gateway {

bool MetricTagList::update(std::span<const RoutedSettings> settings) {
  for (const RoutedSettings& each : settings) {
    const auto known = tags_.find(each.model);
    if (known == tags_.end() && !each.metric_tags.empty() &&
        tags_.size() < limits::kModelsPerShard) {
      tags_.emplace(each.model, each.metric_tags);
      changed_ = true;
    } else if (known != tags_.end() && known->second != each.metric_tags) {
      known->second = each.metric_tags;
      changed_ = true;
    }
  }
  return changed_;
}

}  // namespace sluice::gateway
