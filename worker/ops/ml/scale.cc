// ai.onnx.ml: Binarizer, Imputer, Normalizer, Scaler.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_Scaler.html and its neighbours (read 2026-11).
// Scaler: (x - offset) * scale, float32. Normalizer: rows divided by their largest value (MAX; not
// by that of the absolutes: the specification and ONNX Runtime agree), sum of absolutes (L1), or
// length (L2), float32; where that is zero they stay. Imputer: what equals the replaced value (a
// NaN: every NaN) becomes the imputed one. Binarizer: 1 above the threshold, else 0. offset, scale
// and imputed values are one number, or one for each feature (the last dimension). x: float32,
// float64, int32, int64; Binarizer and Imputer keep the datatype.

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "worker/ops/ml/ml_input.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

Result<void> check_features(const InputFact& x, std::size_t count, const char* name) {
  SLUICE_TRY_ASSIGN(const MlRows rows, ml_rows(x));
  if (count != 1 && static_cast<std::int64_t>(count) != rows.features) {
    return bad_input("input " + to_string(x.dims) + " does not fit " + std::to_string(count) + " " +
                     name);
  }
  return {};
}

Result<OutputFacts> same_dims(const InputFact& x, DataType datatype) {
  return one_output(datatype, {x.dims.begin(), x.dims.end()});
}

// --- Scaler --------------------------------------------------------------------------------------

struct ScalerParams {
  std::vector<float> offset{};
  std::vector<float> scale{};
};

Result<ScalerParams> parse_scaler(const Node& node) {
  Attributes attributes(node);
  ScalerParams params;
  SLUICE_TRY_ASSIGN(params.offset, attributes.reals("offset"));
  SLUICE_TRY_ASSIGN(params.scale, attributes.reals("scale"));
  SLUICE_TRY(attributes.finish());
  if (params.offset.empty()) {
    params.offset = {0};
  }
  if (params.scale.empty()) {
    params.scale = {1};
  }
  return params;
}

Result<OutputFacts> infer_scaler(const ScalerParams& params, const InputFacts& facts) {
  SLUICE_TRY(check_features(facts.at(0), params.offset.size(), "offsets"));
  SLUICE_TRY(check_features(facts.at(0), params.scale.size(), "scales"));
  return same_dims(facts.at(0), DataType::float32);
}

Result<void> run_scaler(const ScalerParams& params, KernelContext& context) {
  const TensorView& view = context.input(0);
  const auto features = static_cast<std::size_t>(view.dims.back());
  auto y = context.output(0).mut<float>();
  dispatch_ml(view.datatype, [&](auto tag) {
    const auto x = view.as<decltype(tag)>();
    for (std::size_t i = 0; i < x.size(); ++i) {
      const std::size_t at = i % features;
      const float offset = params.offset[params.offset.size() == 1 ? 0 : at];
      const float scale = params.scale[params.scale.size() == 1 ? 0 : at];
      y[i] = static_cast<float>((static_cast<double>(x[i]) - static_cast<double>(offset)) *
                                static_cast<double>(scale));
    }
  });
  return {};
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
  SLUICE_TRY(ml_rows(facts.at(0)));
  return same_dims(facts.at(0), DataType::float32);
}

