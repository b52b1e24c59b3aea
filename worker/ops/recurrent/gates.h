// The activation functions of recurrent operators, by the names that their nodes use.
// Spec: https://onnx.ai/onnx/operators/onnx__LSTM.html (read 2026-11), `activations`.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/engine/graph/graph.h"

namespace sluice::engine {

enum class GateFunction : std::uint8_t {
  sigmoid,
  tanh,
  relu,
  affine,            // alpha * x + beta
  leaky_relu,        // alpha * x below 0
  thresholded_relu,  // x above alpha, else 0
  scaled_tanh,       // alpha * tanh(beta * x)
  hard_sigmoid,      // max(0, min(1, alpha * x + beta))
  elu,               // alpha * (exp(x) - 1) below 0
  softsign,          // x / (1 + |x|)
  softplus,          // log(1 + exp(x))
};

struct GateActivation {
  GateFunction function = GateFunction::sigmoid;
  float alpha = 0;
  float beta = 0;
};

// Reads activations, activation_alpha and activation_beta: `directions` times as many as
// `defaults`, in the order of the directions. alpha and beta are taken in order by the functions
// that have them; what is left over is data_corrupt.
Result<std::vector<GateActivation>> parse_gates(Attributes& attributes,
                                                std::span<const std::string_view> defaults,
                                                std::size_t directions);

// x = f(x), in place. float: at most 4 ulp; NaN and infinities as IEEE 754 has them.
void activate_gate(const GateActivation& activation, float* x, std::int64_t count);
void activate_gate(const GateActivation& activation, double* x, std::int64_t count);

}  // namespace sluice::engine
