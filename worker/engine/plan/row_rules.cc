#include "worker/engine/plan/row_rules.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <span>
#include <string>
#include <string_view>

#include "worker/engine/graph/registry.h"
#include "worker/engine/plan/row_rule.h"

namespace sluice::engine::rows {

Axis broadcast(const Inputs& inputs) {
  std::size_t rank = 0;
  std::size_t from_right = 0;
  for (const RowInput& input : inputs) {
    rank = std::max(rank, input.dims.size());
    if (input.axis) {
      const std::size_t place = input.dims.size() - *input.axis;
      if (from_right != 0 && place != from_right) {
        return std::nullopt;
      }
      from_right = place;
    }
  }
  for (const RowInput& input : inputs) {
    const std::size_t own = input.dims.size();
    if (!input.axis && own >= from_right && input.dims[own - from_right] != 1) {
      return std::nullopt;
    }
  }
  return rank - from_right;
}

Axis matmul(const Inputs& inputs) {
  const RowInput& a = inputs[0];
  const RowInput& b = inputs[1];
  const std::size_t rank = std::max(a.dims.size(), b.dims.size());
  if (a.dims.size() < 2 || b.dims.size() < 2) {
    // A vector: only the many rows of a matrix times one fixed vector.
    return a.dims.size() == 2 && a.axis == 0U && b.constant ? a.axis : std::nullopt;
  }
  const bool in_stack =
      (!a.axis || *a.axis + 2 < a.dims.size()) && (!b.axis || *b.axis + 2 < b.dims.size());
  if (in_stack) {
    return broadcast(inputs);
  }
  const bool rows_of_a = a.axis && b.constant && *a.axis + 2 == a.dims.size();
  return rows_of_a ? Axis(rank - 2) : std::nullopt;
}

namespace {

// In training the whole batch is looked at.
Axis batch_norm(const Node& node, const Inputs& inputs) {
  return attribute(node, "training_mode", 0) == 0 ? batch_in_front(inputs) : std::nullopt;
}

Axis gemm(const Node& node, const Inputs& inputs) {
  const RowInput& a = inputs[0];
  const RowInput& b = inputs[1];
  const std::size_t of_m = attribute(node, "transA", 0) != 0 ? 1 : 0;
  if (a.axis != of_m || !b.constant) {
    return std::nullopt;
  }
  if (inputs.size() > 2 && inputs[2].present) {
    const RowInput& c = inputs[2];
    const bool everywhere = c.dims.size() < 2 || c.dims[c.dims.size() - 2] == 1;
    if (c.axis || !everywhere) {
      return std::nullopt;
    }
  }
  return 0;
}

// Rows that every operand has under one letter, which stays in the result: then the products are
// those of one row each. Only equations that say it all: letters, and an arrow.
Axis einsum(const Node& node, const Inputs& inputs) {
  const auto found = std::ranges::find(node.attributes, "equation", &Attribute::name);
  std::string text = found != node.attributes.end() ? found->text : "";
  std::erase(text, ' ');
  const std::size_t arrow = text.find("->");
  if (arrow == std::string::npos || text.find('.') != std::string::npos) {
    return std::nullopt;
  }
  const std::string result = text.substr(arrow + 2);
  char letter = 0;
  std::size_t begin = 0;
  for (const RowInput& input : inputs) {
    const std::string term = text.substr(begin, std::min(text.find(',', begin), arrow) - begin);
    begin += term.size() + 1;
    if (!input.axis || *input.axis >= term.size() || (letter != 0 && letter != term[*input.axis])) {
      return std::nullopt;
    }
    letter = term[*input.axis];
  }
  begin = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string term = text.substr(begin, std::min(text.find(',', begin), arrow) - begin);
    begin += term.size() + 1;
    if (std::ranges::count(term, letter) != 1) {
      return std::nullopt;
    }
  }
  const std::size_t at = result.find(letter);
  return at != std::string::npos ? Axis(at) : std::nullopt;
}

// Over the whole of one axis (since opset 13), or of all behind it (before).
Axis softmax(const Node& node, const Inputs& inputs) {
  const std::size_t rank = inputs[0].dims.size();
  const std::size_t axis = counted(attribute(node, "axis", node.since < 13 ? 1 : -1), rank);
  const bool apart = node.since < 13 ? *inputs[0].axis < axis : *inputs[0].axis != axis;
  return apart ? inputs[0].axis : std::nullopt;
}

// Over all axes from one on.
Axis before_axis(const Node& node, const Inputs& inputs) {
  const std::size_t axis = counted(attribute(node, "axis", -1), inputs[0].dims.size());
  return others_are_fixed(inputs) && inputs[0].axis && *inputs[0].axis < axis ? inputs[0].axis
                                                                              : std::nullopt;
}

// Over one axis.
Axis beside_axis(const Node& node, const Inputs& inputs) {
  const std::size_t axis = counted(attribute(node, "axis", -1), inputs[0].dims.size());
  return *inputs[0].axis != axis ? inputs[0].axis : std::nullopt;
}

// Images whose number stays: N is not among the axes, or its scale is known to be 1.
Axis resize(const Node& node, const Inputs& inputs) {
  const auto* axes = list_attribute(node, "axes");
  const bool named = axes == nullptr || std::ranges::any_of(*axes, [&](std::int64_t axis) {
                       return counted(axis, inputs[0].dims.size()) == 0;
                     });
  const std::size_t at = node.since < 11 ? 1 : 2;
  const TensorView* scales = at < inputs.size() ? inputs[at].value : nullptr;
  const bool kept = axes == nullptr && scales != nullptr && scales->count > 0 &&
                    scales->datatype == DataType::float32 && scales->as<float>()[0] == 1.0F;
  return !named || kept ? batch_in_front(inputs) : std::nullopt;
}

// `removed`: axes that are gone from the result, or 1 there.
Axis without(const Inputs& inputs, const std::vector<std::int64_t>& removed, bool kept) {
  const std::size_t axis = *inputs[0].axis;
  std::size_t before = 0;
  for (const std::int64_t each : removed) {
    const std::size_t at = counted(each, inputs[0].dims.size());
    if (at == axis) {
      return std::nullopt;
    }
    before += at < axis ? 1 : 0;
  }
  return kept ? axis : axis - before;
}

Axis reduce(const Node& node, const Inputs& inputs) {
  const auto axes = axes_of(node, inputs, 1);
  if (!inputs[0].axis || !others_are_fixed(inputs) || !axes || axes->empty()) {
    return std::nullopt;  // no axes: all of them
  }
  return without(inputs, *axes, attribute(node, "keepdims", 1) != 0);
}

Axis arg_reduce(const Node& node, const Inputs& inputs) {
  return without(inputs, {attribute(node, "axis", 0)}, attribute(node, "keepdims", 1) != 0);
}

Axis transpose(const Node& node, const Inputs& inputs) {
  const std::size_t rank = inputs[0].dims.size();
  const auto* order = list_attribute(node, "perm");
  if (order == nullptr) {
    return rank - 1 - *inputs[0].axis;
  }
  const auto at = std::ranges::find(*order, static_cast<std::int64_t>(*inputs[0].axis));
  return at != order->end() ? Axis(static_cast<std::size_t>(at - order->begin())) : std::nullopt;
}

Axis concat(const Node& node, const Inputs& inputs) {
  const std::size_t axis = counted(attribute(node, "axis", 1), inputs[0].dims.size());
  const bool beside = std::ranges::all_of(inputs, [&](const RowInput& input) {
    return input.axis && input.axis == inputs[0].axis && *input.axis != axis;
  });
  return beside ? inputs[0].axis : std::nullopt;
}

Axis gather(const Node& node, const Inputs& inputs) {
  const RowInput& data = inputs[0];
  const RowInput& indices = inputs[1];
  const std::size_t axis = counted(attribute(node, "axis", 0), data.dims.size());
  if (indices.axis && !data.axis) {
    return axis + *indices.axis;
  }
  if (data.axis && !indices.axis && *data.axis != axis) {
    return *data.axis < axis ? *data.axis : *data.axis - 1 + indices.dims.size();
  }
  return std::nullopt;
}

// An axis that is not named is not touched. Without axes (as before opset 10 in the attribute): the
// first ones, as many as there are starts.
Axis slice(const Node& node, const Inputs& inputs) {
  auto axes = axes_of(node, inputs, 3);
  if (!axes) {
    const auto* starts = list_attribute(node, "starts");
    const bool listed = inputs.size() > 1 && inputs[1].present && !inputs[1].dims.empty();
    if ((inputs.size() > 3 && inputs[3].present) || (starts == nullptr && !listed)) {
      return std::nullopt;
    }
    axes.emplace(starts != nullptr ? starts->size() : static_cast<std::size_t>(inputs[1].dims[0]));
    std::iota(axes->begin(), axes->end(), 0);
  }
  return others_are_fixed(inputs) && inputs[0].axis ? without(inputs, *axes, true) : std::nullopt;
}

constexpr Rule kSamePlace = [](const Node&, const Inputs& inputs) { return same_place(inputs); };
constexpr Rule kBroadcast = [](const Node&, const Inputs& inputs) { return broadcast(inputs); };
constexpr Rule kImages = [](const Node&, const Inputs& inputs) { return batch_in_front(inputs); };
constexpr Rule kFirst = [](const Node& node, const Inputs& inputs) {
  return inputs[0].axis ? arg_reduce(node, inputs) : std::nullopt;
};

constexpr Entry kRules[] = {
    {"Abs", kSamePlace},
    {"Acos", kSamePlace},
    {"Acosh", kSamePlace},
    {"Add", kBroadcast},
    {"And", kBroadcast},
    {"ArgMax", kFirst},
    {"ArgMin", kFirst},
    {"Asin", kSamePlace},
    {"Asinh", kSamePlace},
    {"Atan", kSamePlace},
    {"Atanh", kSamePlace},
    {"AveragePool", kImages},
    {"BatchNormalization", batch_norm},
    {"BitShift", kBroadcast},
    {"BitwiseAnd", kBroadcast},
    {"BitwiseNot", kSamePlace},
    {"BitwiseOr", kBroadcast},
    {"BitwiseXor", kBroadcast},
    {"Cast", kSamePlace},
    {"Ceil", kSamePlace},
    {"Celu", kSamePlace},
    {"Clip", kSamePlace},
    {"Concat", concat},
    {"Conv", kImages},
    {"ConvInteger", kImages},
    {"ConvTranspose", kImages},
    {"Cos", kSamePlace},
    {"Cosh", kSamePlace},
    {"Div", kBroadcast},
    {"Dropout", kSamePlace},
    {"Einsum", einsum},
    {"Elu", kSamePlace},
    {"Equal", kBroadcast},
    {"Erf", kSamePlace},
    {"Exp", kSamePlace},
    {"Floor", kSamePlace},
    {"Gather", gather},
    {"Gelu", kSamePlace},
    {"Gemm", gemm},
    {"GlobalAveragePool", kImages},
    {"GlobalLpPool", kImages},
    {"GlobalMaxPool", kImages},
    {"Greater", kBroadcast},
    {"GreaterOrEqual", kBroadcast},
    {"GroupNormalization", kImages},
    {"HardSigmoid", kSamePlace},
    {"HardSwish", kSamePlace},
    {"Hardmax", softmax},
    {"Identity", kSamePlace},
    {"InstanceNormalization", kImages},
    {"IsInf", kSamePlace},
    {"IsNaN", kSamePlace},
    {"LRN", kImages},
    {"LayerNormalization", before_axis},
    {"LeakyRelu", kSamePlace},
    {"Less", kBroadcast},
    {"LessOrEqual", kBroadcast},
    {"Log", kSamePlace},
    {"LogSoftmax", softmax},
    {"LpNormalization", beside_axis},
    {"LpPool", kImages},
    {"MatMul", [](const Node&, const Inputs& inputs) { return matmul(inputs); }},
    {"Max", kBroadcast},
    {"MaxPool", kImages},
    {"Mean", kBroadcast},
    {"Min", kBroadcast},
    {"Mish", kSamePlace},
    {"Mod", kBroadcast},
    {"Mul", kBroadcast},
    {"Neg", kSamePlace},
    {"Not", kSamePlace},
    {"Or", kBroadcast},
    {"PRelu", kBroadcast},
    {"Pow", kBroadcast},
    {"RMSNormalization", before_axis},
    {"Reciprocal", kSamePlace},
    {"ReduceL1", reduce},
    {"ReduceL2", reduce},
    {"ReduceLogSum", reduce},
    {"ReduceLogSumExp", reduce},
    {"ReduceMax", reduce},
    {"ReduceMean", reduce},
    {"ReduceMin", reduce},
    {"ReduceProd", reduce},
    {"ReduceSum", reduce},
    {"ReduceSumSquare", reduce},
    {"Relu", kSamePlace},
    {"Resize", resize},
    {"Round", kSamePlace},
    {"Selu", kSamePlace},
    {"Shrink", kSamePlace},
    {"Sigmoid", kSamePlace},
    {"Sign", kSamePlace},
    {"Sin", kSamePlace},
    {"Sinh", kSamePlace},
    {"Slice", slice},
    {"Softmax", softmax},
    {"Softplus", kSamePlace},
    {"Softsign", kSamePlace},
    {"Sqrt", kSamePlace},
    {"Sub", kBroadcast},
    {"Sum", kBroadcast},
    {"Swish", kSamePlace},
    {"Tan", kSamePlace},
    {"Tanh", kSamePlace},
    {"ThresholdedRelu", kSamePlace},
    {"Transpose", transpose},
    {"Upsample", resize},
    {"Where", kBroadcast},
    {"Xor", kBroadcast},
};

}  // namespace
}  // namespace sluice::engine::rows

