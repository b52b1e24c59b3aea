// ai.onnx.ml: LinearClassifier, LinearRegressor.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_LinearClassifier.html and
// onnx_aionnxml_LinearRegressor.html (read 2026-11).
// scores = x * coefficients^T + intercepts [N, rows], then post_transform. x: float32, float64,
// int32, int64 [N, C] or [C]; scores float32, summed in double. LinearClassifier's label is the
// class of the largest score; with one row of coefficients and two labels the sign of the score
// decides and the scores become a pair.

#include <algorithm>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/ml/ml_input.h"
#include "worker/ops/ml/post_transform.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

struct LinearParams {
  std::vector<float> coefficients{};  // [rows, features]
  std::vector<float> intercepts{};    // [rows]
  ClassLabels labels{};               // empty: a regressor
  Transform transform = Transform::none;
  std::int64_t rows = 0;

  [[nodiscard]] bool classifies() const { return labels.size() > 0; }
  // One score that decides between two labels.
  [[nodiscard]] bool is_binary() const { return rows == 1 && labels.size() == 2; }
  [[nodiscard]] std::int64_t scores() const { return is_binary() ? 2 : rows; }
  [[nodiscard]] std::int64_t features() const {
    return static_cast<std::int64_t>(coefficients.size()) / rows;
  }
};

Result<void> parse_common(Attributes& attributes, LinearParams& params) {
  SLUICE_TRY_ASSIGN(params.coefficients, attributes.reals("coefficients"));
  SLUICE_TRY_ASSIGN(params.intercepts, attributes.reals("intercepts"));
  SLUICE_TRY_ASSIGN(const std::string transform, attributes.text("post_transform", "NONE"));
  SLUICE_TRY_ASSIGN(params.transform, transform_of(transform));
  return {};
}

// `rows`: how many there should be where the intercepts do not say.
Result<void> check_rows(LinearParams& params, std::int64_t rows) {
  params.rows = static_cast<std::int64_t>(params.intercepts.size());
  if (params.rows == 0) {
    params.rows = rows;
    params.intercepts.assign(static_cast<std::size_t>(std::max<std::int64_t>(rows, 0)), 0.0F);
  }
  const bool fits = params.rows > 0 && (params.rows == rows || params.is_binary()) &&
                    params.coefficients.size() % static_cast<std::size_t>(params.rows) == 0;
  if (!fits) {
    return Error{ErrorCode::data_corrupt,
                 "has " + std::to_string(params.coefficients.size()) + " coefficients and " +
                     std::to_string(params.intercepts.size()) + " intercepts for " +
                     std::to_string(rows) + (params.classifies() ? " labels" : " targets")};
  }
  return {};
}

Result<LinearParams> parse_classifier(const Node& node) {
  Attributes attributes(node);
  LinearParams params;
  SLUICE_TRY(parse_common(attributes, params));
  SLUICE_TRY_ASSIGN(params.labels, parse_labels(attributes, "classlabels_ints"));
  attributes.ignore("multi_class");  // a note of the trainer; the coefficients say it all
  SLUICE_TRY(attributes.finish());
  const auto labels = static_cast<std::int64_t>(params.labels.size());
  SLUICE_TRY(check_rows(params, labels == 2 && params.intercepts.size() < 2 ? 1 : labels));
  return params;
}

Result<LinearParams> parse_regressor(const Node& node) {
  Attributes attributes(node);
  LinearParams params;
  SLUICE_TRY(parse_common(attributes, params));
  SLUICE_TRY_ASSIGN(const std::int64_t targets, attributes.integer("targets", 1));
  SLUICE_TRY(attributes.finish());
  SLUICE_TRY(check_rows(params, targets));
  return params;
}

Result<OutputFacts> infer_linear(const LinearParams& params, const InputFacts& facts) {
  SLUICE_TRY_ASSIGN(const MlRows rows, ml_rows(facts.at(0)));
  if (rows.features != params.features()) {
    return bad_input("input " + to_string(facts.at(0).dims) + " does not have " +
                     std::to_string(params.features()) + " features");
  }
  OutputFacts made = one_output(DataType::float32, {rows.count, params.scores()});
  if (params.classifies()) {
    made.insert(made.begin(), {.datatype = params.labels.datatype(), .dims = {rows.count}});
  }
  return made;
}

// Turns the raw scores of one row into what is given out; returns the position of its label.
std::size_t decide(const LinearParams& params, std::vector<double>& scores) {
  if (!params.is_binary()) {
    const auto best = static_cast<std::size_t>(std::ranges::max_element(scores) - scores.begin());
    apply_transform(params.transform, scores);
    return best;
  }
  const double score = scores[0];
  if (params.transform == Transform::logistic) {
    const double positive = logistic(score);
    scores = {1.0 - positive, positive};
  } else {
    scores = {-score, score};
    apply_transform(params.transform, scores);
  }
  return score > 0 ? 1 : 0;
}

template <class T>
void run_rows(const LinearParams& params, KernelContext& context) {
  const T* x = context.input(0).as<T>().data();
  const MlRows rows = ml_rows(context.input(0));
  const std::size_t scores_output = params.classifies() ? 1 : 0;
  float* const out = context.has_output(scores_output)
                         ? context.output(scores_output).mut<float>().data()
                         : nullptr;
  const std::int64_t work = params.rows * rows.features + 1;
  parallel_for(rows.count, 1 + 16'384 / work, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> scores;
    for (std::int64_t row = begin; row < end; ++row) {
      scores.assign(static_cast<std::size_t>(params.rows), 0.0);
      for (std::size_t e = 0; e < scores.size(); ++e) {
        const float* weights =
            params.coefficients.data() + static_cast<std::int64_t>(e) * rows.features;
        double sum = static_cast<double>(params.intercepts[e]);
        for (std::int64_t i = 0; i < rows.features; ++i) {
          sum += static_cast<double>(x[row * rows.features + i]) * static_cast<double>(weights[i]);
        }
        scores[e] = sum;
      }
      const std::size_t label = decide(params, scores);
      if (params.classifies() && context.has_output(0)) {
        params.labels.give(label, static_cast<std::size_t>(row), context.output(0));
      }
      if (out != nullptr) {
        std::ranges::transform(scores, out + row * params.scores(), [](double score) {
          return static_cast<float>(score);
        });
      }
    }
  });
}

Result<void> run_linear(const LinearParams& params, KernelContext& context) {
  dispatch_ml(context.input(0).datatype,
              [&](auto tag) { run_rows<decltype(tag)>(params, context); });
  return {};
}

}  // namespace

void register_ml_linear(Registry& registry) {
  registry.add({.name = "LinearClassifier",
                .domain = std::string(kMlDomain),
                .since = {1},
                .arity = {.outputs_most = 2, .first_output = false},
                .kernel = kernel<parse_classifier, infer_linear, run_linear>()});
  registry.add({.name = "LinearRegressor",
                .domain = std::string(kMlDomain),
                .since = {1},
                .kernel = kernel<parse_regressor, infer_linear, run_linear>()});
}

}  // namespace sluice::engine
