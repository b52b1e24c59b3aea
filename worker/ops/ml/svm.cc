// ai.onnx.ml: SVMClassifier, SVMRegressor.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_SVMClassifier.html and
// onnx_aionnxml_SVMRegressor.html (read 2026-11).
// K(x, v): LINEAR x.v, POLY (gamma x.v + coef0)^degree, RBF exp(-gamma |x - v|^2), SIGMOID
// tanh(gamma x.v + coef0). With support vectors a regressor is sum a_j K(x, v_j) + rho, a
// classifier one such sum for each pair of classes, whose signs are votes; without them the
// coefficients are weights of the features themselves. prob_a and prob_b turn the pairs into
// probabilities of classes by the second method of Wu, Lin and Weng (2004), as libsvm does. x:
// float32, float64, int32, int64 [N, F] or [F]; scores float32, summed in double.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "worker/engine/machine/parallel.h"
#include "worker/ops/ml/ml_input.h"
#include "worker/ops/ml/post_transform.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

enum class SvmKernel : std::uint8_t { linear, poly, rbf, sigmoid };

struct SvmParams {
  SvmKernel kernel = SvmKernel::linear;
  double gamma = 0;
  double coef0 = 0;
  double degree = 0;
  std::vector<float> coefficients{};
  std::vector<float> vectors{};  // [vector_count, features]; empty: linear
  std::vector<float> rho{};
  std::vector<float> prob_a{};
  std::vector<float> prob_b{};
  std::vector<std::int64_t> per_class{};
  Transform transform = Transform::none;
  ClassLabels labels{};
  bool one_class = false;
  std::int64_t vector_count = 0;
  std::int64_t features = 0;

  [[nodiscard]] std::size_t classes() const { return labels.size(); }
  // Scores of a row before the transform.
  [[nodiscard]] std::size_t raw_scores() const {
    const std::size_t n = classes();
    return vector_count == 0 || !prob_a.empty() ? n : n * (n - 1) / 2;
  }
  [[nodiscard]] std::size_t scores() const {
    return raw_scores() == 1 && classes() == 2 ? 2 : raw_scores();
  }
};

Result<void> parse_common(Attributes& attributes, SvmParams& params) {
  SLUICE_TRY_ASSIGN(params.coefficients, attributes.reals("coefficients"));
  SLUICE_TRY_ASSIGN(params.vectors, attributes.reals("support_vectors"));
  SLUICE_TRY_ASSIGN(params.rho, attributes.reals("rho"));
  SLUICE_TRY_ASSIGN(const std::string transform, attributes.text("post_transform", "NONE"));
  SLUICE_TRY_ASSIGN(params.transform, transform_of(transform));
  SLUICE_TRY_ASSIGN(const std::string kernel, attributes.text("kernel_type", "LINEAR"));
  SLUICE_TRY_ASSIGN(const std::vector<float> numbers, attributes.reals("kernel_params"));
  constexpr const char* kKernels[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};
  const auto* const found = std::ranges::find(kKernels, kernel);
  if (found == std::end(kKernels) || (!numbers.empty() && numbers.size() != 3)) {
    return Error{ErrorCode::data_corrupt,
                 "kernel_type is '" + kernel + "' with " + std::to_string(numbers.size()) +
                     " kernel_params"};
  }
  params.kernel = static_cast<SvmKernel>(found - std::begin(kKernels));
  if (!numbers.empty()) {
    params.gamma = static_cast<double>(numbers[0]);
    params.coef0 = static_cast<double>(numbers[1]);
    params.degree = static_cast<double>(numbers[2]);
  }
  return {};
}

