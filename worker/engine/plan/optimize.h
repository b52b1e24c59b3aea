// The passes of the plan that ONNX has words for, and the model behind them as a file again. What
// only our kernels can do (a relu on a convolution's way out, packed weights, layouts) stays out.

#pragma once

#include "common/base/result.h"
#include "worker/engine/graph/registry.h"
#include "worker/engine/optimization.h"
#include "worker/engine/read/reader.h"

namespace sluice::engine {

// Nothing newer than the file's opset comes into it. Errors as build_plan's; unsupported, naming
// the node, for what the engine has read in its own words and no file can hold; resource_exhausted
// where its weights do not fit a file of 2 GB.
Result<Optimization> optimize(Model model, const Registry& registry);

}  // namespace sluice::engine
