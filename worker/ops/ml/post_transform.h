// What the estimators of ai.onnx.ml do to their scores at the end.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleClassifier.html (read 2026-11).

#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/base/result.h"

namespace sluice::engine {

enum class Transform : std::uint8_t {
  none,
  softmax,
  logistic,
  softmax_zero,  // softmax in which a score of 0 stays 0
  probit,        // the quantile of the normal distribution: -inf at 0, NaN outside of [0, 1]
};

// "NONE", "SOFTMAX" and so on; data_corrupt for another word.
Result<Transform> transform_of(const std::string& text);

double logistic(double x);

// The scores of one row, in place. A NaN stays; with softmax it takes its row.
void apply_transform(Transform transform, std::span<double> scores);

}  // namespace sluice::engine
