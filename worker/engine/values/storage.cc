// Binder::assign_memory: which slot lies where. Values that only rename another's bytes share its
// memory, results take the place of inputs that end with them, what a caller asked for is computed
// in the caller's buffer, and the rest shares the arena.

#include <algorithm>

#include "worker/engine/bind/arena_plan.h"
#include "worker/engine/bind/binder.h"

namespace sluice::engine {

std::uint32_t Binder::root_of(std::uint32_t slot) {
  auto& slots = binding_->slots_;
  while (slots[slot].root != slot) {
    slots[slot].root = slots[slots[slot].root].root;
    slot = slots[slot].root;
  }
  return slot;
}

Result<void> Binder::name_storages() {
  Binding& binding = *binding_;
  for (BoundStep& step : binding.steps_) {
    for (const std::uint32_t slot : step.out) {
      if (slot != kNoValue) {
        Slot& made = binding.slots_[slot];
        made.storage = step.dynamic                        ? Storage::dynamic
                       : made.datatype == DataType::string ? Storage::owned
                                                           : Storage::arena;
        if (!step.dynamic && made.datatype == DataType::string) {
          SLUICE_TRY_ASSIGN(Tensor tensor, Tensor::create(made.datatype, made.dims.shape()));
          binding.views_[slot].data = tensor.view().data;
          binding.owned_.push_back(std::move(tensor));
        }
      }
    }
    const bool renames = step.step != nullptr && step.step->entry->alias && !step.dynamic &&
                         step.in[0] != kNoValue && step.out[0] != kNoValue &&
                         std::ranges::count(step.out, kNoValue) + 1 ==
                             static_cast<std::ptrdiff_t>(step.out.size()) &&
                         binding.slots_[step.in[0]].datatype != DataType::string;
    if (renames) {
      binding.slots_[step.out[0]].root = root_of(step.in[0]);
    }
  }
  // Steps that only rename have nothing to run.
  std::erase_if(binding.steps_, [&](const BoundStep& step) {
    return step.step != nullptr && step.step->entry->alias && !step.dynamic &&
           binding.slots_[step.out[0]].root != step.out[0];
  });
  return {};
}

void Binder::find_lives() {
  Binding& binding = *binding_;
  lives_.assign(binding.slots_.size(), {});
  for (std::size_t i = 0; i < binding.steps_.size(); ++i) {
    for (const std::uint32_t slot : binding.steps_[i].out) {
      if (slot != kNoValue) {
        Life& life = lives_[root_of(slot)];
        life.first = std::min(life.first, i);
        life.last = std::max(life.last, i);
      }
    }
    for (const std::uint32_t slot : binding.steps_[i].in) {
      if (slot != kNoValue) {
        Life& life = lives_[root_of(slot)];
        life.last = std::max(life.last, i);
      }
    }
  }
  for (const std::uint32_t slot : output_slots_) {
    lives_[root_of(slot)].last = binding.steps_.size();
  }
}

// Lets the step's result take the memory of an input that nobody reads afterwards.
void Binder::share_in_place(std::size_t at) {
  Binding& binding = *binding_;
  BoundStep& step = binding.steps_[at];
  const bool rounds = step.rounds_to != DataType::undefined;
  if ((step.step == nullptr && !rounds) || step.dynamic || step.out.empty() ||
      step.out[0] == kNoValue) {
    return;
  }
  const std::uint32_t result = root_of(step.out[0]);
  if (binding.slots_[result].storage != Storage::arena || lives_[result].first != at) {
    return;
  }
  std::vector<std::size_t> candidates{0};
  if (!rounds) {
    candidates = step.step->entry->overwrites;
    if (step.step->tail.residual) {
      candidates.push_back(*step.step->tail.residual);
    }
  }
  for (const std::size_t i : candidates) {
    if (i >= step.in.size() || step.in[i] == kNoValue) {
      continue;
    }
    const std::uint32_t source = root_of(step.in[i]);
    const bool shared_with_other_input = std::ranges::any_of(step.in, [&](std::uint32_t slot) {
      return slot != kNoValue && slot != step.in[i] && root_of(slot) == source;
    });
    // A residual that is also what is multiplied would be overwritten while it is read.
    const bool read_twice =
        !rounds && step.step->tail.residual == i && std::ranges::count(step.in, step.in[i]) > 1;
    if (!read_twice && binding.slots_[source].storage == Storage::arena &&
        lives_[source].last == at && source != result && !shared_with_other_input &&
        binding.views_[step.in[i]].size() == binding.views_[step.out[0]].size()) {
      binding.slots_[result].root = source;
      lives_[source].last = std::max(lives_[source].last, lives_[result].last);
      return;
    }
  }
}

void Binder::place_outputs() {
  Binding& binding = *binding_;
  binding.direct_outputs_.assign(binding.wanted_.size(), kNoValue);
  binding.output_spans_.resize(binding.wanted_.size());
  binding.output_copies_.resize(binding.wanted_.size());
  for (std::size_t i = 0; i < output_slots_.size(); ++i) {
    binding.output_dims_.push_back(binding.slots_[output_slots_[i]].dims.shape());
    const std::uint32_t root = root_of(output_slots_[i]);
    Slot& slot = binding.slots_[root];
    if (slot.storage == Storage::arena &&
        binding.views_[root].size() == binding.views_[output_slots_[i]].size()) {
      slot.storage = Storage::output;
      slot.index = i;
      binding.direct_outputs_[i] = root;
    } else {
      binding.left_.push_back({.slot = output_slots_[i], .output = i});
    }
  }
}

void Binder::place_arena() {
  Binding& binding = *binding_;
  std::vector<ArenaBlock> blocks;
  for (std::uint32_t i = 0; i < binding.slots_.size(); ++i) {
    Slot& slot = binding.slots_[i];
    if (slot.root == i && slot.storage == Storage::arena && lives_[i].first != ~std::size_t{0}) {
      slot.index = blocks.size();
      blocks.push_back(
          {.size = binding.views_[i].size(), .first = lives_[i].first, .last = lives_[i].last});
    }
  }
  const std::size_t values = blocks.size();
  for (std::size_t i = 0; i < binding.steps_.size(); ++i) {
    if (binding.steps_[i].scratch_size > 0) {
      blocks.push_back({.size = binding.steps_[i].scratch_size, .first = i, .last = i});
    }
  }
  binding.arena_size_ = place_blocks(blocks);
  const auto peak =
      std::ranges::max_element(blocks, {}, [](const ArenaBlock& b) { return b.offset + b.size; });
  binding.arena_peak_ = peak != blocks.end() ? peak->first : 0;
  std::size_t scratch = values;
  for (BoundStep& step : binding.steps_) {
    if (step.scratch_size > 0) {
      step.scratch_offset = blocks[scratch++].offset;
    }
  }
  for (std::uint32_t i = 0; i < binding.slots_.size(); ++i) {
    const std::uint32_t root = root_of(i);
    if (binding.slots_[root].storage == Storage::arena && lives_[root].first != ~std::size_t{0}) {
      binding.arena_patches_.push_back(
          {.slot = i, .index = blocks[binding.slots_[root].index].offset});
    }
  }
}

Result<void> Binder::note_patches() {
  Binding& binding = *binding_;
  bool dynamic = false;
  for (std::uint32_t i = 0; i < binding.slots_.size(); ++i) {
    const std::uint32_t root = root_of(i);
    const Slot& slot = binding.slots_[root];
    if (root != i && slot.storage == Storage::input) {
      binding.input_patches_.push_back({.slot = i, .index = slot.index});
    } else if (root != i && slot.storage == Storage::output) {
      binding.output_patches_.push_back({.slot = i, .index = slot.index});
    } else if (root != i && (slot.storage == Storage::constant || slot.storage == Storage::owned)) {
      binding.views_[i].data = binding.views_[root].data;
    }
    dynamic = dynamic || slot.storage == Storage::dynamic;
  }
  if (dynamic) {
    binding.values_.resize(binding.slots_.size());
  }
  binding.input_copies_.resize(binding.input_slots_.size());
  for (const std::uint32_t input : binding.input_slots_) {
    Slot& slot = binding.slots_[input];
    if (slot.datatype == DataType::string) {
      SLUICE_TRY_ASSIGN(Tensor tensor, Tensor::create(slot.datatype, slot.dims.shape()));
      slot.index = binding.owned_.size();
      binding.owned_.push_back(std::move(tensor));
    }
  }
  return {};
}

Result<void> Binder::assign_memory() {
  SLUICE_TRY(name_storages());
  find_lives();
  for (std::size_t i = 0; i < binding_->steps_.size(); ++i) {
    share_in_place(i);
  }
  place_outputs();
  place_arena();
  SLUICE_TRY(note_patches());
  return {};
}

}  // namespace sluice::engine
