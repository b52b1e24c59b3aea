// How each operator treats the batch: given the axis of its inputs that counts the batch's rows,
// the axis of its outputs that does. Pure; for rows.cc.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "worker/engine/graph/graph.h"
#include "worker/engine/values/tensor.h"

namespace sluice::engine {

// A value as a step sees it.
struct RowInput {
  bool present = false;
  std::optional<std::size_t> axis{};  // that counts the rows; none: the same whatever the batch
  Shape dims{};                       // for some batch
  const TensorView* value = nullptr;  // where known before the run, and small
  bool constant = false;
};

// The axis of the first output; nothing when the step may mix rows, or when that is not known. At
// least one of `inputs` has an axis.
std::optional<std::size_t> axis_behind(const Node& node, const std::vector<RowInput>& inputs);

// The axis of a later output (`output` >= 1), given the first one's; nothing when it is not known.
std::optional<std::size_t> axis_of_output(const Node& node, std::size_t output, std::size_t first);

}  // namespace sluice::engine
