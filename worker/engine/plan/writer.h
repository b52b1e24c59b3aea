// From a plan's steps to the bytes of an ONNX file. With the reader the only door to ONNX's
// protobuf classes.

#pragma once

#include <string>

#include "common/base/result.h"
#include "worker/engine/graph/registry.h"
#include "worker/engine/inspection.h"
#include "worker/engine/plan/plan.h"

namespace sluice::engine {

// `plan` has no step whose weights are packed; `facts` are those of the file it was read from,
// whose opsets are kept. unsupported, naming the node: an operator that a file cannot hold, or of
// another opset than the file's. resource_exhausted: more than protobuf's 2 GB.
Result<std::string> write_model(const Plan& plan, const FileFacts& facts, const Registry& registry);

}  // namespace sluice::engine
