// Patterns: chains of elementary steps in which exporters write down one operator.
//
//   ReduceMean, Sub, Pow, ReduceMean, Add, Sqrt, Div, Mul, Add    LayerNormalization, last extent
//   Div, Erf, Add, Mul, Mul                                       x / 2 * (1 + erf(x / sqrt 2))
//   Sigmoid, Mul                                                  x * sigmoid(x)
//
// A pattern is taken when nothing else reads what lies inside of it and its constants are what the
// operator has; its last step becomes the operator, the others vanish. float32 alone.

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <optional>
#include <utility>

#include "worker/engine/matcher.h"

namespace sluice::engine {
namespace {

class Patterns : Matcher {
 public:
  using Matcher::Matcher;

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
    drop_gone();
    return {};
  }

 private:
  [[nodiscard]] const Shape* shape(ValueId value) const {
    return plan_.typical[value] ? &*plan_.typical[value] : nullptr;
  }
  [[nodiscard]] bool is_float32(ValueId value) const {
    return plan_.datatypes[value] == DataType::float32;
  }

  [[nodiscard]] bool means_last(std::size_t step) const;
  [[nodiscard]] bool fits_last(ValueId value, const Shape& dims) const;
  Result<void> take_layer_norm(std::size_t root);
  Result<void> take_gelu(std::size_t erf);
  Result<void> take_silu(std::size_t sigmoid);
  [[nodiscard]] static Node fused(const char* name, ValueId x);
};

// A ReduceMean over the last extent, which stays as 1.
bool Patterns::means_last(std::size_t step) const {
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
bool Patterns::fits_last(ValueId value, const Shape& dims) const {
  if (value == kNoValue || !plan_.is_constant(value)) {
    return false;
  }
  const Constant& constant = *plan_.constants[value];
  const auto count = element_count(constant.dims());
  return constant.datatype() == DataType::float32 && !constant.dims().empty() && count &&
         *count == dims.back() && constant.dims().back() == dims.back() &&
         constant.dims().size() <= dims.size();
}

Result<void> Patterns::take_layer_norm(std::size_t root) {
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

Result<void> Patterns::take_gelu(std::size_t erf) {
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

Result<void> Patterns::take_silu(std::size_t sigmoid) {
  const ValueId x = node(sigmoid).inputs[0];
  const std::size_t product = only_reader(sigmoid, "Mul");
  if (product == kNone || other(product, result(sigmoid)) != x || !is_float32(x)) {
    return {};
  }
  return replace({sigmoid}, product, fused("Silu", x));
}

Node Patterns::fused(const char* name, ValueId x) {
  Node made;
  made.op_type = name;
  made.domain = kFusedDomain;
  made.opset = 1;
  made.inputs = {x};
  return made;
}

}  // namespace

Result<void> take_patterns(Plan& plan, const Registry& registry) {
  return Patterns(plan, registry).run();
}

}  // namespace sluice::engine
