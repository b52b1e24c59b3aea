// Guesses along the steps, and infer_typical, which keeps one.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "worker/engine/plan/guess.h"
#include "worker/engine/plan/likely_extents.h"
#include "worker/engine/plan/plan.h"
#include "worker/engine/run/node_run.h"
#include "worker/engine/values/widen.h"

namespace sluice::engine {
namespace {

class Guesser {
 public:
  explicit Guesser(const Plan& plan) : plan_(plan) {
    guess_.dims.resize(plan.value_names.size());
    guess_.datatypes.resize(plan.value_names.size(), DataType::undefined);
    guess_.values.resize(plan.value_names.size());
  }

  void start(std::int64_t batch, const Extents& extents) {
    for (const Declared& input : plan_.inputs) {
      guess_.datatypes[input.value] = input.datatype;
      if (!input.has_shape) {
        continue;
      }
      Shape dims = guess_dims(input, batch, extents);
      if (storage_bytes(input.datatype, dims)) {
        guess_.dims[input.value] = std::move(dims);
      }
    }
    for (ValueId value = 0; value < plan_.constants.size(); ++value) {
      if (plan_.constants[value] != nullptr) {
        guess_.dims[value] = plan_.constants[value]->dims();
        guess_.datatypes[value] = plan_.constants[value]->datatype();
      }
    }
  }

  void visit(const Step& step) {
    if (step.entry->kernel.infer == nullptr) {
      return;
    }
    std::vector<InputFact> facts;
    std::vector<TensorView> inputs;
    for (const ValueId value : step.node.inputs) {
      facts.emplace_back();
      inputs.emplace_back();
      if (value == kNoValue) {
        continue;
      }
      if (!guess_.dims[value]) {
        return;
      }
      load_small_constant(value);
      inputs.back() = guess_.values[value];
      facts.back() = {.present = true,
                      .datatype = guess_.datatypes[value],
                      .dims = *guess_.dims[value],
                      .value = guess_.has_value(value) ? &guess_.values[value] : nullptr};
    }
    const auto made = infer_outputs(step, facts);
    if (made) {
      note(step, *made, inputs);
    } else if (made.error().code == ErrorCode::unsupported) {
      guess_.refusals +=
          (guess_.refusals.empty() ? "" : "; ") + describe(step.node) + ": " + made.error().detail;
    } else {
      guess_.contradicted = true;
    }
  }

  Guess take() { return std::move(guess_); }

 private:
  static constexpr std::int64_t kSmall = 64;  // elements: shapes, axes, bounds

  // Large ones must not be copied out of the file for a guess.
  void load_small_constant(ValueId value) {
    if (guess_.has_value(value) || !plan_.is_constant(value)) {
      return;
    }
    const auto count = element_count(plan_.constants[value]->dims());
    if (count && *count <= kSmall) {
      if (auto view = plan_.constants[value]->view()) {
        guess_.values[value] = *view;
      }
    }
  }

  void keep(ValueId value, std::shared_ptr<const Tensor> tensor) {
    guess_.values[value] = tensor->view();
    guess_.kept.push_back(std::move(tensor));
  }

  void note(const Step& step, const OutputFacts& made, std::span<const TensorView> inputs) {
    bool small = step.entry->pure && step.entry->kernel.prepare == nullptr;
    for (std::size_t i = 0; i < step.node.inputs.size(); ++i) {
      small = small && (step.node.inputs[i] == kNoValue || guess_.has_value(step.node.inputs[i]));
    }
    for (std::size_t i = 0; i < step.node.outputs.size(); ++i) {
      const ValueId value = step.node.outputs[i];
      if (value == kNoValue || made[i].data_dependent) {
        small = false;
        continue;
      }
      guess_.dims[value] = made[i].dims;
      guess_.datatypes[value] = made[i].datatype;
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
        keep(step.node.outputs[i], std::move((*outputs)[i]));
      }
    }
  }

  const Plan& plan_;
  Guess guess_;
};

Guess guess_with(const Plan& plan, std::int64_t batch, const Extents& extents) {
  Guesser guesser(plan);
  guesser.start(batch, extents);
  for (const Step& step : plan.steps) {
    guesser.visit(step);
  }
  return guesser.take();
}

std::ptrdiff_t reach(const Guess& guess) {
  return std::ranges::count_if(guess.dims, [](const auto& dims) { return dims.has_value(); });
}

}  // namespace

Guess guess_values(const Plan& plan, std::int64_t batch) {
  const Extents likely = likely_extents(plan.inputs);
  Guess best = guess_with(plan, batch, likely);
  if (!best.contradicted || !best.refusals.empty()) {
    return best;
  }
  for (const Extents& extents : other_extents(likely)) {
    Guess guess = guess_with(plan, batch, extents);
    if (guess.refusals.empty() && reach(guess) > reach(best)) {
      best = std::move(guess);
    }
    if (!best.contradicted) {
      break;
    }
  }
  return best;
}

Result<void> infer_typical(Plan& plan) {
  Guess guess = guess_values(plan, 1);
  if (!guess.refusals.empty()) {
    return Error{ErrorCode::unsupported, "unsupported: " + guess.refusals};
  }
  plan.typical = std::move(guess.dims);
  plan.datatypes = std::move(guess.datatypes);
  return {};
}

}  // namespace sluice::engine
