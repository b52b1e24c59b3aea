#include "worker/model/repository/completion.h"

#include <algorithm>
#include <string>
#include <utility>

#include "worker/model/repository/config_parser.h"

namespace sluice::repository {

namespace {

Error wrong(std::string detail) {
  return {ErrorCode::invalid_argument, std::move(detail)};
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

const ValueInfo* find(const std::vector<ValueInfo>& values, std::string_view name) {
  const auto found = std::ranges::find(values, name, &ValueInfo::name);
  return found == values.end() ? nullptr : &*found;
}

const TensorConfig* find(const std::vector<TensorConfig>& tensors, std::string_view name) {
  const auto found = std::ranges::find(tensors, name, &TensorConfig::name);
  return found == tensors.end() ? nullptr : &*found;
}

bool opens_with_batch(const ValueInfo& value) {
  return !value.shape.empty() && value.shape.front() == -1;
}

// Every input and output begins with an extent that the caller chooses.
bool can_batch(const ModelInfo& facts) {
  return std::ranges::all_of(facts.inputs, opens_with_batch) &&
         std::ranges::all_of(facts.outputs, opens_with_batch);
}

// A declared tensor in the config's form.
TensorConfig declared(const ValueInfo& value, int max_batch) {
  TensorConfig tensor{.name = value.name,
                      .datatype = value.datatype,
                      .dims = value.shape,
                      .optional = value.optional};
  if (max_batch > 0) {
    tensor.dims.erase(tensor.dims.begin());
    if (tensor.dims.empty()) {
      tensor.dims = {1};  // one number of each item
      tensor.reshape = Shape{};
    }
  }
  return tensor;
}

// `dims` with the batch in front where there is one.
Shape whole(const Shape& dims, int max_batch) {
  Shape shape = dims;
  if (max_batch > 0) {
    shape.insert(shape.begin(), -1);
  }
  return shape;
}

const Shape& model_dims(const TensorConfig& tensor) {
  return tensor.reshape ? *tensor.reshape : tensor.dims;
}

bool compatible(const Shape& one, const Shape& other) {
  return one.size() == other.size() &&
         std::equal(one.begin(), one.end(), other.begin(), [](std::int64_t a, std::int64_t b) {
           return a == b || a == -1 || b == -1;
         });
}

Result<void> check_tensor(const char* kind,
                          const TensorConfig& tensor,
                          const std::vector<ValueInfo>& facts,
                          int max_batch) {
  const std::string what = std::string(kind) + " " + quoted(tensor.name);
  const ValueInfo* value = find(facts, tensor.name);
  if (value == nullptr) {
    std::string names;
    for (const ValueInfo& fact : facts) {
      names += (names.empty() ? "" : ", ") + quoted(fact.name);
    }
    return wrong(what + " is not in the model, which has " + (names.empty() ? "none" : names));
  }
  if (value->datatype != tensor.datatype) {
    return wrong(what + ": data_type " + std::string(kserve_name_of(tensor.datatype)) +
                 ", the model has " + std::string(kserve_name_of(value->datatype)));
  }
  const Shape shape = whole(model_dims(tensor), max_batch);
  if (!compatible(shape, value->shape)) {
    return wrong(what + ": " + (tensor.reshape ? "reshape" : "dims") + " " +
                 to_string(model_dims(tensor)) + (max_batch > 0 ? " behind the batch do" : " do") +
                 " not fit the model's " + to_string(value->shape));
  }
  if (tensor.optional && !value->optional) {
    return wrong(what + " is optional in the config, but the model has no default for it");
  }
  return {};
}

Result<void> check_batch(const ModelConfig& config, const ModelInfo& facts) {
  if (config.max_batch_size == 0) {
    return {};
  }
  for (const auto* values : {&facts.inputs, &facts.outputs}) {
    for (const ValueInfo& value : *values) {
      if (!opens_with_batch(value)) {
        return wrong("max_batch_size is " + std::to_string(config.max_batch_size) + ", but " +
                     quoted(value.name) + " of the model has shape " + to_string(value.shape) +
                     " and so no batch in front; leave max_batch_size out");
      }
    }
  }
  return {};
}

Result<void> check_warm_up(const ModelConfig& config,
                           const WarmUp& sample,
                           const ModelInfo& facts) {
  const std::string what = "model_warmup " + quoted(sample.name);
  for (const auto& [name, input] : sample.inputs) {
    const ValueInfo* value = find(facts.inputs, name);
    if (value == nullptr) {
      return wrong(what + ": input " + quoted(name) + " is not in the model");
    }
    if (value->datatype != input.datatype) {
      return wrong(what + ": input " + quoted(name) + ": data_type " +
                   std::string(kserve_name_of(input.datatype)) + ", the model has " +
                   std::string(kserve_name_of(value->datatype)));
    }
    const TensorConfig* tensor = find(config.inputs, name);
    const Shape wanted =
        tensor != nullptr ? whole(tensor->dims, config.max_batch_size) : value->shape;
    if (!compatible(whole(input.dims, config.max_batch_size), wanted)) {
      return wrong(what + ": input " + quoted(name) + ": dims " + to_string(input.dims) +
                   " do not fit " + to_string(wanted));
    }
  }
  for (const ValueInfo& value : facts.inputs) {
    const TensorConfig* tensor = find(config.inputs, value.name);
    const bool optional = value.optional && (tensor == nullptr || tensor->optional);
    if (!optional && !sample.inputs.contains(value.name)) {
      return wrong(what + " lacks input " + quoted(value.name));
    }
  }
  return {};
}

// The tighter of two compatible shapes.
Shape narrowed(Shape shape, const Shape& by) {
  for (std::size_t i = 0; i < shape.size() && i < by.size(); ++i) {
    shape[i] = shape[i] == -1 ? by[i] : shape[i];
  }
  return shape;
}

ValueInfo served(const ValueInfo& value, const TensorConfig& tensor, int max_batch) {
  const Shape dims = whole(tensor.dims, max_batch);
  return {.name = value.name,
          .datatype = value.datatype,
          .shape = tensor.reshape ? dims : narrowed(dims, value.shape),
          .optional = value.optional && tensor.optional};
}

// `shape` is batch and `from`; the answer is batch and `to`, whose open extents are those of `from`
// in their order.
Result<Shape> reshaped(const std::string& name,
                       const Shape& from,
                       const Shape& to,
                       int max_batch,
                       const Shape& shape) {
  const std::size_t lead = max_batch > 0 ? 1 : 0;
  const Shape pattern = whole(from, max_batch);
  if (!compatible(shape, pattern)) {
    return wrong("unexpected shape for " + quoted(name) + ". Expected " + to_string(pattern) +
                 ", got " + to_string(shape) + ".");
  }
  Shape open;
  for (std::size_t i = lead; i < shape.size(); ++i) {
    if (pattern[i] == -1) {
      open.push_back(shape[i]);
    }
  }
  Shape result(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(lead));
  auto next = open.begin();
  for (const std::int64_t extent : to) {
    result.push_back(extent == -1 && next != open.end() ? *next++ : extent);
  }
  return result;
}

}  // namespace

Result<ModelConfig> complete(ModelConfig config,
                             const ModelInfo& facts,
                             const CompletionDefaults& defaults) {
  const bool silent = config.inputs.empty() && config.outputs.empty();
  if (config.max_batch_size == 0 && silent && can_batch(facts)) {
    config.max_batch_size = defaults.max_batch_size;
    if (config.max_batch_size > 1 && !config.dynamic_batching) {
      config.dynamic_batching = DynamicBatching{};
    }
  }
  SLUICE_TRY(check_batch(config, facts));
  if (config.inputs.empty()) {
    for (const ValueInfo& value : facts.inputs) {
      config.inputs.push_back(declared(value, config.max_batch_size));
    }
  }
  if (config.outputs.empty()) {
    for (const ValueInfo& value : facts.outputs) {
      config.outputs.push_back(declared(value, config.max_batch_size));
    }
  }
  if (config.platform.empty()) {
    config.platform = facts.platform;
  }
  if (config.backend.empty()) {
    config.backend = "onnxruntime";
  }
  if (!config.version_policy) {
    config.version_policy = VersionPolicy{};
  }
  if (!config.instances) {
    config.instances = defaults.instances;
  }
  SLUICE_TRY(check_against(config, facts));
  return config;
}

Result<void> check_against(const ModelConfig& config, const ModelInfo& facts) {
  SLUICE_TRY(check_batch(config, facts));
  for (const TensorConfig& tensor : config.inputs) {
    SLUICE_TRY(check_tensor("input", tensor, facts.inputs, config.max_batch_size));
  }
  for (const TensorConfig& tensor : config.outputs) {
    SLUICE_TRY(check_tensor("output", tensor, facts.outputs, config.max_batch_size));
  }
  for (const ValueInfo& value : facts.inputs) {
    if (!config.inputs.empty() && !value.optional && find(config.inputs, value.name) == nullptr) {
      return wrong(
          "input " + quoted(value.name) + " of the model is not in the config, which has " +
          std::to_string(config.inputs.size()) + " of " + std::to_string(facts.inputs.size()));
    }
  }
  for (const WarmUp& sample : config.warm_ups) {
    SLUICE_TRY(check_warm_up(config, sample, facts));
  }
  return {};
}

ModelInfo served_info(const ModelConfig& config, const ModelInfo& facts) {
  ModelInfo info = facts;
  if (!config.platform.empty()) {
    info.platform = config.platform;
  }
  const auto narrow = [&config](std::vector<ValueInfo>& values,
                                const std::vector<TensorConfig>& tensors) {
    if (tensors.empty()) {
      return;
    }
    std::erase_if(values, [&](const ValueInfo& value) { return !find(tensors, value.name); });
    for (ValueInfo& value : values) {
      value = served(value, *find(tensors, value.name), config.max_batch_size);
    }
  };
  narrow(info.inputs, config.inputs);
  narrow(info.outputs, config.outputs);
  return info;
}

bool has_reshape(const ModelConfig& config) {
  const auto has = [](const TensorConfig& tensor) { return tensor.reshape.has_value(); };
  return std::ranges::any_of(config.inputs, has) || std::ranges::any_of(config.outputs, has);
}

Result<Shape> to_model_shape(const TensorConfig& tensor, int max_batch_size, const Shape& shape) {
  return reshaped(tensor.name, tensor.dims, model_dims(tensor), max_batch_size, shape);
}

Result<Shape> to_client_shape(const TensorConfig& tensor, int max_batch_size, const Shape& shape) {
  return reshaped(tensor.name, model_dims(tensor), tensor.dims, max_batch_size, shape);
}

}  // namespace sluice::repository
