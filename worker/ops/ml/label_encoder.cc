// ai.onnx.ml: LabelEncoder.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_LabelEncoder.html (read 2026-11).
// Each element is looked up among the keys and becomes the value beside it, or the default.
// Types: version 1 strings to int64 and back (positions in classes_strings); 2 any of string,
// int64, float32 to any; 4 also float64 and int16, by tensors. A NaN is a key like any other; of
// equal keys the last counts.

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <variant>

#include "worker/ops/ml/ml_input.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

// NaN is equal to itself and behind everything.
struct Before {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    if constexpr (std::is_floating_point_v<T>) {
      return std::isnan(b) ? !std::isnan(a) : a < b;
    } else {
      return a < b;
    }
  }
};

struct EncoderParams {
  std::vector<Tensor> parts{};  // keys, values, default: [K], [K], [1]

  [[nodiscard]] TensorView keys() const { return parts[0].view(); }
  [[nodiscard]] TensorView values() const { return parts[1].view(); }
  [[nodiscard]] TensorView otherwise() const { return parts[2].view(); }
};

// Calls f(T{}) for a datatype that keys and values may have.
template <class F>
bool dispatch_label(DataType datatype, const F& f) {
  switch (datatype) {
    case DataType::string:
      f(std::string{});
      return true;
    case DataType::int64:
      f(std::int64_t{});
      return true;
    case DataType::int16:
      f(std::int16_t{});
      return true;
    case DataType::float32:
      f(float{});
      return true;
    case DataType::float64:
      f(double{});
      return true;
    default:
      return false;
  }
}

template <class T>
Tensor list_of(const std::vector<T>& values) {
  return Tensor::of<T>({static_cast<std::int64_t>(values.size())}, values);
}

// keys_* or values_*; nothing when the node has none of them.
Result<std::vector<Tensor>> parse_side(Attributes& attributes,
                                       const std::string& side,
                                       bool knows_tensors) {
  std::vector<Tensor> found;
  SLUICE_TRY_ASSIGN(const auto words, attributes.texts(side + "_strings"));
  SLUICE_TRY_ASSIGN(const auto numbers, attributes.integers(side + "_int64s"));
  SLUICE_TRY_ASSIGN(const auto floats, attributes.reals(side + "_floats"));
  if (!words.empty()) {
    found.push_back(list_of(words));
  }
  if (!numbers.empty()) {
    found.push_back(list_of(numbers));
  }
  if (!floats.empty()) {
    found.push_back(list_of(floats));
  }
  if (knows_tensors) {
    SLUICE_TRY_ASSIGN(const auto constant, attributes.tensor(side + "_tensor"));
    if (constant != nullptr) {
      SLUICE_TRY_ASSIGN(const TensorView view, constant->view());
      SLUICE_TRY_ASSIGN(Tensor copy, Tensor::create(view.datatype, {view.count}));
      TensorView to = copy.view();
      copy_elements(view, to);
      found.push_back(std::move(copy));
    }
  }
  if (found.size() != 1) {
    return Error{ErrorCode::data_corrupt,
                 "has " + std::to_string(found.size()) + " lists of " + side + ", not one"};
  }
  if (!dispatch_label(found[0].datatype(), [](const auto&) {})) {
    return unsupported_type(found[0].datatype());
  }
  return found;
}

// The default for values of a datatype.
Result<Tensor> parse_default(Attributes& attributes, DataType datatype, bool knows_tensors) {
  SLUICE_TRY_ASSIGN(const std::string word, attributes.text("default_string", "_Unused"));
  SLUICE_TRY_ASSIGN(const std::int64_t number, attributes.integer("default_int64", -1));
  SLUICE_TRY_ASSIGN(const float real, attributes.real("default_float", -0.0F));
  if (knows_tensors) {
    SLUICE_TRY_ASSIGN(const auto constant, attributes.tensor("default_tensor"));
    if (constant != nullptr) {
      SLUICE_TRY_ASSIGN(const TensorView view, constant->view());
      if (view.count != 1 || view.datatype != datatype) {
        return Error{ErrorCode::data_corrupt,
                     "default_tensor is " + std::string(name_of(view.datatype)) +
                         to_string(view.dims) + " for values of " + std::string(name_of(datatype))};
      }
      SLUICE_TRY_ASSIGN(Tensor copy, Tensor::create(view.datatype, {1}));
      TensorView to = copy.view();
      copy_elements(view, to);
      return copy;
    }
  }
  switch (datatype) {
    case DataType::string:
      return Tensor::of<std::string>({1}, {word});
    case DataType::float32:
      return Tensor::of<float>({1}, {real});
    case DataType::float64:
      return Tensor::of<double>({1}, {static_cast<double>(real)});
    case DataType::int16:
      return Tensor::of<std::int16_t>({1}, {static_cast<std::int16_t>(number)});
    default:
      return Tensor::of<std::int64_t>({1}, {number});
  }
}

// Version 1: positions; both directions are possible, and the input's datatype chooses.
struct ClassesParams {
  std::vector<std::string> classes{};
  std::map<std::string, std::int64_t> positions{};
  std::int64_t default_number = -1;
  std::string default_word{};
};

using LabelParams = std::variant<ClassesParams, EncoderParams>;

Result<LabelParams> parse_classes(const Node& node) {
  Attributes attributes(node);
  ClassesParams params;
  SLUICE_TRY_ASSIGN(params.classes, attributes.texts("classes_strings"));
  SLUICE_TRY_ASSIGN(params.default_number, attributes.integer("default_int64", -1));
  SLUICE_TRY_ASSIGN(params.default_word, attributes.text("default_string", "_Unused"));
  SLUICE_TRY(attributes.finish());
  for (std::size_t i = 0; i < params.classes.size(); ++i) {
    params.positions.insert_or_assign(params.classes[i], static_cast<std::int64_t>(i));
  }
  return LabelParams(std::move(params));
}

