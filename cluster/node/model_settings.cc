#include "cluster/node/model_settings.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "worker/model/repository/config_parser.h"
#include "worker/model/repository/scan.h"

namespace sluice::cluster {

namespace {

using repository::ModelConfig;

link::VersionPolicy to_link(const repository::VersionPolicy& policy) {
  using Kind = link::VersionPolicy::Kind;
  link::VersionPolicy to{.count = policy.count, .versions = policy.versions};
  switch (policy.kind) {
    case repository::VersionPolicy::Kind::latest:
      to.kind = Kind::latest;
      break;
    case repository::VersionPolicy::Kind::all:
      to.kind = Kind::all;
      break;
    case repository::VersionPolicy::Kind::specific:
      to.kind = Kind::specific;
      break;
  }
  return to;
}

link::QueuePolicy to_link(const repository::QueuePolicy& policy) {
  return {.max_queue_size = policy.max_queue_size,
          .default_timeout = policy.default_timeout,
          .delay_on_timeout = policy.timeout_action == repository::TimeoutAction::delay,
          .allow_timeout_override = policy.allow_timeout_override};
}

link::Strategy to_link(repository::RolloutStrategy strategy) {
  switch (strategy) {
    case repository::RolloutStrategy::rolling:
      return link::Strategy::rolling;
    case repository::RolloutStrategy::blue_green:
      return link::Strategy::blue_green;
    case repository::RolloutStrategy::recreate:
      return link::Strategy::recreate;
  }
  return link::Strategy::rolling;
}

}  // namespace

link::ModelSettings settings_of(const ModelConfig& config) {
  link::ModelSettings settings;
  settings.policy = to_link(config.policy());
  settings.labels = config.labels;
  settings.replicas = static_cast<std::uint32_t>(std::max(config.replicas, 1));
  settings.strategy = to_link(config.rollout.strategy);
  settings.steps.assign(config.rollout.steps.begin(), config.rollout.steps.end());
  settings.hold = config.rollout.hold.value_or(Duration::zero());
  settings.keep_old = config.rollout.keep_old;
  if (const auto& batching = config.dynamic_batching) {
    settings.priority_levels = batching->priority_levels;
    settings.default_priority = batching->default_priority_level;
    settings.queue = to_link(batching->default_queue_policy);
    for (const auto& [level, policy] : batching->priority_queue_policy) {
      settings.priorities.emplace(level, to_link(policy));
    }
  }
  settings.metric_tags = config.metric_tags;
  settings.json = repository::to_json(config);
  settings.worker_part = repository::worker_part_stamp(config);
  return settings;
}

Result<gateway::LoadedConfig> read_loaded_config(const std::string& json,
                                                 const std::string& model) {
  SLUICE_TRY_ASSIGN(repository::ParsedConfig parsed,
                    repository::parse_model_config_json(json, model));
  link::Repository told;
  link::ModelFound& found = told.models.emplace_back();
  found.name = model;
  found.settings = settings_of(parsed.config);
  found.notes = std::move(parsed.notes);
  link::fit(told);
  if (!found.problem.empty()) {
    return Error{ErrorCode::invalid_argument, "config: " + found.problem};
  }
  return gateway::LoadedConfig{json, std::move(found.settings), std::move(found.notes)};
}

}  // namespace sluice::cluster
