// What a graph declares of its inputs and outputs. One of the doors to ONNX's protobuf classes.

#pragma once

#include <onnx/onnx_pb.h>

#include "common/base/result.h"
#include "worker/engine/graph/graph.h"

namespace sluice::engine {

// Of the model's graph. unsupported for types we do not have, naming the value.
Result<Declared> read_declared(const onnx::ValueInfoProto& proto);

// Of a graph inside another: whatever can be made of it. A type may be left out or be wrong, since
// values have the types they come with.
Result<Declared> read_hint(const onnx::ValueInfoProto& proto);

}  // namespace sluice::engine
