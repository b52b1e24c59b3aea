// One node run by itself on given tensors: constant folding, steps whose shapes only a run knows,
// and the operators' tests.

#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/kernel.h"
#include "worker/engine/plan.h"

namespace sluice::engine {

// Facts about `inputs`, all of whose values are known; a view without datatype is absent.
std::vector<InputFact> facts_of(std::span<const TensorView> inputs);

// infer, bind and run. `step` is prepared. Inputs are row-major; an absent one has no datatype.
// Outputs the node does not name come back as empty tensors.
Result<std::vector<Tensor>> run_step(const Step& step,
                                     std::span<const TensorView> inputs,
                                     const std::atomic<bool>* stop = nullptr);

}  // namespace sluice::engine
