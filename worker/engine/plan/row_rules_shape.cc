// Rules of the operators that move, pick and sort elements: an axis that an operator does not touch
// keeps its rows.

#include <algorithm>
#include <array>
#include <string_view>

#include "worker/engine/plan/row_rule.h"

namespace sluice::engine::rows {
namespace {

// Works along one axis, which `name` names.
Axis beside(const Node& node, const Inputs& inputs, std::string_view name, std::int64_t otherwise) {
  const RowInput& x = inputs[0];
  const std::size_t worked = counted(attribute(node, name, otherwise), x.dims.size());
  return x.axis && *x.axis != worked ? same_place(inputs) : std::nullopt;
}

// Works along the axis that an input names.
Axis beside_input(const Inputs& inputs, std::size_t input) {
  if (!inputs[0].axis || input >= inputs.size() || inputs[input].value == nullptr) {
    return std::nullopt;
  }
  const auto named = integers_of(*inputs[input].value);
  const bool apart = named && named->size() == 1 &&
                     counted(named->front(), inputs[0].dims.size()) != *inputs[0].axis;
  return apart ? same_place(inputs) : std::nullopt;
}

// Works on the matrices of the last two axes.
Axis matrices(const Node& /*node*/, const Inputs& inputs) {
  return inputs[0].axis && *inputs[0].axis + 2 < inputs[0].dims.size() ? same_place(inputs)
                                                                       : std::nullopt;
}

Axis pad(const Node& node, const Inputs& inputs) {
  const RowInput& x = inputs[0];
  const auto* listed = list_attribute(node, node.since == 1 ? "paddings" : "pads");
  std::vector<std::int64_t> pads = listed != nullptr ? *listed : std::vector<std::int64_t>{};
  if (inputs.size() > 1 && inputs[1].value != nullptr) {
    const auto values = integers_of(*inputs[1].value);
    pads = values ? *values : pads;
  }
  const auto axes = axes_of(node, inputs, 3);
  const bool some = inputs.size() > 3 && inputs[3].present;
  const std::size_t count = axes ? axes->size() : x.dims.size();
  if (!x.axis || some != axes.has_value() || pads.size() != 2 * count) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = axes ? counted((*axes)[i], x.dims.size()) : i;
    if (at == *x.axis && (pads[i] != 0 || pads[i + count] != 0)) {
      return std::nullopt;
    }
  }
  return same_place(inputs);
}

Axis tile(const Node& node, const Inputs& inputs) {
  if (node.since == 1 || !inputs[0].axis || inputs[1].value == nullptr) {
    return std::nullopt;
  }
  const auto repeats = integers_of(*inputs[1].value);
  const bool once =
      repeats && repeats->size() == inputs[0].dims.size() && (*repeats)[*inputs[0].axis] == 1;
  return once ? same_place(inputs) : std::nullopt;
}

// The data, the indices and what is put there each have their own rows.
Axis element_places(const Node& node, const Inputs& inputs) {
  const RowInput& data = inputs[0];
  const std::size_t worked = counted(attribute(node, "axis", 0), data.dims.size());
  const bool all = std::ranges::all_of(
      inputs, [&](const RowInput& input) { return input.axis && input.axis == data.axis; });
  return all && *data.axis != worked ? data.axis : std::nullopt;
}

Axis gather_nd(const Node& node, const Inputs& inputs) {
  const RowInput& data = inputs[0];
  const RowInput& indices = inputs[1];
  const auto batch = static_cast<std::size_t>(attribute(node, "batch_dims", 0));
  if (!indices.axis || *indices.axis + 1 >= indices.dims.size()) {
    return std::nullopt;
  }
  const bool together = data.axis == indices.axis && *indices.axis < batch;
  const bool alone = !data.axis && *indices.axis >= batch;
  return together || alone ? indices.axis : std::nullopt;
}

Axis reverse_sequence(const Node& node, const Inputs& inputs) {
  const std::size_t batch = counted(attribute(node, "batch_axis", 1), inputs[0].dims.size());
  return inputs[0].axis == batch && inputs[1].axis == 0U ? inputs[0].axis : std::nullopt;
}

Axis center_crop_pad(const Node& node, const Inputs& inputs) {
  const auto* axes = list_attribute(node, "axes");
  if (axes == nullptr || !inputs[0].axis) {
    return std::nullopt;
  }
  const bool touched = std::ranges::any_of(*axes, [&](std::int64_t axis) {
    return counted(axis, inputs[0].dims.size()) == *inputs[0].axis;
  });
  return touched ? std::nullopt : same_place(inputs);
}

// A new axis; those from it on move one back.
Axis one_hot(const Node& node, const Inputs& inputs) {
  const RowInput& indices = inputs[0];
  if (!indices.axis || !others_are_fixed(inputs)) {
    return std::nullopt;
  }
  const std::size_t added = counted(attribute(node, "axis", -1), indices.dims.size() + 1);
  return *indices.axis < added ? *indices.axis : *indices.axis + 1;
}

// Since opset 20 the axis is an input, the last but one when left out.
Axis dft(const Node& node, const Inputs& inputs) {
  const RowInput& x = inputs[0];
  if (node.since < 20) {
    return beside(node, inputs, "axis", 1);
  }
  if (inputs.size() > 2 && inputs[2].present) {
    return beside_input(inputs, 2);
  }
  return x.axis && *x.axis + 2 != x.dims.size() ? same_place(inputs) : std::nullopt;
}

constexpr std::array kShapeRules{
    Entry{"CenterCropPad", center_crop_pad},
    Entry{"Col2Im", [](const Node&, const Inputs& inputs) { return batch_in_front(inputs); }},
    Entry{"CumSum", [](const Node&, const Inputs& inputs) { return beside_input(inputs, 1); }},
    Entry{"DFT", dft},
    Entry{"DepthToSpace", [](const Node&, const Inputs& inputs) { return batch_in_front(inputs); }},
    Entry{"Det", matrices},
    Entry{"GatherElements", element_places},
    Entry{"GatherND", gather_nd},
    Entry{"OneHot", one_hot},
    Entry{"Pad", pad},
    Entry{"ReverseSequence", reverse_sequence},
    Entry{"STFT", [](const Node&, const Inputs& inputs) { return batch_in_front(inputs); }},
    Entry{"Scatter", element_places},
    Entry{"ScatterElements", element_places},
    Entry{"SpaceToDepth", [](const Node&, const Inputs& inputs) { return batch_in_front(inputs); }},
    Entry{"Split",
          [](const Node& node, const Inputs& inputs) { return beside(node, inputs, "axis", 0); }},
    Entry{"Tile", tile},
    Entry{"TopK",
          [](const Node& node, const Inputs& inputs) { return beside(node, inputs, "axis", -1); }},
    Entry{"Trilu", matrices},
};

}  // namespace

std::span<const Entry> shape_rules() {
  return kShapeRules;
}

}  // namespace sluice::engine::rows
