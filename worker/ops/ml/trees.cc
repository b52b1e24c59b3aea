// ai.onnx.ml: TreeEnsembleClassifier, TreeEnsembleRegressor.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleClassifier.html and
// onnx_aionnxml_TreeEnsembleRegressor.html (read 2026-11).
// Each tree leads a row to a leaf, whose weights are votes for classes or targets. The votes are
// put together (sums for classes), base_values added, and post_transform applied. The label is the
// class of the largest score. When only one of two classes has votes, that one score decides alone:
// above 0 or, when no weight is negative, above 0.5; the scores become (1 - s, s) when no weight is
// negative and (-s, s) or (logistic(-s), logistic(s)) otherwise. So ONNX Runtime reads the
// specification, which is silent there, and exporters rely on it. x: float32, float64, int32, int64
// [N, F] or [F]. Compared and summed in double: float32 thresholds and values compare as they are.
// Opsets: the lists of doubles since 3. Version 5 only says that TreeEnsemble is preferred.

#include <algorithm>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/ml/ml_input.h"
#include "worker/ops/ml/post_transform.h"
#include "worker/ops/ml/tree_attributes.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

struct TreesParams {
  Forest forest{};
  Aggregate aggregate = Aggregate::sum;
  Transform transform = Transform::none;
  std::vector<double> base{};
  std::int64_t targets = 0;
  ClassLabels labels{};       // empty: a regressor
  bool one_votes = false;     // of two classes
  bool all_positive = false;  // no vote is negative

  [[nodiscard]] bool classifies() const { return labels.size() > 0; }
};

Result<void> parse_common(Attributes& attributes,
                          const std::string& votes,
                          bool knows_tensors,
                          TreesParams& params) {
  SLUICE_TRY_ASSIGN(params.forest, parse_forest(attributes, votes, knows_tensors));
  SLUICE_TRY_ASSIGN(params.base, parse_numbers(attributes, "base_values", knows_tensors));
  SLUICE_TRY_ASSIGN(const std::string transform, attributes.text("post_transform", "NONE"));
  SLUICE_TRY_ASSIGN(params.transform, transform_of(transform));
  return {};
}

Result<void> check_targets(const TreesParams& params) {
  for (const Vote& vote : params.forest.votes) {
    if (vote.target >= params.targets) {
      return Error{ErrorCode::data_corrupt,
                   "has a vote for " + std::to_string(vote.target) + " of " +
                       std::to_string(params.targets)};
    }
  }
  const auto targets = static_cast<std::size_t>(params.targets);
  const bool one_for_two = params.classifies() && params.targets == 2 && params.base.size() == 1;
  if (!params.base.empty() && params.base.size() != targets && !one_for_two) {
    return Error{ErrorCode::data_corrupt,
                 "has " + std::to_string(params.base.size()) + " base_values for " +
                     std::to_string(params.targets)};
  }
  return {};
}

Result<TreesParams> parse_classifier(const Node& node) {
  Attributes attributes(node);
  TreesParams params;
  SLUICE_TRY(parse_common(attributes, "class", node.since >= 3, params));
  SLUICE_TRY_ASSIGN(params.labels, parse_labels(attributes, "classlabels_int64s"));
  SLUICE_TRY(attributes.finish());
  params.targets = static_cast<std::int64_t>(params.labels.size());
  SLUICE_TRY(check_targets(params));
  const std::vector<Vote>& votes = params.forest.votes;
  params.all_positive = std::ranges::all_of(votes, [](const Vote& v) { return v.weight >= 0; });
  params.one_votes =
      params.targets == 2 && !votes.empty() && std::ranges::all_of(votes, [&](const Vote& vote) {
        return vote.target == votes.front().target;
      });
  return params;
}

