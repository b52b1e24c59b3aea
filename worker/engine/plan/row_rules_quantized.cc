// Rules of the operators on bytes: of ai.onnx, of com.microsoft and of the steps that passes make.
// Sums of integers are exact, so company changes nothing where scales and zero points are fixed.

#include <algorithm>
#include <initializer_list>

#include "worker/engine/plan/row_rule.h"

namespace sluice::engine::rows {
namespace {

// The inputs at `places`, where nothing else has rows.
Inputs only(const Inputs& inputs, std::initializer_list<std::size_t> places) {
  Inputs taken;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (std::ranges::find(places, i) != places.end()) {
      taken.push_back(inputs[i]);
    } else if (inputs[i].axis) {
      return {};
    }
  }
  return taken.size() == places.size() ? taken : Inputs{};
}

bool is_one(const RowInput& input) {
  return std::ranges::all_of(input.dims, [](std::int64_t extent) { return extent == 1; });
}

Axis each_place(const Node& /*node*/, const Inputs& inputs) {
  return same_place(inputs);
}

Axis images(const Node& /*node*/, const Inputs& inputs) {
  return batch_in_front(inputs);
}

// A, scale, zero, B, scale, zero, scale, zero: element by element.
Axis pair(const Node& /*node*/, const Inputs& inputs) {
  const Inputs taken = only(inputs, {0, 3});
  return taken.empty() ? std::nullopt : broadcast(taken);
}

// The same inputs, of a product; A's scale and zero point are one number each.
Axis product_of_bytes(const Node& /*node*/, const Inputs& inputs) {
  const Inputs taken = only(inputs, {0, 3});
  return taken.empty() || !is_one(inputs[1]) || !is_one(inputs[2]) ? std::nullopt : matmul(taken);
}

// A, B, none, zero, zeros, scales.
Axis product_to_floats(const Node& /*node*/, const Inputs& inputs) {
  const Inputs taken = only(inputs, {0, 1});
  return taken.empty() ? std::nullopt : matmul(taken);
}

constexpr Entry kQuantizedRules[] = {
    {"DequantizeLinear", each_place},
    {"QLinearConv", images},
    {"QLinearMatMul", product_of_bytes},
    {"QuantizeLinear", each_place},
};

constexpr Entry kContribRules[] = {
    {"MatMulNBits", before_last},
    {"QLinearAdd", pair},
    {"QLinearAveragePool", images},
    {"QLinearGlobalAveragePool", images},
    {"QLinearLeakyRelu", each_place},
    {"QLinearMul", pair},
    {"QLinearSigmoid", each_place},
};

constexpr Entry kFusedRules[] = {
    {"ConvToBytes", images},
    {"MatMulIntegerToFloat", product_to_floats},
};

}  // namespace

std::span<const Entry> quantized_rules() {
  return kQuantizedRules;
}

std::span<const Entry> contrib_rules() {
  return kContribRules;
}

std::span<const Entry> fused_rules() {
  return kFusedRules;
}

}  // namespace sluice::engine::rows
