// Binding: a plan for one set of input shapes and wanted outputs. Dims, memory and primitives are
// fixed, so that a run computes and does nothing else. Belongs to one execution.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/engine.h"
#include "worker/engine/graph/kernel.h"
#include "worker/engine/plan/plan.h"

namespace sluice::engine {

class Runner;
class StepRun;

// Who provides a slot's memory.
enum class Storage : std::uint8_t {
  none,      // not needed at run time
  constant,  // the plan's
  owned,     // the binding's: folded values, strings
  input,     // the caller's
  output,    // the caller's
  arena,     // the execution's
  dynamic,   // made during the run, when the dims are known; whatever is no tensor
};

// The dims of a slot: most have so few that a binding of hundreds of slots need not allocate them.
class SlotDims {
 public:
  SlotDims() = default;
  SlotDims& operator=(Dims dims) {
    size_ = dims.size();
    if (size_ > kNear) {
      far_.assign(dims.begin(), dims.end());
    } else {
      std::ranges::copy(dims, near_.begin());
    }
    return *this;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] Shape shape() const {
    const Dims dims = *this;
    return {dims.begin(), dims.end()};
  }
  // Valid until the slot moves.
  // NOLINTNEXTLINE(google-explicit-constructor): they are dims
  operator Dims() const { return {size_ > kNear ? far_.data() : near_.data(), size_}; }

 private:
  static constexpr std::size_t kNear = 5;
  std::size_t size_ = 0;
  std::array<std::int64_t, kNear> near_{};
  Shape far_;
};

// A value at one place in one layout. Slots below the plan's value count are the plan's values.
struct Slot {
  DataType datatype = DataType::undefined;
  Layout layout = Layout::plain;
  bool known = false;  // the dims are
  SlotDims dims;
  std::uint32_t root = 0;               // the slot whose memory this one uses
  Storage storage = Storage::none;      // of a root
  std::size_t index = 0;                // input or wanted output number, arena block
  std::shared_ptr<const Tensor> value;  // folded
};

struct BoundStep {
  const Step* step = nullptr;  // null: a change of layout, to or from a 16-bit float, or rounding
  DataType rounds_to = DataType::undefined;  // of a rounding: float32 with a 16-bit float's values
  bool dynamic = false;                      // dims of an input or output are known only by running
  std::vector<std::uint32_t> in{};           // slots; kNoValue: left out
  std::vector<std::uint32_t> out{};
  std::shared_ptr<const Box> bound{};  // null: the kernel binds nothing
  const char* implementation = "";
  std::vector<const TensorView*> inputs{};
  std::vector<TensorView*> outputs{};
  std::size_t scratch_size = 0;
  std::size_t scratch_offset = 0;
  std::shared_ptr<StepRun> run{};                  // of a dynamic step, made when first run
  std::vector<std::shared_ptr<Runner>> runners{};  // of the graphs inside, made when first run
};

class Binding {
 public:
  // invalid_argument for inputs the model cannot take, resource_exhausted.
  // `keep_nan`: the inputs' numbers are not all finite. `before`: another binding of the plan and
  // the same execution, to take over from; or null.
  static Result<std::unique_ptr<Binding>> create(const Plan& plan,
                                                 const RunArguments& arguments,
                                                 bool keep_nan,
                                                 const Binding* before);

  [[nodiscard]] bool fits(const RunArguments& arguments, bool keep_nan) const;
  [[nodiscard]] std::size_t arena_size() const { return arena_size_; }
  // The node at which the arena is fullest, for error texts.
  [[nodiscard]] std::string arena_peak() const;
  // Bytes of the results that the caller makes room for.
  [[nodiscard]] std::size_t output_size() const;
  // Steps that only change a layout: what the plan wants few of.
  [[nodiscard]] std::size_t reorder_count() const;
  [[nodiscard]] std::size_t reordered_bytes() const;
  [[nodiscard]] std::size_t step_count() const { return steps_.size(); }

  // `arena`: at least arena_size() bytes, aligned to kBufferAlignment.
  Result<void> run(const RunArguments& arguments, std::span<std::byte> arena);

 private:
  friend class Binder;
  struct Patch {
    std::uint32_t slot;
    std::size_t index;  // input, wanted output, or offset in the arena
  };
  struct Left {  // a wanted output that is not computed in place
    std::uint32_t slot;
    std::size_t output;
  };

  Result<void> take_inputs(const RunArguments& arguments);
  Result<void> take_outputs(const RunArguments& arguments);
  void take_arena(std::span<std::byte> arena);
  Result<void> run_steps(const RunArguments& arguments, std::span<std::byte> arena);
  Result<void> run_one(BoundStep& step, const std::atomic<bool>* stop, std::span<std::byte> arena);
  Result<void> give_outputs(const RunArguments& arguments);
  Result<void> give(const Left& left, OutputAllocator& allocator);
  Result<void> give_tensor(std::size_t output, const TensorView& view, OutputAllocator& allocator);

  // values.cc
  Result<void> run_dynamic(BoundStep& step, const std::atomic<bool>* stop);
  Result<void> take_value(const InputView& given, std::uint32_t slot);
  [[nodiscard]] ValueInput value_input(std::uint32_t slot) const;
  Result<void> run_tensors(BoundStep& step, const std::atomic<bool>* stop);
  Result<void> run_values(BoundStep& step, const std::atomic<bool>* stop);
  void set_value(std::uint32_t slot, Value value);

  const Plan* plan_ = nullptr;
  bool keep_nan_ = false;
  std::vector<Slot> slots_;
  std::vector<TensorView> views_;  // by slot
  std::vector<BoundStep> steps_;
  std::vector<std::size_t> wanted_;
  std::vector<std::uint32_t> input_slots_;
  std::vector<std::size_t> input_sizes_;  // bytes; unused for strings
  std::vector<Patch> input_patches_;
  std::vector<Shape> output_dims_;             // by wanted output
  std::vector<std::uint32_t> direct_outputs_;  // by wanted output: root slot, or kNoValue
  std::vector<Patch> output_patches_;
  std::vector<Left> left_;
  std::vector<Patch> arena_patches_;
  std::vector<Tensor> owned_;          // strings
  std::vector<Tensor> input_copies_;   // of inputs that come misaligned, made when first met
  std::vector<Tensor> output_copies_;  // likewise
  std::vector<std::size_t> misaligned_outputs_;
  std::vector<std::span<std::byte>> output_spans_;
  std::vector<Value> values_;              // by slot; only in bindings with dynamic steps
  std::vector<ValueInput> value_inputs_;   // of the dynamic step that runs
  std::vector<TensorView> tensor_inputs_;  // the same where all are tensors
  std::size_t arena_size_ = 0;
  std::size_t arena_peak_ = 0;  // a step, where there are some
  std::byte* arena_base_ = nullptr;
};

}  // namespace sluice::engine
