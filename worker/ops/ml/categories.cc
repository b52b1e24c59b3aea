// ai.onnx.ml: CategoryMapper, OneHotEncoder.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_CategoryMapper.html and
// onnx_aionnxml_OneHotEncoder.html (read 2026-11).
// CategoryMapper: strings to int64 or back, by pairs of lists; what is not there becomes a default.
// OneHotEncoder: x [...] of integers, floats (compared as integers, cut towards zero) or strings
// gives float32 [..., categories], one of them 1; an unknown value gives zeros, or an error with
// zeros 0.

#include <algorithm>
#include <map>
#include <utility>

#include "worker/ops/ml/ml_input.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

struct MapperParams {
  std::map<std::string, std::int64_t> to_number{};
  std::map<std::int64_t, std::string> to_word{};
  std::int64_t default_number = -1;
  std::string default_word{};
};

Result<MapperParams> parse_mapper(const Node& node) {
  Attributes attributes(node);
  MapperParams params;
  SLUICE_TRY_ASSIGN(const auto numbers, attributes.integers("cats_int64s"));
  SLUICE_TRY_ASSIGN(const auto words, attributes.texts("cats_strings"));
  SLUICE_TRY_ASSIGN(params.default_number, attributes.integer("default_int64", -1));
  SLUICE_TRY_ASSIGN(params.default_word, attributes.text("default_string", "_Unused"));
  SLUICE_TRY(attributes.finish());
  if (numbers.size() != words.size()) {
    return Error{ErrorCode::data_corrupt,
                 "has " + std::to_string(numbers.size()) + " cats_int64s and " +
                     std::to_string(words.size()) + " cats_strings"};
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    params.to_number.insert_or_assign(words[i], numbers[i]);
    params.to_word.insert_or_assign(numbers[i], words[i]);
  }
  return params;
}

Result<OutputFacts> infer_mapper(const MapperParams&, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  if (x.datatype != DataType::string && x.datatype != DataType::int64) {
    return unsupported_type(x.datatype);
  }
  return one_output(x.datatype == DataType::string ? DataType::int64 : DataType::string,
                    {x.dims.begin(), x.dims.end()});
}

template <class From, class To>
void map_all(std::span<const From> x,
             const std::map<From, To>& known,
             const To& otherwise,
             std::span<To> y) {
  std::ranges::transform(x, y.begin(), [&](const From& value) {
    const auto found = known.find(value);
    return found != known.end() ? found->second : otherwise;
  });
}

Result<void> run_mapper(const MapperParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  if (x.datatype == DataType::string) {
    map_all(x.as<std::string>(), params.to_number, params.default_number, y.mut<std::int64_t>());
  } else {
    map_all(x.as<std::int64_t>(), params.to_word, params.default_word, y.mut<std::string>());
  }
  return {};
}

// --- OneHotEncoder -------------------------------------------------------------------------------

struct OneHotParams {
  std::map<std::int64_t, std::size_t> numbers{};
  std::map<std::string, std::size_t> words{};
  std::size_t count = 0;
  bool zeros = true;
};

Result<OneHotParams> parse_one_hot(const Node& node) {
  Attributes attributes(node);
  OneHotParams params;
  SLUICE_TRY_ASSIGN(const auto numbers, attributes.integers("cats_int64s"));
  SLUICE_TRY_ASSIGN(const auto words, attributes.texts("cats_strings"));
  SLUICE_TRY_ASSIGN(const std::int64_t zeros, attributes.integer("zeros", 1));
  SLUICE_TRY(attributes.finish());
  params.zeros = zeros != 0;
  params.count = std::max(numbers.size(), words.size());
  if (numbers.empty() == words.empty()) {
    return Error{ErrorCode::data_corrupt,
                 words.empty() ? "has no categories" : "has categories of two kinds"};
  }
  for (std::size_t i = 0; i < params.count; ++i) {
    if (words.empty()) {
      params.numbers.emplace(numbers[i], i);
    } else {
      params.words.emplace(words[i], i);
    }
  }
  return params;
}

Result<OutputFacts> infer_one_hot(const OneHotParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const bool fits = params.words.empty() ? is_ml_input(x.datatype) : x.datatype == DataType::string;
  if (!fits) {
    return unsupported_type(x.datatype);
  }
  Shape dims(x.dims.begin(), x.dims.end());
  dims.push_back(static_cast<std::int64_t>(params.count));
  return one_output(DataType::float32, std::move(dims));
}

Result<void> run_one_hot(const OneHotParams& params, KernelContext& context) {
  const TensorView& x = context.input(0);
  float* y = context.output(0).mut<float>().data();
  std::fill_n(y, context.output(0).count, 0.0F);
  bool all_known = true;
  const auto mark = [&](const auto& known, const auto& value) {
    const auto found = known.find(value);
    if (found != known.end()) {
      y[found->second] = 1;
    }
    all_known = all_known && found != known.end();
    y += params.count;
  };
  if (x.datatype == DataType::string) {
    for (const std::string& value : x.as<std::string>()) {
      mark(params.words, value);
    }
  } else {
    dispatch_ml(x.datatype, [&](auto tag) {
      using T = decltype(tag);
      for (const T value : x.as<T>()) {
        constexpr double kMost = 9.2e18;
        const bool whole = static_cast<double>(value)<kMost&& static_cast<double>(value)> - kMost;
        // What no integer holds is no category.
        if (std::is_integral_v<T> || whole) {
          mark(params.numbers, static_cast<std::int64_t>(value));
        } else {
          all_known = false;
          y += params.count;
        }
      }
    });
  }
  if (!all_known && !params.zeros) {
    return bad_input("a value is none of its categories");
  }
  return {};
}

}  // namespace

void register_ml_categories(Registry& registry) {
  registry.add({.name = "CategoryMapper",
                .domain = std::string(kMlDomain),
                .since = {1},
                .kernel = kernel<parse_mapper, infer_mapper, run_mapper>()});
  registry.add({.name = "OneHotEncoder",
                .domain = std::string(kMlDomain),
                .since = {1},
                .kernel = kernel<parse_one_hot, infer_one_hot, run_one_hot>()});
}

}  // namespace sluice::engine
