#include "worker/engine/run/runner.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "worker/engine/values/finite.h"

namespace sluice::engine {
namespace {

constexpr std::size_t kSpareMost = limits::kMiB;

}  // namespace

bool Runner::may_have_nan(const RunArguments& arguments) const {
  return plan_.looks_for_nan && !std::ranges::all_of(arguments.inputs, [](const InputView& input) {
           return all_finite(input.datatype, input.data);
         });
}

// Lets the arena have what the binding needs; one that an error left smaller, too.
Result<void> Runner::make_room(const Binding& binding) {
  if (binding.arena_size() <= arena_.size()) {
    return {};
  }
  // A sequence that grows would need a larger one with each run.
  const bool grows = arena_.size() > 0;
  const std::size_t spare = grows ? std::min(binding.arena_size() / 4, kSpareMost) : 0;
  arena_ = MutableBuffer();  // first gone, then the larger one: not both at once
  held_ = MemoryHold();
  auto held = hold_memory(binding.arena_size() + spare, "intermediate results of these shapes");
  if (!held) {
    return with_context(std::move(held).error(), binding.arena_peak());
  }
  held_ = *std::move(held);
  arena_ = MutableBuffer(binding.arena_size() + spare);
  return {};
}

// Brings the binding for these shapes to the front, making it if it is new.
Result<void> Runner::select(const RunArguments& arguments) {
  const bool keep_nan = may_have_nan(arguments);
  const auto found = std::ranges::find_if(
      bindings_, [&](const auto& binding) { return binding->fits(arguments, keep_nan); });
  if (found != bindings_.end()) {
    std::rotate(bindings_.begin(), found, found + 1);
    return make_room(*bindings_.front());
  }
  const Binding* const before = bindings_.empty() ? nullptr : bindings_.front().get();
  SLUICE_TRY_ASSIGN(auto binding, Binding::create(plan_, arguments, keep_nan, before));
  SLUICE_TRY(check_memory(binding->output_size(), "outputs of these shapes"));
  SLUICE_TRY(make_room(*binding));
  if (bindings_.size() >= limits::kBoundShapes) {
    bindings_.pop_back();
  }
  bindings_.insert(bindings_.begin(), std::move(binding));
  return {};
}

Result<void> Runner::run(const RunArguments& arguments) {
  SLUICE_TRY(select(arguments));
  return bindings_.front()->run(arguments, arena_.bytes());
}

}  // namespace sluice::engine
