// A configuration and the model it is for: what the file does not say is taken from the model, what
// it says is held against the model. Pure, and without protobuf; for node, worker and tools.

#pragma once

#include <span>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "worker/model/repository/model_config.h"

namespace sluice::repository {

struct CompletionDefaults {
  // For a model whose inputs and outputs all begin with an open extent and whose config says
  // nothing of batching. 0: its tensors stay whole, so that a request may bring any batch.
  int max_batch_size = 0;
  int instances = 1;  // the worker's threads
};

// `facts`: names, datatypes and whole shapes as the model declares them. Fills platform, backend,
// version policy, instances, inputs and outputs; then checks as check_against does.
Result<ModelConfig> complete(ModelConfig config,
                             const ModelInfo& facts,
                             const CompletionDefaults& defaults);

// invalid_argument, in one sentence: an input or output the model has not, an input of the model
// the config leaves out, another datatype, extents that contradict each other, max_batch_size for a
// model with a fixed first extent, a warm-up that is no request of this model.
Result<void> check_against(const ModelConfig& config, const ModelInfo& facts);

// What clients are told and held to: the model's facts narrowed by the config (fewer outputs,
// optional inputs, known extents, reshapes undone), shapes with the batch as -1 in front.
// `config` has passed check_against.
ModelInfo served_info(const ModelConfig& config, const ModelInfo& facts);

// True when a tensor's shape differs between clients and model.
bool has_reshape(const ModelConfig& config);

// The shape the model wants for a tensor a client sent, and back: the batch stays, the rest becomes
// `to`, whose open extents are filled from `shape`'s remaining elements. Both in whole shapes.
// invalid_argument when the elements do not fit.
Result<Shape> to_model_shape(const TensorConfig& tensor, int max_batch_size, const Shape& shape);
Result<Shape> to_client_shape(const TensorConfig& tensor, int max_batch_size, const Shape& shape);

}  // namespace sluice::repository