template <class T>
void normalize(const NormalizerParams& params, KernelContext& context) {
  const TensorView& view = context.input(0);
  const T* x = view.as<T>().data();
  float* y = context.output(0).mut<float>().data();
  const std::int64_t width = view.dims.back();
  for (std::int64_t at = 0; at < view.count; at += width) {
    double size = params.norm == Norm::max ? -std::numeric_limits<double>::infinity() : 0;
    for (std::int64_t i = at; i < at + width; ++i) {
      const auto value = static_cast<double>(x[i]);
      size = params.norm == Norm::max  ? std::max(value, size)  // a NaN in `value` takes over
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
  dispatch_ml(context.input(0).datatype,
              [&](auto tag) { normalize<decltype(tag)>(params, context); });
  return {};
}

// --- Imputer -------------------------------------------------------------------------------------

struct ImputerParams {
  std::vector<float> floats{};
  std::vector<std::int64_t> integers{};
  float replaced_float = 0;
  std::int64_t replaced_integer = 0;
};

Result<ImputerParams> parse_imputer(const Node& node) {
  Attributes attributes(node);
  ImputerParams params;
  SLUICE_TRY_ASSIGN(params.floats, attributes.reals("imputed_value_floats"));
  SLUICE_TRY_ASSIGN(params.integers, attributes.integers("imputed_value_int64s"));
  SLUICE_TRY_ASSIGN(params.replaced_float, attributes.real("replaced_value_float", 0));
  SLUICE_TRY_ASSIGN(params.replaced_integer, attributes.integer("replaced_value_int64", 0));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_imputer(const ImputerParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  const std::size_t count = is_float(x.datatype) ? params.floats.size() : params.integers.size();
  SLUICE_TRY(check_features(x, count, "imputed values of its kind"));
  return same_dims(x, x.datatype);
}

template <class T, class Value>
void impute(std::span<const T> x,
            const std::vector<Value>& imputed,
            Value replaced,
            std::span<T> y,
            std::size_t features) {
  const bool any_nan = replaced != replaced;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool is_it = any_nan ? x[i] != x[i] : x[i] == static_cast<T>(replaced);
    y[i] = is_it ? static_cast<T>(imputed[imputed.size() == 1 ? 0 : i % features]) : x[i];
  }
}

Result<void> run_imputer(const ImputerParams& params, KernelContext& context) {
  const TensorView& view = context.input(0);
  const auto features = static_cast<std::size_t>(view.dims.back());
  dispatch_ml(view.datatype, [&](auto tag) {
    using T = decltype(tag);
    const auto y = context.output(0).mut<T>();
    if constexpr (std::is_floating_point_v<T>) {
      impute<T>(view.as<T>(), params.floats, params.replaced_float, y, features);
    } else {
      impute<T>(view.as<T>(), params.integers, params.replaced_integer, y, features);
    }
  });
  return {};
}

// --- Binarizer -----------------------------------------------------------------------------------

struct BinarizerParams {
  float threshold = 0;
};

Result<BinarizerParams> parse_binarizer(const Node& node) {
  Attributes attributes(node);
  BinarizerParams params;
  SLUICE_TRY_ASSIGN(params.threshold, attributes.real("threshold", 0));
  SLUICE_TRY(attributes.finish());
  return params;
}

Result<OutputFacts> infer_binarizer(const BinarizerParams& params, const InputFacts& facts) {
  return is_ml_input(facts.at(0).datatype) ? infer_same(params, facts)
                                           : unsupported_type(facts.at(0).datatype);
}

Result<void> run_binarizer(const BinarizerParams& params, KernelContext& context) {
  dispatch_ml(context.input(0).datatype, [&](auto tag) {
    using T = decltype(tag);
    std::ranges::transform(
        context.input(0).as<T>(), context.output(0).mut<T>().begin(), [&](T value) {
          return static_cast<double>(value) > static_cast<double>(params.threshold) ? T{1} : T{0};
        });
  });
  return {};
}

OperatorEntry entry(const char* name, Kernel kernel) {
  return {
      .name = name, .domain = std::string(kMlDomain), .since = {1}, .kernel = std::move(kernel)};
}

}  // namespace

void register_ml_scale(Registry& registry) {
  registry.add(entry("Binarizer", kernel<parse_binarizer, infer_binarizer, run_binarizer>()));
  registry.add(entry("Imputer", kernel<parse_imputer, infer_imputer, run_imputer>()));
  registry.add(entry("Normalizer", kernel<parse_normalizer, infer_normalizer, run_normalizer>()));
  registry.add(entry("Scaler", kernel<parse_scaler, infer_scaler, run_scaler>()));
}

}  // namespace sluice::engine
