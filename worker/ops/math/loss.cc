// NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss: how well scores tell the classes.
// Spec: https://onnx.ai/onnx/operators/onnx__NegativeLogLikelihoodLoss.html and its neighbour (read
// 2026-11).
// Types: scores and weights float32 or float64, labels int32 or int64.
//
//   scores [N, C, d...], labels [N, d...], weights [C] (ones where left out)
//   loss[n, d]  = -weights[label] * score[n, label, d]; of log-softmaxed scores over C in
//                 SoftmaxCrossEntropyLoss, whose second output has those; 0 where the label is
//                 ignore_index
//   reduction   none: the losses; sum: theirs; mean: that divided by the sum of the weights that
//               took part (NaN when none did)
//
// A label that is no class and not ignore_index is an error. Sums are made in double.

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "worker/ops/places.h"
#include "worker/ops/register.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

enum class Reduction : std::uint8_t { none, sum, mean };

struct LossParams {
  bool softmax = false;
  Reduction reduction = Reduction::mean;
  std::optional<std::int64_t> ignored{};
};

template <bool kSoftmax>
Result<LossParams> parse_loss(const Node& node) {
  Attributes attributes(node);
  LossParams params{.softmax = kSoftmax};
  SLUICE_TRY_ASSIGN(const std::string reduction, attributes.text("reduction", "mean"));
  if (attributes.has("ignore_index")) {
    SLUICE_TRY_ASSIGN(params.ignored, attributes.integer("ignore_index", 0));
  }
  SLUICE_TRY(attributes.finish());
  if (reduction != "none" && reduction != "sum" && reduction != "mean") {
    return Error{ErrorCode::unsupported, "reduction '" + reduction + "'"};
  }
  params.reduction = reduction == "none"  ? Reduction::none
                     : reduction == "sum" ? Reduction::sum
                                          : Reduction::mean;
  return params;
}

Result<OutputFacts> infer_loss(const LossParams& params, const InputFacts& facts) {
  const InputFact& scores = facts.at(0);
  const InputFact& labels = facts.at(1);
  if (!is_float(scores.datatype)) {
    return unsupported_type(scores.datatype);
  }
  if (labels.datatype != DataType::int64 && labels.datatype != DataType::int32) {
    return bad_input("its labels are " + std::string(name_of(labels.datatype)));
  }
  Shape wanted(scores.dims.begin(), scores.dims.end());
  if (wanted.size() >= 2) {
    wanted.erase(wanted.begin() + 1);
  }
  if (scores.dims.size() < 2 ||
      !std::equal(wanted.begin(), wanted.end(), labels.dims.begin(), labels.dims.end())) {
    return bad_input("its scores are " + to_string(scores.dims) + " and its labels " +
                     to_string(labels.dims));
  }
  if (facts.has(2)) {
    const InputFact& weights = facts.at(2);
    if (weights.datatype != scores.datatype || weights.dims.size() != 1 ||
        weights.dims[0] != scores.dims[1]) {
      return bad_input("its weights are " + std::string(name_of(weights.datatype)) + " " +
                       to_string(weights.dims) + " for " + std::to_string(scores.dims[1]) +
                       " classes");
    }
  }
  OutputFacts made = one_output(scores.datatype,
                                params.reduction == Reduction::none ? std::move(wanted) : Shape{});
  if (params.softmax && facts.output_count > 1) {
    made.push_back({.datatype = scores.datatype, .dims = {scores.dims.begin(), scores.dims.end()}});
  }
  return made;
}

// The classes of one place: `count` scores, `step` apart.
template <class T>
struct Scores {
  const T* first;
  std::int64_t count;
  std::int64_t step;

  // What softmax takes off each score to make its logarithm of a probability.
  [[nodiscard]] double log_sum_exp() const {
    double most = static_cast<double>(first[0]);
    for (std::int64_t c = 1; c < count; ++c) {
      const auto score = static_cast<double>(first[c * step]);
      most = score > most || score != score ? score : most;
    }
    double sum = 0;
    for (std::int64_t c = 0; c < count; ++c) {
      sum += std::exp(static_cast<double>(first[c * step]) - most);
    }
    return most + std::log(sum);
  }
};

template <class T, class Index>
Result<void> lose(const LossParams& params, std::span<const Index> labels, KernelContext& context) {
  const TensorView& scores = context.input(0);
  const T* from = scores.as<T>().data();
  const T* weights = context.has_input(2) ? context.input(2).as<T>().data() : nullptr;
  T* loss = context.has_output(0) ? context.output(0).mut<T>().data() : nullptr;
  T* log_probability = context.has_output(1) ? context.output(1).mut<T>().data() : nullptr;
  const std::int64_t classes = scores.dims[1];
  const std::int64_t inner = product(scores.dims, 2, scores.rank());
  double sum = 0;
  double part = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto place = static_cast<std::int64_t>(i);
    const std::int64_t offset = place / inner * classes * inner + place % inner;
    const auto label = static_cast<std::int64_t>(labels[i]);
    const bool ignored = params.ignored == label;
    if (!ignored && (label < 0 || label >= classes)) {
      return bad_input("label " + std::to_string(label) + " is none of " + std::to_string(classes) +
                       " classes");
    }
    double off = 0;
    if (params.softmax && classes > 0) {
      off = Scores<T>{.first = from + offset, .count = classes, .step = inner}.log_sum_exp();
    }
    for (std::int64_t c = 0; log_probability != nullptr && c < classes; ++c) {
      const std::int64_t at = offset + c * inner;
      log_probability[at] = static_cast<T>(static_cast<double>(from[at]) - off);
    }
    double lost = 0;
    if (!ignored) {
      const double weight = weights != nullptr ? static_cast<double>(weights[label]) : 1.0;
      lost = weight * (off - static_cast<double>(from[offset + label * inner]));
      part += weight;
    }
    sum += lost;
    if (params.reduction == Reduction::none && loss != nullptr) {
      loss[i] = static_cast<T>(lost);
    }
  }
  if (params.reduction != Reduction::none && loss != nullptr) {
    loss[0] = static_cast<T>(params.reduction == Reduction::mean ? sum / part : sum);
  }
  return {};
}

Result<void> run_loss(const LossParams& params, KernelContext& context) {
  const bool single = context.input(0).datatype == DataType::float32;
  return with_indices(context.input(1), [&](const auto labels) {
    using Index = typename decltype(labels)::value_type;
    return single ? lose<float, Index>(params, labels, context)
                  : lose<double, Index>(params, labels, context);
  });
}

}  // namespace

void register_loss(Registry& registry) {
  registry.add({.name = "NegativeLogLikelihoodLoss",
                .since = {12, 13, 22},
                .arity = {2, 3, 1},
                .kernel = kernel<parse_loss<false>, infer_loss, run_loss>()});
  registry.add({.name = "SoftmaxCrossEntropyLoss",
                .since = {12, 13},
                .arity = {2, 3, 2},
                .kernel = kernel<parse_loss<true>, infer_loss, run_loss>()});
}

}  // namespace sluice::engine
