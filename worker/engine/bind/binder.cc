#include "worker/engine/bind/binder.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "common/base/limits.h"
#include "worker/engine/plan/branches.h"
#include "worker/engine/run/node_run.h"
#include "worker/engine/values/widen.h"

namespace sluice::engine {
namespace {

constexpr std::size_t kFoldedAtBind = 64 * limits::kKiB;  // shapes, axes, indices; not data

}  // namespace

Binder::Binder(const Plan& plan, bool keep_nan)
    : plan_(plan), binding_(std::make_unique<Binding>()) {
  binding_->keep_nan_ = keep_nan;
}

void Binder::make_view(std::uint32_t slot) {
  const Slot& from = binding_->slots_[slot];
  TensorView& view = binding_->views_[slot];
  view.datatype = from.datatype;
  view.layout = from.layout;
  view.dims = from.dims;
  const auto count = element_count(from.dims);
  view.count = from.known && count ? *count : 0;
}

bool Binder::has_value(std::uint32_t slot) const {
  const Slot& seen = binding_->slots_[slot];
  return seen.value != nullptr || (plan_.is_constant(slot) && !plan_.constants[slot]->released());
}

std::vector<InputFact> Binder::facts_for(const Step& step) const {
  std::vector<InputFact> facts;
  facts.reserve(step.node.inputs.size());
  for (const ValueId value : step.node.inputs) {
    facts.emplace_back();
    if (value != kNoValue) {
      const Slot& slot = binding_->slots_[value];
      facts.back() = {.present = true,
                      .datatype = slot.datatype,
                      .dims = slot.dims,
                      .value = has_value(value) ? &binding_->views_[value] : nullptr};
    }
  }
  return facts;
}

// Runs a step all of whose inputs are known now, if its result is small. False: it must wait.
Result<bool> Binder::fold(const Step& step, const OutputFacts& facts) {
  const auto is_known = [&](ValueId value) { return value == kNoValue || has_value(value); };
  if (!step.entry->pure || !std::ranges::all_of(step.node.inputs, is_known)) {
    return false;
  }
  std::vector<TensorView> inputs;
  for (const ValueId value : step.node.inputs) {
    inputs.push_back(value == kNoValue ? TensorView{} : binding_->views_[value]);
  }
  for (const OutputFact& fact : facts) {
    if (fact.data_dependent) {
      return false;
    }
    SLUICE_TRY_ASSIGN(const std::size_t size, storage_bytes(fact.datatype, fact.dims));
    if (size > kFoldedAtBind) {
      return false;
    }
  }
  SLUICE_TRY_ASSIGN(StepRun::Outputs outputs, run_step(step, inputs, &facts));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (step.node.outputs[i] != kNoValue) {
      binding_->slots_[step.node.outputs[i]].value = std::move(outputs[i]);
    }
  }
  return true;
}

std::uint32_t Binder::add_slot(DataType datatype, const Shape& dims) {
  Binding& binding = *binding_;
  const auto made = static_cast<std::uint32_t>(binding.slots_.size());
  Slot& slot = binding.slots_.emplace_back();
  slot.datatype = datatype;
  slot.known = true;
  slot.dims = dims;
  slot.root = made;
  binding.views_.emplace_back();
  make_view(made);
  return made;
}

