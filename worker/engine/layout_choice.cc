// Binder::choose_layouts: which values are channels-last, and where the order is changed.
//
// Convolutions and pools want channels-last (16 channels fill a vector register, and oneDNN's
// kernels for that order need no blocking of the data); element-by-element operators take what they
// get; everything else wants rows. A value is reordered at most once to each layout.

#include <algorithm>
#include <numeric>

#include "worker/engine/binder.h"
#include "worker/engine/layout.h"

namespace sluice::engine {
namespace {

// The same bytes in both layouts once it is stretched to `rank` by leading ones.
bool indifferent(Dims dims, std::size_t rank) {
  Shape stretched(rank - dims.size(), 1);
  stretched.insert(stretched.end(), dims.begin(), dims.end());
  return layouts_coincide(stretched);
}

// Whether a transposition is 0, 2, 3, ..., 1 (from row-major to channels-last) or the way back.
bool turns(const Step& step, bool to_last) {
  for (const Attribute& attribute : step.node.attributes) {
    if (attribute.name == "perm" && attribute.integers.size() >= 3) {
      std::vector<std::int64_t> order(attribute.integers.size());
      std::iota(order.begin(), order.end(), 0);
      std::rotate(order.begin() + 1, to_last ? order.begin() + 2 : order.end() - 1, order.end());
      return order == attribute.integers;
    }
  }
  return false;
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
  const auto fits = [&](std::uint32_t slot) {
    return slot == kNoValue || slots[slot].dims.size() == rank ||
           (slots[slot].dims.size() < rank && indifferent(slots[slot].dims, rank));
  };
  if (!std::ranges::all_of(step.in, fits) || !std::ranges::all_of(step.out, [&](auto slot) {
        return slot == kNoValue || slots[slot].dims.size() == rank;
      })) {
    return false;
  }
  for (std::uint32_t& slot : step.in) {
    if (slot != kNoValue && !indifferent(slots[slot].dims, rank)) {
      slot = in_layout(slot, Layout::channels_last, steps);
    }
  }
  for (const std::uint32_t slot : step.out) {
    if (slot != kNoValue) {
      slots[slot].layout = Layout::channels_last;
    }
  }
  return true;
}

// Whether a step that wants channels-last reads the value, or what at most `hops` steps make of it
// that would keep that order.
bool Binder::wants_channels_last(std::uint32_t slot, int hops) const {
  return std::ranges::any_of(binding_->steps_, [&](const BoundStep& step) {
    if (step.step == nullptr || step.dynamic || step.in.empty() || step.in[0] != slot) {
      return false;
    }
    const LayoutRule rule = step.step->entry->layout;
    return rule == LayoutRule::channels_last ||
           (rule == LayoutRule::follow && hops > 0 && step.out[0] != kNoValue &&
            wants_channels_last(step.out[0], hops - 1));
  });
}

// A transposition from one layout to the other moves nothing: its result is its input's bytes.
bool Binder::rename_turned(const BoundStep& step) {
  if (plan_.row_major || step.out[0] == kNoValue) {
    return false;
  }
  const Slot from = binding_->slots_[step.in[0]];
  Slot& to = binding_->slots_[step.out[0]];
  const std::size_t rank = from.dims.size();
  if (rank < 3 || rank > 5 || storage_size(from.datatype) > 8 ||
      from.datatype == DataType::string) {
    return false;
  }
  constexpr int kHops = 3;
  Layout layout = Layout::plain;
  if (from.layout == Layout::channels_last) {
    if (!turns(*step.step, true)) {
      return false;
    }
  } else {
    if (!turns(*step.step, false) || !wants_channels_last(step.out[0], kHops)) {
      return false;
    }
    layout = layouts_coincide(to.dims) ? Layout::plain : Layout::channels_last;
  }
  to.layout = layout;
  to.root = step.in[0];
  to.storage = Storage::none;
  return true;
}

void Binder::choose_for(BoundStep& step, std::vector<BoundStep>& steps) {
  auto& slots = binding_->slots_;
  const LayoutRule rule = step.dynamic           ? LayoutRule::plain
                          : step.step == nullptr ? LayoutRule::follow  // a conversion
                                                 : step.step->entry->layout;
  const std::size_t rank =
      step.in.empty() || step.in[0] == kNoValue ? 0 : slots[step.in[0]].dims.size();
  if (rule == LayoutRule::follow && follow_channels_last(step, steps)) {
    return;
  }
  const bool turns = rule == LayoutRule::channels_last && rank >= 3 && rank <= 5 &&
                     slots[step.in[0]].datatype == DataType::float32 && !plan_.row_major &&
                     std::ranges::count(step.out, kNoValue) + 1 ==
                         static_cast<std::ptrdiff_t>(step.out.size());  // no second result
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
    const bool may_rename =
        step.step != nullptr && !step.dynamic && step.step->entry->layout == LayoutRule::turns;
    if (!may_rename || !rename_turned(step)) {
      choose_for(step, steps);
      steps.push_back(std::move(step));
    }
  }
  for (const std::size_t output : binding.wanted_) {
    output_slots_.push_back(in_layout(plan_.outputs[output].value, Layout::plain, steps));
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
