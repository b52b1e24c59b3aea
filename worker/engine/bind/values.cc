// The parts of a binding's run that have to do with values beyond tensors, and with steps whose
// dims only the run knows.

#include <algorithm>
#include <cstring>
#include <utility>

#include "worker/engine/bind/binding.h"
#include "worker/engine/plan/subgraph.h"
#include "worker/engine/run/node_run.h"
#include "worker/engine/values/strings.h"

namespace sluice::engine {
namespace {

Result<Value> copy_of(const InputView& given) {
  SLUICE_TRY_ASSIGN(Tensor tensor,
                    Tensor::create(given.datatype, Shape(given.shape.begin(), given.shape.end())));
  TensorView view = tensor.view();
  if (given.datatype == DataType::string) {
    SLUICE_TRY(decode_strings(given.data, view.mut<std::string>()));
  } else if (given.data.size() != view.size()) {
    return Error{ErrorCode::invalid_argument,
                 "an element has " + std::to_string(given.data.size()) +
                     " bytes of data, its shape " + to_string(given.shape) + " needs " +
                     std::to_string(view.size())};
  } else if (view.size() > 0) {
    std::memcpy(view.data, given.data.data(), view.size());
  }
  return Value(std::move(tensor));
}

}  // namespace

// A tensor from outside stays where it is; the rest becomes a value of ours.
Result<void> Binding::take_value(const InputView& given, std::uint32_t slot) {
  Value value;
  if (given.value != nullptr) {
    value = *given.value;
  } else if (given.items) {
    Sequence sequence;
    for (const InputView& item : *given.items) {
      SLUICE_TRY_ASSIGN(Value element, copy_of(item));
      sequence.items.push_back(std::move(element));
    }
    value = Value(std::move(sequence));
  }
  values_[slot] = std::move(value);
  return {};
}

ValueInput Binding::value_input(std::uint32_t slot) const {
  if (slot == kNoValue) {
    return {};
  }
  const Storage storage = slots_[slot].storage;
  const bool own = !values_.empty() && slots_[slot].root == slot &&
                   (storage == Storage::dynamic || storage == Storage::input);
  if (own && (storage == Storage::dynamic || values_[slot].is_tensor())) {
    return input_of(values_[slot]);
  }
  return {.present = true, .tensor = views_[slot]};
}

Result<std::vector<Value>> Binding::run_dynamic_step(BoundStep& step,
                                                     const std::atomic<bool>* stop) {
  std::vector<ValueInput> inputs;
  inputs.reserve(step.in.size());
  bool tensors = true;
  for (const std::uint32_t slot : step.in) {
    inputs.push_back(value_input(slot));
    tensors = tensors && (!inputs.back().present || inputs.back().is_tensor());
  }
  const Kernel& kernel = step.step->entry->kernel;
  std::vector<Value> values;
  if (kernel.infer != nullptr && tensors) {
    if (step.cache == nullptr) {
      step.cache = std::make_shared<StepCache>();
    }
    std::vector<TensorView> views;
    views.reserve(inputs.size());
    std::ranges::transform(inputs, std::back_inserter(views), &ValueInput::tensor);
    SLUICE_TRY_ASSIGN(std::vector<Tensor> outputs,
                      run_step(*step.step, views, stop, step.cache.get()));
    values.reserve(outputs.size());
    for (Tensor& output : outputs) {
      values.emplace_back(std::move(output));
    }
    return values;
  }
  if (kernel.run_values == nullptr) {
    return Error{ErrorCode::invalid_argument, "has an input that is no tensor"};
  }
  StepContext context(step, inputs, stop);
  SLUICE_TRY_ASSIGN(values, kernel.run_values(step.step->params, context));
  if (values.size() < step.out.size()) {
    return Error{ErrorCode::invalid_argument,
                 "names " + std::to_string(step.out.size()) + " outputs and has " +
                     std::to_string(values.size())};
  }
  return values;
}

}  // namespace sluice::engine
