#include "worker/engine/plan/quantized_matcher.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sluice::engine {
namespace {

bool is_byte(DataType datatype) {
  return datatype == DataType::int8 || datatype == DataType::uint8;
}

}  // namespace

std::optional<std::vector<float>> QuantizedMatcher::numbers(ValueId value) const {
  if (value == kNoValue || !plan_.is_constant(value) ||
      plan_.constants[value]->datatype() != DataType::float32) {
    return std::nullopt;
  }
  const auto view = plan_.constants[value]->view();
  if (!view) {
    return std::nullopt;
  }
  const auto from = view->as<float>();
  return std::vector<float>(from.begin(), from.end());
}

std::optional<std::vector<int>> QuantizedMatcher::zeros(ValueId value) const {
  if (value == kNoValue || !plan_.is_constant(value) ||
      !is_byte(plan_.constants[value]->datatype())) {
    return std::nullopt;
  }
  const auto view = plan_.constants[value]->view();
  if (!view) {
    return std::nullopt;
  }
  std::vector<int> made;
  for (std::int64_t i = 0; i < view->count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    made.push_back(view->datatype == DataType::int8 ? view->as<std::int8_t>()[at]
                                                    : view->as<std::uint8_t>()[at]);
  }
  return made;
}

bool QuantizedMatcher::has_one(const Quantized& quantized) const {
  const auto scale = numbers(quantized.scale);
  const auto zero = zeros(quantized.zero);
  return scale && zero && scale->size() == 1 && zero->size() == 1;
}

bool QuantizedMatcher::has_one_each(std::size_t step, std::size_t axis) const {
  const Quantized w = parts(step);
  const auto scale = numbers(w.scale);
  const auto zero = zeros(w.zero);
  if (!scale || !zero || !plan_.is_constant(w.data) ||
      !is_byte(plan_.constants[w.data]->datatype())) {
    return false;
  }
  const Dims dims = plan_.constants[w.data]->dims();
  if (axis >= dims.size()) {
    return false;
  }
  if (scale->size() == 1 && zero->size() == 1) {
    return true;
  }
  std::int64_t along = 1;  // the specification's default
  for (const Attribute& attribute : node(step).attributes) {
    along = attribute.name == "axis" ? attribute.integer : along;
  }
  along += along < 0 ? static_cast<std::int64_t>(dims.size()) : 0;
  return along == static_cast<std::int64_t>(axis) && scale->size() == zero->size() &&
         static_cast<std::int64_t>(scale->size()) == dims[axis];
}

bool QuantizedMatcher::same_meaning(const Quantized& a, const Quantized& b) const {
  return has_one(a) && has_one(b) && numbers(a.scale) == numbers(b.scale) &&
         zeros(a.zero) == zeros(b.zero) &&
         plan_.constants[a.zero]->datatype() == plan_.constants[b.zero]->datatype();
}

Quantized QuantizedMatcher::parts(std::size_t step) const {
  const Node& from = node(step);
  const bool blocks = std::ranges::any_of(from.attributes, [](const Attribute& attribute) {
    return attribute.name == "block_size" && attribute.integer != 0;
  });
  if (blocks || !from.has_input(1)) {
    return {};
  }
  return {.data = from.inputs[0],
          .scale = from.inputs[1],
          .zero = from.has_input(2) ? from.inputs[2] : kNoValue};
}

Quantized QuantizedMatcher::source(ValueId value) const {
  const std::size_t step = maker(value, "DequantizeLinear");
  return step != kNone ? parts(step) : Quantized{};
}

bool QuantizedMatcher::has_bias_of_sums(std::size_t conv,
                                        const Quantized& x,
                                        const Quantized& w) const {
  if (!node(conv).has_input(2)) {
    return true;
  }
  const Quantized bias = source(node(conv).inputs[2]);
  if (bias.data == kNoValue || !plan_.is_constant(bias.data) ||
      plan_.constants[bias.data]->datatype() != DataType::int32) {
    return false;
  }
  if (bias.zero != kNoValue) {
    const auto zero = plan_.is_constant(bias.zero) ? plan_.constants[bias.zero]->view()
                                                   : Result<TensorView>(Error{});
    if (!zero || zero->datatype != DataType::int32 ||
        std::ranges::any_of(zero->as<std::int32_t>(), [](std::int32_t z) { return z != 0; })) {
      return false;
    }
  }
  const auto scale = numbers(bias.scale);
  const auto left = numbers(x.scale);
  const auto right = numbers(w.scale);
  if (!scale || (scale->size() != 1 && scale->size() != right->size())) {
    return false;
  }
  for (std::size_t i = 0; i < std::max(scale->size(), right->size()); ++i) {
    const double sums = static_cast<double>(left->front()) * (*right)[right->size() == 1 ? 0 : i];
    const double own = (*scale)[scale->size() == 1 ? 0 : i];
    if (std::abs(own - sums) > 1e-5 * std::abs(sums)) {
      return false;
    }
  }
  return true;
}