namespace sluice::engine {

std::optional<std::size_t> axis_of_output(const Node& node, std::size_t output, std::size_t first) {
  static constexpr std::array<std::string_view, 3> kMlSame{
      "LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier"};
  static constexpr std::array<std::string_view, 2> kSame{"Split", "TopK"};
  static constexpr std::array<std::string_view, 3> kRecurrent{"GRU", "LSTM", "RNN"};
  const auto is_one_of = [&node](std::span<const std::string_view> names) {
    return std::ranges::find(names, node.op_type) != names.end();
  };
  if (output == 0 || (node.domain == kMlDomain && is_one_of(kMlSame)) ||
      (node.domain.empty() && is_one_of(kSame))) {
    return first;
  }
  if (node.domain.empty() && is_one_of(kRecurrent)) {
    // Y is [steps, directions, batch, hidden], Y_h and Y_c have no steps; with layout 1 the batch
    // is in front of all.
    return first == 2 ? 1 : 0;
  }
  return std::nullopt;
}

std::optional<std::size_t> axis_behind(const Node& node, const std::vector<RowInput>& inputs) {
  std::vector<std::span<const rows::Entry>> tables;
  if (node.domain.empty()) {
    tables = {rows::kRules, rows::shape_rules(), rows::recurrent_rules(), rows::quantized_rules()};
  } else if (node.domain == kMlDomain) {
    tables = {rows::ml_rules()};
  } else if (node.domain == "com.microsoft") {
    tables = {rows::contrib_rules()};
  } else if (node.domain == kFusedDomain) {
    tables = {rows::fused_rules()};
  }
  for (const std::span<const rows::Entry> rules : tables) {
    const auto found = std::ranges::find(rules, std::string_view(node.op_type), &rows::Entry::name);
    if (found != rules.end()) {
      return found->rule(node, inputs);
    }
  }
  return std::nullopt;
}

}  // namespace sluice::engine