// Sets `features` from `rows` rows of coefficients or the support vectors.
Result<void> check_sizes(SvmParams& params, std::size_t rows, std::size_t rhos) {
  const auto vectors = static_cast<std::size_t>(params.vector_count);
  bool fits = params.rho.size() >= rhos && rows > 0;
  if (fits && vectors > 0) {
    fits = params.vectors.size() % vectors == 0 && params.coefficients.size() == rows * vectors;
    params.features = static_cast<std::int64_t>(params.vectors.size() / vectors);
  } else if (fits) {
    fits = params.coefficients.size() % rows == 0;
    params.features = static_cast<std::int64_t>(params.coefficients.size() / rows);
    params.kernel = SvmKernel::linear;
  }
  if (!fits) {
    return Error{ErrorCode::data_corrupt,
                 "has " + std::to_string(params.coefficients.size()) + " coefficients, " +
                     std::to_string(params.vectors.size()) + " numbers in " +
                     std::to_string(vectors) + " support vectors and " +
                     std::to_string(params.rho.size()) + " rho: they do not fit"};
  }
  return {};
}

Result<SvmParams> parse_classifier(const Node& node) {
  Attributes attributes(node);
  SvmParams params;
  SLUICE_TRY(parse_common(attributes, params));
  SLUICE_TRY_ASSIGN(params.labels, parse_labels(attributes, "classlabels_ints"));
  SLUICE_TRY_ASSIGN(params.prob_a, attributes.reals("prob_a"));
  SLUICE_TRY_ASSIGN(params.prob_b, attributes.reals("prob_b"));
  SLUICE_TRY_ASSIGN(params.per_class, attributes.integers("vectors_per_class"));
  SLUICE_TRY(attributes.finish());
  const std::size_t classes = params.classes();
  const std::size_t pairs = classes * (classes - 1) / 2;
  const auto negative = [](std::int64_t count) { return count < 0 || count > (1LL << 31); };
  const bool right =
      params.per_class.empty() || (params.per_class.size() == classes && classes > 1);
  if (!right || std::ranges::any_of(params.per_class, negative) ||
      params.prob_a.size() != params.prob_b.size() ||
      (!params.prob_a.empty() && (params.prob_a.size() < pairs || params.per_class.empty()))) {
    return Error{ErrorCode::data_corrupt,
                 "vectors_per_class " + to_string(params.per_class) + " or " +
                     std::to_string(params.prob_a.size()) + " prob_a do not fit " +
                     std::to_string(classes) + " labels"};
  }
  params.vector_count =
      std::accumulate(params.per_class.begin(), params.per_class.end(), std::int64_t{0});
  const bool pairwise = params.vector_count > 0;
  SLUICE_TRY(check_sizes(params, pairwise ? classes - 1 : classes, pairwise ? pairs : 1));
  return params;
}

Result<SvmParams> parse_regressor(const Node& node) {
  Attributes attributes(node);
  SvmParams params;
  SLUICE_TRY(parse_common(attributes, params));
  SLUICE_TRY_ASSIGN(params.vector_count, attributes.integer("n_supports", 0));
  SLUICE_TRY_ASSIGN(const std::int64_t one_class, attributes.integer("one_class", 0));
  SLUICE_TRY(attributes.finish());
  params.one_class = one_class != 0;
  if (params.vector_count < 0) {
    return Error{ErrorCode::data_corrupt, "n_supports is " + std::to_string(params.vector_count)};
  }
  SLUICE_TRY(check_sizes(params, 1, 1));
  return params;
}

Result<OutputFacts> infer_svm(const SvmParams& params, const InputFacts& facts) {
  SLUICE_TRY_ASSIGN(const MlRows rows, ml_rows(facts.at(0)));
  if (rows.features != params.features) {
    return bad_input("input " + to_string(facts.at(0).dims) + " does not have " +
                     std::to_string(params.features) + " features");
  }
  if (params.classes() == 0) {
    return one_output(DataType::float32, {rows.count, 1});
  }
  OutputFacts made = one_output(params.labels.datatype(), {rows.count});
  made.push_back({.datatype = DataType::float32,
                  .dims = {rows.count, static_cast<std::int64_t>(params.scores())}});
  return made;
}