bool QuantizedMatcher::is_list_of_floats(ValueId value, std::int64_t many) const {
  if (plan_.is_constant(value)) {
    const Constant& constant = *plan_.constants[value];
    return constant.datatype() == DataType::float32 && constant.dims() == Shape{many};
  }
  const Quantized from = source(value);
  return plan_.is_constant(from.data) && plan_.constants[from.data]->dims() == Shape{many} &&
         numbers(from.scale) && (from.zero == kNoValue || plan_.is_constant(from.zero));
}

Result<ValueId> QuantizedMatcher::scales_of_sums(const Quantized& a, const Quantized& b) {
  const float left = numbers(a.scale)->front();
  const std::vector<float> right = *numbers(b.scale);
  SLUICE_TRY_ASSIGN(Tensor made,
                    Tensor::create(DataType::float32, {static_cast<std::int64_t>(right.size())}));
  TensorView view = made.view();
  std::ranges::transform(
      right, view.mut<float>().begin(), [&](float scale) { return left * scale; });
  return add_constant(plan_.value_names[b.scale] + "/of_sums", std::move(made));
}

Result<ValueId> QuantizedMatcher::turned(ValueId value) {
  const Constant& from = *plan_.constants[value];
  const Shape& dims = from.dims();
  SLUICE_TRY_ASSIGN(Tensor made, Tensor::create(from.datatype(), {dims[1], dims[0]}));
  const auto bytes = from.bytes();
  auto* const to = static_cast<std::byte*>(made.view().data);
  const auto rows = static_cast<std::size_t>(dims[0]);
  const auto columns = static_cast<std::size_t>(dims[1]);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      to[column * rows + row] = bytes[row * columns + column];
    }
  }
  return add_constant(plan_.value_names[value] + "/turned", std::move(made));
}

QuantizedMatcher::Bytes QuantizedMatcher::range_of(const Quantized& y) const {
  return plan_.constants[y.zero]->datatype() == DataType::int8 ? Bytes{-128, 127} : Bytes{0, 255};
}

std::optional<QuantizedMatcher::Bytes> QuantizedMatcher::range_behind(std::size_t activation,
                                                                      const Quantized& y) const {
  const Node& step = node(activation);
  float low = std::numeric_limits<float>::lowest();
  float high = std::numeric_limits<float>::max();
  if (step.op_type == "Relu") {
    low = 0;
  } else if (step.op_type != "Clip") {
    return std::nullopt;
  }
  for (const Attribute& attribute : step.attributes) {  // before opset 11
    low = attribute.name == "min" ? attribute.real : low;
    high = attribute.name == "max" ? attribute.real : high;
  }
  for (std::size_t bound = 1; bound < 3; ++bound) {
    if (step.has_input(bound)) {
      const auto given = number(step.inputs[bound]);
      if (!given) {
        return std::nullopt;
      }
      (bound == 1 ? low : high) = *given;
    }
  }
  if (!(low <= high)) {
    return std::nullopt;
  }
  // Rounding keeps the order, so what is held between two numbers is held between their bytes.
  const Bytes range = range_of(y);
  const auto byte = [&](float real) {
    const float placed = std::nearbyint(real / numbers(y.scale)->front()) +
                         static_cast<float>(zeros(y.zero)->front());
    return static_cast<int>(
        std::clamp(placed, static_cast<float>(range.least), static_cast<float>(range.most)));
  };
  return numbers(y.scale)->front() > 0 ? std::optional(Bytes{byte(low), byte(high)}) : std::nullopt;
}

}  // namespace sluice::engine
