// Patterns: chains of elementary steps in which exporters write down one operator.
//
//   ReduceMean, Sub, Pow, ReduceMean, Add, Sqrt, Div, Mul, Add    LayerNormalization, last extent
//   Pow, ReduceMean, Add, Sqrt, Div, Mul, Mul                     RMSNormalization, last extent
//   Div, Erf, Add, Mul, Mul                                       x / 2 * (1 + erf(x / sqrt 2))
//   Pow, Mul, Add, Mul, Tanh, Add, Mul, Mul                       Gelu approximated by tanh
//   Sigmoid, Mul                                                  x * sigmoid(x)
//   Add, Clip, Mul, Div                                           HardSwish, x * clip(x + 3, 0, 6)
//   / 6
//   BatchNormalization, PRelu                                     BatchNormPRelu, where no
//                                                                 convolution takes the first
//
// A pattern is taken when nothing else reads what lies inside of it and its constants are what the
// operator has; its last step becomes the operator, the others vanish. float32 alone.

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>
#include <vector>

#include "worker/engine/plan/matcher.h"

namespace sluice::engine {
namespace {

class Patterns : Matcher {
 public:
  using Matcher::Matcher;

  Result<void> run() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      SLUICE_TRY(take(PassFamily::layer_norm, "Sqrt", i, &Patterns::take_layer_norm));
      SLUICE_TRY(take(PassFamily::rms_norm, "Sqrt", i, &Patterns::take_rms_norm));
      SLUICE_TRY(take(PassFamily::gelu, "Erf", i, &Patterns::take_gelu));
      SLUICE_TRY(take(PassFamily::gelu_by_tanh, "Tanh", i, &Patterns::take_gelu_by_tanh));
      SLUICE_TRY(take(PassFamily::swish, "Sigmoid", i, &Patterns::take_silu));
      SLUICE_TRY(take(PassFamily::hard_swish, "Clip", i, &Patterns::take_hard_swish));
      SLUICE_TRY(take(PassFamily::activation, "PRelu", i, &Patterns::take_batch_norm_prelu));
    }
    drop_gone();
    return {};
  }

 private:
  // The pattern around a step, if that is the one by which it is found.
  Result<void> take(PassFamily family,
                    std::string_view name,
                    std::size_t step,
                    Result<void> (Patterns::*pattern)(std::size_t)) {
    return plan_.takes(family) && is(step, name) ? (this->*pattern)(step) : Result<void>();
  }
  [[nodiscard]] const Shape* shape(ValueId value) const {
    return plan_.typical[value] ? &*plan_.typical[value] : nullptr;
  }
  [[nodiscard]] bool is_float32(ValueId value) const {
    return plan_.datatypes[value] == DataType::float32;
  }

  // The root of a mean of squares: sqrt(mean of of^2 + epsilon).
  struct MeanSquare {
    std::size_t square = kNone;
    std::size_t mean = kNone;
    std::size_t add = kNone;
    ValueId of = kNoValue;
    float epsilon = 0;
  };

