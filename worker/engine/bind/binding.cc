// Binding::run: the hot path. Nothing here allocates for a model without strings and without
// shapes that depend on data.

#include "worker/engine/bind/binding.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "worker/engine/plan/subgraph.h"
#include "worker/engine/values/empty_place.h"
#include "worker/engine/values/layout.h"
#include "worker/engine/values/strings.h"
#include "worker/engine/values/widen.h"

namespace sluice::engine {
namespace {

// Whether every byte is 0 or 1; looked at eight at a time, for masks can be large.
bool is_all_truths(std::span<const std::byte> data) {
  constexpr std::uint64_t kOthers = 0xFEFE'FEFE'FEFE'FEFE;
  std::uint64_t found = 0;
  std::size_t i = 0;
  for (; i + sizeof found <= data.size(); i += sizeof found) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, data.data() + i, sizeof eight);
    found |= eight & kOthers;
  }
  for (; i < data.size(); ++i) {
    found |= static_cast<std::uint64_t>(data[i]) & kOthers;
  }
  return found == 0;
}

bool is_aligned(const void* data, DataType datatype) {
  // NOLINTNEXTLINE: the address is what is asked.
  return reinterpret_cast<std::uintptr_t>(data) % element_size(datatype) == 0;
}

const Box kNothingBound;

std::string_view op_type_of(const BoundStep& step) {
  if (step.step != nullptr) {
    return step.step->node.op_type;
  }
  const bool rounds = step.rounds_to != DataType::undefined;
  return rounds                                                  ? "Round to 16 bits"
         : step.inputs[0]->datatype != step.outputs[0]->datatype ? "Convert 16 bits"
                                                                 : "Reorder";
}

// Runs the step and tells of it.
template <class Run>
Result<void> observe(const BoundStep& step, const Run& run, StepObserver& observer) {
  const auto operands = [](const auto& views) {
    std::vector<StepReport::Operand> list;
    for (const TensorView* const view : views) {
      list.push_back(view == nullptr ? StepReport::Operand{}
                                     : StepReport::Operand{view->datatype, view->dims});
    }
    return list;
  };
  StepReport report{.op_type = op_type_of(step), .implementation = step.implementation};
  if (step.step != nullptr) {
    report.node = step.step->node.name;
  }
  report.begin = std::chrono::steady_clock::now();
  SLUICE_TRY(run());
  report.end = std::chrono::steady_clock::now();
  const auto inputs = operands(step.inputs);
  const auto outputs = operands(step.outputs);  // those of dynamic steps are known only now
  report.inputs = inputs;
  report.outputs = outputs;
  observer.on_step(report);
  return {};
}

Error cancelled() {
  return {ErrorCode::cancelled, "the request was cancelled while it ran"};
}

bool is_reorder(const BoundStep& step) {
  return step.step == nullptr && step.rounds_to == DataType::undefined &&
         step.inputs[0]->datatype == step.outputs[0]->datatype;
}

}  // namespace

bool Binding::fits(const RunArguments& arguments, bool keep_nan) const {
  if (keep_nan != keep_nan_ || arguments.inputs.size() != input_slots_.size() ||
      !std::ranges::equal(arguments.outputs, wanted_)) {
    return false;
  }
  for (std::size_t i = 0; i < input_slots_.size(); ++i) {
    const Slot& slot = slots_[input_slots_[i]];
    const bool is_tensor = arguments.inputs[i].is_tensor;
    if (is_tensor != (slot.storage == Storage::input)) {
      return false;
    }
    if (!is_tensor) {
      continue;
    }
    if (arguments.inputs[i].datatype != slot.datatype ||
        !std::ranges::equal(arguments.inputs[i].shape, Dims(slot.dims))) {
      return false;
    }
  }
  return true;
}

std::size_t Binding::reorder_count() const {
  return static_cast<std::size_t>(std::ranges::count_if(steps_, is_reorder));
}

std::size_t Binding::reordered_bytes() const {
  std::size_t bytes = 0;
  for (const BoundStep& step : steps_) {
    bytes += is_reorder(step) ? step.outputs[0]->size() : 0;
  }
  return bytes;
}

