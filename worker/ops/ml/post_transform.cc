#include "worker/ops/ml/post_transform.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace sluice::engine {
namespace {

// x with erf(x) = y: Winitzki's approximation, made exact by Newton's steps.
double inverse_erf(double y) {
  if (!(std::abs(y) < 1)) {
    return std::abs(y) == 1 ? std::copysign(std::numeric_limits<double>::infinity(), y)
                            : std::numeric_limits<double>::quiet_NaN();
  }
  constexpr double kA = 0.147;
  const double logarithm = std::log((1 - y) * (1 + y));
  const double half = 2 / (std::numbers::pi * kA) + logarithm / 2;
  double x = std::copysign(std::sqrt(std::sqrt(half * half - logarithm / kA) - half), y);
  for (int step = 0; step < 3; ++step) {
    const double slope = 2 / std::sqrt(std::numbers::pi) * std::exp(-x * x);
    x -= slope > 0 ? (std::erf(x) - y) / slope : 0;
  }
  return x;
}

}  // namespace

Result<Transform> transform_of(const std::string& text) {
  constexpr const char* kWords[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  const auto* const found = std::ranges::find(kWords, text);
  if (found == std::end(kWords)) {
    return Error{ErrorCode::data_corrupt, "post_transform is '" + text + "'"};
  }
  return static_cast<Transform>(found - std::begin(kWords));
}

double logistic(double x) {
  return 1 / (1 + std::exp(-x));
}

void apply_transform(Transform transform, std::span<double> scores) {
  if (transform == Transform::none || scores.empty()) {
    return;
  }
  if (transform == Transform::logistic || transform == Transform::probit) {
    for (double& score : scores) {
      score = transform == Transform::logistic ? logistic(score)
                                               : std::numbers::sqrt2 * inverse_erf(2 * score - 1);
    }
    return;
  }
  const double most = *std::ranges::max_element(scores);
  double sum = 0;
  for (double& score : scores) {
    const bool stays = transform == Transform::softmax_zero && score == 0.0;
    score = stays ? 0.0 : std::exp(score - most);
    sum += score;
  }
  for (double& score : scores) {
    score = sum == 0 ? score : score / sum;
  }
}

}  // namespace sluice::engine