template <class T>
double kernel_of(const SvmParams& params, const T* x, const float* v) {
  double sum = 0;
  for (std::int64_t i = 0; i < params.features; ++i) {
    const auto a = static_cast<double>(x[i]);
    const auto b = static_cast<double>(v[i]);
    sum += params.kernel == SvmKernel::rbf ? (a - b) * (a - b) : a * b;
  }
  switch (params.kernel) {
    case SvmKernel::linear:
      return sum;
    case SvmKernel::poly:
      return std::pow(params.gamma * sum + params.coef0, params.degree);
    case SvmKernel::rbf:
      return std::exp(-params.gamma * sum);
    case SvmKernel::sigmoid:
      return std::tanh(params.gamma * sum + params.coef0);
  }
  return sum;
}

// Probabilities p of n classes from those of pairs, r[i * n + j] of i against j: the least of
// sum (r_ji p_i - r_ij p_j)^2, found by going round the classes until the equations hold.
void couple(const std::vector<double>& r, std::vector<double>& p) {
  const std::size_t n = p.size();
  std::vector<double> q(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i != j) {
        q[i * n + i] += r[j * n + i] * r[j * n + i];
        q[i * n + j] = -r[j * n + i] * r[i * n + j];
      }
    }
  }
  std::ranges::fill(p, 1.0 / static_cast<double>(n));
  const std::size_t rounds = std::max<std::size_t>(100, n);
  for (std::size_t round = 0; round < rounds; ++round) {
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) {
      // q p and p' q p anew for each class: n is small, and nothing drifts.
      double all = 0;
      double mine = 0;
      for (std::size_t a = 0; a < n; ++a) {
        const double row = std::inner_product(
            p.begin(), p.end(), q.begin() + static_cast<std::ptrdiff_t>(a * n), 0.0);
        all += p[a] * row;
        mine = a == i ? row : mine;
      }
      worst = std::max(worst, std::abs(mine - all));
      const double step = (all - mine) / q[i * n + i];
      p[i] += step;
      for (double& value : p) {
        value /= 1 + step;
      }
    }
    if (worst < 0.005 / static_cast<double>(n)) {
      return;
    }
  }
}

struct Work {
  std::vector<double> kernels{};
  std::vector<double> scores{};
  std::vector<std::int64_t> votes{};
  std::vector<double> pairs{};
};

// One sum for each pair of classes, and the classes' votes.
void score_pairs(const SvmParams& params, Work& work) {
  const std::size_t classes = params.classes();
  const auto vectors = static_cast<std::size_t>(params.vector_count);
  work.scores.clear();
  work.votes.assign(classes, 0);
  std::size_t first_i = 0;
  for (std::size_t i = 0; i < classes; ++i) {
    const auto count_i = static_cast<std::size_t>(params.per_class[i]);
    std::size_t first_j = first_i + count_i;
    for (std::size_t j = i + 1; j < classes; ++j) {
      const auto count_j = static_cast<std::size_t>(params.per_class[j]);
      double sum = static_cast<double>(params.rho[work.scores.size()]);
      const auto add = [&](std::size_t row, std::size_t first, std::size_t count) {
        for (std::size_t v = first; v < first + count; ++v) {
          sum += static_cast<double>(params.coefficients[row * vectors + v]) * work.kernels[v];
        }
      };
      add(j - 1, first_i, count_i);
      add(i, first_j, count_j);
      ++work.votes[sum > 0 ? i : j];
      work.scores.push_back(sum);
      first_j += count_j;
    }
    first_i += count_i;
  }
}

void make_probabilities(const SvmParams& params, Work& work) {
  const std::size_t classes = params.classes();
  work.pairs.assign(classes * classes, 0.0);
  std::size_t pair = 0;
  for (std::size_t i = 0; i < classes; ++i) {
    for (std::size_t j = i + 1; j < classes; ++j, ++pair) {
      const double line = work.scores[pair] * static_cast<double>(params.prob_a[pair]) +
                          static_cast<double>(params.prob_b[pair]);
      constexpr double kLeast = 1e-7;
      const double p = std::clamp(logistic(-line), kLeast, 1 - kLeast);
      work.pairs[i * classes + j] = p;
      work.pairs[j * classes + i] = 1 - p;
    }
  }
  work.scores.resize(classes);
  couple(work.pairs, work.scores);
}