// Puts the conversions around a step that sees float32 in the place of 16-bit floats.
void Binder::add_widened(BoundStep bound, const OutputFacts& facts) {
  Binding& binding = *binding_;
  for (std::uint32_t& slot : bound.in) {
    if (slot == kNoValue || !is_half(binding.slots_[slot].datatype)) {
      continue;
    }
    auto made = widened_.find(slot);
    if (made == widened_.end()) {
      const Dims dims = binding.slots_[slot].dims;
      made = widened_.emplace(slot, add_slot(DataType::float32, {dims.begin(), dims.end()})).first;
      binding.steps_.push_back({.in = {slot}, .out = {made->second}});
    }
    slot = made->second;
  }
  std::vector<BoundStep> after;
  for (std::size_t i = 0; i < bound.out.size(); ++i) {
    if (bound.out[i] != kNoValue && facts[i].rounded) {
      // Whoever sees float32 is given the rounded numbers as they are, at best in the same place;
      // what nobody wants of the two is dropped later.
      const std::uint32_t half = bound.out[i];
      const Dims seen = binding.slots_[half].dims;
      const Shape dims(seen.begin(), seen.end());  // slots move
      const std::uint32_t wide = add_slot(DataType::float32, dims);
      const std::uint32_t round = add_slot(DataType::float32, dims);
      after.push_back({.in = {wide}, .out = {half}});
      after.push_back({.rounds_to = binding.slots_[half].datatype, .in = {wide}, .out = {round}});
      widened_.emplace(half, round);
      bound.out[i] = wide;
    }
  }
  binding.steps_.push_back(std::move(bound));
  std::ranges::move(after, std::back_inserter(binding.steps_));
}

void Binder::own_folded(const Step& step) {
  for (const ValueId value : step.node.outputs) {
    if (value != kNoValue) {
      Slot& slot = binding_->slots_[value];
      slot.storage = Storage::owned;
      binding_->views_[value] = slot.value->view();
    }
  }
}

// The steps in the place of an If whose condition is known by now.
std::span<const Step> Binder::branch_of(const Step& step) const {
  const ValueId condition = is_if(step) ? step.node.inputs[0] : kNoValue;
  if (condition == kNoValue || !has_value(condition)) {
    return {};
  }
  const TensorView& view = binding_->views_[condition];
  const bool is_truth = view.datatype == DataType::boolean && view.count == 1;
  return is_truth ? steps_of_branch(step, view.as<bool>()[0]) : std::span<const Step>();
}

Result<void> Binder::infer_step(const Step& step) {
  if (const auto branch = branch_of(step); !branch.empty()) {
    for (const Step& inner : branch) {
      if (auto inferred = infer_step(inner); !inferred) {
        return with_context(std::move(inferred).error(), describe(inner.node));
      }
    }
    return {};
  }
  if (repeats(step)) {
    repeat(step);
    return {};
  }
  Binding& binding = *binding_;
  BoundStep bound{.step = &step, .in = step.node.inputs, .out = step.node.outputs};
  const bool known =
      step.entry->kernel.infer != nullptr && std::ranges::all_of(step.node.inputs, [&](ValueId v) {
        return v == kNoValue || binding.slots_[v].known;
      });
  OutputFacts facts;
  bool widened = false;
  if (known) {
    const auto inputs = facts_for(step);
    widened = rounds_to(step, inputs) != DataType::undefined;
    SLUICE_TRY_ASSIGN(facts, infer_outputs(step, inputs));
    SLUICE_CHECK(facts.size() >= step.node.outputs.size());
  }
  bound.dynamic = !known || std::ranges::any_of(facts, &OutputFact::data_dependent);
  if (bound.dynamic) {
    binding.steps_.push_back(std::move(bound));
    return {};
  }
  bool folded = true;
  for (std::size_t i = 0; i < step.node.outputs.size(); ++i) {
    if (step.node.outputs[i] != kNoValue) {
      Slot& slot = binding.slots_[step.node.outputs[i]];
      slot.datatype = facts[i].datatype;
      slot.dims = facts[i].dims;
      slot.known = true;
      slot.value = facts[i].value;
      folded = folded && slot.value != nullptr;
      make_view(step.node.outputs[i]);
    }
  }
  if (!folded) {
    SLUICE_TRY_ASSIGN(folded, fold(step, facts));
  }
  for (const ValueId value : step.node.outputs) {
    if (value != kNoValue) {
      compare(value);
    }
  }
  if (!folded && widened) {
    add_widened(std::move(bound), facts);
    return {};
  }
  if (!folded) {
    binding.steps_.push_back(std::move(bound));
    return {};
  }
  own_folded(step);
  return {};
}

