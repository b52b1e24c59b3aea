// ModelConfig out of its protobuf message; the way back is in proto_config_json.cc.

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "schema/model_config.pb.h"
#include "worker/model/repository/config_parser.h"
#include "worker/model/repository/parameters.h"
#include "worker/model/repository/proto_io.h"
#include "worker/model/repository/proto_policy.h"
#include "worker/model/repository/proto_types.h"

namespace sluice::repository {

namespace {

constexpr std::string_view kFile = "config.pbtxt";
constexpr std::string_view kJson = "config";

Error wrong(std::string detail) {
  return {ErrorCode::invalid_argument, std::move(detail)};
}

template <class Message>
TensorConfig read_tensor(const Message& message) {
  TensorConfig tensor{.name = message.name(),
                      .datatype = datatype_of(message.data_type()),
                      .dims = {message.dims().begin(), message.dims().end()}};
  if (message.has_reshape()) {
    tensor.reshape = Shape(message.reshape().shape().begin(), message.reshape().shape().end());
  }
  return tensor;
}

Result<std::vector<TensorConfig>> read_inputs(const inference::ModelConfig& message) {
  std::vector<TensorConfig> inputs;
  for (const inference::ModelInput& input : message.input()) {
    inputs.push_back(read_tensor(input));
    inputs.back().optional = input.optional();
    const auto format = format_of(input.format());
    if (!format) {
      return wrong("input '" + input.name() + "': format " + std::to_string(input.format()) +
                   " is none of FORMAT_NONE, FORMAT_NHWC, FORMAT_NCHW");
    }
    inputs.back().format = *format;
  }
  return inputs;
}

std::vector<TensorConfig> read_outputs(const inference::ModelConfig& message) {
  std::vector<TensorConfig> outputs;
  for (const inference::ModelOutput& output : message.output()) {
    outputs.push_back(read_tensor(output));
    outputs.back().label_filename = output.label_filename();
  }
  return outputs;
}

// Microseconds from outside; too many become what check_config refuses.
Duration microseconds(std::uint64_t count) {
  constexpr auto kMost = std::chrono::duration_cast<std::chrono::microseconds>(
      limits::kMaxDeadline + std::chrono::hours(1));
  return std::chrono::microseconds(std::min(count, static_cast<std::uint64_t>(kMost.count())));
}

// Likewise for levels.
std::uint32_t level_of(std::uint64_t level) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(level, UINT32_MAX));
}

Result<QueuePolicy> read_queue_policy(const inference::ModelQueuePolicy& message) {
  if (!inference::ModelQueuePolicy::TimeoutAction_IsValid(message.timeout_action())) {
    return wrong("timeout_action is REJECT or DELAY");
  }
  return QueuePolicy{
      .timeout_action = message.timeout_action() == inference::ModelQueuePolicy::DELAY
                            ? TimeoutAction::delay
                            : TimeoutAction::reject,
      .default_timeout = microseconds(message.default_timeout_microseconds()),
      .allow_timeout_override = message.allow_timeout_override(),
      .max_queue_size = message.max_queue_size()};
}

Result<DynamicBatching> read_batching(const inference::ModelDynamicBatching& message) {
  DynamicBatching batching{.preferred_batch_sizes = {message.preferred_batch_size().begin(),
                                                     message.preferred_batch_size().end()},
                           .max_queue_delay = microseconds(message.max_queue_delay_microseconds()),
                           .preserve_ordering = message.preserve_ordering(),
                           .priority_levels = level_of(message.priority_levels()),
                           .default_priority_level = level_of(message.default_priority_level())};
  std::ranges::sort(batching.preferred_batch_sizes);
  SLUICE_TRY_ASSIGN(batching.default_queue_policy,
                    read_queue_policy(message.default_queue_policy()));
  for (const auto& [level, policy] : message.priority_queue_policy()) {
    SLUICE_TRY_ASSIGN(batching.priority_queue_policy[level_of(level)], read_queue_policy(policy));
  }
  return batching;
}

// Executors of all groups together. A group without a count is as many as the worker's threads,
// which nothing can be added to.
Result<std::optional<int>> read_instances(const inference::ModelConfig& message) {
  std::int64_t sum = 0;
  bool open = false;
  for (const inference::ModelInstanceGroup& group : message.instance_group()) {
    if (group.kind() != inference::ModelInstanceGroup::KIND_AUTO &&
        group.kind() != inference::ModelInstanceGroup::KIND_CPU) {
      return Error{ErrorCode::unsupported,
                   "instance_group: kind " +
                       inference::ModelInstanceGroup::Kind_Name(group.kind()) +
                       " is refused: models run on CPUs here; KIND_CPU or KIND_AUTO"};
    }
    if (group.count() < 0) {
      return wrong("instance_group: count " + std::to_string(group.count()) + " is below 1");
    }
    sum += group.count();
    open = open || group.count() == 0;
  }
  if (open && message.instance_group_size() > 1) {
    return wrong("instance_group: each of several groups needs a count");
  }
  if (open || message.instance_group_size() == 0) {
    return std::optional<int>();
  }
  return std::optional(static_cast<int>(std::min<std::int64_t>(sum, INT32_MAX)));
}

