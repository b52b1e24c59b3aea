#include "worker/engine/plan/rows.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/engine/plan/guess.h"
#include "worker/engine/plan/row_rules.h"

namespace sluice::engine {
namespace {

// Guesses are made for these batches: an axis that has such a number in each is the batch's. One is
// among them because some operators treat an extent of 1 as none.
constexpr std::array<std::int64_t, 3> kBatches{1, 5, 7};

enum class Kind : std::uint8_t {
  mixed,  // not known to keep rows apart
  fixed,  // the same whatever the batch
  sizes,  // known numbers that follow from the batch's size: a shape
  rows,   // one axis counts the batch's rows
};

struct Follow {
  Kind kind = Kind::mixed;
  std::size_t axis = 0;  // of rows
};

std::int64_t product(const Shape& dims, std::size_t end) {
  std::int64_t count = 1;
  for (std::size_t i = 0; i < end; ++i) {
    count *= dims[i];
  }
  return count;
}

bool same_numbers(const TensorView& a, const TensorView& b) {
  return a.datatype == b.datatype && a.datatype != DataType::string &&
         std::ranges::equal(a.dims, b.dims) &&
         (a.size() == 0 || std::memcmp(a.data, b.data, a.size()) == 0);
}

class Follower {
 public:
  explicit Follower(const Plan& plan) : plan_(plan), follows_(plan.value_names.size()) {
    for (std::size_t i = 0; i < kBatches.size(); ++i) {
      guesses_[i] = guess_values(plan, kBatches[i]);
    }
  }

  bool start() {
    for (ValueId value = 0; value < plan_.constants.size(); ++value) {
      if (plan_.is_constant(value)) {
        follows_[value] = {Kind::fixed};
      }
    }
    std::string symbol;
    for (const Declared& input : plan_.inputs) {
      const bool open = input.has_shape && !input.dims.empty() && input.dims[0] < 0;
      if (!open || input.form != Form::tensor || input.datatype == DataType::string ||
          batch_axis(input.value) != 0U) {
        return false;
      }
      const std::string& named = input.symbols[0];
      if (!named.empty() && !symbol.empty() && named != symbol) {
        return false;
      }
      symbol = named.empty() ? symbol : named;
      follows_[input.value] = {Kind::rows, 0};
    }
    return !plan_.inputs.empty();
  }

  void visit(const Step& step) {
    const Node& node = step.node;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) {
        follows_[node.outputs[i]] = behind(step, i);
      }
    }
  }

  [[nodiscard]] bool ends_in_rows(const Declared& output) const {
    const Follow& follow = follows_[output.value];
    return follow.kind == Kind::rows && follow.axis == 0 && output.has_shape &&
           !output.dims.empty() && output.dims[0] < 0 && output.datatype != DataType::string;
  }

 private:
  [[nodiscard]] const std::optional<Shape>& dims(ValueId value, std::size_t guess) const {
    return guesses_[guess].dims[value];
  }
  // Of a value that the guess reached.
  [[nodiscard]] Shape shape(ValueId value) const { return dims(value, 1).value_or(Shape{}); }

  // The axis whose extent is the batch in all guesses, when all others stay as they are.
  [[nodiscard]] std::optional<std::size_t> batch_axis(ValueId value) const {
    if (!dims(value, 0) || !dims(value, 1)) {
      return std::nullopt;
    }
    const Shape first = dims(value, 0).value_or(Shape{});
    const Shape second = shape(value);
    if (first.size() != second.size()) {
      return std::nullopt;
    }
    std::optional<std::size_t> axis;
    for (std::size_t i = 0; i < first.size(); ++i) {
      if (first[i] != second[i]) {
        if (axis) {
          return std::nullopt;
        }
        axis = i;
      }
    }
    for (std::size_t guess = 0; axis && guess < kBatches.size(); ++guess) {
      Shape wanted = first;
      wanted[*axis] = kBatches[guess];
      if (dims(value, guess) != wanted) {
        return std::nullopt;
      }
    }
    return axis;
  }

  [[nodiscard]] bool same_dims(ValueId value) const {
    for (std::size_t guess = 0; guess < kBatches.size(); ++guess) {
      if (!dims(value, guess) || dims(value, guess) != dims(value, 0)) {
        return false;
      }
    }
    return true;
  }

