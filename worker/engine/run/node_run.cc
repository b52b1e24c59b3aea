#include "worker/engine/run/node_run.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "worker/engine/values/layout.h"
#include "worker/engine/values/widen.h"

namespace sluice::engine {
namespace {

// Output tensors of one run; those that are data dependent are made when the kernel asks.
class Outputs final : public OutputSource {
 public:
  Outputs(std::size_t count, const OutputFacts& facts)
      : facts_(facts), tensors_(count), views_(count) {}

  Result<TensorView*> allocate(std::size_t output, Shape dims) override {
    SLUICE_CHECK(output < tensors_.size());
    SLUICE_TRY_ASSIGN(tensors_[output], Tensor::create(facts_[output].datatype, std::move(dims)));
    views_[output] = tensors_[output].view();
    return &views_[output];
  }
  TensorView* view(std::size_t output) { return &views_[output]; }
  std::vector<Tensor> take() { return std::move(tensors_); }

 private:
  const OutputFacts& facts_;
  std::vector<Tensor> tensors_;
  std::vector<TensorView> views_;
};

}  // namespace

std::vector<InputFact> facts_of(std::span<const TensorView> inputs) {
  std::vector<InputFact> facts;
  facts.reserve(inputs.size());
  for (const TensorView& input : inputs) {
    facts.push_back({.present = input.datatype != DataType::undefined,
                     .datatype = input.datatype,
                     .dims = input.dims,
                     .value = &input});
  }
  return facts;
}

namespace {

// The same for a prepared step whose kernel wants channels-last (layout_choice.cc says when): its
// inputs are brought into that order, and its result back.
bool turns(const Step& step, std::span<const TensorView> inputs) {
  return step.entry->layout == LayoutRule::channels_last && !step.state.empty() &&
         step.node.outputs.size() == 1 && !inputs.empty() &&
         inputs[0].datatype == DataType::float32 && inputs[0].rank() >= 3 && inputs[0].rank() <= 5;
}

// `tensor` in the other layout; the memory stays row-major by its name alone.
Result<Tensor> turned(const TensorView& from, Layout to) {
  SLUICE_TRY_ASSIGN(Tensor made,
                    Tensor::create(from.datatype, {from.dims.begin(), from.dims.end()}));
  TensorView view = made.view();
  view.layout = to;
  reorder(from, view);
  return made;
}

bool fits(const StepCache& cache, std::span<const TensorView> inputs) {
  if (cache.datatypes.size() != inputs.size()) {
    return false;
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (cache.datatypes[i] != inputs[i].datatype ||
        !std::ranges::equal(cache.dims[i], inputs[i].dims)) {
      return false;
    }
  }
  return true;
}

void note(StepCache& cache, std::span<const TensorView> inputs) {
  for (const TensorView& input : inputs) {
    cache.datatypes.push_back(input.datatype);
    cache.dims.emplace_back(input.dims.begin(), input.dims.end());
  }
}

// The kernel's own datatypes. `cache` is null or of this step.
Result<std::vector<Tensor>> run_rows(const Step& step,
                                     std::span<const TensorView> inputs,
                                     const std::atomic<bool>* stop,
                                     Layout layout,
                                     StepCache* cache,
                                     const OutputFacts* facts) {
  const Kernel& kernel = step.entry->kernel;
  const std::size_t count = step.node.outputs.size();
  StepCache once;
  StepCache& kept = cache != nullptr && kernel.prepare != nullptr ? *cache : once;
  const bool known = !kept.datatypes.empty() && fits(kept, inputs);
  if (!known) {
    kept = {};
  }
  if (!known && facts == nullptr) {
    const auto seen = facts_of(inputs);
    SLUICE_TRY_ASSIGN(kept.facts,
                      kernel.infer(step.params, {.inputs = seen, .output_count = count}));
  }
  const OutputFacts& made = facts != nullptr ? *facts : kept.facts;
  SLUICE_CHECK(made.size() >= count);
  Outputs outputs(count, made);
  std::vector<const TensorView*> in;
  std::vector<TensorView*> out;
  std::vector<TensorView> out_views;
  in.reserve(inputs.size());
  out.reserve(count);
  out_views.reserve(count);
  for (const TensorView& input : inputs) {
    in.push_back(input.datatype != DataType::undefined ? &input : nullptr);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const bool wanted = step.node.outputs[i] != kNoValue;
    if (wanted && !made[i].data_dependent) {
      SLUICE_TRY_ASSIGN(TensorView * view, outputs.allocate(i, made[i].dims));
      view->layout = layout;
    }
    out.push_back(wanted ? outputs.view(i) : nullptr);
    out_views.push_back(*outputs.view(i));
  }
  if (!known) {
    BindContext binding{
        .node = &step.node, .inputs = inputs, .outputs = out_views, .keep_nan = true};
    if (kernel.bind != nullptr) {
      SLUICE_TRY_ASSIGN(kept.bound, kernel.bind(step.params, step.state, binding));
    }
    SLUICE_TRY_ASSIGN(kept.held, hold_memory(binding.scratch_size, "its scratch"));
    kept.scratch = MutableBuffer(binding.scratch_size);
    if (&kept != &once) {
      note(kept, inputs);
    }
  }
  KernelContext context(in, out, kept.scratch.bytes(), stop);
  context.set_source(&outputs);
  SLUICE_TRY(kernel.run(step.params, step.state, kept.bound, context));
  return outputs.take();
}

Result<std::vector<Tensor>> run_kernel(const Step& step,
                                       std::span<const TensorView> inputs,
                                       const std::atomic<bool>* stop,
                                       StepCache* cache,
                                       const OutputFacts* facts) {
  if (!turns(step, inputs)) {
    return run_rows(step, inputs, stop, Layout::plain, cache, facts);
  }
  std::vector<TensorView> views(inputs.begin(), inputs.end());
  std::vector<Tensor> kept;
  kept.reserve(views.size());
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (i == 0 || i == step.tail.residual) {
      SLUICE_TRY_ASSIGN(Tensor tensor, turned(views[i], Layout::channels_last));
      kept.push_back(std::move(tensor));
      views[i] = kept.back().view();
      views[i].layout = Layout::channels_last;
    }
  }
  SLUICE_TRY_ASSIGN(std::vector<Tensor> outputs,
                    run_rows(step, views, stop, Layout::channels_last, cache, facts));
  TensorView result = outputs[0].view();
  result.layout = Layout::channels_last;
  SLUICE_TRY_ASSIGN(outputs[0], turned(result, Layout::plain));
  return outputs;
}

}  // namespace

