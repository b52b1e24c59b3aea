#include "worker/ops/recurrent/gates.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "worker/ops/simd/rows.h"

namespace sluice::engine {
namespace {

struct Known {
  std::string_view name;  // in lower case: exporters do not agree on capitals
  GateFunction function;
  bool has_alpha;
  bool has_beta;
  bool must_say;  // there is no default for them
  float alpha;
  float beta;
};

constexpr Known kKnown[] = {
    {"affine", GateFunction::affine, true, true, false, 1, 0},
    {"elu", GateFunction::elu, true, false, false, 1, 0},
    {"hardsigmoid", GateFunction::hard_sigmoid, true, true, false, 0.2F, 0.5F},
    {"leakyrelu", GateFunction::leaky_relu, true, false, false, 0.01F, 0},
    {"relu", GateFunction::relu, false, false, false, 0, 0},
    {"scaledtanh", GateFunction::scaled_tanh, true, true, true, 0, 0},
    {"sigmoid", GateFunction::sigmoid, false, false, false, 0, 0},
    {"softplus", GateFunction::softplus, false, false, false, 0, 0},
    {"softsign", GateFunction::softsign, false, false, false, 0, 0},
    {"tanh", GateFunction::tanh, false, false, false, 0, 0},
    {"thresholdedrelu", GateFunction::thresholded_relu, true, false, false, 1, 0},
};

// The next of the numbers a node lists, or the default behind the last.
float take(std::span<const float>& numbers, float otherwise) {
  if (numbers.empty()) {
    return otherwise;
  }
  const float number = numbers.front();
  numbers = numbers.subspan(1);
  return number;
}

template <class T>
T value_of(const GateActivation& activation, T x) {
  const auto alpha = static_cast<T>(activation.alpha);
  const auto beta = static_cast<T>(activation.beta);
  switch (activation.function) {
    case GateFunction::sigmoid:
      return 1 / (1 + std::exp(-x));
    case GateFunction::tanh:
      return std::tanh(x);
    case GateFunction::relu:
      return x < 0 ? T{0} : x;
    case GateFunction::affine:
      return alpha * x + beta;
    case GateFunction::leaky_relu:
      return x < 0 ? alpha * x : x;
    case GateFunction::thresholded_relu:
      return x > alpha || x != x ? x : T{0};
    case GateFunction::scaled_tanh:
      return alpha * std::tanh(beta * x);
    case GateFunction::hard_sigmoid: {
      const T line = alpha * x + beta;
      return line < 0 ? T{0} : line > 1 ? T{1} : line;
    }
    case GateFunction::elu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case GateFunction::softsign:
      return std::isinf(x) ? std::copysign(T{1}, x) : x / (1 + std::abs(x));
    case GateFunction::softplus:
      return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
  }
  return x;
}

}  // namespace

Result<std::vector<GateActivation>> parse_gates(Attributes& attributes,
                                                std::span<const std::string_view> defaults,
                                                std::size_t directions) {
  SLUICE_TRY_ASSIGN(std::vector<std::string> names, attributes.texts("activations"));
  SLUICE_TRY_ASSIGN(const std::vector<float> alphas, attributes.reals("activation_alpha"));
  SLUICE_TRY_ASSIGN(const std::vector<float> betas, attributes.reals("activation_beta"));
  if (names.empty()) {
    for (std::size_t i = 0; i < directions * defaults.size(); ++i) {
      names.emplace_back(defaults[i % defaults.size()]);
    }
  }
  if (names.size() != directions * defaults.size()) {
    return Error{ErrorCode::data_corrupt,
                 "has " + std::to_string(names.size()) + " activations, not " +
                     std::to_string(directions * defaults.size())};
  }
  std::span<const float> alpha_left = alphas;
  std::span<const float> beta_left = betas;
  std::vector<GateActivation> gates;
  for (const std::string& name : names) {
    std::string lower = name;
    std::ranges::transform(
        lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto* const known = std::ranges::find(kKnown, std::string_view(lower), &Known::name);
    if (known == std::end(kKnown)) {
      return Error{ErrorCode::unsupported, "activation '" + name + "'"};
    }
    if (known->must_say && (alpha_left.empty() || beta_left.empty())) {
      return Error{ErrorCode::data_corrupt, "activation '" + name + "' without alpha and beta"};
    }
    gates.push_back({.function = known->function,
                     .alpha = known->has_alpha ? take(alpha_left, known->alpha) : 0,
                     .beta = known->has_beta ? take(beta_left, known->beta) : 0});
  }
  if (!alpha_left.empty() || !beta_left.empty()) {
    return Error{ErrorCode::data_corrupt,
                 "has more of activation_alpha or activation_beta than its activations take"};
  }
  return gates;
}

void activate_gate(const GateActivation& activation, float* x, std::int64_t count) {
  using simd::UnaryOp;
  const auto [function, alpha, beta] = activation;
  const auto by_rows = [&](UnaryOp op, float a, float b) { simd::unary(op, a, b, x, x, count); };
  switch (function) {
    case GateFunction::sigmoid:
      return by_rows(UnaryOp::sigmoid, 0, 0);
    case GateFunction::tanh:
      return by_rows(UnaryOp::tanh, 0, 0);
    case GateFunction::relu:
      return by_rows(UnaryOp::relu, 0, 0);
    case GateFunction::affine:
      return by_rows(UnaryOp::scale, alpha, beta);
    case GateFunction::leaky_relu:
      return by_rows(UnaryOp::leaky_relu, alpha, 0);
    case GateFunction::hard_sigmoid:
      return by_rows(UnaryOp::hard_sigmoid, alpha, beta);
    case GateFunction::elu:
      return by_rows(UnaryOp::elu, alpha, 0);
    case GateFunction::softplus:
      return by_rows(UnaryOp::softplus, 0, 0);
    case GateFunction::scaled_tanh:
      by_rows(UnaryOp::scale, beta, 0);
      by_rows(UnaryOp::tanh, 0, 0);
      return by_rows(UnaryOp::scale, alpha, 0);
    case GateFunction::softsign:
    case GateFunction::thresholded_relu:
      std::transform(x, x + count, x, [&](float v) { return value_of(activation, v); });
  }
}

void activate_gate(const GateActivation& activation, double* x, std::int64_t count) {
  std::transform(x, x + count, x, [&](double v) { return value_of(activation, v); });
}

}  // namespace sluice::engine
