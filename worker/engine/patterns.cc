// Patterns: chains of elementary steps in which exporters write down one operator.
//
//   ReduceMean, Sub, Pow, ReduceMean, Add, Sqrt, Div, Mul, Add      LayerNormalization over the
//   last
//                                                                   extent
//   Div, Erf, Add, Mul, Mul                                         x / 2 * (1 + erf(x / sqrt 2))
//   Sigmoid, Mul                                                    x * sigmoid(x)
//
// A pattern is taken when nothing else reads what lies inside of it and its constants are what the
// operator has; its last step becomes the operator, the others vanish. float32 alone.

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <optional>
#include <utility>

#include "worker/engine/plan.h"

namespace sluice::engine {
namespace {

constexpr std::size_t kNone = ~std::size_t{0};

class Matcher {
 public:
  Matcher(Plan& plan, const Registry& registry)
      : plan_(plan),
        registry_(registry),
        makers_(plan.value_names.size(), kNone),
        readers_(plan.value_names.size()),
        gone_(plan.steps.size(), false) {
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      for (const ValueId value : plan.steps[i].node.inputs) {
        if (value != kNoValue) {
          readers_[value].push_back(i);
        }
      }
      for (const ValueId value : plan.steps[i].node.outputs) {
        if (value != kNoValue) {
          makers_[value] = i;
        }
      }
    }
    for (const Declared& output : plan.outputs) {
      readers_[output.value].push_back(kNone);
    }
  }

  Result<void> run() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (is(i, "Sqrt")) {
        SLUICE_TRY(take_layer_norm(i));
      } else if (is(i, "Erf")) {
        SLUICE_TRY(take_gelu(i));
      } else if (is(i, "Sigmoid")) {
        SLUICE_TRY(take_silu(i));
      }
    }
    std::vector<Step> kept;
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (!gone_[i]) {
        kept.push_back(std::move(plan_.steps[i]));
      }
    }
    plan_.steps = std::move(kept);
    return {};
  }

 private:
  [[nodiscard]] bool is(std::size_t step, std::string_view name) const {
    return step != kNone && !gone_[step] && plan_.steps[step].node.op_type == name &&
           plan_.steps[step].node.domain.empty() && plan_.steps[step].node.outputs.size() == 1;
  }
  [[nodiscard]] const Node& node(std::size_t step) const { return plan_.steps[step].node; }
  [[nodiscard]] ValueId result(std::size_t step) const { return node(step).outputs[0]; }

  // The step named `name` that makes `value`.
  [[nodiscard]] std::size_t maker(ValueId value, std::string_view name) const {
    const std::size_t step = value == kNoValue ? kNone : makers_[value];
    return is(step, name) ? step : kNone;
  }
  // The only reader of a step's result, when it is named `name`.
  [[nodiscard]] std::size_t only_reader(std::size_t step, std::string_view name) const {
    const auto& readers = readers_[result(step)];
    return readers.size() == 1 && is(readers[0], name) ? readers[0] : kNone;
  }
  // Of two operands, the one that is not `value`; kNoValue when neither is, or both are.
  [[nodiscard]] ValueId other(std::size_t step, ValueId value) const {
    const auto& inputs = node(step).inputs;
    if (inputs.size() != 2 || (inputs[0] == value) == (inputs[1] == value)) {
      return kNoValue;
    }
    return inputs[0] == value ? inputs[1] : inputs[0];
  }
  // The one number of a float32 constant.
  [[nodiscard]] std::optional<float> number(ValueId value) const {
    if (!plan_.is_constant(value) || plan_.constants[value]->datatype() != DataType::float32) {
      return std::nullopt;
    }
    const auto view = plan_.constants[value]->view();
    return view && view->count == 1 ? std::optional(view->as<float>()[0]) : std::nullopt;
  }
  [[nodiscard]] bool is_number(ValueId value, double wanted) const {
    const auto found = number(value);
    return found && std::abs(static_cast<double>(*found) - wanted) <= 1e-6 * wanted;
  }
  [[nodiscard]] const Shape* shape(ValueId value) const {
    return plan_.typical[value] ? &*plan_.typical[value] : nullptr;
  }
  [[nodiscard]] bool is_float32(ValueId value) const {
    return plan_.datatypes[value] == DataType::float32;
  }

  // Whether nobody but these steps reads what they make, the last one's result aside.
  [[nodiscard]] bool closed(std::initializer_list<std::size_t> steps, std::size_t last) const {
    const auto inside = [&](std::size_t step) {
      return step == last || std::ranges::find(steps, step) != steps.end();
    };
    return std::ranges::all_of(steps, [&](std::size_t step) {
      return std::ranges::all_of(readers_[result(step)], inside);
    });
  }

  // `last` becomes `made`, which has its result and its name.
  Result<void> replace(std::initializer_list<std::size_t> steps, std::size_t last, Node made) {
    made.name = node(last).name;
    made.outputs = node(last).outputs;
    SLUICE_TRY_ASSIGN(plan_.steps[last], make_step(std::move(made), registry_));
    for (const std::size_t step : steps) {
      gone_[step] = true;
    }
    return {};
  }

  [[nodiscard]] bool means_last(std::size_t step) const;
  [[nodiscard]] bool fits_last(ValueId value, const Shape& dims) const;
  Result<void> take_layer_norm(std::size_t root);
  Result<void> take_gelu(std::size_t erf);
  Result<void> take_silu(std::size_t sigmoid);
  [[nodiscard]] static Node fused(const char* name, ValueId x);

  Plan& plan_;
  const Registry& registry_;
  std::vector<std::size_t> makers_;                // by value
  std::vector<std::vector<std::size_t>> readers_;  // by value; kNone: the graph's output
  std::vector<bool> gone_;
};