Result<std::vector<Tensor>> run_step(const Step& step,
                                     std::span<const TensorView> inputs,
                                     const std::atomic<bool>* stop,
                                     StepCache* cache,
                                     const OutputFacts* known) {
  const auto facts = facts_of(inputs);
  const DataType rounded = rounds_to(step, facts);
  if (rounded == DataType::undefined) {
    return run_kernel(step, inputs, stop, cache, known);
  }
  std::vector<TensorView> wide(inputs.begin(), inputs.end());
  std::vector<Tensor> kept;
  for (TensorView& input : wide) {
    if (is_half(input.datatype)) {
      SLUICE_TRY_ASSIGN(Tensor tensor, converted(input, DataType::float32));
      kept.push_back(std::move(tensor));
      input = kept.back().view();
      // The dims are inside the tensor, which moves: the caller's stay.
      input.dims = inputs[static_cast<std::size_t>(&input - wide.data())].dims;
    }
  }
  SLUICE_TRY_ASSIGN(std::vector<Tensor> outputs, run_kernel(step, wide, stop, cache, nullptr));
  SLUICE_TRY_ASSIGN(const OutputFacts made, infer_outputs(step, facts));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (made[i].rounded && outputs[i].datatype() == DataType::float32) {
      SLUICE_TRY_ASSIGN(outputs[i], converted(outputs[i].view(), made[i].datatype));
    }
  }
  return outputs;
}

}  // namespace sluice::engine
