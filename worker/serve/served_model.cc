#include "worker/serve/served_model.h"

#include <utility>

#include "common/base/limits.h"
#include "worker/model/repository/completion.h"
#include "worker/model/repository/config_parser.h"

namespace sluice::worker {
namespace {

std::vector<repository::TensorConfig> tensors_of(const std::vector<ConfiguredTensor>& configured) {
  std::vector<repository::TensorConfig> tensors;
  for (const ConfiguredTensor& each : configured) {
    tensors.push_back({.name = each.name,
                       .datatype = each.datatype,
                       .dims = each.dims,
                       .reshape = {},
                       .optional = each.optional});
  }
  return tensors;
}

// The configuration as a whole where the plan has it, else what the plan repeats of it.
Result<repository::ModelConfig> config_of(const ServingPlan& plan) {
  if (!plan.config_json.empty()) {
    SLUICE_TRY_ASSIGN(repository::ParsedConfig parsed,
                      repository::parse_model_config_json(plan.config_json, plan.model_name));
    return std::move(parsed.config);
  }
  repository::ModelConfig config;
  config.name = plan.model_name;
  config.max_batch_size = static_cast<int>(plan.max_batch_size);
  config.inputs = tensors_of(plan.inputs);
  config.outputs = tensors_of(plan.outputs);
  return config;
}

void name(ModelInfo& info, const ServingPlan& plan) {
  info.name = plan.model_name;
  info.version = plan.version;
}

}  // namespace

Result<ServedModel> serve_as(const ServingPlan& plan,
                             const ModelInfo& facts,
                             bool rows_independent) {
  SLUICE_TRY_ASSIGN(repository::ModelConfig config, config_of(plan));
  auto complete = repository::complete(std::move(config), facts, {});
  if (!complete) {
    return with_context(std::move(complete).error(), "the configuration");
  }
  ServedModel served = as_declared(plan, facts);
  served.config = *std::move(complete);
  served.info = repository::served_info(served.config, facts);
  name(served.info, plan);
  served.labels = plan.labels;
  served.reshapes = repository::has_reshape(served.config);
  served.max_rows = plan.max_batch_size;
  served.joins = rows_independent && plan.max_batch_size > 1 && served.config.dynamic_batching;
  return served;
}

std::string batching_note(const ServedModel& served) {
  const bool wanted = served.max_rows > 1 && served.config.dynamic_batching;
  return wanted && !served.joins
             ? "dynamic_batching joins no requests: the graph is not known to keep rows apart"
             : "";
}

std::string shown_config(const ServedModel& served, std::size_t executors) {
  repository::ModelConfig config = served.config;
  config.instances = static_cast<int>(executors);
  std::string json = repository::to_json(config);
  return json.size() <= limits::kConfigJsonBytes ? json : std::string();
}

ServedModel as_declared(const ServingPlan& plan, const ModelInfo& facts) {
  ServedModel served;
  served.info = facts;
  name(served.info, plan);
  served.facts = facts;
  return served;
}

}  // namespace sluice::worker