  // Where the numbers are known in all guesses.
  [[nodiscard]] std::optional<Follow> known(ValueId value) const {
    bool same = true;
    for (const Guess& guess : guesses_) {
      if (!guess.has_value(value)) {
        return std::nullopt;
      }
      same = same && same_numbers(guess.values[value], guesses_[0].values[value]);
    }
    return Follow{same ? Kind::fixed : Kind::sizes};
  }

  [[nodiscard]] bool any(const Node& node, Kind kind) const {
    return std::ranges::any_of(node.inputs, [&](ValueId value) {
      return value != kNoValue && follows_[value].kind == kind;
    });
  }

  [[nodiscard]] Follow behind(const Step& step, std::size_t output) const {
    const Node& node = step.node;
    const ValueId value = node.outputs[output];
    if (const auto numbers = known(value)) {
      return *numbers;
    }
    if (!step.entry->pure || any(node, Kind::mixed)) {
      return {};
    }
    if (!any(node, Kind::rows) && !any(node, Kind::sizes)) {
      return same_dims(value) ? Follow{Kind::fixed} : Follow{};
    }
    const auto axis = batch_axis(value);
    if (!axis) {
      return {};
    }
    const std::optional<std::size_t> wanted = axis_after(node, output, *axis);
    return wanted == axis ? Follow{Kind::rows, *axis} : Follow{};
  }

  // Where the rows should stand behind the step; `seen`: where the dims say they do.
  [[nodiscard]] std::optional<std::size_t> axis_after(const Node& node,
                                                      std::size_t output,
                                                      std::size_t seen) const {
    const bool plain = node.domain.empty();
    if (plain && node.op_type == "ConstantOfShape") {
      return seen;  // every place the same number
    }
    const Follow first = node.has_input(0) ? follows_[node.inputs[0]] : Follow{};
    if (plain && node.op_type == "Expand") {
      return first.kind == Kind::fixed ? seen : broadcast_axis(node, first);
    }
    constexpr std::array<std::string_view, 4> kReorderNothing{
        "Flatten", "Reshape", "Squeeze", "Unsqueeze"};
    if (plain && std::ranges::find(kReorderNothing, node.op_type) != kReorderNothing.end()) {
      return keeps_order(node, first, seen);
    }
    if (any(node, Kind::sizes)) {
      return std::nullopt;
    }
    std::vector<RowInput> inputs;
    for (const ValueId value : node.inputs) {
      inputs.push_back(value != kNoValue ? input_of(value) : RowInput{});
    }
    const auto in_front = axis_behind(node, inputs);
    return in_front ? axis_of_output(node, output, *in_front) : std::nullopt;
  }

  // Elements stay in their order: rows stay whole when as many elements as before stand before the
  // axis, and so behind it.
  [[nodiscard]] std::optional<std::size_t> keeps_order(const Node& node,
                                                       const Follow& first,
                                                       std::size_t seen) const {
    if (first.kind != Kind::rows) {
      return std::nullopt;
    }
    const Shape from = shape(node.inputs[0]);
    const Shape to = shape(node.outputs[0]);
    return product(from, first.axis) == product(to, seen) ? std::optional(seen) : std::nullopt;
  }

  [[nodiscard]] std::optional<std::size_t> broadcast_axis(const Node& node,
                                                          const Follow& first) const {
    if (first.kind != Kind::rows) {
      return std::nullopt;
    }
    return shape(node.outputs[0]).size() - (shape(node.inputs[0]).size() - first.axis);
  }

  [[nodiscard]] RowInput input_of(ValueId value) const {
    const Follow& follow = follows_[value];
    const Guess& guess = guesses_[1];
    RowInput input{.present = true, .constant = plan_.is_constant(value)};
    if (follow.kind == Kind::rows) {
      input.axis = follow.axis;
    }
    input.dims = shape(value);
    input.value = guess.has_value(value) ? &guess.values[value] : nullptr;
    return input;
  }

  const Plan& plan_;
  std::array<Guess, kBatches.size()> guesses_;
  std::vector<Follow> follows_;
};

}  // namespace

bool rows_are_independent(const Plan& plan) {
  Follower follower(plan);
  if (plan.outputs.empty() || !follower.start()) {
    return false;
  }
  for (const Step& step : plan.steps) {
    follower.visit(step);
  }
  return std::ranges::all_of(plan.outputs,
                             [&](const Declared& output) { return follower.ends_in_rows(output); });
}

}  // namespace sluice::engine
