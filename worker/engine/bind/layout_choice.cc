// Binder::choose_layouts: which values are channels-last, and where the order is changed.
//
// Convolutions and pools want channels-last (16 channels fill a vector register, and oneDNN's
// kernels for that order need no blocking of the data); element-by-element operators take either
// order, whichever leaves the fewest bytes to reorder in all (layout_sides.cc); everything else
// wants rows. A value is reordered at most once to each layout.

#include <algorithm>

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

// The rank of the values of a step that takes either order; 0: it is none.
std::size_t Binder::common_rank(const BoundStep& step, LayoutRule rule) const {
  const auto& slots = binding_->slots_;
  const bool reduces = rule == LayoutRule::reduces;
  if (!reduces && rule != LayoutRule::follow) {
    return 0;
  }
  std::size_t rank = 0;
  for (const std::uint32_t slot : step.in) {
    if (slot != kNoValue) {
      rank = std::max(rank, slots[slot].dims.size());
    }
  }
  const auto stays = [&](std::uint32_t slot) {  // strings are not reordered
    return slots[slot].datatype == DataType::string;
  };
  const bool fits =
      rank >= 3 && rank <= 5 && std::ranges::all_of(step.in, [&](std::uint32_t slot) {
        return slot == kNoValue || (!stays(slot) && (slots[slot].dims.size() == rank ||
                                                     indifferent(slots[slot].dims, rank)));
      });
  return fits && std::ranges::all_of(
                     step.out,
                     [&](std::uint32_t slot) {
                       return slot == kNoValue ||
                              (!stays(slot) && (reduces || slots[slot].dims.size() == rank));
                     })
             ? rank
             : 0;
}

void Binder::follow_channels_last(BoundStep& step,
                                  std::size_t rank,
                                  std::vector<BoundStep>& steps) {
  for (std::uint32_t& slot : step.in) {
    if (slot != kNoValue && !indifferent(binding_->slots_[slot].dims, rank)) {
      slot = in_layout(slot, Layout::channels_last, steps);
    }
  }
  for (const std::uint32_t slot : step.out) {
    if (slot != kNoValue && binding_->slots_[slot].dims.size() == rank) {
      binding_->slots_[slot].layout = Layout::channels_last;
    }
  }
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

void Binder::choose_for(BoundStep& step, bool channels_last, std::vector<BoundStep>& steps) {
  auto& slots = binding_->slots_;
  const LayoutRule rule = layout_rule(step);
  if (channels_last) {
    if (const std::size_t rank = common_rank(step, rule); rank != 0) {
      follow_channels_last(step, rank, steps);
      return;
    }
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
  drop_passed_on();
  take_sides();
  for (std::size_t i = 0; i < binding.steps_.size(); ++i) {
    BoundStep& step = binding.steps_[i];
    const bool renamed = step.step != nullptr && !step.dynamic &&
                         ((step.step->entry->layout == LayoutRule::turns && rename_turned(step)) ||
                          rename_places(step));
    if (!renamed) {
      choose_for(step, sides_[i], steps);
      steps.push_back(std::move(step));
    }
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
