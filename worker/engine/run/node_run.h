// One node run by itself on given tensors: constant folding, steps whose shapes only a run knows,
// and the operators' tests.

#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/tensor/buffer.h"
#include "worker/engine/graph/kernel.h"
#include "worker/engine/machine/memory_bound.h"
#include "worker/engine/plan/plan.h"

namespace sluice::engine {

// Facts about `inputs`, all of whose values are known; a view without datatype is absent.
std::vector<InputFact> facts_of(std::span<const TensorView> inputs);

// What a step of a prepared kernel was last bound to, for one that is run again and again: such a
// kernel's bind looks at datatypes and dims alone, and is what costs time (oneDNN's primitives).
struct StepCache {
  std::vector<DataType> datatypes{};
  std::vector<Shape> dims{};
  OutputFacts facts{};
  Box bound{};
  MemoryHold held{};  // for the scratch
  MutableBuffer scratch{};
};

// infer, bind and run. `step` is prepared. Inputs are row-major; an absent one has no datatype.
// Outputs the node does not name come back as empty tensors. `facts`: what infer said of inputs
// like these, where that is known.
Result<std::vector<Tensor>> run_step(const Step& step,
                                     std::span<const TensorView> inputs,
                                     const std::atomic<bool>* stop = nullptr,
                                     StepCache* cache = nullptr,
                                     const OutputFacts* facts = nullptr);

}  // namespace sluice::engine
