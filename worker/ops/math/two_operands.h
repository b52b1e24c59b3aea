// What operators with two operands share: ONNX's broadcasting of its two ages, and the loop over
// it.

#pragma once

#include <cstdint>
#include <optional>

#include "common/base/result.h"
#include "worker/engine/graph/kernel.h"
#include "worker/ops/broadcast.h"

namespace sluice::engine {

// How the operands are stretched. Since opset 7 as NumPy does it. Before, `broadcast` = 1 stretched
// the second operand alone, laid over the first from `axis` on, or at its end.
struct Stretch {
  bool by_attributes = false;  // before 7
  bool allowed = true;
  std::optional<std::int64_t> axis{};
};

// Reads `broadcast` and `axis` where node.since is before 7; nothing later.
Result<Stretch> parse_stretch(const Node& node, Attributes& attributes);

// Dims of the result of operands of dims `a` and `b`. invalid_argument when they do not fit.
Result<Shape> stretched_dims(const Stretch& stretch, Dims a, Dims b);

// The loop over inputs 0 and 1 and output 0, in the order of output 0's memory.
Result<BroadcastLoop<2>> bind_stretch(const Stretch& stretch, const BindContext& context);

// invalid_argument naming both when inputs 0 and 1 have different datatypes.
Result<void> same_datatype(const InputFacts& facts);

}  // namespace sluice::engine