template <class T>
std::size_t classify(const SvmParams& params, const T* x, Work& work) {
  const auto best = [](const auto& list) {
    return static_cast<std::size_t>(std::ranges::max_element(list) - list.begin());
  };
  std::size_t label = 0;
  if (params.vector_count > 0) {
    for (std::int64_t v = 0; v < params.vector_count; ++v) {
      work.kernels[static_cast<std::size_t>(v)] =
          kernel_of(params, x, params.vectors.data() + v * params.features);
    }
    score_pairs(params, work);
    label = best(work.votes);
    if (!params.prob_a.empty()) {
      make_probabilities(params, work);
      label = best(work.scores);
    }
  } else {
    work.scores.clear();
    for (std::size_t c = 0; c < params.classes(); ++c) {
      const float* weights =
          params.coefficients.data() + static_cast<std::int64_t>(c) * params.features;
      work.scores.push_back(kernel_of(params, x, weights) + static_cast<double>(params.rho[0]));
    }
    label = best(work.scores);
  }
  if (work.scores.size() > 1 || params.classes() != 2) {
    apply_transform(params.transform, work.scores);
    return label;
  }
  // The only pair, given as a score for each class.
  const double score = work.scores[0];
  work.scores = params.transform == Transform::none ? std::vector<double>{-score, score}
                                                    : std::vector<double>{1 - score, score};
  return label;
}

template <class T>
double regress(const SvmParams& params, const T* x) {
  double sum = static_cast<double>(params.rho[0]);
  if (params.vector_count == 0) {
    sum += kernel_of(params, x, params.coefficients.data());
  }
  for (std::int64_t v = 0; v < params.vector_count; ++v) {
    sum += static_cast<double>(params.coefficients[static_cast<std::size_t>(v)]) *
           kernel_of(params, x, params.vectors.data() + v * params.features);
  }
  if (params.one_class) {
    return sum > 0 ? 1 : -1;
  }
  apply_transform(params.transform, {&sum, 1});
  return sum;
}

template <class T>
void run_rows(const SvmParams& params, KernelContext& context) {
  const T* x = context.input(0).as<T>().data();
  const MlRows rows = ml_rows(context.input(0));
  const std::int64_t cost = std::max<std::int64_t>(params.vector_count, 1) * params.features + 1;
  parallel_for(rows.count, 1 + 8'192 / cost, [&](std::int64_t begin, std::int64_t end) {
    Work work{.kernels = std::vector<double>(static_cast<std::size_t>(params.vector_count))};
    for (std::int64_t row = begin; row < end; ++row) {
      const T* from = x + row * rows.features;
      if (params.classes() == 0) {
        context.output(0).mut<float>()[static_cast<std::size_t>(row)] =
            static_cast<float>(regress(params, from));
        continue;
      }
      const std::size_t label = classify(params, from, work);
      if (context.has_output(0)) {
        params.labels.give(label, static_cast<std::size_t>(row), context.output(0));
      }
      if (context.has_output(1)) {
        const auto width = static_cast<std::int64_t>(params.scores());
        float* to = context.output(1).mut<float>().data() + row * width;
        std::ranges::transform(work.scores, to, [](double v) { return static_cast<float>(v); });
      }
    }
  });
}

Result<void> run_svm(const SvmParams& params, KernelContext& context) {
  dispatch_ml(context.input(0).datatype,
              [&](auto tag) { run_rows<decltype(tag)>(params, context); });
  return {};
}

}  // namespace

void register_ml_svm(Registry& registry) {
  registry.add({.name = "SVMClassifier",
                .domain = std::string(kMlDomain),
                .since = {1},
                .arity = {.outputs_most = 2, .first_output = false},
                .kernel = kernel<parse_classifier, infer_svm, run_svm>()});
  registry.add({.name = "SVMRegressor",
                .domain = std::string(kMlDomain),
                .since = {1},
                .kernel = kernel<parse_regressor, infer_svm, run_svm>()});
}

}  // namespace sluice::engine
