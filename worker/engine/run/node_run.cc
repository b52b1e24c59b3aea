#include "worker/engine/run/node_run.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/limits.h"
#include "worker/engine/values/layout.h"
#include "worker/engine/values/widen.h"

namespace sluice::engine {
namespace {

// Scratch that is kept from run to run, of kernels that are bound anew in each.
constexpr std::size_t kKeptScratch = 64 * limits::kKiB;

void note_facts(std::span<const TensorView> inputs, std::vector<InputFact>& facts) {
  facts.clear();
  for (const TensorView& input : inputs) {
    facts.push_back({.present = input.datatype != DataType::undefined,
                     .datatype = input.datatype,
                     .dims = input.dims,
                     .value = &input});
  }
}

// A prepared step whose kernel wants channels-last (layout_choice.cc says when): its inputs are
// brought into that order, and its result back.
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

}  // namespace

std::vector<InputFact> facts_of(std::span<const TensorView> inputs) {
  std::vector<InputFact> facts;
  facts.reserve(inputs.size());
  note_facts(inputs, facts);
  return facts;
}

bool StepRun::is_bound_to(std::span<const TensorView> inputs) const {
  if (!bound_before_ || datatypes_.size() != inputs.size()) {
    return false;
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (datatypes_[i] != inputs[i].datatype || !std::ranges::equal(dims_[i], inputs[i].dims)) {
      return false;
    }
  }
  return true;
}

// In the tensor of the run before, if nobody else has it.
Result<void> StepRun::make_output(std::size_t output, Dims dims) {
  std::shared_ptr<Tensor>& tensor = outputs_[output];
  if (tensor == nullptr || tensor.use_count() > 1) {
    tensor = std::make_shared<Tensor>();
  }
  return tensor->remake((*made_)[output].datatype, dims);
}

// For a kernel whose results' dims depend on data.
Result<TensorView*> StepRun::allocate(std::size_t output, Shape dims) {
  SLUICE_CHECK(output < outputs_.size());
  SLUICE_TRY(make_output(output, dims));
  out_views_[output] = outputs_[output]->view();
  return &out_views_[output];
}

void StepRun::free_scratch() {
  scratch_ = MutableBuffer();
  held_ = MemoryHold();
}

Result<void> StepRun::make_scratch(std::size_t size) {
  if (size > scratch_.size()) {
    free_scratch();
    SLUICE_TRY_ASSIGN(held_, hold_memory(size, "its scratch"));
    scratch_ = MutableBuffer(size);
  }
  scratch_size_ = size;
  return {};
}

Result<void> StepRun::bind(std::span<const TensorView> inputs) {
  const Kernel& kernel = step_.entry->kernel;
  BindContext binding{
      .node = &step_.node, .inputs = inputs, .outputs = out_views_, .keep_nan = true};
  if (kernel.bind != nullptr) {
    SLUICE_TRY_ASSIGN(bound_, kernel.bind(step_.params, step_.state, binding));
  }
  SLUICE_TRY(make_scratch(binding.scratch_size));
  if (kernel.prepare != nullptr) {
    datatypes_.clear();
    dims_.clear();
    for (const TensorView& input : inputs) {
      datatypes_.push_back(input.datatype);
      dims_.emplace_back(input.dims.begin(), input.dims.end());
    }
    bound_before_ = true;
  }
  return {};
}

// The kernel's own datatypes.
Result<void> StepRun::run_rows(std::span<const TensorView> inputs,
                               const std::atomic<bool>* stop,
                               Layout layout,
                               const OutputFacts* facts) {
  const Kernel& kernel = step_.entry->kernel;
  const std::size_t count = step_.node.outputs.size();
  const bool known = is_bound_to(inputs);
  if (!known) {
    bound_before_ = false;
    if (scratch_.size() > kKeptScratch) {
      free_scratch();
    }
    if (facts == nullptr) {
      note_facts(inputs, input_facts_);
      SLUICE_TRY_ASSIGN(
          facts_, kernel.infer(step_.params, {.inputs = input_facts_, .output_count = count}));
    }
  }
  made_ = facts != nullptr ? facts : &facts_;
  SLUICE_CHECK(made_->size() >= count);
  in_.clear();
  for (const TensorView& input : inputs) {
    in_.push_back(input.datatype != DataType::undefined ? &input : nullptr);
  }
  outputs_.resize(count);
  out_views_.assign(count, TensorView{});
  out_.assign(count, nullptr);
  for (std::size_t i = 0; i < count; ++i) {
    if (step_.node.outputs[i] == kNoValue) {
      outputs_[i] = nullptr;
      continue;
    }
    if (!(*made_)[i].data_dependent) {
      SLUICE_TRY(make_output(i, (*made_)[i].dims));
      out_views_[i] = outputs_[i]->view();
      out_views_[i].layout = layout;
    }
    out_[i] = &out_views_[i];
  }
  if (!known) {
    SLUICE_TRY(bind(inputs));
  }
  KernelContext context(in_, out_, scratch_.bytes().first(scratch_size_), stop);
  context.set_source(this);
  return kernel.run(step_.params, step_.state, bound_, context);
}

Result<void> StepRun::run_kernel(std::span<const TensorView> inputs,
                                 const std::atomic<bool>* stop,
                                 const OutputFacts* facts) {
  if (!turns(step_, inputs)) {
    return run_rows(inputs, stop, Layout::plain, facts);
  }
  std::vector<TensorView> views(inputs.begin(), inputs.end());
  std::vector<Tensor> kept;
  kept.reserve(views.size());
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (i == 0 || i == step_.tail.residual) {
      SLUICE_TRY_ASSIGN(Tensor tensor, turned(views[i], Layout::channels_last));
      kept.push_back(std::move(tensor));
      views[i] = kept.back().view();
      views[i].layout = Layout::channels_last;
    }
  }
  SLUICE_TRY(run_rows(views, stop, Layout::channels_last, facts));
  TensorView result = outputs_[0]->view();
  result.layout = Layout::channels_last;
  SLUICE_TRY_ASSIGN(Tensor rows, turned(result, Layout::plain));
  outputs_[0] = std::make_shared<Tensor>(std::move(rows));
  return {};
}

