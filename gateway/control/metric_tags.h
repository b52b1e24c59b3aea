// MetricTagList: the tags of all models' metrics, of the configurations in force. Those of a model
// that is gone stay, as its counters do. Pure.

#pragma once

#include <span>

#include "common/metrics/registry.h"
#include "gateway/control/deployment.h"

namespace sluice::gateway {

class MetricTagList {
 public:
  // Of the models that are routed to. True until told(), where they are others than those told.
  bool update(std::span<const RoutedSettings> settings);
  void told() { changed_ = false; }

  [[nodiscard]] const metrics::ModelTags& tags() const { return tags_; }

 private:
  metrics::ModelTags tags_;  // at most limits::kModelsPerShard
  bool changed_ = false;
};

}  // namespace sluice::gateway
