// One node run by itself on given tensors: constant folding, steps whose shapes only a run knows,
// and the operators' tests.

#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
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

// infer, bind and run of a prepared step, again and again. What a run has made is used by the next:
// the results' memory where nobody else holds them by then, and what a prepared kernel was bound
// to, if the inputs look the same (such a kernel's bind looks at datatypes and dims alone, and is
// what costs time: oneDNN's primitives).
class StepRun final : private OutputSource {
 public:
  // By output; null where the node names none.
  using Outputs = std::vector<std::shared_ptr<Tensor>>;

  // `step` outlives the object.
  explicit StepRun(const Step& step) : step_(step) {}

  // Inputs are row-major; an absent one has no datatype. `facts`: what infer said of inputs like
  // these, where that is known. The outputs change with the next run, but those that somebody
  // holds.
  Result<const Outputs*> run(std::span<const TensorView> inputs,
                             const std::atomic<bool>* stop = nullptr,
                             const OutputFacts* facts = nullptr);
  [[nodiscard]] Outputs take() { return std::move(outputs_); }

 private:
  Result<void> run_rounded(std::span<const TensorView> inputs, const std::atomic<bool>* stop);
  Result<void> run_kernel(std::span<const TensorView> inputs,
                          const std::atomic<bool>* stop,
                          const OutputFacts* facts);
  Result<void> run_rows(std::span<const TensorView> inputs,
                        const std::atomic<bool>* stop,
                        Layout layout,
                        const OutputFacts* facts);
  Result<TensorView*> allocate(std::size_t output, Shape dims) override;
  Result<void> make_output(std::size_t output, Dims dims);
  Result<void> bind(std::span<const TensorView> inputs);
  Result<void> make_scratch(std::size_t size);
  void free_scratch();
  [[nodiscard]] bool is_bound_to(std::span<const TensorView> inputs) const;

  const Step& step_;
  Outputs outputs_;
  const OutputFacts* made_ = nullptr;  // of this run
  OutputFacts facts_;
  // Of a prepared kernel, what it is bound to; else without inputs.
  bool bound_before_ = false;
  std::vector<DataType> datatypes_;
  std::vector<Shape> dims_;
  Box bound_;
  MemoryHold held_;  // for the scratch
  MutableBuffer scratch_;
  std::size_t scratch_size_ = 0;  // that the kernel asked for
  // Lists of one run, for their room.
  std::vector<InputFact> input_facts_;
  std::vector<const TensorView*> in_;
  std::vector<TensorView*> out_;
  std::vector<TensorView> out_views_;
};

// Once.
Result<StepRun::Outputs> run_step(const Step& step,
                                  std::span<const TensorView> inputs,
                                  const OutputFacts* facts = nullptr);

}  // namespace sluice::engine
