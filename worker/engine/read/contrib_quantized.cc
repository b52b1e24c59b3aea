#include "worker/engine/read/contrib_quantized.h"

#include <string>

namespace sluice::engine {
namespace {

using ValueNames = Rewrite::Names;

std::string to_float(Rewrite& to, const std::string& x) {
  const std::string y = to.add("Cast", {x});
  to.with("to", std::int64_t{onnx::TensorProto::FLOAT});
  return y;
}

// Weights [directions, inputs, gates] with a scale and a zero point of [directions] or
// [directions, gates], as the weights [directions, gates, inputs] of an LSTM.
std::string lstm_weights(Rewrite& to, int weights, int scale, int zero) {
  const auto stretched = [&](const std::string& x) {
    return to.add("Reshape", {x, to.integers({0, 1, -1})});
  };
  std::string w = to_float(to, to.in(weights));
  if (to.has_in(zero)) {
    w = to.add("Sub", {w, stretched(to_float(to, to.in(zero)))});
  }
  w = to.add("Mul", {w, stretched(to.in(scale))});
  const std::string turned = to.add("Transpose", {w});
  to.with("perm", {0, 2, 1});
  return turned;
}

std::string dequantized(Rewrite& to, int x) {
  ValueNames inputs{to.in(x), to.in(x + 1)};
  if (to.has_in(x + 2)) {
    inputs.push_back(to.in(x + 2));
  }
  return to.add("DequantizeLinear", inputs);
}

// `x` as bytes, by the scale and the zero point of inputs `scale` and the next.
void quantize(Rewrite& to, const std::string& x, int scale) {
  ValueNames inputs{x, to.in(scale)};
  if (to.has_in(scale + 1)) {
    inputs.push_back(to.in(scale + 1));
  }
  to.add("QuantizeLinear", inputs, {to.out(0)});
}

}  // namespace

// Inputs: those of LSTM, 0 to 7, then scale and zero point of W, and of R. The weights are taken to
// float32 once; what they multiply is not rounded to bytes, as ONNX Runtime does in each step.
Result<void> write_dynamic_quantize_lstm(Rewrite& to) {
  SLUICE_TRY(to.only({"activation_alpha",
                      "activation_beta",
                      "activations",
                      "clip",
                      "direction",
                      "hidden_size",
                      "input_forget"}));
  ValueNames inputs{to.in(0), lstm_weights(to, 1, 8, 9), lstm_weights(to, 2, 10, 11)};
  for (int i = 3; i < 8; ++i) {
    inputs.push_back(to.in(i));
  }
  to.add("LSTM", inputs, {to.out(0), to.out(1), to.out(2)});
  to.with_calls_but({});
  return {};
}

// Inputs: condition; x, y, each with its scale and zero point; those of the result.
Result<void> write_qlinear_where(Rewrite& to) {
  SLUICE_TRY(to.only({}));
  quantize(to, to.add("Where", {to.in(0), dequantized(to, 1), dequantized(to, 4)}), 7);
  return {};
}

}  // namespace sluice::engine