// A ReduceMean over the last extent, which stays as 1.
bool Matcher::means_last(std::size_t step) const {
  const Node& mean = node(step);
  const Shape* dims = shape(mean.inputs[0]);
  std::vector<std::int64_t> axes;
  for (const Attribute& attribute : mean.attributes) {
    if (attribute.name == "keepdims" && attribute.integer != 1) {
      return false;
    }
    axes = attribute.name == "axes" ? attribute.integers : axes;
  }
  if (mean.has_input(1) && plan_.is_constant(mean.inputs[1])) {
    const auto view = plan_.constants[mean.inputs[1]]->view();
    const auto given = view ? integers_of(*view) : Result<std::vector<std::int64_t>>(view.error());
    axes = given ? *given : axes;
  }
  return dims != nullptr && !dims->empty() && axes.size() == 1 &&
         (axes[0] == -1 || axes[0] + 1 == static_cast<std::int64_t>(dims->size()));
}

// A constant that is one number for each place of the last extent.
bool Matcher::fits_last(ValueId value, const Shape& dims) const {
  if (value == kNoValue || !plan_.is_constant(value)) {
    return false;
  }
  const Constant& constant = *plan_.constants[value];
  const auto count = element_count(constant.dims());
  return constant.datatype() == DataType::float32 && !constant.dims().empty() && count &&
         *count == dims.back() && constant.dims().back() == dims.back() &&
         constant.dims().size() <= dims.size();
}

