// What a model file says of itself. One of the doors to ONNX's protobuf classes.

#pragma once

#include <onnx/onnx_pb.h>

#include "worker/engine/inspection.h"
#include "worker/engine/read/functions.h"

namespace sluice::engine {

FileFacts facts_of(const onnx::ModelProto& model, const Opsets& opsets);

}  // namespace sluice::engine
