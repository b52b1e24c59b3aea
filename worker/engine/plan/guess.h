// Guess: dims and small values along the steps of a plan for the declared shapes, the open extents
// filled in with likely numbers. For choices and analyses, never for what a run computes.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/engine/plan/plan.h"

namespace sluice::engine {

struct Guess {
  // By ValueId; nothing where the guess did not reach.
  std::vector<std::optional<Shape>> dims;
  std::vector<DataType> datatypes;
  // Where the numbers are few (64) and follow from constants and dims alone: shapes, axes, bounds.
  std::vector<TensorView> values;  // no datatype: not known
  std::string refusals;            // of steps whose datatypes no kernel takes
  bool contradicted = false;       // a step cannot take the dims that were guessed for it

  [[nodiscard]] bool has_value(ValueId value) const {
    return values[value].datatype != DataType::undefined;
  }

  std::vector<std::shared_ptr<const Tensor>> kept{};  // what `values` look at
};

// `batch` is the likely number of open first extents. Of several fillings (likely_extents.h) the
// first that no step contradicts, else the one that reaches furthest.
Guess guess_values(const Plan& plan, std::int64_t batch);

}  // namespace sluice::engine