Result<void> Matcher::take_layer_norm(std::size_t root) {
  const std::size_t divide = only_reader(root, "Div");
  const std::size_t add = maker(node(root).inputs[0], "Add");
  if (divide == kNone || add == kNone || node(divide).inputs[1] != result(root)) {
    return {};
  }
  const ValueId first = node(add).inputs[0];
  const ValueId second = node(add).inputs[1];
  const bool constant_first = number(first).has_value();
  const std::size_t variance = maker(constant_first ? second : first, "ReduceMean");
  const auto epsilon = number(constant_first ? first : second);
  if (variance == kNone || !epsilon || !means_last(variance)) {
    return {};
  }
  std::size_t square = maker(node(variance).inputs[0], "Pow");
  const bool by_power = square != kNone;
  square = by_power ? square : maker(node(variance).inputs[0], "Mul");
  if (square == kNone || (by_power ? !is_number(node(square).inputs[1], 2)
                                   : node(square).inputs[0] != node(square).inputs[1])) {
    return {};
  }
  // Some exporters subtract the mean twice.
  const std::size_t centred = maker(node(square).inputs[0], "Sub");
  const std::size_t again = maker(node(divide).inputs[0], "Sub");
  if (centred == kNone || again == kNone || node(again).inputs != node(centred).inputs) {
    return {};
  }
  const ValueId x = node(centred).inputs[0];
  const std::size_t mean = maker(node(centred).inputs[1], "ReduceMean");
  if (mean == kNone || node(mean).inputs[0] != x || !means_last(mean) || !is_float32(x)) {
    return {};
  }
  const std::size_t scaled = only_reader(divide, "Mul");
  const std::size_t shifted = scaled == kNone ? kNone : only_reader(scaled, "Add");
  if (shifted == kNone) {
    return {};
  }
  const ValueId scale = other(scaled, result(divide));
  const ValueId bias = other(shifted, result(scaled));
  const auto inside = {mean, centred, again, square, variance, add, root, divide, scaled};
  if (!fits_last(scale, *shape(x)) || !fits_last(bias, *shape(x)) || !closed(inside, shifted)) {
    return {};
  }
  Node made;
  made.op_type = "LayerNormalization";
  made.opset = 17;
  made.inputs = {x, scale, bias};
  made.attributes.push_back({.name = "axis", .kind = AttributeKind::integer, .integer = -1});
  made.attributes.push_back({.name = "epsilon", .kind = AttributeKind::real, .real = *epsilon});
  return replace(inside, shifted, std::move(made));
}

Result<void> Matcher::take_gelu(std::size_t erf) {
  const ValueId inner = node(erf).inputs[0];
  const std::size_t divide = maker(inner, "Div");
  const std::size_t scale = divide != kNone ? divide : maker(inner, "Mul");
  const std::size_t plus = only_reader(erf, "Add");
  const std::size_t product = plus == kNone ? kNone : only_reader(plus, "Mul");
  if (scale == kNone || product == kNone || !is_number(other(plus, result(erf)), 1)) {
    return {};
  }
  const ValueId x = node(scale).inputs[0];
  const double by = divide != kNone ? std::numbers::sqrt2 : 1 / std::numbers::sqrt2;
  if (!is_number(node(scale).inputs[1], by) || !is_float32(x)) {
    return {};
  }
  Node made = fused("Gelu", x);
  const ValueId factor = other(product, result(plus));
  const std::size_t half_after = only_reader(product, "Mul");
  if (factor == x && half_after != kNone && is_number(other(half_after, result(product)), 0.5)) {
    const auto inside = {scale, erf, plus, product};
    return closed(inside, half_after) ? replace(inside, half_after, std::move(made))
                                      : Result<void>();
  }
  const std::size_t half = maker(factor, "Mul");
  if (half != kNone && is_number(other(half, x), 0.5)) {
    const auto inside = {scale, erf, plus, half};
    return closed(inside, product) ? replace(inside, product, std::move(made)) : Result<void>();
  }
  return {};
}

Result<void> Matcher::take_silu(std::size_t sigmoid) {
  const ValueId x = node(sigmoid).inputs[0];
  const std::size_t product = only_reader(sigmoid, "Mul");
  if (product == kNone || other(product, result(sigmoid)) != x || !is_float32(x)) {
    return {};
  }
  return replace({sigmoid}, product, fused("Silu", x));
}

Node Matcher::fused(const char* name, ValueId x) {
  Node made;
  made.op_type = name;
  made.domain = kFusedDomain;
  made.opset = 1;
  made.inputs = {x};
  return made;
}

}  // namespace

Result<void> take_patterns(Plan& plan, const Registry& registry) {
  return Matcher(plan, registry).run();
}

}  // namespace sluice::engine
