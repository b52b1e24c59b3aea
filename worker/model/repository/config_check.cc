// The rules between the fields of a configuration.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "common/base/limits.h"
#include "common/metrics/prometheus.h"
#include "worker/model/repository/config_parser.h"

namespace sluice::repository {

namespace {

Error wrong(std::string detail) {
  return {ErrorCode::invalid_argument, std::move(detail)};
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

// A file beside others: no folder, nothing that climbs out.
bool is_plain_file(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= limits::kFileNameBytes &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

// A file below a folder: relative, and nothing that climbs out.
bool is_inner_path(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.size() > limits::kFileNameBytes) {
    return false;
  }
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (!is_plain_file(path.substr(0, end))) {
      return false;
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return true;
}

// The product of the fixed extents between open ones: "[2,-1,3,4]" -> {2, 12}. 0 on overflow.
std::vector<std::int64_t> products(const Shape& dims) {
  std::vector<std::int64_t> all{1};
  for (const std::int64_t extent : dims) {
    if (extent < 0) {
      all.push_back(1);
    } else if (__builtin_mul_overflow(all.back(), extent, &all.back())) {
      all.back() = 0;
    }
  }
  return all;
}

Result<void> check_extents(const std::string& what, const Shape& dims) {
  if (dims.size() >= limits::kTensorRank) {
    return wrong(what + " has " + std::to_string(dims.size()) + " extents, at most " +
                 std::to_string(limits::kTensorRank - 1) + " are allowed");
  }
  for (const std::int64_t extent : dims) {
    if (extent < 1 && extent != -1) {
      return wrong(what + " " + to_string(dims) + ": an extent is 1 or more, or -1 for any");
    }
  }
  return {};
}

Result<void> check_reshape(const std::string& what, const TensorConfig& tensor, int max_batch) {
  if (!tensor.reshape) {
    return {};
  }
  const Shape& to = *tensor.reshape;
  SLUICE_TRY(check_extents(what + ": reshape", to));
  if (to.empty() && max_batch < 1) {
    return wrong(what + ": reshape [] needs max_batch_size of 1 or more");
  }
  const std::vector<std::int64_t> from = products(tensor.dims);
  if (from != products(to) || std::ranges::find(from, 0) != from.end()) {
    return wrong(what + ": reshape " + to_string(to) + " has not the elements of dims " +
                 to_string(tensor.dims) + "; open extents must be as many and what is between " +
                 "them equal");
  }
  return {};
}

Result<void> check_tensor(const std::string& what, const TensorConfig& tensor, int max_batch) {
  if (tensor.datatype == DataType::undefined) {
    return wrong(what + ": data_type is missing");
  }
  if (tensor.dims.empty()) {
    return wrong(what + ": dims is missing; a single number is dims [1]");
  }
  SLUICE_TRY(check_extents(what + ": dims", tensor.dims));
  SLUICE_TRY(check_reshape(what, tensor, max_batch));
  if (tensor.format != TensorFormat::none && tensor.dims.size() != 3) {
    return wrong(what + ": FORMAT_NHWC and FORMAT_NCHW want dims of 3 extents, not " +
                 to_string(tensor.dims));
  }
  if (!tensor.label_filename.empty() && !is_inner_path(tensor.label_filename)) {
    return wrong(what + ": label_filename " + quoted(tensor.label_filename) +
                 " is not a file inside the model's folder");
  }
  return {};
}

Result<void> check_tensors(const char* kind,
                           const std::vector<TensorConfig>& tensors,
                           int max_batch) {
  if (tensors.size() > limits::kTensorsPerRequest) {
    return wrong(std::to_string(tensors.size()) + " of " + kind + ", at most " +
                 std::to_string(limits::kTensorsPerRequest) + " are allowed");
  }
  std::set<std::string_view> names;
  for (const TensorConfig& tensor : tensors) {
    if (tensor.name.empty() || tensor.name.size() > limits::kNameBytes) {
      return wrong(std::string(kind) + "[" + std::to_string(&tensor - tensors.data()) +
                   "]: name has 1 to " + std::to_string(limits::kNameBytes) + " bytes");
    }
    if (!names.insert(tensor.name).second) {
      return wrong(std::string(kind) + " " + quoted(tensor.name) + " is given twice");
    }
    SLUICE_TRY(check_tensor(std::string(kind) + " " + quoted(tensor.name), tensor, max_batch));
  }
  return {};
}

Result<void> check_queue_policy(const std::string& what, const QueuePolicy& policy) {
  if (policy.default_timeout < Duration{} || policy.default_timeout > limits::kMaxDeadline) {
    return wrong(what + ": default_timeout_microseconds is at most 24 hours");
  }
  return {};
}

Result<void> check_priorities(const DynamicBatching& batching) {
  const std::uint32_t levels = batching.priority_levels;
  if (levels > limits::kPriorityLevels) {
    return wrong("dynamic_batching: priority_levels is at most " +
                 std::to_string(limits::kPriorityLevels));
  }
  const std::uint32_t chosen = batching.default_priority_level;
  if (levels == 0 && (chosen != 0 || !batching.priority_queue_policy.empty())) {
    return wrong(
        "dynamic_batching: default_priority_level and priority_queue_policy need "
        "priority_levels");
  }
  if (levels > 0 && (chosen < 1 || chosen > levels)) {
    return wrong("dynamic_batching: default_priority_level is 1 to " + std::to_string(levels) +
                 ", not " + std::to_string(chosen));
  }
  SLUICE_TRY(check_queue_policy("default_queue_policy", batching.default_queue_policy));
  for (const auto& [level, policy] : batching.priority_queue_policy) {
    if (level < 1 || level > levels) {
      return wrong("dynamic_batching: priority_queue_policy names level " + std::to_string(level) +
                   ", levels are 1 to " + std::to_string(levels));
    }
    SLUICE_TRY(check_queue_policy("priority_queue_policy " + std::to_string(level), policy));
  }
  return {};
}

Result<void> check_batching(const DynamicBatching& batching, int max_batch) {
  std::set<int> seen;
  for (const int size : batching.preferred_batch_sizes) {
    if (size < 1 || size > max_batch) {
      return wrong("dynamic_batching: preferred_batch_size " + std::to_string(size) +
                   " is not 1 to max_batch_size, which is " + std::to_string(max_batch));
    }
    if (!seen.insert(size).second) {
      return wrong("dynamic_batching: preferred_batch_size " + std::to_string(size) +
                   " is given twice");
    }
  }
  if (batching.max_queue_delay < Duration{} || batching.max_queue_delay > limits::kMaxDeadline) {
    return wrong("dynamic_batching: max_queue_delay_microseconds is at most 24 hours");
  }
  return check_priorities(batching);
}

Result<void> check_warm_up_input(const std::string& what, const WarmUpInput& input) {
  if (input.datatype == DataType::undefined) {
    return wrong(what + ": data_type is missing");
  }
  const bool known =
      std::ranges::all_of(input.dims, [](std::int64_t extent) { return extent > 0; });
  if (!known || input.dims.size() >= limits::kTensorRank || !element_count(input.dims)) {
    return wrong(what + ": dims " + to_string(input.dims) + " must all be 1 or more");
  }
  if (input.source == WarmUpInput::Source::file && !is_inner_path(input.file)) {
    return wrong(what + ": input_data_file " + quoted(input.file) +
                 " is not a file inside the model's folder 'warmup'");
  }
  return {};
}

Result<void> check_warm_ups(const ModelConfig& config) {
  if (config.warm_ups.size() > limits::kWarmUps) {
    return wrong("model_warmup: at most " + std::to_string(limits::kWarmUps) + " samples");
  }
  for (const WarmUp& sample : config.warm_ups) {
    const std::string what = "model_warmup " + quoted(sample.name);
    const int most = std::max(1, config.max_batch_size);
    if (sample.batch_size < 1 || std::cmp_greater(sample.batch_size, most)) {
      return wrong(what + ": batch_size " + std::to_string(sample.batch_size) + " is not 1 to " +
                   std::to_string(most));
    }
    if (sample.count < 1 || sample.count > limits::kWarmUpRuns) {
      return wrong(what + ": count is 1 to " + std::to_string(limits::kWarmUpRuns));
    }
    if (sample.inputs.empty()) {
      return wrong(what + " has no inputs");
    }
    for (const auto& [name, input] : sample.inputs) {
      SLUICE_TRY(check_warm_up_input(what + ": input " + quoted(name), input));
    }
  }
  return {};
}

Result<void> check_kind_of_model(const ModelConfig& config) {
  constexpr std::string_view kPlatforms[] = {"", "onnxruntime_onnx", "onnx_onnxv1"};
  constexpr std::string_view kBackends[] = {"", "onnxruntime", "sluice"};
  if (std::ranges::find(kPlatforms, config.platform) == std::end(kPlatforms)) {
    return Error{ErrorCode::unsupported,
                 "platform " + quoted(config.platform) +
                     " is not served here; ONNX models are onnxruntime_onnx or onnx_onnxv1"};
  }
  if (std::ranges::find(kBackends, config.backend) == std::end(kBackends)) {
    return Error{ErrorCode::unsupported,
                 "backend " + quoted(config.backend) +
                     " is not offered here; ONNX models have onnxruntime or sluice"};
  }
  return {};
}

Result<void> check_rollout(const RolloutDefaults& rollout) {
  const std::vector<int>& steps = rollout.steps;
  const bool ascending = std::ranges::adjacent_find(steps, std::greater_equal<>()) == steps.end();
  if (!steps.empty() && (!ascending || steps.front() < 1 || steps.back() != 100)) {
    return wrong("sluice.steps: percents of the traffic, rising, from 1, the last one 100");
  }
  if (!steps.empty() && rollout.strategy == RolloutStrategy::recreate) {
    return wrong(
        "sluice.steps and sluice.strategy recreate exclude each other: "
        "old and new never serve at once");
  }
  return {};
}

Result<void> check_metric_tags(const std::map<std::string, std::string>& tags) {
  if (tags.size() > limits::kMetricTags) {
    return wrong("metric_tags: at most " + std::to_string(limits::kMetricTags));
  }
  for (const auto& [key, value] : tags) {
    if (!metrics::is_tag_key(key)) {
      return wrong("metric_tags: key " + quoted(key) + " makes no label: 1 to " +
                   std::to_string(limits::kMetricTagKeyBytes) +
                   " letters of ASCII, digits and '_', which is not the first");
    }
    if (value.size() > limits::kMetricLabelBytes) {
      return wrong("metric_tags: the value of " + quoted(key) + " has " +
                   std::to_string(value.size()) + " bytes, at most " +
                   std::to_string(limits::kMetricLabelBytes) + " are allowed");
    }
  }
  return {};
}

}  // namespace

Result<void> check_config(const ModelConfig& config) {
  SLUICE_TRY(check_model_name(config.name));
  SLUICE_TRY(check_kind_of_model(config));
  if (!is_plain_file(config.default_model_filename)) {
    return wrong("default_model_filename " + quoted(config.default_model_filename) +
                 " is not the name of a file");
  }
  if (config.max_batch_size < 0) {
    return wrong("max_batch_size is 0 or more, not " + std::to_string(config.max_batch_size));
  }
  SLUICE_TRY(check_tensors("input", config.inputs, config.max_batch_size));
  SLUICE_TRY(check_tensors("output", config.outputs, config.max_batch_size));
  if (config.instances &&
      (*config.instances < 1 || std::cmp_greater(*config.instances, limits::kExecutorsPerWorker))) {
    return wrong("instance_group: a count of " + std::to_string(*config.instances) +
                 " in all, 1 to " + std::to_string(limits::kExecutorsPerWorker) + " are allowed");
  }
  if (config.dynamic_batching) {
    SLUICE_TRY(check_batching(*config.dynamic_batching, config.max_batch_size));
  }
  SLUICE_TRY(check_warm_ups(config));
  SLUICE_TRY(check_metric_tags(config.metric_tags));
  if (config.replicas < 1 || std::cmp_greater(config.replicas, limits::kReplicas)) {
    return wrong("sluice.replicas is 1 to " + std::to_string(limits::kReplicas) + ", not " +
                 std::to_string(config.replicas));
  }
  if (config.labels.size() > limits::kLabelsPerModel) {
    return wrong("at most " + std::to_string(limits::kLabelsPerModel) + " labels");
  }
  for (const auto& [label, version] : config.labels) {
    SLUICE_TRY(check_label_name(label));
    if (version < 1) {
      return wrong("label " + quoted(label) + ": versions are numbers from 1, not " +
                   std::to_string(version));
    }
  }
  return check_rollout(config.rollout);
}

}  // namespace sluice::repository
