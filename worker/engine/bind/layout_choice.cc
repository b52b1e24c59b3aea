// Binder::choose_layouts: which values are channels-last, and where the order is changed.
//
// Convolutions and pools want channels-last (16 channels fill a vector register, and oneDNN's
// kernels for that order need no blocking of the data); element-by-element operators take what they
// get; everything else wants rows. A value is reordered at most once to each layout.

#include <algorithm>
#include <numeric>

#include "worker/engine/bind/binder.h"
#include "worker/engine/values/layout.h"

namespace sluice::engine {
namespace {

// The same bytes in both layouts once it is stretched to `rank` by leading ones.
bool indifferent(Dims dims, std::size_t rank) {
  Shape stretched(rank - dims.size(), 1);
  stretched.insert(stretched.end(), dims.begin(), dims.end());
  return layouts_coincide(stretched);
}

// The permutation that a transposition of this rank names; null where it names none.
const std::vector<std::int64_t>* permutation_of(const Step& step, std::size_t rank) {
  for (const Attribute& attribute : step.node.attributes) {
    if (attribute.name == "perm" && attribute.integers.size() == rank) {
      return &attribute.integers;
    }
  }
  return nullptr;
}

// `order` as memory has the dimensions in a layout, without those of extent 1.
std::vector<std::int64_t> turned_order(std::vector<std::int64_t> order, Dims dims, Layout layout) {
  if (layout == Layout::channels_last) {
    std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  }
  std::erase_if(order, [&](std::int64_t at) { return dims[static_cast<std::size_t>(at)] == 1; });
  return order;
}

// Something from its first input, and nothing else.
bool makes_one_of_first(const BoundStep& step) {
  return !step.in.empty() && step.in[0] != kNoValue && step.out[0] != kNoValue &&
         std::ranges::count(step.out, kNoValue) + 1 == std::ssize(step.out);
}

// A value of rank 3 to 5 whose bytes may get another name.
bool may_be_renamed(const Slot& slot) {
  return slot.dims.size() >= 3 && slot.dims.size() <= 5 && slot.datatype != DataType::string &&
         storage_size(slot.datatype) <= 8;
}

// Batch and channels, then the places' extents but for those of 1.
Shape without_ones(Dims dims) {
  Shape made(dims.begin(), dims.begin() + 2);
  std::copy_if(dims.begin() + 2, dims.end(), std::back_inserter(made), [](std::int64_t extent) {
    return extent != 1;
  });
  return made;
}

}  // namespace

// The slot with the value of `slot` in `layout`; adds the step that makes it where there is none.
std::uint32_t Binder::in_layout(std::uint32_t slot, Layout layout, std::vector<BoundStep>& steps) {
  Binding& binding = *binding_;
  if (binding.slots_[slot].layout == layout) {
    return slot;
  }
  const auto key = std::make_pair(slot, layout);
  if (const auto found = other_layouts_.find(key); found != other_layouts_.end()) {
    return found->second;
  }
  const auto made = static_cast<std::uint32_t>(binding.slots_.size());
  Slot copy = binding.slots_[slot];
  copy.layout = layout;
  copy.value = nullptr;
  if (layouts_coincide(copy.dims)) {
    copy.root = slot;  // another name for the same bytes
    copy.storage = Storage::none;
  } else {
    copy.root = made;
    copy.storage = Storage::arena;
    steps.push_back({.in = {slot}, .out = {made}});
  }
  binding.slots_.push_back(std::move(copy));
  other_layouts_.emplace(key, made);
  return made;
}

bool Binder::follow_channels_last(BoundStep& step, std::vector<BoundStep>& steps) {
  auto& slots = binding_->slots_;
  std::size_t rank = 0;
  for (const std::uint32_t slot : step.in) {
    if (slot != kNoValue && slots[slot].layout == Layout::channels_last) {
      rank = slots[slot].dims.size();
    }
  }
  if (rank == 0) {
    return false;
  }
  const auto stays = [&](std::uint32_t slot) {  // strings are not reordered
    return slots[slot].datatype == DataType::string;
  };
  const auto fits = [&](std::uint32_t slot) {
    return slot == kNoValue ||
           (!stays(slot) &&
            (slots[slot].dims.size() == rank ||
             (slots[slot].dims.size() < rank && indifferent(slots[slot].dims, rank))));
  };
  const bool reduces = layout_rule(step) == LayoutRule::reduces;
  if (!std::ranges::all_of(step.in, fits) || !std::ranges::all_of(step.out, [&](auto slot) {
        return slot == kNoValue || (!stays(slot) && (reduces || slots[slot].dims.size() == rank));
      })) {
    return false;
  }
  for (std::uint32_t& slot : step.in) {
    if (slot != kNoValue && !indifferent(slots[slot].dims, rank)) {
      slot = in_layout(slot, Layout::channels_last, steps);
    }
  }
  for (const std::uint32_t slot : step.out) {
    if (slot != kNoValue && slots[slot].dims.size() == rank) {
      slots[slot].layout = Layout::channels_last;
    }
  }
  return true;
}

LayoutRule Binder::layout_rule(const BoundStep& step) const {
  if (step.step == nullptr) {
    return LayoutRule::follow;  // a conversion
  }
  const OperatorEntry& entry = *step.step->entry;
  const bool depends = entry.layout == LayoutRule::channels_last || entry.layout_for != nullptr;
  if (step.dynamic || !depends) {
    return step.dynamic ? LayoutRule::plain : entry.layout;
  }
  if (step.in.empty() || step.in[0] == kNoValue || plan_.row_major ||
      std::ranges::count(step.out, kNoValue) + 1 != std::ssize(step.out)) {  // no second result
    return LayoutRule::plain;
  }
  const Slot& x = binding_->slots_[step.in[0]];
  if (x.dims.size() < 3 || x.dims.size() > 5) {
    return LayoutRule::plain;
  }
  return entry.layout_for != nullptr       ? entry.layout_for(step.step->state, x.datatype)
         : x.datatype == DataType::float32 ? LayoutRule::channels_last
                                           : LayoutRule::plain;
}

// Whether a step that wants channels-last reads the value, or what at most `hops` steps make of it
// that would keep that order.
bool Binder::wants_channels_last(std::uint32_t slot, int hops) const {
  return std::ranges::any_of(binding_->steps_, [&](const BoundStep& step) {
    if (step.step == nullptr || step.dynamic || step.in.empty() || step.in[0] != slot) {
      return false;
    }
    const LayoutRule rule = layout_rule(step);
    return rule == LayoutRule::channels_last ||
           (rule == LayoutRule::follow && hops > 0 && step.out[0] != kNoValue &&
            wants_channels_last(step.out[0], hops - 1));
  });
}

// A transposition after which memory has the dimensions in the same order, be it from one layout to
// the other, moves nothing: its result is its input's bytes.
bool Binder::rename_turned(const BoundStep& step) {
  if (plan_.row_major || !makes_one_of_first(step)) {
    return false;
  }
  const Slot& from = binding_->slots_[step.in[0]];
  Slot& to = binding_->slots_[step.out[0]];
  const auto* const permutation = permutation_of(*step.step, from.dims.size());
  if (!may_be_renamed(from) || permutation == nullptr) {
    return false;
  }
  constexpr int kHops = 3;
  std::vector<std::int64_t> ascending(from.dims.size());
  std::iota(ascending.begin(), ascending.end(), 0);
  const auto before = turned_order(std::move(ascending), from.dims, from.layout);
  Layout layout = Layout::plain;
  if (turned_order(*permutation, from.dims, layout) != before) {
    layout = Layout::channels_last;
    if (turned_order(*permutation, from.dims, layout) != before ||
        !wants_channels_last(step.out[0], kHops)) {
      return false;
    }
  }
  to.layout = layouts_coincide(to.dims) ? Layout::plain : layout;
  to.root = step.in[0];
  to.storage = Storage::none;
  return true;
}

// Places' extents of 1 may come and go without a change of order.
bool Binder::rename_squeezed(const BoundStep& step) {
  if (!makes_one_of_first(step)) {
    return false;
  }
  const Slot& from = binding_->slots_[step.in[0]];
  Slot& to = binding_->slots_[step.out[0]];
  if (from.layout != Layout::channels_last || !may_be_renamed(from) || !may_be_renamed(to) ||
      without_ones(from.dims) != without_ones(to.dims)) {
    return false;
  }
  to.layout = layouts_coincide(to.dims) ? Layout::plain : from.layout;
  to.root = step.in[0];
  to.storage = Storage::none;
  return true;
}

std::uint32_t Binder::original(std::uint32_t slot) const {
  const auto found = originals_.find(slot);
  return found == originals_.end() ? slot : found->second;
}

// Whether the step's result is its first input as it is: a Pad without pads, a Slice of everything.
bool Binder::passes_on(const BoundStep& step) const {
  const OperatorEntry& entry = *step.step->entry;
  if (plan_.row_major || (!entry.alias && entry.passes_on == nullptr) ||
      !makes_one_of_first(step)) {
    return false;
  }
  const Slot& from = binding_->slots_[step.in[0]];
  const Slot& to = binding_->slots_[step.out[0]];
  if (from.datatype != to.datatype || !std::ranges::equal(Dims(from.dims), Dims(to.dims))) {
    return false;
  }
  const auto facts = facts_for(*step.step);
  return entry.alias ||
         entry.passes_on(step.step->params, {.inputs = facts, .output_count = step.out.size()});
}

void Binder::choose_for(BoundStep& step, std::vector<BoundStep>& steps) {
  auto& slots = binding_->slots_;
  const LayoutRule rule = layout_rule(step);
  if ((rule == LayoutRule::follow || rule == LayoutRule::reduces) &&
      follow_channels_last(step, steps)) {
    return;
  }
  const bool turns = rule == LayoutRule::channels_last;
  constexpr std::size_t kNone = ~std::size_t{0};
  const std::size_t residual =
      step.step != nullptr ? step.step->tail.residual.value_or(kNone) : kNone;
  for (std::size_t i = 0; i < step.in.size(); ++i) {
    if (step.in[i] != kNoValue) {
      const bool data = i == 0 || i == residual;
      step.in[i] =
          in_layout(step.in[i], turns && data ? Layout::channels_last : Layout::plain, steps);
    }
  }
  if (turns && step.out[0] != kNoValue) {
    slots[step.out[0]].layout = Layout::channels_last;
  }
}

void Binder::choose_layouts() {
  Binding& binding = *binding_;
  std::vector<BoundStep> steps;
  steps.reserve(binding.steps_.size() + binding.steps_.size() / 8);
  for (BoundStep& step : binding.steps_) {
    std::ranges::transform(step.in, step.in.begin(), [this](auto slot) { return original(slot); });
    if (step.step != nullptr && !step.dynamic) {
      if (passes_on(step)) {
        originals_.emplace(step.out[0], step.in[0]);
        continue;
      }
      const OperatorEntry& entry = *step.step->entry;
      if ((entry.layout == LayoutRule::turns && rename_turned(step)) ||
          (entry.alias && rename_squeezed(step))) {
        continue;
      }
    }
    choose_for(step, steps);
    steps.push_back(std::move(step));
  }
  for (const std::size_t output : binding.wanted_) {
    const std::uint32_t slot = original(plan_.outputs[output].value);
    output_slots_.push_back(in_layout(slot, Layout::plain, steps));
  }
  binding.steps_ = std::move(steps);
  // Slots do not move any more: their dims can be looked at.
  binding.views_.resize(binding.slots_.size());
  for (std::uint32_t i = 0; i < binding.slots_.size(); ++i) {
    void* const data = binding.views_[i].data;
    make_view(i);
    binding.views_[i].data = data;
  }
}

}  // namespace sluice::engine
