// Patterns of quantised models: an operator between DequantizeLinear and QuantizeLinear becomes the
// one that computes on the bytes.
//
//   DQ, DQ, (DQ,) Conv, (Relu, Clip,) Q     QLinearConv or ConvToBytes
//   DQ, DQ, MatMul, (Relu, Clip,) Q         QLinearMatMul
//   DQ, DQ, MatMul or Gemm                  MatMulIntegerToFloat, and Add
//   DQ, DQ, Add or Mul, (Relu, Clip,) Q     QLinearAdd, QLinearMul of com.microsoft
//   DQ, MaxPool, Reshape, ..., Q            the same on the bytes, where both have one scale
//   DQ, DQ, ..., Concat, Q                  likewise
//
// Sums are exact in both forms but for the rounding of float32, so a result differs where it lies
// within that of the middle between two bytes. Means of a few bytes lie there often: average pools
// stay as they are written. Scales and zero points must be constants, one of each; of weights one
// for each filter or column. What Relu and Clip hold back is the end of the bytes' range, the floor
// of a ConvToBytes, or a Max on bytes.

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "worker/engine/plan/quantized_matcher.h"

namespace sluice::engine {
namespace {

class QuantizedPatterns : QuantizedMatcher {
 public:
  using QuantizedMatcher::QuantizedMatcher;

  Result<void> run() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (is(i, "QuantizeLinear")) {
        SLUICE_TRY(take(i));
      }
    }
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (is(i, "MatMul") || is(i, "Gemm")) {
        SLUICE_TRY(take_product(i));
      }
    }
    drop_gone();
    return {};
  }

 private:
  // What is between an operator and its bytes.
  struct End {
    std::size_t quantize = kNone;
    std::size_t activation = kNone;
    bool has_floor = false;  // the zero point is the least byte
  };

  // An operator on the bytes of `a` and `b` that makes those of `y`.
  static Node on_bytes(std::string op_type,
                       const Quantized& a,
                       const Quantized& b,
                       const Quantized& y);

  Result<void> take(std::size_t quantize);
  Result<void> take_conv(std::size_t conv, const End& end);
  Result<void> take_matmul(std::size_t product, const End& end);
  Result<void> take_pair(std::size_t step, const End& end);
  Result<void> take_movement(std::size_t step, std::size_t quantize);
  Result<void> take_concat(std::size_t step, std::size_t quantize);
  Result<void> take_product(std::size_t product);
  Result<void> put(std::size_t step, const End& end, Node made);
};

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
  constexpr int kMaxOfBytes = 12;  // the opset that has it
  const Quantized y = parts(quantize);
  std::size_t made = y.data == kNoValue ? kNone : makers_[y.data];
  if (!has_one(y) || made == kNone || readers_[y.data].size() != 1) {
    return {};
  }
  End end{.quantize = quantize};
  if ((is(made, "Relu") || is(made, "Clip")) && node(made).has_input(0)) {
    const auto range = range_behind(made, y);
    end.activation = made;
    end.has_floor = range && range->least != range_of(y).least;
    made = makers_[node(made).inputs[0]];
    if (!range || range->most != range_of(y).most || made == kNone ||
        readers_[node(end.activation).inputs[0]].size() != 1 ||
        (end.has_floor && (range->least != zeros(y.zero)->front() ||
                           plan_.file_opset.value_or(kMaxOfBytes) < kMaxOfBytes))) {
      return {};
    }
  }
  if (is(made, "Conv")) {
    return take_conv(made, end);
  }
  if (is(made, "MatMul")) {
    return take_matmul(made, end);
  }
  if (is(made, "Add") || is(made, "Mul")) {
    return take_pair(made, end);
  }
  if (end.activation != kNone) {
    return {};
  }
  return is(made, "Concat") ? take_concat(made, quantize) : take_movement(made, quantize);
}

// `made` in the place of `step` and all behind it that `end` names.
Result<void> QuantizedPatterns::put(std::size_t step, const End& end, Node made) {
  if (!end.has_floor) {
    return end.activation == kNone ? replace({step}, end.quantize, std::move(made))
                                   : replace({step, end.activation}, end.quantize, std::move(made));
  }
  if (made.op_type == "ConvToBytes" || (made.op_type == "QLinearConv" && !plan_.file_opset)) {
    made.op_type = "ConvToBytes";
    made.domain = kFusedDomain;
    made.opset = 1;
    made.attributes.push_back({.name = "floor", .kind = AttributeKind::integer, .integer = 1});
    return replace({step, end.activation}, end.quantize, std::move(made));
  }
  Node floor;
  floor.op_type = "Max";
  floor.opset = 13;
  floor.inputs = {result(end.activation), parts(end.quantize).zero};
  SLUICE_TRY(replace({step}, end.activation, std::move(made)));
  return replace({}, end.quantize, std::move(floor));
}