  [[nodiscard]] bool means_last(std::size_t step) const;
  [[nodiscard]] std::optional<MeanSquare> mean_square(std::size_t root) const;
  [[nodiscard]] bool fits_last(ValueId value, const Shape& dims) const;
  Result<void> take_layer_norm(std::size_t root);
  Result<void> take_rms_norm(std::size_t root);
  Result<void> take_gelu(std::size_t erf);
  Result<void> take_gelu_by_tanh(std::size_t tanh);
  Result<void> take_half_of(ValueId x, std::vector<std::size_t> inside, Node made);
  Result<void> take_silu(std::size_t sigmoid);
  Result<void> take_hard_swish(std::size_t clip);
  [[nodiscard]] bool fits_channels(ValueId value, const Shape& dims) const;
  Result<void> take_batch_norm_prelu(std::size_t prelu);
  [[nodiscard]] static Node norm(const char* name,
                                 int opset,
                                 std::vector<ValueId> inputs,
                                 float epsilon);
  [[nodiscard]] static Node of_one(const char* name, int opset, ValueId x);
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
  return dims != nullptr && !dims->empty() && axes.size() == 1 && is_last(axes[0], dims->size());
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

std::optional<Patterns::MeanSquare> Patterns::mean_square(std::size_t root) const {
  MeanSquare found;
  found.add = maker(node(root).inputs[0], "Add");
  if (found.add == kNone) {
    return std::nullopt;
  }
  const ValueId first = node(found.add).inputs[0];
  const ValueId second = node(found.add).inputs[1];
  const bool constant_first = number(first).has_value();
  const auto epsilon = number(constant_first ? first : second);
  found.mean = maker(constant_first ? second : first, "ReduceMean");
  if (found.mean == kNone || !epsilon || !means_last(found.mean)) {
    return std::nullopt;
  }
  found.epsilon = *epsilon;
  const ValueId squares = node(found.mean).inputs[0];
  found.square = maker(squares, "Pow");
  const bool by_power = found.square != kNone;
  found.square = by_power ? found.square : maker(squares, "Mul");
  if (found.square == kNone ||
      (by_power ? !is_number(node(found.square).inputs[1], 2)
                : node(found.square).inputs[0] != node(found.square).inputs[1])) {
    return std::nullopt;
  }
  found.of = node(found.square).inputs[0];
  return found;
}

Node Patterns::norm(const char* name, int opset, std::vector<ValueId> inputs, float epsilon) {
  Node made;
  made.op_type = name;
  made.opset = opset;
  made.inputs = std::move(inputs);
  made.attributes.push_back({.name = "axis", .kind = AttributeKind::integer, .integer = -1});
  made.attributes.push_back({.name = "epsilon", .kind = AttributeKind::real, .real = epsilon});
  return made;
}

Result<void> Patterns::take_layer_norm(std::size_t root) {
  const std::size_t divide = only_reader(root, "Div");
  const auto variance = mean_square(root);
  if (divide == kNone || !variance || node(divide).inputs[1] != result(root)) {
    return {};
  }
  // Some exporters subtract the mean twice.
  const std::size_t centred = maker(variance->of, "Sub");
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
  const std::vector<std::size_t> inside = {
      mean, centred, again, variance->square, variance->mean, variance->add, root, divide, scaled};
  if (!fits_last(scale, *shape(x)) || !fits_last(bias, *shape(x)) || !closed(inside, shifted)) {
    return {};
  }
  return replace(
      inside, shifted, norm("LayerNormalization", 17, {x, scale, bias}, variance->epsilon));
}

// x / root * scale, or x * (1 / root) * scale.
Result<void> Patterns::take_rms_norm(std::size_t root) {
  const auto squares = mean_square(root);
  if (!squares || !is_float32(squares->of)) {
    return {};
  }
  const ValueId x = squares->of;
  std::vector<std::size_t> inside = {squares->square, squares->mean, squares->add, root};
  std::size_t normal = only_reader(root, "Div");
  const std::size_t inverse = normal != kNone && is_number(node(normal).inputs[0], 1)
                                  ? normal
                                  : only_reader(root, "Reciprocal");
  if (inverse != kNone) {
    inside.push_back(inverse);
    normal = only_reader(inverse, "Mul");
    normal = normal != kNone && other(normal, result(inverse)) == x ? normal : kNone;
  } else if (normal != kNone && node(normal).inputs != std::vector<ValueId>{x, result(root)}) {
    normal = kNone;
  }
  const std::size_t scaled = normal == kNone ? kNone : only_reader(normal, "Mul");
  if (scaled == kNone) {
    return {};
  }
  inside.push_back(normal);
  const ValueId scale = other(scaled, result(normal));
  if (!fits_last(scale, *shape(x)) || !closed(inside, scaled)) {
    return {};
  }
  return replace(inside, scaled, norm("RMSNormalization", 23, {x, scale}, squares->epsilon));
}

Result<void> Patterns::take_gelu(std::size_t erf) {
  const ValueId inner = node(erf).inputs[0];
  const std::size_t divide = maker(inner, "Div");
  const std::size_t scale = divide != kNone ? divide : maker(inner, "Mul");
  if (scale == kNone) {
    return {};
  }
  const ValueId x = node(scale).inputs[0];
  const double by = divide != kNone ? std::numbers::sqrt2 : 1 / std::numbers::sqrt2;
  if (!is_number(node(scale).inputs[1], by) || !is_float32(x)) {
    return {};
  }
  return take_half_of(x, {scale, erf}, of_one("Gelu", 20, x));
}

// sqrt(2 / pi) * (x + 0.044715 * x^3)
Result<void> Patterns::take_gelu_by_tanh(std::size_t tanh) {
  constexpr double kScale = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
  const std::size_t scale = maker(node(tanh).inputs[0], "Mul");
  const auto operands = scale == kNone ? std::nullopt : number_and_other(scale);
  if (!operands || !is_near(operands->first, kScale)) {
    return {};
  }
  const std::size_t sum = maker(operands->second, "Add");
  for (const std::size_t side : {0U, 1U}) {
    const ValueId x = sum == kNone ? kNoValue : node(sum).inputs[side];
    const std::size_t cubic = sum == kNone ? kNone : maker(node(sum).inputs[1 - side], "Mul");
    const auto cube = cubic == kNone ? std::nullopt : number_and_other(cubic);
    if (!cube || !is_near(cube->first, 0.044715) || !is_float32(x)) {
      continue;
    }
    std::vector<std::size_t> inside = {scale, sum, cubic};
    const std::size_t power = maker(cube->second, "Pow");
    const std::size_t product = maker(cube->second, "Mul");
    if (power != kNone && node(power).inputs[0] == x && is_number(node(power).inputs[1], 3)) {
      inside.push_back(power);
    } else if (product != kNone) {
      const std::size_t square = maker(other(product, x), "Mul");
      if (square == kNone || node(square).inputs != std::vector<ValueId>{x, x}) {
        continue;
      }
      inside.insert(inside.end(), {product, square});
    } else {
      continue;
    }
    inside.push_back(tanh);
    Node made = of_one("Gelu", 20, x);
    made.attributes.push_back({.name = "approximate", .kind = AttributeKind::text, .text = "tanh"});
    return take_half_of(x, std::move(inside), std::move(made));
  }
  return {};
}

// x / 2 * (1 + f), where f is the result of the last of `inside`: x * (1 + f) / 2, too.
Result<void> Patterns::take_half_of(ValueId x, std::vector<std::size_t> inside, Node made) {
  const std::size_t f = inside.back();
  const std::size_t plus = only_reader(f, "Add");
  const std::size_t product = plus == kNone ? kNone : only_reader(plus, "Mul");
  if (product == kNone || !is_number(other(plus, result(f)), 1)) {
    return {};
  }
  const ValueId factor = other(product, result(plus));
  const std::size_t half_after = only_reader(product, "Mul");
  const std::size_t half = maker(factor, "Mul");
  inside.push_back(plus);
  std::size_t last = kNone;
  if (factor == x && half_after != kNone && is_number(other(half_after, result(product)), 0.5)) {
    inside.push_back(product);
    last = half_after;
  } else if (half != kNone && is_number(other(half, x), 0.5)) {
    inside.push_back(half);
    last = product;
  }
  return last != kNone && closed(inside, last) ? replace(inside, last, std::move(made))
                                               : Result<void>();
}

Result<void> Patterns::take_silu(std::size_t sigmoid) {
  const ValueId x = node(sigmoid).inputs[0];
  const std::size_t product = only_reader(sigmoid, "Mul");
  if (product == kNone || other(product, result(sigmoid)) != x || !is_float32(x)) {
    return {};
  }
  return replace({sigmoid}, product, of_one("Swish", 24, x));
}

// The bounds are attributes before opset 11.
Result<void> Patterns::take_hard_swish(std::size_t clip) {
  std::optional<float> low = node(clip).has_input(1) ? number(node(clip).inputs[1]) : std::nullopt;
  std::optional<float> high = node(clip).has_input(2) ? number(node(clip).inputs[2]) : std::nullopt;
  for (const Attribute& attribute : node(clip).attributes) {
    low = attribute.name == "min" ? attribute.real : low;
    high = attribute.name == "max" ? attribute.real : high;
  }
  const std::size_t plus = maker(node(clip).inputs[0], "Add");
  const std::size_t product = only_reader(clip, "Mul");
  const ValueId x = product == kNone ? kNoValue : other(product, result(clip));
  if (low != 0.0F || high != 6.0F || plus == kNone || x == kNoValue || !is_float32(x) ||
      !is_number(other(plus, x), 3)) {
    return {};
  }
  const std::size_t divide = only_reader(product, "Div");
  const std::size_t scale = only_reader(product, "Mul");
  const bool divides = divide != kNone && node(divide).inputs[0] == result(product) &&
                       is_number(node(divide).inputs[1], 6);
  const bool scales = scale != kNone && is_number(other(scale, result(product)), 1.0 / 6);
  const std::vector<std::size_t> inside = {plus, clip, product};
  const std::size_t last = divides ? divide : scale;
  return (divides || scales) && closed(inside, last)
             ? replace(inside, last, of_one("HardSwish", 14, x))
             : Result<void>();
}

// A constant that is one number, or one for each channel.
bool Patterns::fits_channels(ValueId value, const Shape& dims) const {
  if (!plan_.is_constant(value) || plan_.constants[value]->dims().size() > dims.size()) {
    return false;
  }
  const Shape& own = plan_.constants[value]->dims();
  const std::size_t missing = dims.size() - own.size();
  for (std::size_t d = 0; d < own.size(); ++d) {
    if (own[d] != 1 && (d + missing != 1 || own[d] != dims[1])) {
      return false;
    }
  }
  return true;
}

// What fusion.cc makes part of a convolution would be worth more.
Result<void> Patterns::take_batch_norm_prelu(std::size_t prelu) {
  const std::size_t norm = maker(node(prelu).inputs[0], "BatchNormalization");
  if (norm == kNone || node(prelu).since < 7 || !closed({norm}, prelu)) {
    return {};
  }
  const ValueId x = node(norm).inputs[0];
  const std::size_t conv = maker(x, "Conv");
  const Shape* dims = shape(x);
  if ((conv != kNone && closed({conv}, norm) && plan_.takes(PassFamily::batch_norm)) ||
      dims == nullptr || dims->size() < 2 || !is_float32(x) ||
      !fits_channels(node(prelu).inputs[1], *dims)) {
    return {};
  }
  Node made;
  made.op_type = "BatchNormPRelu";
  made.domain = kFusedDomain;
  made.opset = 1;
  made.inputs = node(norm).inputs;
  made.inputs.push_back(node(prelu).inputs[1]);
  for (const Attribute& attribute : node(norm).attributes) {
    if (attribute.name == "epsilon") {
      made.attributes.push_back(attribute);
    }
  }
  return replace({norm}, prelu, std::move(made));
}

Node Patterns::of_one(const char* name, int opset, ValueId x) {
  Node made;
  made.op_type = name;
  made.opset = opset;
  made.inputs = {x};
  return made;
}

}  // namespace

Result<void> take_patterns(Plan& plan, const Registry& registry) {
  return Patterns(plan, registry).run();
}

}  // namespace sluice::engine