Result<WarmUpInput> read_warm_up_input(const inference::ModelWarmup::Input& message) {
  using Source = WarmUpInput::Source;
  WarmUpInput input{.datatype = datatype_of(message.data_type()),
                    .dims = {message.dims().begin(), message.dims().end()}};
  if (message.has_input_data_file()) {
    input.source = Source::file;
    input.file = message.input_data_file();
  } else if (message.zero_data()) {
    input.source = Source::zero;
  } else if (message.random_data()) {
    input.source = Source::random;
  } else {
    return wrong("has no data: zero_data, random_data or input_data_file");
  }
  return input;
}

Result<std::vector<WarmUp>> read_warm_ups(const inference::ModelConfig& message,
                                          std::vector<std::string>& notes) {
  std::vector<WarmUp> samples;
  for (const inference::ModelWarmup& from : message.model_warmup()) {
    if (from.batch_size() == 0) {
      notes.push_back("model_warmup '" + from.name() + "' has no effect: its batch_size is 0");
      continue;
    }
    WarmUp sample{
        .name = from.name(), .batch_size = from.batch_size(), .count = std::max(1U, from.count())};
    for (const auto& [name, input] : from.inputs()) {
      auto read = read_warm_up_input(input);
      if (!read) {
        return with_context(std::move(read).error(),
                            "model_warmup '" + from.name() + "': input '" + name + "'");
      }
      sample.inputs.emplace(name, *std::move(read));
    }
    samples.push_back(std::move(sample));
  }
  return samples;
}

Result<ModelConfig> read_config(const inference::ModelConfig& message,
                                std::string_view model,
                                std::vector<std::string>& notes) {
  if (!message.name().empty() && message.name() != model) {
    return wrong("name '" + message.name() + "' is not that of its folder '" + std::string(model) +
                 "'; leave it out or make them equal");
  }
  ModelConfig config{.name = std::string(model),
                     .platform = message.platform(),
                     .backend = message.backend(),
                     .max_batch_size = message.max_batch_size(),
                     .outputs = read_outputs(message),
                     .metric_tags = {message.metric_tags().begin(), message.metric_tags().end()},
                     .transaction_policy = message.has_model_transaction_policy()};
  if (!message.default_model_filename().empty()) {
    config.default_model_filename = message.default_model_filename();
  }
  SLUICE_TRY_ASSIGN(config.inputs, read_inputs(message));
  auto policy = read_policy(message.version_policy());
  if (!policy) {
    return with_context(std::move(policy).error(), "version_policy");
  }
  config.version_policy = *std::move(policy);
  SLUICE_TRY_ASSIGN(config.instances, read_instances(message));
  if (message.has_dynamic_batching()) {
    auto batching = read_batching(message.dynamic_batching());
    if (!batching) {
      return with_context(std::move(batching).error(), "dynamic_batching");
    }
    config.dynamic_batching = *std::move(batching);
  }
  SLUICE_TRY_ASSIGN(config.warm_ups, read_warm_ups(message, notes));
  if (message.has_response_cache()) {
    config.response_cache = message.response_cache().enable();
  }
  for (const auto& [key, value] : message.parameters()) {
    config.parameters.emplace(key, value.string_value());
  }
  SLUICE_TRY(read_parameters(config, notes));
  SLUICE_TRY(check_config(config));
  return config;
}

void add_notes(const ModelConfig& config, std::vector<std::string>& notes) {
  if (config.dynamic_batching && config.max_batch_size < 2) {
    notes.push_back("dynamic_batching joins no requests: max_batch_size is " +
                    std::to_string(config.max_batch_size));
  }
  if (notes.size() > limits::kConfigNotes) {
    const std::size_t more = notes.size() - (limits::kConfigNotes - 1);
    notes.resize(limits::kConfigNotes - 1);
    notes.push_back("and " + std::to_string(more) + " more");
  }
}

Result<ParsedConfig> parse(ConfigForm form,
                           std::string_view content,
                           std::string_view file,
                           std::string_view model) {
  inference::ModelConfig message;
  ParsedConfig parsed;
  SLUICE_TRY(read_message(form, content, file, model_config_rules(), message, parsed.notes));
  auto config = read_config(message, model, parsed.notes);
  if (!config) {
    return with_context(std::move(config).error(), file);
  }
  parsed.config = *std::move(config);
  add_notes(parsed.config, parsed.notes);
  return parsed;
}

}  // namespace

Result<ParsedConfig> parse_model_config(std::string_view text, std::string_view model) {
  return parse(ConfigForm::text, text, kFile, model);
}

Result<ParsedConfig> parse_model_config_json(std::string_view json, std::string_view model) {
  return parse(ConfigForm::json, json, kJson, model);
}

}  // namespace sluice::repository
