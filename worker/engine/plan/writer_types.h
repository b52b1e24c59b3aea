// What inputs and outputs are, as a file says it. A part of the writer.

#pragma once

#include <string>
#include <vector>

#include <onnx/onnx_pb.h>

#include "common/base/result.h"
#include "worker/engine/plan/plan.h"

namespace sluice::engine {

// unsupported for maps.
Result<void> write_declared(const Declared& declared,
                            const std::string& name,
                            onnx::ValueInfoProto& proto);

// `names`: by ValueId. An input that was a map in the file that was read is one again.
Result<void> write_inputs(const Plan& plan,
                          const std::vector<std::string>& names,
                          onnx::GraphProto& graph);

// A sequence of maps from labels to scores, where a ZipMap makes it; else false.
bool write_maps(const Plan& plan,
                const Declared& declared,
                const std::string& name,
                onnx::ValueInfoProto& proto);

}  // namespace sluice::engine