Result<void> Binder::infer() {
  binding_->steps_.reserve(plan_.steps.size());
  for (const Step& step : plan_.steps) {
    if (auto inferred = infer_step(step); !inferred) {
      // A shape that does not fit the model is the caller's mistake, whatever the operator said.
      return with_context(std::move(inferred).error(), describe(step.node));
    }
  }
  return {};
}

void Binder::drop_unwanted() {
  Binding& binding = *binding_;
  std::vector<bool> needed(binding.slots_.size(), false);
  for (const std::size_t output : binding.wanted_) {
    needed[plan_.outputs[output].value] = true;
  }
  std::vector<BoundStep> kept;
  kept.reserve(binding.steps_.size());
  for (auto step = binding.steps_.rbegin(); step != binding.steps_.rend(); ++step) {
    const bool effect = step->step != nullptr && !step->step->entry->pure;
    const bool alive = effect || std::ranges::any_of(
                                     step->out, [&](auto v) { return v != kNoValue && needed[v]; });
    if (!alive) {
      continue;
    }
    for (const std::uint32_t value : step->in) {
      if (value != kNoValue) {
        needed[value] = true;
      }
    }
    kept.push_back(std::move(*step));
  }
  std::ranges::reverse(kept);
  binding.steps_ = std::move(kept);
}

Result<void> Binder::bind_kernels() {
  Binding& binding = *binding_;
  std::vector<TensorView> inputs;
  std::vector<TensorView> outputs;
  for (BoundStep& step : binding.steps_) {
    inputs.clear();
    outputs.clear();
    step.inputs.reserve(step.in.size());
    step.outputs.reserve(step.out.size());
    for (const std::uint32_t slot : step.in) {
      const bool there = slot != kNoValue;
      step.inputs.push_back(there ? &binding.views_[slot] : nullptr);
      inputs.push_back(there ? binding.views_[slot] : TensorView{});
    }
    for (const std::uint32_t slot : step.out) {
      const bool there = slot != kNoValue;
      step.outputs.push_back(there ? &binding.views_[slot] : nullptr);
      outputs.push_back(there ? binding.views_[slot] : TensorView{});
    }
    if (step.step == nullptr || step.dynamic || step.step->entry->kernel.bind == nullptr) {
      continue;
    }
    if (const BoundStep* const then = bound_before(step)) {
      step.bound = then->bound;
      step.scratch_size = then->scratch_size;
      step.implementation = then->implementation;
      continue;
    }
    BindContext context{.node = &step.step->node,
                        .inputs = inputs,
                        .outputs = outputs,
                        .keep_nan = binding.keep_nan_ || !step.step->tame};
    auto bound = step.step->entry->kernel.bind(step.step->params, step.step->state, context);
    if (!bound) {
      return with_context(std::move(bound).error(), describe(step.step->node));
    }
    step.bound = std::make_shared<const Box>(*std::move(bound));
    step.scratch_size = context.scratch_size;
    step.implementation = context.implementation;
  }
  return {};
}

std::unique_ptr<Binding> Binder::finish() {
  return std::move(binding_);
}

Result<std::unique_ptr<Binding>> Binding::create(const Plan& plan,
                                                 const RunArguments& arguments,
                                                 bool keep_nan,
                                                 const Binding* before) {
  Binder binder(plan, keep_nan);
  binder.remember(before);
  SLUICE_TRY(binder.start(arguments));
  SLUICE_TRY(binder.infer());
  binder.drop_unwanted();
  binder.choose_layouts();
  SLUICE_TRY(binder.bind_kernels());
  SLUICE_TRY(binder.assign_memory());
  std::unique_ptr<Binding> binding = binder.finish();
  if (binding->arena_size_ > limits::kArenaBytes) {
    return Error{ErrorCode::resource_exhausted,
                 "these shapes need " + std::to_string(binding->arena_size_ / limits::kMiB) +
                     " MB of intermediate results, at most " +
                     std::to_string(limits::kArenaBytes / limits::kMiB) + " are allowed"};
  }
  return binding;
}

}  // namespace sluice::engine
