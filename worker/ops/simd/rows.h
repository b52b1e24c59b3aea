// Vector kernels over rows of float32, compiled for several instruction sets and chosen when the
// program runs. Results are the same for an element whatever its place and company: tails go
// through the same instructions. NaN and infinities come out as IEEE 754 says. Rows may be
// unaligned; `out` may be one of the inputs.

#pragma once

#include <cstdint>

namespace sluice::engine::simd {

enum class BinaryOp : std::uint8_t {
  add,
  sub,
  mul,
  div,
  min,  // these two keep NaN
  max,
  prelu,  // a * b where a is below 0, else a
};

// out[i] = a[i * a_step] op b[i * b_step]; steps are 0 or 1.
struct BinaryRow {
  const float* a;
  std::int64_t a_step;
  const float* b;
  std::int64_t b_step;
  float* out;
  std::int64_t count;
};
void binary(BinaryOp op, const BinaryRow& row);

// out[i] = f(x[i] * factor[i] + summand[i]), where f multiplies by slope[i] what is below 0;
// without `slope` it is the number itself.
struct ScaledRow {
  const float* x;
  const float* factor;
  const float* summand;
  const float* slope;
  float* out;
  std::int64_t count;
};
void scale_each(const ScaledRow& row);

enum class UnaryOp : std::uint8_t {
  abs,
  neg,
  sqrt,
  reciprocal,
  floor,
  ceil,
  round,  // half to even
  exp,
  log,
  tanh,
  sigmoid,
  relu,
  leaky_relu,    // alpha * x below 0
  clip,          // to [alpha, beta]; NaN stays
  hard_sigmoid,  // max(0, min(1, alpha * x + beta))
  elu,           // alpha * (exp(x) - 1) below 0
  softplus,      // log(1 + exp(x))
  erf,
  gelu,          // x / 2 * (1 + erf(x / sqrt 2))
  gelu_by_tanh,  // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
  swish,         // x * sigmoid(alpha * x)
  hard_swish,    // x * max(0, min(1, x / 6 + 0.5))
  mish,          // x * tanh(log(1 + exp(x)))
  selu,          // beta * x, beta * alpha * (exp(x) - 1) below 0
  scale,         // alpha * x + beta
};

// exp, log, tanh, sigmoid, erf: at most 4 ulp from the correctly rounded value.
void unary(UnaryOp op, float alpha, float beta, const float* x, float* out, std::int64_t count);

// out = exp(x - max(x)) / sum, accumulated in float32; of each of `rows` rows of `count`, one
// behind the other. NaN in x makes its row NaN.
void softmax(const float* x, float* out, std::int64_t count, std::int64_t rows);
// out = x - max(x) - log(sum(exp(x - max(x)))).
void log_softmax(const float* x, float* out, std::int64_t count);

// y += x.
void accumulate(const float* x, float* y, std::int64_t count);

}  // namespace sluice::engine::simd
