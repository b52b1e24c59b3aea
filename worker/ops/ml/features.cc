// ai.onnx.ml: ArrayFeatureExtractor, FeatureVectorizer.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_ArrayFeatureExtractor.html and
// onnx_aionnxml_FeatureVectorizer.html (read 2026-11).
// ArrayFeatureExtractor: x [..., C] and indices give [..., K]; one row [C] gives [1, K]. All types.
// FeatureVectorizer: rows beside each other as float32; each input is cut, or filled with zeros, to
// its inputdimensions. Inputs float32, float64, int32, int64 [N, ...] or [C], in any mixture.

#include <algorithm>
#include <utility>

#include "worker/ops/elements.h"
#include "worker/ops/ml/ml_input.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

Result<OutputFacts> infer_extractor(const NoParams&, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const InputFact& indices = facts.at(1);
  const std::int64_t count = product(indices.dims, 0, indices.dims.size());
  if (x.dims.empty() || indices.datatype != DataType::int64 || count == 0) {
    return bad_input("input " + to_string(x.dims) + " and indices " +
                     std::string(name_of(indices.datatype)) + to_string(indices.dims) +
                     " do not fit");
  }
  Shape dims(x.dims.begin(), x.dims.end());
  dims.back() = count;
  if (dims.size() == 1) {
    dims.insert(dims.begin(), 1);
  }
  return one_output(x.datatype, std::move(dims));
}

Result<void> run_extractor(const NoParams&, KernelContext& context) {
  const TensorView& x = context.input(0);
  const auto indices = context.input(1).as<std::int64_t>();
  const std::int64_t width = x.dims.back();
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= width) {
      return bad_input("index " + std::to_string(index) + " is outside of " +
                       std::to_string(width) + " features");
    }
  }
  dispatch_element(x.datatype, [&](auto* tag) {
    using T = std::remove_pointer_t<decltype(tag)>;
    const T* from = elements<T>(x);
    T* to = elements<T>(context.output(0));
    for (std::int64_t row = 0; width > 0 && row < x.count / width; ++row) {
      for (const std::int64_t index : indices) {
        *to++ = from[row * width + index];
      }
    }
  });
  return {};
}

// Whatever is behind the first dimension is one row: coremltools leaves dimensions of 1 in.
MlRows flat_rows(Dims dims) {
  return dims.size() == 1 ? MlRows{1, dims[0]} : MlRows{dims[0], product(dims, 1, dims.size())};
}

struct VectorizerParams {
  std::vector<std::int64_t> widths{};
};

Result<VectorizerParams> parse_vectorizer(const Node& node) {
  Attributes attributes(node);
  VectorizerParams params;
  SLUICE_TRY_ASSIGN(params.widths, attributes.integers("inputdimensions"));
  SLUICE_TRY(attributes.finish());
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  const auto impossible = [](std::int64_t width) { return width < 0 || width > kMost; };
  if (params.widths.size() != node.inputs.size() ||
      std::ranges::any_of(params.widths, impossible)) {
    return Error{ErrorCode::data_corrupt,
                 "inputdimensions " + to_string(params.widths) + " for " +
                     std::to_string(node.inputs.size()) + " inputs"};
  }
  return params;
}

Result<OutputFacts> infer_vectorizer(const VectorizerParams& params, const InputFacts& facts) {
  std::int64_t total = 0;
  std::int64_t count = -1;
  for (std::size_t i = 0; i < facts.inputs.size(); ++i) {
    const InputFact& x = facts.at(i);
    if (!is_ml_input(x.datatype) || x.dims.empty()) {
      return Error{ErrorCode::unsupported,
                   "an input of " + std::string(name_of(x.datatype)) + to_string(x.dims)};
    }
    const MlRows rows = flat_rows(x.dims);
    if (count >= 0 && rows.count != count) {
      return bad_input("its inputs have " + std::to_string(count) + " and " +
                       std::to_string(rows.count) + " rows");
    }
    count = rows.count;
    total += params.widths[i];
  }
  return one_output(DataType::float32, {count, total});
}

Result<void> run_vectorizer(const VectorizerParams& params, KernelContext& context) {
  TensorView& y = context.output(0);
  std::ranges::fill(y.mut<float>(), 0.0F);
  std::int64_t start = 0;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const TensorView& x = context.input(i);
    const MlRows rows = flat_rows(x.dims);
    const std::int64_t width = std::min(rows.features, params.widths[i]);
    dispatch_ml(x.datatype, [&](auto tag) {
      const auto* from = x.as<decltype(tag)>().data();
      for (std::int64_t row = 0; row < rows.count; ++row) {
        float* to = y.mut<float>().data() + row * y.dims[1] + start;
        std::transform(
            from + row * rows.features, from + row * rows.features + width, to, [](auto v) {
              return static_cast<float>(v);
            });
      }
    });
    start += params.widths[i];
  }
  return {};
}

}  // namespace

void register_ml_features(Registry& registry) {
  registry.add({.name = "ArrayFeatureExtractor",
                .domain = std::string(kMlDomain),
                .since = {1},
                .arity = {2, 2, 1},
                .kernel = kernel<parse_nothing, infer_extractor, run_extractor>()});
  registry.add({.name = "FeatureVectorizer",
                .domain = std::string(kMlDomain),
                .since = {1},
                .arity = {1, kAnyNumber, 1},
                .kernel = kernel<parse_vectorizer, infer_vectorizer, run_vectorizer>()});
}

}  // namespace sluice::engine
