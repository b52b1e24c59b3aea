// ModelConfig as JSON, by way of its protobuf message.

#include "schema/model_config.pb.h"
#include "worker/model/repository/config_parser.h"
#include "worker/model/repository/proto_io.h"
#include "worker/model/repository/proto_types.h"

namespace sluice::repository {

namespace {

std::uint64_t microseconds(Duration duration) {
  return static_cast<std::uint64_t>(duration / std::chrono::microseconds(1));
}

template <class Message>
void write_tensor(const TensorConfig& tensor, Message& message) {
  message.set_name(tensor.name);
  message.set_data_type(datatype_of(tensor.datatype));
  message.mutable_dims()->Add(tensor.dims.begin(), tensor.dims.end());
  if (tensor.reshape) {
    message.mutable_reshape()->mutable_shape()->Add(tensor.reshape->begin(), tensor.reshape->end());
  }
}

void write_policy(const VersionPolicy& policy, inference::ModelVersionPolicy& message) {
  switch (policy.kind) {
    case VersionPolicy::Kind::latest:
      message.mutable_latest()->set_num_versions(policy.count);
      return;
    case VersionPolicy::Kind::all:
      message.mutable_all();
      return;
    case VersionPolicy::Kind::specific:
      message.mutable_specific()->mutable_versions()->Add(policy.versions.begin(),
                                                          policy.versions.end());
      return;
  }
}

void write_queue_policy(const QueuePolicy& policy, inference::ModelQueuePolicy& message) {
  message.set_timeout_action(policy.timeout_action == TimeoutAction::delay
                                 ? inference::ModelQueuePolicy::DELAY
                                 : inference::ModelQueuePolicy::REJECT);
  message.set_default_timeout_microseconds(microseconds(policy.default_timeout));
  message.set_allow_timeout_override(policy.allow_timeout_override);
  message.set_max_queue_size(policy.max_queue_size);
}

void write_batching(const DynamicBatching& batching, inference::ModelDynamicBatching& message) {
  message.mutable_preferred_batch_size()->Add(batching.preferred_batch_sizes.begin(),
                                              batching.preferred_batch_sizes.end());
  message.set_max_queue_delay_microseconds(microseconds(batching.max_queue_delay));
  message.set_preserve_ordering(batching.preserve_ordering);
  message.set_priority_levels(batching.priority_levels);
  message.set_default_priority_level(batching.default_priority_level);
  if (batching.default_queue_policy != QueuePolicy{}) {
    write_queue_policy(batching.default_queue_policy, *message.mutable_default_queue_policy());
  }
  for (const auto& [level, policy] : batching.priority_queue_policy) {
    write_queue_policy(policy, (*message.mutable_priority_queue_policy())[level]);
  }
}

void write_warm_up(const WarmUp& sample, inference::ModelWarmup& message) {
  message.set_name(sample.name);
  message.set_batch_size(sample.batch_size);
  message.set_count(sample.count);
  for (const auto& [name, input] : sample.inputs) {
    inference::ModelWarmup::Input& to = (*message.mutable_inputs())[name];
    to.set_data_type(datatype_of(input.datatype));
    to.mutable_dims()->Add(input.dims.begin(), input.dims.end());
    switch (input.source) {
      case WarmUpInput::Source::zero:
        to.set_zero_data(true);
        break;
      case WarmUpInput::Source::random:
        to.set_random_data(true);
        break;
      case WarmUpInput::Source::file:
        to.set_input_data_file(input.file);
        break;
    }
  }
}

void write_scheduling(const ModelConfig& config, inference::ModelConfig& message) {
  if (config.instances) {
    inference::ModelInstanceGroup& group = *message.add_instance_group();
    group.set_name(config.name + "_0");
    group.set_kind(inference::ModelInstanceGroup::KIND_CPU);
    group.set_count(*config.instances);
  }
  if (config.dynamic_batching) {
    write_batching(*config.dynamic_batching, *message.mutable_dynamic_batching());
  }
  for (const WarmUp& sample : config.warm_ups) {
    write_warm_up(sample, *message.add_model_warmup());
  }
}

}  // namespace

std::string to_json(const ModelConfig& config) {
  inference::ModelConfig message;
  message.set_name(config.name);
  message.set_platform(config.platform);
  message.set_backend(config.backend);
  message.set_default_model_filename(config.default_model_filename);
  message.set_max_batch_size(config.max_batch_size);
  write_policy(config.policy(), *message.mutable_version_policy());
  for (const TensorConfig& tensor : config.inputs) {
    inference::ModelInput& input = *message.add_input();
    write_tensor(tensor, input);
    input.set_optional(tensor.optional);
    input.set_format(format_of(tensor.format));
  }
  for (const TensorConfig& tensor : config.outputs) {
    inference::ModelOutput& output = *message.add_output();
    write_tensor(tensor, output);
    output.set_label_filename(tensor.label_filename);
  }
  write_scheduling(config, message);
  for (const auto& [key, value] : config.metric_tags) {
    (*message.mutable_metric_tags())[key] = value;
  }
  for (const auto& [key, value] : config.parameters) {
    (*message.mutable_parameters())[key].set_string_value(value);
  }
  if (config.response_cache) {
    message.mutable_response_cache()->set_enable(*config.response_cache);
  }
  if (config.transaction_policy) {
    message.mutable_model_transaction_policy();
  }
  return message_to_json(message);
}

}  // namespace sluice::repository
