// ai.onnx.ml: LinearClassifier, Normalizer.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_LinearClassifier.html and
// onnx_aionnxml_Normalizer.html (read 2026-11).
// LinearClassifier: scores = x * coefficients^T + intercepts [N, E], then post_transform NONE,
// SOFTMAX, LOGISTIC, SOFTMAX_ZERO; PROBIT is refused. x: float32, float64, int32, int64 [N, C] or
// [C]; scores float32, summed in double. The label is the class of the largest score; with one row
// of coefficients and two labels the sign of the score (or, behind a transform, one half) decides
// and the scores become a pair.
// Normalizer: rows divided by their largest absolute value (MAX), sum of absolutes (L1), or length
// (L2); rows of zeros stay.

#include <algorithm>
#include <cmath>
#include <utility>

#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum class Transform : std::uint8_t { none, softmax, logistic, softmax_zero };

Result<Transform> transform_of(const std::string& text) {
  if (text == "NONE") {
    return Transform::none;
  }
  if (text == "SOFTMAX") {
    return Transform::softmax;
  }
  if (text == "LOGISTIC") {
    return Transform::logistic;
  }
  if (text == "SOFTMAX_ZERO") {
    return Transform::softmax_zero;
  }
  return Error{ErrorCode::unsupported, "post_transform '" + text + "'"};
}

struct LinearParams {
  std::vector<float> coefficients{};  // [rows, features]
  std::vector<float> intercepts{};    // [rows]
  std::vector<std::int64_t> labels{};
  std::vector<std::string> text_labels{};
  Transform transform = Transform::none;
  std::int64_t rows = 0;

  [[nodiscard]] std::int64_t label_count() const {
    return static_cast<std::int64_t>(std::max(labels.size(), text_labels.size()));
  }
  // One score that decides between two labels.
  [[nodiscard]] bool is_binary() const { return rows == 1 && label_count() == 2; }
  [[nodiscard]] std::int64_t scores() const { return is_binary() ? 2 : rows; }
};

Result<LinearParams> parse_linear(const Node& node) {
  Attributes attributes(node);
  LinearParams params;
  SLUICE_TRY_ASSIGN(params.coefficients, attributes.reals("coefficients"));
  SLUICE_TRY_ASSIGN(params.intercepts, attributes.reals("intercepts"));
  SLUICE_TRY_ASSIGN(params.labels, attributes.integers("classlabels_ints"));
  SLUICE_TRY_ASSIGN(params.text_labels, attributes.texts("classlabels_strings"));
  SLUICE_TRY_ASSIGN(const std::string transform, attributes.text("post_transform", "NONE"));
  SLUICE_TRY_ASSIGN(params.transform, transform_of(transform));
  attributes.ignore("multi_class");  // a note of the trainer; the coefficients say it all
  SLUICE_TRY(attributes.finish());
  params.rows = static_cast<std::int64_t>(params.intercepts.size());
  if (params.rows == 0) {
    params.rows = params.label_count() == 2 ? 1 : params.label_count();
    params.intercepts.assign(static_cast<std::size_t>(params.rows), 0.0F);
  }
  const bool both = !params.labels.empty() && !params.text_labels.empty();
  if (both || params.rows == 0 || (params.label_count() != params.rows && !params.is_binary()) ||
      params.coefficients.size() % static_cast<std::size_t>(params.rows) != 0) {
    return Error{ErrorCode::data_corrupt,
                 "has " + std::to_string(params.coefficients.size()) + " coefficients, " +
                     std::to_string(params.rows) + " intercepts and " +
                     std::to_string(params.label_count()) + " labels"};
  }
  return params;
}

bool is_ml_input(DataType datatype) {
  return is_float(datatype) || datatype == DataType::int32 || datatype == DataType::int64;
}

