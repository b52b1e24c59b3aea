// Steps that move nothing: their result is their input's bytes under another name, in the same
// order or read as the other one.

#include <algorithm>
#include <numeric>

#include "worker/engine/bind/binder.h"
#include "worker/engine/values/layout.h"

namespace sluice::engine {
namespace {

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

}  // namespace

// Whether a transposition's result in the layout `to` has the bytes of its input in `from`: memory
// has the dimensions in the same order.
bool Binder::turns_nothing(const BoundStep& step, Layout from, Layout to) const {
  if (!makes_one_of_first(step)) {
    return false;
  }
  const Slot& read = binding_->slots_[step.in[0]];
  const auto* const permutation = permutation_of(*step.step, read.dims.size());
  if (!may_be_renamed(read) || permutation == nullptr) {
    return false;
  }
  std::vector<std::int64_t> ascending(read.dims.size());
  std::iota(ascending.begin(), ascending.end(), 0);
  return turned_order(*permutation, read.dims, to) ==
         turned_order(std::move(ascending), read.dims, from);
}

void Binder::name_again(std::uint32_t from, std::uint32_t to, Layout layout) {
  Slot& named = binding_->slots_[to];
  named.layout = layouts_coincide(named.dims) ? Layout::plain : layout;
  named.root = from;
  named.storage = Storage::none;
}

bool Binder::rename_turned(const BoundStep& step) {
  if (plan_.row_major || !makes_one_of_first(step)) {
    return false;
  }
  const auto rename = [&](std::uint32_t from) {
    const Layout layout = binding_->slots_[from].layout;
    if (turns_nothing(step, layout, Layout::plain)) {
      name_again(from, step.out[0], Layout::plain);
      return true;
    }
    if (read_channels_last(step.out[0]) && turns_nothing(step, layout, Layout::channels_last)) {
      name_again(from, step.out[0], Layout::channels_last);
      return true;
    }
    return false;
  };
  if (rename(step.in[0])) {
    return true;
  }
  const auto other = other_layouts_.find(std::make_pair(step.in[0], Layout::channels_last));
  return other != other_layouts_.end() && rename(other->second);
}

// Whether the step changes only how places are counted: batch and channels stay, so that the bytes
// keep their order in either layout.
bool Binder::counts_places_anew(const BoundStep& step) const {
  if (!step.step->entry->alias || !makes_one_of_first(step)) {
    return false;
  }
  const Slot& from = binding_->slots_[step.in[0]];
  const Slot& to = binding_->slots_[step.out[0]];
  return may_be_renamed(from) && may_be_renamed(to) &&
         std::ranges::equal(Dims(from.dims).first(2), Dims(to.dims).first(2));
}

bool Binder::rename_places(const BoundStep& step) {
  if (!counts_places_anew(step) || binding_->slots_[step.in[0]].layout != Layout::channels_last) {
    return false;
  }
  name_again(step.in[0], step.out[0], Layout::channels_last);
  return true;
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

std::uint32_t Binder::original(std::uint32_t slot) const {
  const auto found = originals_.find(slot);
  return found == originals_.end() ? slot : found->second;
}

void Binder::drop_passed_on() {
  std::erase_if(binding_->steps_, [this](BoundStep& step) {
    std::ranges::transform(step.in, step.in.begin(), [this](auto slot) { return original(slot); });
    const bool passes = step.step != nullptr && !step.dynamic && passes_on(step);
    if (passes) {
      originals_.emplace(step.out[0], step.in[0]);
    }
    return passes;
  });
}

}  // namespace sluice::engine
