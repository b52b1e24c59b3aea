// Patterns of quantised models: an operator between DequantizeLinear and QuantizeLinear becomes the
// one that computes on the bytes.
//
//   DQ, DQ, (DQ,) Conv, (Relu,) Q     QLinearConv
//   DQ, DQ, MatMul, Q                 QLinearMatMul
//   DQ, DQ, Add or Mul, Q             QLinearAdd, QLinearMul of com.microsoft
//   DQ, MaxPool, Reshape, ..., Q      the same on the bytes, where both have one scale
//
// Sums are exact in both forms but for the rounding of float32, so a result differs where it lies
// within that of the middle between two bytes. Means of a few bytes lie there often: average pools
// stay as they are written. Scales and zero points must be constants, one of each; of weights one
// for each filter or column. The bias must have the scale of the sums.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "worker/engine/plan/matcher.h"

namespace sluice::engine {
namespace {

bool is_byte(DataType datatype) {
  return datatype == DataType::int8 || datatype == DataType::uint8;
}

class QuantizedPatterns : Matcher {
 public:
  using Matcher::Matcher;

  Result<void> run() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (is(i, "QuantizeLinear")) {
        SLUICE_TRY(take(i));
      }
    }
    drop_gone();
    return {};
  }

 private:
  // Bytes, or the int32 of a bias, with what they mean.
  struct Quantized {
    ValueId data = kNoValue;
    ValueId scale = kNoValue;
    ValueId zero = kNoValue;
  };

  [[nodiscard]] std::optional<std::vector<float>> numbers(ValueId value) const;
  [[nodiscard]] std::optional<std::vector<int>> zeros(ValueId value) const;
  [[nodiscard]] bool has_one(const Quantized& quantized) const;
  [[nodiscard]] bool has_one_each(std::size_t step, std::size_t axis) const;
  [[nodiscard]] bool same_meaning(const Quantized& a, const Quantized& b) const;
  [[nodiscard]] Quantized parts(std::size_t step) const;
  // What DequantizeLinear made `value` of; its data is kNoValue where that is not what made it.
  [[nodiscard]] Quantized source(ValueId value) const;
  [[nodiscard]] bool is_bias(std::size_t conv, const Quantized& x, const Quantized& w) const;

  // An operator on the bytes of `a` and `b` that makes those of `y`.
  static Node on_bytes(std::string op_type,
                       const Quantized& a,
                       const Quantized& b,
                       const Quantized& y);

  Result<void> take(std::size_t quantize);
  Result<void> take_conv(std::size_t conv, std::size_t relu, std::size_t quantize);
  Result<void> take_matmul(std::size_t product, std::size_t quantize);
  Result<void> take_pair(std::size_t step, std::size_t quantize);
  Result<void> take_movement(std::size_t step, std::size_t quantize);
};