Result<void> Binding::take_inputs(const RunArguments& arguments) {
  for (std::size_t i = 0; i < input_slots_.size(); ++i) {
    const Slot& slot = slots_[input_slots_[i]];
    TensorView& view = views_[input_slots_[i]];
    const InputView& given = arguments.inputs[i];
    if (!values_.empty() || !given.is_tensor) {
      SLUICE_TRY(take_value(given, input_slots_[i]));
    }
    if (!given.is_tensor) {
      continue;
    }
    if (given.value != nullptr) {
      view.data = given.value->tensor().view().data;
      continue;
    }
    const auto data = given.data;
    const auto named = [&] { return "input '" + plan_->info.inputs[i].name + "'"; };
    if (slot.datatype == DataType::string) {
      view = owned_[slot.index].view();
      if (auto decoded = decode_strings(data, view.mut<std::string>()); !decoded) {
        return with_context(std::move(decoded).error(), named());
      }
      continue;
    }
    if (data.size() != input_sizes_[i]) {
      return Error{ErrorCode::invalid_argument,
                   named() + " has " + std::to_string(data.size()) + " bytes of data, shape " +
                       to_string(slot.dims) + " needs " + std::to_string(input_sizes_[i])};
    }
    if (slot.datatype == DataType::boolean && !is_all_truths(data)) {
      return Error{ErrorCode::invalid_argument, named() + " has a BOOL that is neither 0 nor 1"};
    }
    // Kernels only read their inputs.
    view.data = or_empty_place(const_cast<std::byte*>(data.data()));
    if (!is_aligned(data.data(), slot.datatype)) {
      if (input_copies_[i].datatype() == DataType::undefined) {
        SLUICE_TRY_ASSIGN(input_copies_[i], Tensor::create(slot.datatype, slot.dims.shape()));
      }
      view.data = input_copies_[i].view().data;
      std::memcpy(view.data, data.data(), data.size());
    }
  }
  for (const Patch& patch : input_patches_) {
    views_[patch.slot].data = views_[input_slots_[patch.index]].data;
  }
  return {};
}

std::string Binding::arena_peak() const {
  if (arena_peak_ >= steps_.size()) {
    return "the model";
  }
  const BoundStep& step = steps_[arena_peak_];
  return step.step != nullptr ? describe(step.step->node) : std::string(op_type_of(step));
}

std::size_t Binding::output_size() const {
  std::size_t size = 0;
  for (const auto direct : direct_outputs_) {
    size += direct == kNoValue ? 0 : views_[direct].size();
  }
  return size;
}

Result<void> Binding::take_outputs(const RunArguments& arguments) {
  misaligned_outputs_.clear();
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (direct_outputs_[i] == kNoValue) {
      continue;
    }
    const Slot& slot = slots_[direct_outputs_[i]];
    TensorView& view = views_[direct_outputs_[i]];
    SLUICE_TRY_ASSIGN(
        const auto bytes,
        arguments.allocator->allocate(i, slot.datatype, output_dims_[i], view.size()));
    SLUICE_CHECK(bytes.size() == view.size());
    view.data = or_empty_place(bytes.data());
    output_spans_[i] = bytes;
    if (!is_aligned(bytes.data(), slot.datatype)) {
      if (output_copies_[i].datatype() == DataType::undefined) {
        SLUICE_TRY_ASSIGN(output_copies_[i], Tensor::create(slot.datatype, slot.dims.shape()));
      }
      view.data = output_copies_[i].view().data;
      misaligned_outputs_.push_back(i);
    }
  }
  for (const Patch& patch : output_patches_) {
    views_[patch.slot].data = views_[direct_outputs_[patch.index]].data;
  }
  return {};
}

void Binding::take_arena(std::span<std::byte> arena) {
  SLUICE_CHECK(arena.size() >= arena_size_);
  auto* const base = static_cast<std::byte*>(or_empty_place(arena.data()));
  if (base == arena_base_) {
    return;
  }
  arena_base_ = base;
  for (const Patch& patch : arena_patches_) {
    views_[patch.slot].data = base + patch.index;
  }
}

