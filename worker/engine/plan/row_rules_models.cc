// Rules of the operators that stand for a part of a model: recurrent, ai.onnx.ml.

#include <algorithm>

#include "worker/engine/plan/row_rule.h"

namespace sluice::engine::rows {
namespace {

constexpr Rule kEachPlace = [](const Node&, const Inputs& inputs) { return same_place(inputs); };

// A list of vectors; one vector alone has no batch.
Axis list_in_front(const Node& /*node*/, const Inputs& inputs) {
  return inputs[0].dims.size() == 2 ? batch_in_front(inputs) : std::nullopt;
}

// Lists of vectors beside each other.
Axis lists_in_front(const Node& /*node*/, const Inputs& inputs) {
  const bool all = std::ranges::all_of(inputs, [](const RowInput& input) {
    return input.dims.size() == 2 && input.axis && *input.axis == 0;
  });
  return all ? inputs[0].axis : std::nullopt;
}

// X [steps, batch, features], or the batch first; the weights are fixed, the states' batch is X's.
Axis recurrent(const Node& node, const Inputs& inputs) {
  const bool batch_first = attribute(node, "layout", 0) == 1;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool has_batch = i == 0 || (i >= 4 && i <= 6);  // X, lengths, initial states
    const std::size_t batch = batch_first || i == 4 ? 0 : 1;
    if (inputs[i].present &&
        (inputs[i].axis ? !has_batch || *inputs[i].axis != batch : has_batch)) {
      return std::nullopt;
    }
  }
  return batch_first ? 0 : 2;
}

constexpr Entry kRecurrentRules[] = {{"GRU", recurrent}, {"LSTM", recurrent}, {"RNN", recurrent}};

constexpr Entry kMlRules[] = {
    {"ArrayFeatureExtractor", before_last},
    {"Binarizer", kEachPlace},
    {"CategoryMapper", kEachPlace},
    {"FeatureVectorizer", lists_in_front},
    {"Imputer", list_in_front},
    {"LabelEncoder", kEachPlace},
    {"LinearClassifier", list_in_front},
    {"LinearRegressor", list_in_front},
    {"Normalizer", list_in_front},
    {"OneHotEncoder", kEachPlace},
    {"SVMClassifier", list_in_front},
    {"SVMRegressor", list_in_front},
    {"Scaler", list_in_front},
    {"TreeEnsemble", list_in_front},
    {"TreeEnsembleClassifier", list_in_front},
    {"TreeEnsembleRegressor", list_in_front},
};

}  // namespace

std::span<const Entry> recurrent_rules() {
  return kRecurrentRules;
}

std::span<const Entry> ml_rules() {
  return kMlRules;
}

}  // namespace sluice::engine::rows
