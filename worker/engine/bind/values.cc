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

void Binding::set_value(std::uint32_t slot, Value value) {
  values_[slot] = std::move(value);
  views_[slot] = values_[slot].is_tensor() ? values_[slot].tensor().view() : TensorView{};
}

// Of the inputs in tensor_inputs_.
Result<void> Binding::run_tensors(BoundStep& step, const std::atomic<bool>* stop) {
  if (step.run == nullptr) {
    step.run = std::make_shared<StepRun>(*step.step);
  }
  for (const std::uint32_t slot : step.out) {
    if (slot != kNoValue) {
      values_[slot] = Value();  // so that the step finds its memory free, if nobody else has it
    }
  }
  SLUICE_TRY_ASSIGN(const StepRun::Outputs* const outputs, step.run->run(tensor_inputs_, stop));
  for (std::size_t i = 0; i < step.out.size(); ++i) {
    if (step.out[i] != kNoValue) {
      set_value(step.out[i], Value((*outputs)[i]));
    }
  }
  return {};
}

// Of the inputs in value_inputs_.
Result<void> Binding::run_values(BoundStep& step, const std::atomic<bool>* stop) {
  const Kernel& kernel = step.step->entry->kernel;
  if (kernel.run_values == nullptr) {
    return Error{ErrorCode::invalid_argument, "has an input that is no tensor"};
  }
  StepContext context(step, value_inputs_, stop);
  SLUICE_TRY_ASSIGN(std::vector<Value> values, kernel.run_values(step.step->params, context));
  if (values.size() < step.out.size()) {
    return Error{ErrorCode::invalid_argument,
                 "names " + std::to_string(step.out.size()) + " outputs and has " +
                     std::to_string(values.size())};
  }
  for (std::size_t i = 0; i < step.out.size(); ++i) {
    if (step.out[i] != kNoValue) {
      set_value(step.out[i], std::move(values[i]));
    }
  }
  return {};
}

Result<void> Binding::run_dynamic(BoundStep& step, const std::atomic<bool>* stop) {
  value_inputs_.clear();
  tensor_inputs_.clear();
  bool tensors = true;
  for (const std::uint32_t slot : step.in) {
    const ValueInput& input = value_inputs_.emplace_back(value_input(slot));
    tensor_inputs_.push_back(input.tensor);
    tensors = tensors && (!input.present || input.is_tensor());
  }
  return tensors && step.step->entry->kernel.infer != nullptr ? run_tensors(step, stop)
                                                              : run_values(step, stop);
}

}  // namespace sluice::engine