Result<LabelParams> parse_encoder(const Node& node) {
  if (node.since < 2) {
    return parse_classes(node);
  }
  Attributes attributes(node);
  const bool knows_tensors = node.since >= 4;
  EncoderParams params;
  SLUICE_TRY_ASSIGN(params.parts, parse_side(attributes, "keys", knows_tensors));
  SLUICE_TRY_ASSIGN(std::vector<Tensor> values, parse_side(attributes, "values", knows_tensors));
  params.parts.push_back(std::move(values[0]));
  SLUICE_TRY_ASSIGN(Tensor otherwise,
                    parse_default(attributes, params.values().datatype, knows_tensors));
  params.parts.push_back(std::move(otherwise));
  SLUICE_TRY(attributes.finish());
  if (params.keys().count != params.values().count) {
    return Error{ErrorCode::data_corrupt,
                 "has " + std::to_string(params.keys().count) + " keys and " +
                     std::to_string(params.values().count) + " values"};
  }
  return LabelParams(std::move(params));
}

Result<OutputFacts> infer_encoder(const LabelParams& params, const InputFacts& facts) {
  const InputFact& x = facts.at(0);
  Shape dims(x.dims.begin(), x.dims.end());
  if (const auto* encoder = std::get_if<EncoderParams>(&params)) {
    if (x.datatype != encoder->keys().datatype) {
      return bad_input("input of " + std::string(name_of(x.datatype)) + " for keys of " +
                       std::string(name_of(encoder->keys().datatype)));
    }
    return one_output(encoder->values().datatype, std::move(dims));
  }
  if (x.datatype != DataType::string && x.datatype != DataType::int64) {
    return unsupported_type(x.datatype);
  }
  return one_output(x.datatype == DataType::string ? DataType::int64 : DataType::string,
                    std::move(dims));
}

template <class Key, class Value>
using Table = std::map<Key, Value, Before>;

// A node's table for a session, in the one type that it needs.
struct EncoderState {
  std::variant<std::monostate,
               Table<std::string, std::int64_t>,
               Table<std::int64_t, std::int64_t>,
               Table<std::int16_t, std::int64_t>,
               Table<float, std::int64_t>,
               Table<double, std::int64_t>>
      places{};  // of a key, among the values
};

Result<EncoderState> prepare_encoder(const LabelParams& params, PrepareContext&) {
  EncoderState state;
  const auto* encoder = std::get_if<EncoderParams>(&params);
  if (encoder != nullptr) {
    dispatch_label(encoder->keys().datatype, [&](const auto& tag) {
      using Key = std::remove_cvref_t<decltype(tag)>;
      Table<Key, std::int64_t> places;
      const TensorView keys = encoder->keys();
      for (std::int64_t i = 0; i < keys.count; ++i) {
        places.insert_or_assign(keys.as<Key>()[static_cast<std::size_t>(i)], i);
      }
      state.places = std::move(places);
    });
  }
  return state;
}

Result<NoParams> bind_encoder(const LabelParams&, const EncoderState&, BindContext&) {
  return NoParams{};
}

void run_classes(const ClassesParams& params, const TensorView& x, TensorView& y) {
  if (x.datatype == DataType::string) {
    std::ranges::transform(
        x.as<std::string>(), y.mut<std::int64_t>().begin(), [&](const std::string& word) {
          const auto found = params.positions.find(word);
          return found != params.positions.end() ? found->second : params.default_number;
        });
    return;
  }
  const auto count = static_cast<std::int64_t>(params.classes.size());
  std::ranges::transform(x.as<std::int64_t>(), y.mut<std::string>().begin(), [&](std::int64_t at) {
    return at >= 0 && at < count ? params.classes[static_cast<std::size_t>(at)]
                                 : params.default_word;
  });
}

Result<void> run_encoder(const LabelParams& params,
                         const EncoderState& state,
                         const NoParams&,
                         KernelContext& context) {
  const TensorView& x = context.input(0);
  TensorView& y = context.output(0);
  if (const auto* classes = std::get_if<ClassesParams>(&params)) {
    run_classes(*classes, x, y);
    return {};
  }
  const auto& encoder = std::get<EncoderParams>(params);
  dispatch_label(x.datatype, [&](const auto& key_tag) {
    using Key = std::remove_cvref_t<decltype(key_tag)>;
    const auto& places = std::get<Table<Key, std::int64_t>>(state.places);
    dispatch_label(y.datatype, [&](const auto& value_tag) {
      using Value = std::remove_cvref_t<decltype(value_tag)>;
      const auto values = encoder.values().as<Value>();
      const Value& otherwise = encoder.otherwise().as<Value>()[0];
      std::ranges::transform(x.as<Key>(), y.mut<Value>().begin(), [&](const Key& key) {
        const auto found = places.find(key);
        return found != places.end() ? values[static_cast<std::size_t>(found->second)] : otherwise;
      });
    });
  });
  return {};
}

}  // namespace

void register_ml_label_encoder(Registry& registry) {
  registry.add({.name = "LabelEncoder",
                .domain = std::string(kMlDomain),
                .since = {1, 2, 4},
                .kernel = prepared_kernel<parse_encoder,
                                          infer_encoder,
                                          prepare_encoder,
                                          bind_encoder,
                                          run_encoder>()});
}

}  // namespace sluice::engine
