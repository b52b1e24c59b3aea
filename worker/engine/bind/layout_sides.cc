// Binder::take_sides: the steps that take either order, row-major or channels-last, by the fewest
// bytes to reorder along the whole binding (layout_cut.h).

#include <algorithm>
#include <utility>
#include <vector>

#include "worker/engine/bind/binder.h"
#include "worker/engine/bind/layout_cut.h"
#include "worker/engine/values/layout.h"

namespace sluice::engine {
namespace {

using Side = LayoutCut::Node;
constexpr std::size_t kNone = ~std::size_t{0};

// What a step costs beside the bytes it moves, in bytes moved in that time.
constexpr std::int64_t kStep = 4096;

// What a reorder of the value costs, in bytes, with the typical dims.
std::int64_t cost_of_reorder(const Slot& slot, Dims typical) {
  if (!slot.known || slot.datatype == DataType::string || layouts_coincide(slot.dims)) {
    return 0;
  }
  const auto count = element_count(typical);
  if (!count) {
    return kStep;
  }
  return *count * static_cast<std::int64_t>(element_size(slot.datatype)) + kStep;
}

}  // namespace

// Who reads what of whom, while the cut is made.
struct Binder::Sides {
  LayoutCut cut{};
  std::vector<Side> steps{};   // by step
  std::vector<Side> makers{};  // by slot
  std::vector<bool> leans{};   // by slot: channels-last, if every step takes what it is given
  std::vector<std::pair<std::uint32_t, Side>> readings{};
  std::vector<const Shape*> typical{};  // by slot; null: not known
};

// The dims that the plan expects: were it those of the run, a batch would take other sides than
// its rows alone, and other last bits (docs/adr/0018-determinism.md).
void Binder::note_typical(Sides& sides) const {
  sides.typical.assign(binding_->slots_.size(), nullptr);
  for (std::size_t i = 0; i < plan_.typical.size() && i < sides.typical.size(); ++i) {
    sides.typical[i] = plan_.typical[i] ? &*plan_.typical[i] : nullptr;
  }
  for (const BoundStep& step : binding_->steps_) {
    if (step.step == nullptr) {  // the same value in another width
      const Shape*& from = sides.typical[step.in[0]];
      const Shape*& to = sides.typical[step.out[0]];
      to = to != nullptr ? to : from;
      from = from != nullptr ? from : to;
    }
  }
}

void Binder::note_side(const BoundStep& step, Sides& sides) const {
  const LayoutRule rule = layout_rule(step);
  const bool wants = rule == LayoutRule::channels_last;
  const std::size_t residual =
      step.step != nullptr ? step.step->tail.residual.value_or(kNone) : kNone;
  const bool bound = step.step != nullptr && !step.dynamic;
  const auto leans = [&](std::uint32_t slot) { return slot != kNoValue && sides.leans[slot]; };
  Side reads = LayoutCut::kPlain;
  Side makes = wants ? LayoutCut::kChannelsLast : LayoutCut::kPlain;
  bool leaning = wants;
  const std::size_t rank = bound && counts_places_anew(step)
                               ? binding_->slots_[step.out[0]].dims.size()
                               : common_rank(step, rule);
  if (rank != 0) {
    reads = makes = sides.cut.add();
    leaning = std::ranges::any_of(step.in, leans);
  } else if (rule == LayoutRule::turns) {
    // Of three extents the last two change places: free from either order to the other one.
    const bool gives = turns_nothing(step, Layout::plain, Layout::channels_last);
    const bool takes = turns_nothing(step, Layout::channels_last, Layout::plain);
    if (takes && (!gives || leans(step.in[0]))) {
      reads = LayoutCut::kChannelsLast;
    } else if (gives) {
      makes = LayoutCut::kChannelsLast;  // for whoever wants that
      leaning = true;
    }
  }
  sides.steps.push_back(reads);
  for (std::size_t i = 0; i < step.in.size(); ++i) {
    if (step.in[i] != kNoValue) {
      const bool data = wants && (i == 0 || i == residual);
      sides.readings.emplace_back(step.in[i], data ? LayoutCut::kChannelsLast : reads);
    }
  }
  for (const std::uint32_t slot : step.out) {
    if (slot != kNoValue) {
      const bool other = rank != 0 && binding_->slots_[slot].dims.size() != rank;
      sides.makers[slot] = other ? LayoutCut::kPlain : makes;
      sides.leans[slot] = !other && leaning;
    }
  }
}

void Binder::take_sides() {
  const auto& steps = binding_->steps_;
  sides_.assign(steps.size(), false);
  reads_channels_last_.assign(binding_->slots_.size(), false);
  if (std::ranges::none_of(steps, [this](const BoundStep& step) {
        return layout_rule(step) == LayoutRule::channels_last;
      })) {
    return;
  }
  Sides sides;
  note_typical(sides);
  sides.makers.assign(binding_->slots_.size(), LayoutCut::kPlain);
  sides.leans.assign(binding_->slots_.size(), false);
  for (const BoundStep& step : steps) {
    note_side(step, sides);
  }
  for (const std::size_t output : binding_->wanted_) {
    sides.readings.emplace_back(original(plan_.outputs[output].value), LayoutCut::kPlain);
  }
  std::ranges::sort(sides.readings);
  std::vector<Side> readers;
  const auto connect = [&](std::uint32_t slot) {
    readers.clear();
    for (auto reading = std::ranges::lower_bound(
             sides.readings, slot, {}, &std::pair<std::uint32_t, Side>::first);
         reading != sides.readings.end() && reading->first == slot;
         ++reading) {
      readers.push_back(reading->second);
    }
    const Slot& value = binding_->slots_[slot];
    const Shape* const typical = sides.typical[slot];
    const Dims dims = typical != nullptr ? Dims(*typical) : Dims(value.dims);
    if (const std::int64_t bytes = cost_of_reorder(value, dims); bytes != 0) {
      sides.cut.connect(sides.makers[slot], readers, bytes);
    }
  };
  // In the order of the run: first what no step makes.
  std::vector<bool> made(binding_->slots_.size(), false);
  const auto results = [&](auto visit) {
    for (const BoundStep& step : steps) {
      for (const std::uint32_t slot : step.out) {
        if (slot != kNoValue) {
          visit(slot);
        }
      }
    }
  };
  results([&](std::uint32_t slot) { made[slot] = true; });
  for (std::uint32_t slot = 0; slot < made.size(); ++slot) {
    if (!made[slot]) {
      connect(slot);
    }
  }
  results(connect);
  const std::vector<bool> channels_last = sides.cut.solve();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    sides_[i] = channels_last[sides.steps[i]];
  }
  for (const auto& [slot, node] : sides.readings) {
    reads_channels_last_[slot] = reads_channels_last_[slot] || channels_last[node];
  }
}

bool Binder::read_channels_last(std::uint32_t slot) const {
  return slot < reads_channels_last_.size() && reads_channels_last_[slot];
}

}  // namespace sluice::engine
