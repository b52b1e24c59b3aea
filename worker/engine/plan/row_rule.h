// What the rules of row_rules.cc are written with.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "worker/engine/graph/graph.h"
#include "worker/engine/plan/row_rules.h"

namespace sluice::engine::rows {

using Axis = std::optional<std::size_t>;
using Inputs = std::vector<RowInput>;
using Rule = Axis (*)(const Node&, const Inputs&);

struct Entry {
  std::string_view name;
  Rule rule;
};

inline std::int64_t attribute(const Node& node, std::string_view name, std::int64_t otherwise) {
  const auto found = std::ranges::find(node.attributes, name, &Attribute::name);
  return found != node.attributes.end() && found->kind == AttributeKind::integer ? found->integer
                                                                                 : otherwise;
}

inline const std::vector<std::int64_t>* list_attribute(const Node& node, std::string_view name) {
  const auto found = std::ranges::find(node.attributes, name, &Attribute::name);
  return found != node.attributes.end() && found->kind == AttributeKind::integers ? &found->integers
                                                                                  : nullptr;
}

// A possibly negative axis of a tensor of `rank`.
inline std::size_t counted(std::int64_t axis, std::size_t rank) {
  return static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis);
}

// Axes by attribute or, since some opset, by an input whose value is known. Nothing: not given.
inline std::optional<std::vector<std::int64_t>> axes_of(const Node& node,
                                                        const Inputs& inputs,
                                                        std::size_t input) {
  if (const auto* listed = list_attribute(node, "axes")) {
    return *listed;
  }
  if (input < inputs.size() && inputs[input].present && inputs[input].value != nullptr) {
    if (auto values = integers_of(*inputs[input].value)) {
      return *std::move(values);
    }
  }
  return std::nullopt;
}

inline bool others_are_fixed(const Inputs& inputs) {
  return std::none_of(inputs.begin() + 1, inputs.end(), [](const RowInput& input) {
    return input.axis.has_value();
  });
}

// Element by element, or anything else that leaves the dims and every place as they are.
inline Axis same_place(const Inputs& inputs) {
  return others_are_fixed(inputs) ? inputs[0].axis : std::nullopt;
}

// Batches of images and the like: N in front, all else belongs to the kernel.
inline Axis batch_in_front(const Inputs& inputs) {
  return others_are_fixed(inputs) && inputs[0].axis == 0U ? inputs[0].axis : std::nullopt;
}

// The last axis is picked from, or summed over.
inline Axis before_last(const Node& /*node*/, const Inputs& inputs) {
  const bool before = inputs[0].axis && *inputs[0].axis + 1 < inputs[0].dims.size();
  return before ? same_place(inputs) : std::nullopt;
}

// By numpy's broadcasting: the rows must stand at the same place from the right, where what has
// none is absent or 1.
Axis broadcast(const Inputs& inputs);

// [..., M, K] x [..., K, N]; rows in the stack, or in M where B is a constant: its kernels sum in
// an order of their own for each row. How others sum hangs on M and N.
Axis matmul(const Inputs& inputs);

// Rules of the operators that move, pick and sort elements.
std::span<const Entry> shape_rules();
// Rules of the quantised operators of ai.onnx, and of the steps that passes make.
std::span<const Entry> quantized_rules();
std::span<const Entry> fused_rules();
// Rules of RNN, GRU and LSTM; of ai.onnx.ml; of com.microsoft.
std::span<const Entry> recurrent_rules();
std::span<const Entry> ml_rules();
std::span<const Entry> contrib_rules();

}  // namespace sluice::engine::rows