Result<TreesParams> parse_regressor(const Node& node) {
  Attributes attributes(node);
  TreesParams params;
  SLUICE_TRY(parse_common(attributes, "target", node.since >= 3, params));
  SLUICE_TRY_ASSIGN(params.targets, attributes.integer("n_targets", 0));
  SLUICE_TRY_ASSIGN(const std::string aggregate, attributes.text("aggregate_function", "SUM"));
  SLUICE_TRY(attributes.finish());
  constexpr const char* kWords[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  const auto* const found = std::ranges::find(kWords, aggregate);
  if (found == std::end(kWords) || params.targets < 1) {
    return Error{
        ErrorCode::data_corrupt,
        "aggregate_function is '" + aggregate + "', n_targets " + std::to_string(params.targets)};
  }
  params.aggregate = static_cast<Aggregate>(found - std::begin(kWords));
  SLUICE_TRY(check_targets(params));
  return params;
}

Result<OutputFacts> infer_trees(const TreesParams& params, const InputFacts& facts) {
  SLUICE_TRY_ASSIGN(const MlRows rows, ml_rows(facts.at(0)));
  if (rows.features < params.forest.features) {
    return bad_input("input " + to_string(facts.at(0).dims) + " has fewer than the " +
                     std::to_string(params.forest.features) + " features that its trees ask for");
  }
  OutputFacts scores = one_output(DataType::float32, {rows.count, params.targets});
  if (params.classifies()) {
    scores.insert(scores.begin(), {.datatype = params.labels.datatype(), .dims = {rows.count}});
  }
  return scores;
}

// The pair of scores from the one that has votes; the label.
std::size_t decide_alone(const TreesParams& params, std::vector<double>& scores) {
  const auto voted = static_cast<std::size_t>(params.forest.votes.front().target);
  double score = scores[voted];
  if (!params.base.empty()) {
    score += params.base.size() == 2 ? params.base[1] : params.base[0];
  }
  const bool positive = score > (params.all_positive ? 0.5 : 0.0);
  if (params.base.size() == 2 || voted == 1) {
    scores = {params.base.size() == 2 ? -score : 0.0, score};
    apply_transform(params.transform, scores);
  } else if (params.transform == Transform::probit) {
    scores = {score, score};
    apply_transform(params.transform, scores);
  } else if (params.all_positive) {
    scores = {1 - score, score};
  } else if (params.transform == Transform::logistic) {
    scores = {logistic(-score), logistic(score)};
  } else {
    scores = {-score, score};
  }
  return positive ? 1 : 0;
}

// From raw votes to what is given out; the label, of a classifier.
std::size_t decide(const TreesParams& params, std::vector<double>& scores) {
  if (params.one_votes) {
    return decide_alone(params, scores);
  }
  for (std::size_t i = 0; i < params.base.size(); ++i) {
    scores[i] += params.base[i];
  }
  const auto best = static_cast<std::size_t>(std::ranges::max_element(scores) - scores.begin());
  apply_transform(params.transform, scores);
  return best;
}

template <class T>
void run_rows(const TreesParams& params, KernelContext& context) {
  const TensorView& view = context.input(0);
  const T* x = view.as<T>().data();
  const MlRows rows = ml_rows(view);
  const bool classifies = params.classifies();
  const std::size_t scores_output = classifies ? 1 : 0;
  float* const out = context.has_output(scores_output)
                         ? context.output(scores_output).mut<float>().data()
                         : nullptr;
  const auto trees = static_cast<std::int64_t>(params.forest.roots.size());
  parallel_for(rows.count, 1 + 256 / (trees + 1), [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> scores;
    for (std::int64_t row = begin; row < end; ++row) {
      scores.resize(static_cast<std::size_t>(params.targets));
      vote(params.forest, params.aggregate, x + row * rows.features, scores);
      const std::size_t label = decide(params, scores);
      if (classifies && context.has_output(0)) {
        params.labels.give(label, static_cast<std::size_t>(row), context.output(0));
      }
      for (std::size_t i = 0; out != nullptr && i < scores.size(); ++i) {
        out[row * params.targets + static_cast<std::int64_t>(i)] = static_cast<float>(scores[i]);
      }
    }
  });
}

Result<void> run_trees(const TreesParams& params, KernelContext& context) {
  dispatch_ml(context.input(0).datatype,
              [&](auto tag) { run_rows<decltype(tag)>(params, context); });
  return {};
}

}  // namespace

void register_ml_trees(Registry& registry) {
  registry.add({.name = "TreeEnsembleClassifier",
                .domain = std::string(kMlDomain),
                .since = {1, 3, 5},
                .arity = {.outputs_most = 2, .first_output = false},
                .kernel = kernel<parse_classifier, infer_trees, run_trees>()});
  registry.add({.name = "TreeEnsembleRegressor",
                .domain = std::string(kMlDomain),
                .since = {1, 3, 5},
                .kernel = kernel<parse_regressor, infer_trees, run_trees>()});
}

}  // namespace sluice::engine