Result<void> Binding::run_one(BoundStep& step,
                              const std::atomic<bool>* stop,
                              std::span<std::byte> arena) {
  if (step.step == nullptr) {
    if (step.rounds_to != DataType::undefined) {
      round_to_halves(*step.inputs[0], step.rounds_to, *step.outputs[0]);
    } else if (step.inputs[0]->datatype != step.outputs[0]->datatype) {
      convert_halves(*step.inputs[0], *step.outputs[0]);
    } else {
      reorder(*step.inputs[0], *step.outputs[0]);
    }
    return {};
  }
  Result<void> done;
  if (step.dynamic) {
    done = run_dynamic(step, stop);
  } else {
    const auto scratch = step.scratch_size > 0
                             ? arena.subspan(step.scratch_offset, step.scratch_size)
                             : std::span<std::byte>{};
    KernelContext context(step.inputs, step.outputs, scratch, stop);
    done = step.step->entry->kernel.run(step.step->params,
                                        step.step->state,
                                        step.bound != nullptr ? *step.bound : kNothingBound,
                                        context);
  }
  return done ? Result<void>() : with_context(std::move(done).error(), describe(step.step->node));
}

Result<void> Binding::run_steps(const RunArguments& arguments, std::span<std::byte> arena) {
  const auto stopped = [stop = arguments.stop] {
    return stop != nullptr && stop->load(std::memory_order_relaxed);
  };
  for (BoundStep& step : steps_) {
    if (stopped()) {
      return cancelled();
    }
    if (arguments.observer != nullptr) {
      SLUICE_TRY(observe(
          step, [&] { return run_one(step, arguments.stop, arena); }, *arguments.observer));
      continue;
    }
    SLUICE_TRY(run_one(step, arguments.stop, arena));
  }
  return stopped() ? Result<void>(cancelled()) : Result<void>();
}

Result<void> Binding::give_tensor(std::size_t output,
                                  const TensorView& view,
                                  OutputAllocator& allocator) {
  const bool strings = view.datatype == DataType::string;
  const std::size_t size = strings ? encoded_size(view.as<std::string>()) : view.size();
  Shape& dims = output_dims_[output];  // has room from the run before
  dims.assign(view.dims.begin(), view.dims.end());
  SLUICE_TRY_ASSIGN(const auto bytes, allocator.allocate(output, view.datatype, dims, size));
  SLUICE_CHECK(bytes.size() == size);
  if (strings) {
    encode_strings(view.as<std::string>(), bytes);
  } else if (size > 0) {
    std::memcpy(bytes.data(), view.data, size);
  }
  return {};
}

Result<void> Binding::give(const Left& left, OutputAllocator& allocator) {
  const ValueInput value = value_input(left.slot);
  if (value.is_tensor()) {
    return give_tensor(left.output, value.tensor, allocator);
  }
  if (!value.value->is_sequence()) {
    return allocator.hold_nothing(left.output);
  }
  const std::vector<Value>& items = value.value->sequence().items;
  SLUICE_TRY(allocator.begin_sequence(left.output, items.size()));
  for (const Value& item : items) {
    SLUICE_TRY(give_tensor(left.output, item.tensor().view(), allocator));
  }
  return {};
}

Result<void> Binding::give_outputs(const RunArguments& arguments) {
  for (const std::size_t i : misaligned_outputs_) {
    const TensorView& view = views_[direct_outputs_[i]];
    if (view.size() > 0) {
      std::memcpy(output_spans_[i].data(), view.data, view.size());
    }
  }
  for (const Left& left : left_) {
    if (arguments.sink == nullptr) {
      SLUICE_TRY(give(left, *arguments.allocator));
      continue;
    }
    SLUICE_TRY_ASSIGN(Value value, value_of(value_input(left.slot)));
    arguments.sink->take(left.output, std::move(value));
  }
  return {};
}

Result<void> Binding::run(const RunArguments& arguments, std::span<std::byte> arena) {
  SLUICE_TRY(take_inputs(arguments));
  SLUICE_TRY(take_outputs(arguments));
  take_arena(arena);
  SLUICE_TRY(run_steps(arguments, arena));
  return give_outputs(arguments);
}

}  // namespace sluice::engine