std::optional<std::vector<float>> QuantizedPatterns::numbers(ValueId value) const {
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

std::optional<std::vector<int>> QuantizedPatterns::zeros(ValueId value) const {
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

bool QuantizedPatterns::has_one(const Quantized& quantized) const {
  const auto scale = numbers(quantized.scale);
  const auto zero = zeros(quantized.zero);
  return scale && zero && scale->size() == 1 && zero->size() == 1;
}

// Of constant weights: one scale and zero point, or one for each place of `axis`.
bool QuantizedPatterns::has_one_each(std::size_t step, std::size_t axis) const {
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

bool QuantizedPatterns::same_meaning(const Quantized& a, const Quantized& b) const {
  return has_one(a) && has_one(b) && numbers(a.scale) == numbers(b.scale) &&
         zeros(a.zero) == zeros(b.zero) &&
         plan_.constants[a.zero]->datatype() == plan_.constants[b.zero]->datatype();
}

// Of DequantizeLinear and QuantizeLinear alike. Blocks of scales are left to the operator.
QuantizedPatterns::Quantized QuantizedPatterns::parts(std::size_t step) const {
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

QuantizedPatterns::Quantized QuantizedPatterns::source(ValueId value) const {
  const std::size_t step = maker(value, "DequantizeLinear");
  return step != kNone ? parts(step) : Quantized{};
}

// Whether the convolution has no bias, or a constant one in int32 with the scale of its sums.
bool QuantizedPatterns::is_bias(std::size_t conv, const Quantized& x, const Quantized& w) const {
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

Node QuantizedPatterns::on_bytes(std::string op_type,
                                 const Quantized& a,
                                 const Quantized& b,
                                 const Quantized& y) {
  Node made;
  made.op_type = std::move(op_type);
  made.opset = 10;
  made.inputs = {a.data, a.scale, a.zero, b.data, b.scale, b.zero, y.scale, y.zero};
  return made;
}

Result<void> QuantizedPatterns::take(std::size_t quantize) {
  const Quantized y = parts(quantize);
  const std::size_t made = y.data == kNoValue ? kNone : makers_[y.data];
  if (!has_one(y) || made == kNone || readers_[y.data].size() != 1) {
    return {};
  }
  if (is(made, "Relu")) {
    // What is below zero comes out as zero where that is the least byte.
    const bool least = zeros(y.zero)->front() ==
                       (plan_.constants[y.zero]->datatype() == DataType::int8 ? -128 : 0);
    const std::size_t conv = maker(node(made).inputs[0], "Conv");
    return least && conv != kNone && readers_[result(conv)].size() == 1
               ? take_conv(conv, made, quantize)
               : Result<void>();
  }
  if (is(made, "Conv")) {
    return take_conv(made, kNone, quantize);
  }
  if (is(made, "MatMul")) {
    return take_matmul(made, quantize);
  }
  if (is(made, "Add") || is(made, "Mul")) {
    return take_pair(made, quantize);
  }
  return take_movement(made, quantize);
}

Result<void> QuantizedPatterns::take_conv(std::size_t conv,
                                          std::size_t relu,
                                          std::size_t quantize) {
  const Quantized x = source(node(conv).inputs[0]);
  const std::size_t weights = maker(node(conv).inputs[1], "DequantizeLinear");
  if (!has_one(x) || weights == kNone || !has_one_each(weights, 0) ||
      !is_bias(conv, x, parts(weights))) {
    return {};
  }
  const Quantized w = parts(weights);
  const Quantized y = parts(quantize);
  Node made = on_bytes("QLinearConv", x, w, y);
  if (node(conv).has_input(2)) {
    made.inputs.push_back(source(node(conv).inputs[2]).data);
  }
  made.attributes = node(conv).attributes;
  return relu == kNone ? replace({conv}, quantize, std::move(made))
                       : replace({conv, relu}, quantize, std::move(made));
}

Result<void> QuantizedPatterns::take_matmul(std::size_t product, std::size_t quantize) {
  const Quantized a = source(node(product).inputs[0]);
  const std::size_t weights = maker(node(product).inputs[1], "DequantizeLinear");
  if (!has_one(a) || weights == kNone || !has_one_each(weights, 1) ||
      plan_.constants[parts(weights).data]->dims().size() != 2) {
    return {};
  }
  const Quantized b = parts(weights);
  const Quantized y = parts(quantize);
  return replace({product}, quantize, on_bytes("QLinearMatMul", a, b, y));
}

Result<void> QuantizedPatterns::take_pair(std::size_t step, std::size_t quantize) {
  const Quantized a = source(node(step).inputs[0]);
  const Quantized b = source(node(step).inputs[1]);
  const Quantized y = parts(quantize);
  // One datatype for all three, as the operator wants it.
  if (!has_one(a) || !has_one(b) ||
      plan_.constants[a.zero]->datatype() != plan_.constants[y.zero]->datatype() ||
      plan_.constants[b.zero]->datatype() != plan_.constants[y.zero]->datatype()) {
    return {};
  }
  Node made = on_bytes("QLinear" + node(step).op_type, a, b, y);
  made.domain = "com.microsoft";
  made.opset = 1;
  return replace({step}, quantize, std::move(made));
}

// Elements are moved, or picked by their order: bytes of one meaning are in the same order.
Result<void> QuantizedPatterns::take_movement(std::size_t step, std::size_t quantize) {
  constexpr std::array<std::string_view, 5> kMoves{
      "Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"};
  constexpr int kPoolsOfBytes = 12;  // the opset that has them
  const bool moves = std::ranges::any_of(kMoves, [&](auto name) { return is(step, name); }) ||
                     (is(step, "MaxPool") && node(step).opset >= kPoolsOfBytes);
  if (!moves) {
    return {};
  }
  const Quantized x = source(node(step).inputs[0]);
  if (x.data == kNoValue || !same_meaning(x, parts(quantize))) {
    return {};
  }
  Node made = node(step);
  made.inputs.resize(plan_.steps[step].written_inputs);
  made.inputs[0] = x.data;
  return replace({step}, quantize, std::move(made));
}

}  // namespace

Result<void> take_quantized_patterns(Plan& plan, const Registry& registry) {
  return QuantizedPatterns(plan, registry).run();
}

}  // namespace sluice::engine
