#include "worker/model/repository/field_rules.h"

#include <algorithm>

namespace sluice::repository {

namespace {

using enum FieldAction;

constexpr std::string_view kNoGpu = "models run on CPUs here";
constexpr std::string_view kTensorRt = "it is for TensorRT engines";
constexpr std::string_view kOwnPlan = "the engine makes its own plan of a graph";

constexpr FieldRule kModelConfig[] = {
    {"name", take},
    {"platform", take},
    {"backend", take},
    {"runtime", note, "there is one runtime, the engine of this server"},
    {"version_policy", enter},
    {"version_policy.latest", take},
    {"version_policy.all", take},
    {"version_policy.specific", take},
    {"max_batch_size", take},
    {"input", enter},
    {"input.name", take},
    {"input.data_type", take},
    {"input.format", take},
    {"input.dims", take},
    {"input.reshape", take},
    {"input.is_shape_tensor", refuse, kTensorRt},
    {"input.allow_ragged_batch",
     refuse,
     "requests of different shapes are never joined: the model would see another tensor"},
    {"input.optional", take},
    {"input.is_non_linear_format_io", refuse, kTensorRt},
    {"output", enter},
    {"output.name", take},
    {"output.data_type", take},
    {"output.dims", take},
    {"output.label_filename", take},
    {"output.reshape", take},
    {"output.is_shape_tensor", refuse, kTensorRt},
    {"output.is_non_linear_format_io", refuse, kTensorRt},
    {"batch_input", refuse, "the server adds no inputs of its own to a batch"},
    {"batch_output", refuse, "outputs are split by rows alone"},
    {"optimization", enter},
    {"optimization.graph", note, kOwnPlan},
    {"optimization.priority", note, "all models have the same priority"},
    {"optimization.cuda", note, kNoGpu},
    {"optimization.execution_accelerators", note, kOwnPlan},
    {"optimization.input_pinned_memory", note, kNoGpu},
    {"optimization.output_pinned_memory", note, kNoGpu},
    {"optimization.gather_kernel_buffer_threshold", note, kNoGpu},
    {"optimization.eager_batching", note, "an idle executor always takes what is there"},
    {"dynamic_batching", enter},
    {"dynamic_batching.preferred_batch_size", take},
    {"dynamic_batching.max_queue_delay_microseconds", take},
    {"dynamic_batching.preserve_ordering", take},
    {"dynamic_batching.priority_levels", take},
    {"dynamic_batching.default_priority_level", take},
    {"dynamic_batching.default_queue_policy", take},
    {"dynamic_batching.priority_queue_policy", take},
    {"sequence_batching",
     refuse,
     "requests are answered independently of each other, by any worker of the model"},
    {"ensemble_scheduling", refuse, "models are served one by one; ensembles are not offered"},
    {"instance_group", enter},
    {"instance_group.name", note, "executors have no names of their own"},
    {"instance_group.kind", take},
    {"instance_group.count", take},
    {"instance_group.gpus", refuse, kNoGpu},
    {"instance_group.secondary_devices", refuse, kNoGpu},
    {"instance_group.profile", note, kTensorRt},
    {"instance_group.passive", refuse, "an instance that is never given work is not offered"},
    {"instance_group.rate_limiter",
     note,
     "executors are limited by their number and a worker's threads"},
    {"instance_group.host_policy", note, "where a worker runs is the operating system's choice"},
    {"default_model_filename", take},
    {"cc_model_filenames", note, kNoGpu},
    {"metric_tags", take},
    {"parameters", take},
    {"model_warmup", enter},
    {"model_warmup.name", take},
    {"model_warmup.batch_size", take},
    {"model_warmup.inputs", take},
    {"model_warmup.count", take},
    {"model_operations", refuse, "the operators are the engine's; no library of others is loaded"},
    {"model_transaction_policy", enter},
    {"model_transaction_policy.decoupled", refuse, "every request has exactly one answer"},
    {"model_repository_agents", refuse, "files are served as they lie there; no agent is run"},
    {"response_cache", enter},
    {"response_cache.enable", note, "this server has no response cache"},
    {"model_metrics", note, "the buckets of histograms are the server's own"},
};

constexpr FieldRule kModelList[] = {
    {"custom_model_config", refuse, "only model_config_list is known"},
    {"model_config_list", enter},
    {"model_config_list.config", enter},
    {"model_config_list.config.name", take},
    {"model_config_list.config.base_path", take},
    {"model_config_list.config.model_platform", take},
    {"model_config_list.config.model_type",
     refuse,
     "it is deprecated; write model_platform: \"onnx\""},
    {"model_config_list.config.logging_config", refuse, "requests are not logged to files"},
    {"model_config_list.config.model_version_policy", take},
    {"model_config_list.config.version_labels", take},
};

}  // namespace

std::span<const FieldRule> model_config_rules() {
  return kModelConfig;
}

std::span<const FieldRule> model_list_rules() {
  return kModelList;
}

const FieldRule* find_rule(std::span<const FieldRule> rules, std::string_view path) {
  const auto found = std::ranges::find(rules, path, &FieldRule::path);
  return found == rules.end() ? nullptr : &*found;
}

}  // namespace sluice::repository
