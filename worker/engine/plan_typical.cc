// infer_typical: likely dims and small values of every step, from guesses for the open extents.

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "worker/engine/node_run.h"
#include "worker/engine/plan.h"

namespace sluice::engine {
namespace {

// Open extents get likely numbers; the same symbol the same one.
Shape guess(const Declared& declared, std::map<std::string, std::int64_t>& symbols) {
  constexpr std::int64_t kImage[] = {1, 3, 224, 224};
  Shape dims = declared.dims;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] >= 0) {
      continue;
    }
    // Batch 1, images 224 x 224, sequences of 16.
    const std::int64_t likely = i == 0 ? 1 : dims.size() == 4 ? kImage[i] : 16;
    dims[i] = declared.symbols[i].empty()
                  ? likely
                  : symbols.emplace(declared.symbols[i], likely).first->second;
  }
  return dims;
}

// Facts and small values along the steps, for the declared shapes.
class Guess {
 public:
  explicit Guess(Plan& plan) : plan_(plan), values_(plan.value_names.size()) {}

  void start() {
    std::map<std::string, std::int64_t> symbols;
    for (const Declared& input : plan_.inputs) {
      plan_.datatypes[input.value] = input.datatype;
      if (input.has_shape) {
        plan_.typical[input.value] = guess(input, symbols);
      }
    }
    for (ValueId value = 0; value < plan_.constants.size(); ++value) {
      if (plan_.constants[value] != nullptr) {
        plan_.typical[value] = plan_.constants[value]->dims();
        plan_.datatypes[value] = plan_.constants[value]->datatype();
      }
    }
  }

  void visit(const Step& step) {
    std::vector<InputFact> facts;
    std::vector<TensorView> inputs;
    for (const ValueId value : step.node.inputs) {
      facts.emplace_back();
      inputs.emplace_back();
      if (value == kNoValue) {
        continue;
      }
      if (!plan_.typical[value]) {
        return;
      }
      load_small_constant(value);
      inputs.back() = values_[value];
      facts.back() = {.present = true,
                      .datatype = plan_.datatypes[value],
                      .dims = *plan_.typical[value],
                      .value = has_value(value) ? &values_[value] : nullptr};
    }
    const auto made = step.entry->kernel.infer(
        step.params, {.inputs = facts, .output_count = step.node.outputs.size()});
    if (made) {
      note(step, *made, inputs);
    } else if (made.error().code == ErrorCode::unsupported) {
      refusals_ +=
          (refusals_.empty() ? "" : "; ") + describe(step.node) + ": " + made.error().detail;
    }
  }

  [[nodiscard]] const std::string& refusals() const { return refusals_; }

 private:
  static constexpr std::int64_t kSmall = 64;  // elements: shapes, axes, bounds

  [[nodiscard]] bool has_value(ValueId value) const {
    return values_[value].datatype != DataType::undefined;
  }

  // Large ones must not be copied out of the file for a guess.
  void load_small_constant(ValueId value) {
    if (has_value(value) || !plan_.is_constant(value)) {
      return;
    }
    const auto count = element_count(plan_.constants[value]->dims());
    if (count && *count <= kSmall) {
      if (auto view = plan_.constants[value]->view()) {
        values_[value] = *view;
      }
    }
  }

  void keep(ValueId value, std::shared_ptr<const Tensor> tensor) {
    values_[value] = tensor->view();
    kept_.push_back(std::move(tensor));
  }

  void note(const Step& step, const OutputFacts& made, std::span<const TensorView> inputs) {
    bool small = step.entry->pure && step.entry->kernel.prepare == nullptr;
    for (std::size_t i = 0; i < step.node.inputs.size(); ++i) {
      small = small && (step.node.inputs[i] == kNoValue || has_value(step.node.inputs[i]));
    }
    for (std::size_t i = 0; i < step.node.outputs.size(); ++i) {
      const ValueId value = step.node.outputs[i];
      if (value == kNoValue || made[i].data_dependent) {
        small = false;
        continue;
      }
      plan_.typical[value] = made[i].dims;
      plan_.datatypes[value] = made[i].datatype;
      const auto count = element_count(made[i].dims);
      small = small && count && *count <= kSmall;
      if (made[i].value != nullptr) {
        keep(value, made[i].value);
      }
    }
    if (!small) {
      return;
    }
    if (auto outputs = run_step(step, inputs)) {
      for (std::size_t i = 0; i < outputs->size(); ++i) {
        keep(step.node.outputs[i], std::make_shared<const Tensor>(std::move((*outputs)[i])));
      }
    }
  }

  Plan& plan_;
  std::vector<TensorView> values_;
  std::vector<std::shared_ptr<const Tensor>> kept_;
  std::string refusals_;
};

}  // namespace

Result<void> infer_typical(Plan& plan) {
  plan.typical.assign(plan.value_names.size(), std::nullopt);
  plan.datatypes.assign(plan.value_names.size(), DataType::undefined);
  Guess guess(plan);
  guess.start();
  for (const Step& step : plan.steps) {
    guess.visit(step);
  }
  if (!guess.refusals().empty()) {
    return Error{ErrorCode::unsupported, "unsupported: " + guess.refusals()};
  }
  return {};
}

}  // namespace sluice::engine