// With inputs of 16-bit floats, of which the kernel sees float32.
Result<void> StepRun::run_rounded(std::span<const TensorView> inputs,
                                  const std::atomic<bool>* stop) {
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
  SLUICE_TRY(run_kernel(wide, stop, nullptr));
  note_facts(inputs, input_facts_);
  SLUICE_TRY_ASSIGN(const OutputFacts made, infer_outputs(step_, input_facts_));
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i] != nullptr && made[i].rounded && outputs_[i]->datatype() == DataType::float32) {
      SLUICE_TRY_ASSIGN(Tensor half, converted(outputs_[i]->view(), made[i].datatype));
      outputs_[i] = std::make_shared<Tensor>(std::move(half));
    }
  }
  return {};
}

Result<const StepRun::Outputs*> StepRun::run(std::span<const TensorView> inputs,
                                             const std::atomic<bool>* stop,
                                             const OutputFacts* facts) {
  note_facts(inputs, input_facts_);
  if (rounds_to(step_, input_facts_) == DataType::undefined) {
    SLUICE_TRY(run_kernel(inputs, stop, facts));
  } else {
    SLUICE_TRY(run_rounded(inputs, stop));
  }
  if (!bound_before_ && scratch_.size() > kKeptScratch) {
    free_scratch();
  }
  return &outputs_;
}

Result<StepRun::Outputs> run_step(const Step& step,
                                  std::span<const TensorView> inputs,
                                  const OutputFacts* facts) {
  StepRun run(step);
  SLUICE_TRY(run.run(inputs, nullptr, facts));
  return run.take();
}

}  // namespace sluice::engine
