// What a binding takes over from the one made before it: the facts and kernels of the steps that
// see no difference. Where a model's past grows by a token a run, that is most of them.

#include <algorithm>
#include <cstring>
#include <functional>

#include "worker/engine/bind/binder.h"

namespace sluice::engine {
namespace {

bool same_numbers(const Tensor& a, const Tensor& b) {
  const TensorView x = a.view();
  const TensorView y = b.view();
  return x.datatype == y.datatype && x.datatype != DataType::string && x.size() == y.size() &&
         std::ranges::equal(x.dims, y.dims) &&
         (x.size() == 0 || std::memcmp(x.data, y.data, x.size()) == 0);
}

}  // namespace

// Of a step in the place of an If the number of the plan's steps: the binding before may have taken
// the other branch, and nothing is known of it.
std::size_t Binder::number_of(const Step& step) const {
  const auto* const first = plan_.steps.data();
  const std::less<> below;
  const bool own = !below(&step, first) && below(&step, first + plan_.steps.size());
  return own ? static_cast<std::size_t>(&step - first) : plan_.steps.size();
}

void Binder::remember(const Binding* before) {
  if (before == nullptr || before->keep_nan_ != binding_->keep_nan_) {
    return;
  }
  before_ = before;
  same_.assign(plan_.value_names.size(), false);
  steps_before_.assign(plan_.steps.size() + 1, nullptr);
  for (const BoundStep& step : before->steps_) {
    if (step.step != nullptr) {
      steps_before_[number_of(*step.step)] = &step;
    }
  }
  steps_before_.back() = nullptr;
}

// Notes whether the value looks as it did: its datatype and dims, and its numbers where known.
void Binder::compare(std::uint32_t value) {
  if (before_ == nullptr) {
    return;
  }
  Slot& now = binding_->slots_[value];
  const Slot& then = before_->slots_[value];
  if (!now.known || !then.known || now.datatype != then.datatype ||
      !std::ranges::equal(Dims(now.dims), Dims(then.dims))) {
    return;
  }
  if (now.value != then.value) {
    if (now.value == nullptr || then.value == nullptr || !same_numbers(*now.value, *then.value)) {
      return;
    }
    now.value = then.value;
  }
  same_[value] = true;
}

bool Binder::repeats(const Step& step) const {
  if (before_ == nullptr || step.entry->kernel.infer == nullptr ||
      number_of(step) == plan_.steps.size()) {
    return false;
  }
  const auto& slots = before_->slots_;
  return std::ranges::all_of(step.node.inputs,
                             [&](ValueId value) {
                               return value == kNoValue ||
                                      (same_[value] && !is_half(slots[value].datatype));
                             }) &&
         std::ranges::all_of(step.node.outputs, [&](ValueId value) {
           return value == kNoValue || (slots[value].known && !is_half(slots[value].datatype));
         });
}

void Binder::repeat(const Step& step) {
  Binding& binding = *binding_;
  bool folded = true;
  for (const ValueId value : step.node.outputs) {
    if (value == kNoValue) {
      continue;
    }
    const Slot& then = before_->slots_[value];
    Slot& slot = binding.slots_[value];
    slot.datatype = then.datatype;
    slot.dims = then.dims;
    slot.known = true;
    slot.value = then.value;
    folded = folded && slot.value != nullptr;
    make_view(value);
    same_[value] = true;
  }
  if (folded) {
    own_folded(step);
  } else {
    binding.steps_.push_back({.step = &step, .in = step.node.inputs, .out = step.node.outputs});
  }
}

// Whether a kernel bound to the one slot then would be bound to the other now in the same way. What
// the plan does not know (a value in another layout or width) has no numbers yet.
bool Binder::looks_the_same(std::uint32_t now, std::uint32_t then) const {
  if (now == kNoValue || then == kNoValue) {
    return now == then;
  }
  const Slot& a = binding_->slots_[now];
  const Slot& b = before_->slots_[then];
  if (now < same_.size() || then < same_.size()) {
    return now == then && same_[now] && a.layout == b.layout;
  }
  return a.datatype == b.datatype && a.layout == b.layout &&
         std::ranges::equal(Dims(a.dims), Dims(b.dims));
}

// The step as it was bound before, if its kernel fits; or null.
const BoundStep* Binder::bound_before(const BoundStep& step) const {
  if (before_ == nullptr) {
    return nullptr;
  }
  const BoundStep* const then = steps_before_[number_of(*step.step)];
  const auto same = [this](std::uint32_t a, std::uint32_t b) { return looks_the_same(a, b); };
  const bool fits = then != nullptr && !then->dynamic && then->bound != nullptr &&
                    std::ranges::equal(step.in, then->in, same) &&
                    std::ranges::equal(step.out, then->out, same);
  return fits ? then : nullptr;
}

}  // namespace sluice::engine