Result<void> QuantizedPatterns::take_conv(std::size_t conv, const End& end) {
  const Quantized x = source(node(conv).inputs[0]);
  const std::size_t weights = maker(node(conv).inputs[1], "DequantizeLinear");
  if (!has_one(x) || weights == kNone || !has_one_each(weights, 0)) {
    return {};
  }
  const Quantized w = parts(weights);
  const Quantized y = parts(end.quantize);
  Node made = on_bytes("QLinearConv", x, w, y);
  made.attributes = node(conv).attributes;
  if (node(conv).has_input(2)) {
    const ValueId bias = node(conv).inputs[2];
    if (has_bias_of_sums(conv, x, w)) {
      made.inputs.push_back(source(bias).data);
    } else if (!plan_.file_opset && is_list_of_floats(bias, plan_.constants[w.data]->dims()[0])) {
      made.op_type = "ConvToBytes";
      made.domain = kFusedDomain;
      made.opset = 1;
      made.inputs.push_back(bias);
    } else {
      return {};
    }
  }
  return put(conv, end, std::move(made));
}

Result<void> QuantizedPatterns::take_matmul(std::size_t product, const End& end) {
  const Quantized a = source(node(product).inputs[0]);
  const std::size_t weights = maker(node(product).inputs[1], "DequantizeLinear");
  if (!has_one(a) || weights == kNone || !has_one_each(weights, 1) ||
      plan_.constants[parts(weights).data]->dims().size() != 2) {
    return {};
  }
  const Quantized y = parts(end.quantize);
  return put(product, end, on_bytes("QLinearMatMul", a, parts(weights), y));
}

Result<void> QuantizedPatterns::take_pair(std::size_t step, const End& end) {
  const Quantized a = source(node(step).inputs[0]);
  const Quantized b = source(node(step).inputs[1]);
  const Quantized y = parts(end.quantize);
  // One datatype for all three, as the operator wants it.
  if (!has_one(a) || !has_one(b) ||
      plan_.constants[a.zero]->datatype() != plan_.constants[y.zero]->datatype() ||
      plan_.constants[b.zero]->datatype() != plan_.constants[y.zero]->datatype()) {
    return {};
  }
  Node made = on_bytes("QLinear" + node(step).op_type, a, b, y);
  made.domain = "com.microsoft";
  made.opset = 1;
  return put(step, end, std::move(made));
}

// Elements are moved, or picked by their order: bytes of one meaning are in the same order.
Result<void> QuantizedPatterns::take_movement(std::size_t step, std::size_t quantize) {
  constexpr std::array<std::string_view, 7> kMoves{
      "DepthToSpace", "Flatten", "Reshape", "SpaceToDepth", "Squeeze", "Transpose", "Unsqueeze"};
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

Result<void> QuantizedPatterns::take_concat(std::size_t step, std::size_t quantize) {
  Node made = node(step);
  for (ValueId& part : made.inputs) {
    const Quantized x = source(part);
    if (x.data == kNoValue || !same_meaning(x, parts(quantize))) {
      return {};
    }
    part = x.data;
  }
  return replace({step}, quantize, std::move(made));
}

// A product of bytes and constant bytes whose floats somebody reads.
Result<void> QuantizedPatterns::take_product(std::size_t product) {
  constexpr std::int64_t kMostSummed = 32'768;  // of 16 bits each: sums stay below 2^31
  const bool is_gemm = is(product, "Gemm");
  const Node& from = node(product);
  const bool turns = is_gemm && integer_named(from, "transB") != 0;
  const Quantized a = source(from.inputs[0]);
  const std::size_t weights = maker(from.inputs[1], "DequantizeLinear");
  if (plan_.file_opset || !has_one(a) || weights == kNone ||
      !has_one_each(weights, turns ? 0 : 1)) {
    return {};
  }
  const Quantized b = parts(weights);
  const Shape& dims = plan_.constants[b.data]->dims();
  if (dims.size() != 2 || dims[turns ? 1 : 0] > kMostSummed) {
    return {};
  }
  const bool has_bias = is_gemm && from.has_input(2);
  if (is_gemm && (integer_named(from, "transA") != 0 || real_named(from, "alpha", 1) != 1 ||
                  (has_bias && real_named(from, "beta", 1) != 1))) {
    return {};
  }
  Node made;
  made.op_type = "MatMulIntegerToFloat";
  made.domain = kFusedDomain;
  made.opset = 1;
  SLUICE_TRY_ASSIGN(const ValueId scales, scales_of_sums(a, b));
  SLUICE_TRY_ASSIGN(const ValueId matrix, turns ? turned(b.data) : Result<ValueId>(b.data));
  made.inputs = {a.data, matrix, kNoValue, a.zero, b.zero, scales};
  if (!has_bias) {
    return replace({}, product, std::move(made));
  }
  const ValueId floats = add_value(from.name + "/product");
  Node sum;
  sum.name = from.name;
  sum.op_type = "Add";
  sum.opset = 14;
  sum.inputs = {floats, from.inputs[2]};
  sum.outputs = from.outputs;
  SLUICE_TRY(replace({}, product, std::move(made)));
  plan_.steps[product].node.outputs = {floats};
  return add_behind(product, std::move(sum));
}

}  // namespace

Result<void> take_quantized_patterns(Plan& plan, const Registry& registry) {
  return QuantizedPatterns(plan, registry).run();
}

}  // namespace sluice::engine