Result<OutputFacts> infer_linear(const LinearParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_ml_input(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  const auto features = static_cast<std::int64_t>(params.coefficients.size()) / params.rows;
  if (x.dims.empty() || x.dims.size() > 2 || x.dims.back() != features) {
    return bad_input("input " + to_string(x.dims) + " does not have " + std::to_string(features) +
                     " features");
  }
  const std::int64_t count = x.dims.size() == 2 ? x.dims[0] : 1;
  OutputFacts made =
      one_output(params.text_labels.empty() ? DataType::int64 : DataType::string, {count});
  made.push_back({.datatype = DataType::float32, .dims = {count, params.scores()}});
  return made;
}

void apply_transform(Transform transform, std::vector<double>& scores) {
  if (transform == Transform::none) {
    return;
  }
  if (transform == Transform::logistic) {
    for (double& score : scores) {
      score = 1.0 / (1.0 + std::exp(-score));
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
    score = sum > 0 ? score / sum : score;
  }
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
    const double positive = 1.0 / (1.0 + std::exp(-score));
    scores = {1.0 - positive, positive};
  } else {
    scores = {-score, score};
    apply_transform(params.transform, scores);
  }
  return score > 0 ? 1 : 0;
}

template <class T>
void classify(const LinearParams& params, KernelContext& context) {
  const T* x = context.input(0).as<T>().data();
  const auto features = static_cast<std::int64_t>(params.coefficients.size()) / params.rows;
  const std::int64_t count = context.input(0).rank() == 2 ? context.input(0).dims[0] : 1;
  std::vector<double> scores;
  for (std::int64_t row = 0; row < count; ++row) {
    scores.assign(static_cast<std::size_t>(params.rows), 0.0);
    for (std::size_t e = 0; e < scores.size(); ++e) {
      const float* weights = params.coefficients.data() + static_cast<std::int64_t>(e) * features;
      double sum = static_cast<double>(params.intercepts[e]);
      for (std::int64_t i = 0; i < features; ++i) {
        sum += static_cast<double>(x[row * features + i]) * static_cast<double>(weights[i]);
      }
      scores[e] = sum;
    }
    const std::size_t label = decide(params, scores);
    const auto at = static_cast<std::size_t>(row);
    if (context.has_output(0) && !params.text_labels.empty()) {
      context.output(0).mut<std::string>()[at] = params.text_labels[label];
    } else if (context.has_output(0)) {
      context.output(0).mut<std::int64_t>()[at] = params.labels[label];
    }
    if (context.has_output(1)) {
      float* out = context.output(1).mut<float>().data() + row * params.scores();
      std::ranges::transform(scores, out, [](double score) { return static_cast<float>(score); });
    }
  }
}

template <class Params, class Run>
Result<void> dispatch_input(const Params& params, KernelContext& context, const Run& run) {
  switch (context.input(0).datatype) {
    case DataType::float32:
      run(params, context, float{});
      return {};
    case DataType::float64:
      run(params, context, double{});
      return {};
    case DataType::int32:
      run(params, context, std::int32_t{});
      return {};
    case DataType::int64:
      run(params, context, std::int64_t{});
      return {};
    default:
      SLUICE_CHECK(false);
  }
}

Result<void> run_linear(const LinearParams& params, KernelContext& context) {
  return dispatch_input(params, context, [](const LinearParams& p, KernelContext& c, auto tag) {
    classify<decltype(tag)>(p, c);
  });
}

// --- Normalizer ----------------------------------------------------------------------------------

enum class Norm : std::uint8_t { max, l1, l2 };

struct NormalizerParams {
  Norm norm = Norm::max;
};

Result<NormalizerParams> parse_normalizer(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(const std::string norm, attributes.text("norm", "MAX"));
  SLUICE_TRY(attributes.finish());
  if (norm != "MAX" && norm != "L1" && norm != "L2") {
    return Error{ErrorCode::data_corrupt, "norm is '" + norm + "'"};
  }
  return NormalizerParams{norm == "MAX" ? Norm::max : norm == "L1" ? Norm::l1 : Norm::l2};
}

Result<OutputFacts> infer_normalizer(const NormalizerParams&, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (!is_ml_input(x.datatype)) {
    return unsupported_type(x.datatype);
  }
  if (x.dims.empty() || x.dims.size() > 2) {
    return bad_input("input " + to_string(x.dims) + " is neither a row nor rows");
  }
  return one_output(DataType::float32, {x.dims.begin(), x.dims.end()});
}

template <class T>
void normalize(const NormalizerParams& params, KernelContext& context) {
  const TensorView& view = context.input(0);
  const T* x = view.as<T>().data();
  float* y = context.output(0).mut<float>().data();
  const std::int64_t width = view.dims.back();
  for (std::int64_t at = 0; at < view.count; at += width) {
    double size = 0;
    for (std::int64_t i = at; i < at + width; ++i) {
      const auto value = static_cast<double>(x[i]);
      size = params.norm == Norm::max  ? std::max(size, std::abs(value))
             : params.norm == Norm::l1 ? size + std::abs(value)
                                       : size + value * value;
    }
    size = params.norm == Norm::l2 ? std::sqrt(size) : size;
    for (std::int64_t i = at; i < at + width; ++i) {
      const auto value = static_cast<double>(x[i]);
      y[i] = static_cast<float>(size != 0 ? value / size : value);
    }
  }
}

Result<void> run_normalizer(const NormalizerParams& params, KernelContext& context) {
  return dispatch_input(params, context, [](const NormalizerParams& p, KernelContext& c, auto tag) {
    normalize<decltype(tag)>(p, c);
  });
}

}  // namespace

void register_ml_linear(Registry& registry) {
  registry.add({.name = "LinearClassifier",
                .domain = std::string(kMlDomain),
                .since = {1},
                .arity = {1, 1, 2},
                .kernel = kernel<parse_linear, infer_linear, run_linear>()});
  registry.add({.name = "Normalizer",
                .domain = std::string(kMlDomain),
                .since = {1},
                .kernel = kernel<parse_normalizer, infer_normalizer, run_normalizer>()});
}

}  // namespace sluice::engine
