// ai.onnx.ml: CastMap, DictVectorizer.
// Spec: https://onnx.ai/onnx/operators/onnx_aionnxml_CastMap.html and
// onnx_aionnxml_DictVectorizer.html (read 2026-11).
// Their input is a map, which here is two tensors of one length (worker/engine/read/maps.h): keys
// [n], different from each other, and the value of each [n].
// DictVectorizer: y[0, i] = the value beside the i-th word of the vocabulary, 0 or "" where the map
// has no such key; keys outside of the vocabulary do not count. Types: keys of int64 or string,
// values of float32, float64, int64 or string.
// CastMap: the values in the order of their keys, int64. DENSE: y[0, i] = the value of the i-th
// key. SPARSE: y[0, key] = its value, in max_map places. Types: values of float32 or string, to
// float32, int64 or string. The specification is silent on, and ONNX Runtime decides: that results
// are [1, n] (DictVectorizer says "1-D", where it and all exporters have a row); that places
// without a key are 0, for strings "0.f"; and that floats become strings with six digits behind the
// point. A key that SPARSE has no place for is an error, as the specification has it.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "worker/ops/register.h"
#include "worker/ops/shape/cast_convert.h"
#include "worker/ops/shape/cast_string.h"
#include "worker/ops/types.h"

namespace sluice::engine {
namespace {

using Place = std::int64_t;

// Calls f(T{}) for the datatype of a map's values.
template <class F>
bool dispatch_map_value(DataType datatype, const F& f) {
  switch (datatype) {
    case DataType::string:
      f(std::string{});
      return true;
    case DataType::int64:
      f(std::int64_t{});
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

// How many the map has.
Result<std::int64_t> map_size(const InputFacts& facts) {
  const Dims keys = facts.at(0).dims;
  const Dims values = facts.at(1).dims;
  if (keys.size() != 1 || values.size() != 1 || keys[0] != values[0]) {
    return bad_input("keys " + to_string(keys) + " and values " + to_string(values) +
                     " are no map");
  }
  return keys[0];
}

template <class Key>
std::string key_text(const Key& key) {
  if constexpr (std::is_same_v<Key, std::string>) {
    return "'" + key + "'";
  } else {
    return std::to_string(key);
  }
}

// Where the keys are, in the order of the keys; an error where two are the same.
template <class Key>
Result<std::span<const Place>> sorted_places(KernelContext& context) {
  const auto keys = context.input(0).as<Key>();
  const auto key_at = [keys](Place place) -> const Key& {
    return keys[static_cast<std::size_t>(place)];
  };
  // NOLINTNEXTLINE: scratch is bytes, aligned for any number
  auto* const first = reinterpret_cast<Place*>(context.scratch().data());
  const std::span<Place> places(first, keys.size());
  std::iota(places.begin(), places.end(), Place{0});
  std::ranges::sort(places, {}, key_at);
  const auto twice = std::ranges::adjacent_find(places, {}, key_at);
  if (twice != places.end()) {
    return bad_input("the key " + key_text(key_at(*twice)) + " comes twice");
  }
  return std::span<const Place>(places);
}

// Room for sorted_places().
template <class Params>
Result<NoParams> bind_map(const Params&, BindContext& context) {
  context.scratch_size = static_cast<std::size_t>(context.inputs[0].count) * sizeof(Place);
  return NoParams{};
}

// --- DictVectorizer ------------------------------------------------------------------------------

template <class Key>
struct Word {
  Key key{};
  Place place = 0;
};
template <class Key>
struct Vocabulary {
  std::vector<Word<Key>> words{};  // by key; one may have many places
};
using DictParams = std::variant<Vocabulary<std::string>, Vocabulary<std::int64_t>>;

template <class Key>
DictParams vocabulary_of(std::vector<Key> words) {
  Vocabulary<Key> vocabulary;
  for (Key& word : words) {
    vocabulary.words.push_back({std::move(word), static_cast<Place>(vocabulary.words.size())});
  }
  std::ranges::sort(vocabulary.words, {}, &Word<Key>::key);
  return vocabulary;
}

Result<DictParams> parse_dict(const Node& node) {
  Attributes attributes(node);
  SLUICE_TRY_ASSIGN(auto words, attributes.texts("string_vocabulary"));
  SLUICE_TRY_ASSIGN(auto numbers, attributes.integers("int64_vocabulary"));
  SLUICE_TRY(attributes.finish());
  if (words.empty() == numbers.empty()) {
    return Error{ErrorCode::data_corrupt,
                 "needs its vocabulary as strings or as integers, and not as both"};
  }
  return words.empty() ? vocabulary_of(std::move(numbers)) : vocabulary_of(std::move(words));
}

Result<OutputFacts> infer_dict(const DictParams& params, const InputFacts& facts) {
  SLUICE_TRY(map_size(facts));
  const DataType keys = facts.at(0).datatype;
  const DataType values = facts.at(1).datatype;
  const bool texts = std::holds_alternative<Vocabulary<std::string>>(params);
  if (keys != (texts ? DataType::string : DataType::int64)) {
    return bad_input("keys of " + std::string(name_of(keys)) + " for a vocabulary of " +
                     (texts ? "strings" : "integers"));
  }
  if (!dispatch_map_value(values, [](const auto&) {})) {
    return unsupported_type(values);
  }
  const auto size = std::visit([](const auto& each) { return each.words.size(); }, params);
  return one_output(values, {1, static_cast<std::int64_t>(size)});
}

template <class Key>
Result<void> vectorize(const Vocabulary<Key>& vocabulary, KernelContext& context) {
  SLUICE_TRY(sorted_places<Key>(context));
  const auto keys = context.input(0).as<Key>();
  TensorView& y = context.output(0);
  dispatch_map_value(y.datatype, [&](const auto& tag) {
    using Value = std::remove_cvref_t<decltype(tag)>;
    const auto values = context.input(1).as<Value>();
    const auto to = y.mut<Value>();
    std::ranges::fill(to, Value{});
    for (std::size_t i = 0; i < keys.size(); ++i) {
      auto word = std::ranges::lower_bound(vocabulary.words, keys[i], {}, &Word<Key>::key);
      for (; word != vocabulary.words.end() && word->key == keys[i]; ++word) {
        to[static_cast<std::size_t>(word->place)] = values[i];
      }
    }
  });
  return {};
}

Result<void> run_dict(const DictParams& params, const NoParams&, KernelContext& context) {
  return std::visit([&](const auto& vocabulary) { return vectorize(vocabulary, context); }, params);
}

// --- CastMap -------------------------------------------------------------------------------------

struct CastMapParams {
  DataType to = DataType::float32;
  std::optional<std::int64_t> places{};  // of SPARSE
};

Result<CastMapParams> parse_cast_map(const Node& node) {
  Attributes attributes(node);
  CastMapParams params;
  SLUICE_TRY_ASSIGN(const std::string to, attributes.text("cast_to", "TO_FLOAT"));
  SLUICE_TRY_ASSIGN(const std::string form, attributes.text("map_form", "DENSE"));
  SLUICE_TRY_ASSIGN(const std::int64_t most, attributes.integer("max_map", 1));
  SLUICE_TRY(attributes.finish());
  if (to == "TO_STRING") {
    params.to = DataType::string;
  } else if (to == "TO_INT64") {
    params.to = DataType::int64;
  } else if (to != "TO_FLOAT") {
    return Error{ErrorCode::data_corrupt, "cast_to is '" + to + "'"};
  }
  if (form != "DENSE" && form != "SPARSE") {
    return Error{ErrorCode::data_corrupt, "map_form is '" + form + "'"};
  }
  if (form == "SPARSE") {
    if (most <= 0) {
      return Error{ErrorCode::data_corrupt, "max_map is " + std::to_string(most)};
    }
    params.places = most;
  }
  return params;
}

Result<OutputFacts> infer_cast_map(const CastMapParams& params, const InputFacts& facts) {
  SLUICE_TRY_ASSIGN(const std::int64_t size, map_size(facts));
  if (facts.at(0).datatype != DataType::int64) {
    return unsupported_type(facts.at(0).datatype);
  }
  const DataType values = facts.at(1).datatype;
  if (values != DataType::float32 && values != DataType::string) {
    return unsupported_type(values);
  }
  return one_output(params.to, {1, params.places.value_or(size)});
}

template <class To>
Result<void> cast_value(const std::string& from, To& to) {
  if constexpr (std::is_same_v<To, std::string>) {
    to = from;
  } else if constexpr (std::is_same_v<To, std::int64_t>) {
    SLUICE_TRY_ASSIGN(to, integer_of_text(from, true));
  } else {
    SLUICE_TRY_ASSIGN(const double real, real_of_text(from));
    to = static_cast<To>(real);
  }
  return {};
}

template <class To>
Result<void> cast_value(float from, To& to) {
  if constexpr (std::is_same_v<To, std::string>) {
    to = std::to_string(from);
  } else if constexpr (std::is_same_v<To, std::int64_t>) {
    to = truncated<std::int64_t>(from);
  } else {
    to = from;
  }
  return {};
}

template <class From, class To>
Result<void> cast_values(const CastMapParams& params,
                         std::span<const Place> order,
                         KernelContext& context) {
  const auto keys = context.input(0).as<std::int64_t>();
  const auto values = context.input(1).as<From>();
  const auto to = context.output(0).mut<To>();
  if (params.places) {
    if constexpr (std::is_same_v<To, std::string>) {
      std::ranges::fill(to, "0.f");
    } else {
      std::ranges::fill(to, To{});
    }
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto from = static_cast<std::size_t>(order[i]);
    const std::int64_t at = params.places ? keys[from] : static_cast<std::int64_t>(i);
    if (at < 0 || at >= static_cast<std::int64_t>(to.size())) {
      return bad_input("key " + std::to_string(at) + " for a max_map of " +
                       std::to_string(to.size()));
    }
    SLUICE_TRY(cast_value(values[from], to[static_cast<std::size_t>(at)]));
  }
  return {};
}

template <class From>
Result<void> cast_from(const CastMapParams& params,
                       std::span<const Place> order,
                       KernelContext& context) {
  switch (params.to) {
    case DataType::string:
      return cast_values<From, std::string>(params, order, context);
    case DataType::int64:
      return cast_values<From, std::int64_t>(params, order, context);
    default:
      return cast_values<From, float>(params, order, context);
  }
}

Result<void> run_cast_map(const CastMapParams& params, const NoParams&, KernelContext& context) {
  SLUICE_TRY_ASSIGN(const auto order, sorted_places<std::int64_t>(context));
  return context.input(1).datatype == DataType::string
             ? cast_from<std::string>(params, order, context)
             : cast_from<float>(params, order, context);
}

}  // namespace

void register_maps(Registry& registry) {
  // The keys and the values of the one input that the specification has.
  constexpr Arity kMap{.inputs_least = 2, .inputs_most = 2};
  registry.add(
      {.name = "CastMap",
       .domain = std::string(kMlDomain),
       .since = {1},
       .arity = kMap,
       .kernel =
           bound_kernel<parse_cast_map, infer_cast_map, bind_map<CastMapParams>, run_cast_map>()});
  registry.add({.name = "DictVectorizer",
                .domain = std::string(kMlDomain),
                .since = {1},
                .arity = kMap,
                .kernel = bound_kernel<parse_dict, infer_dict, bind_map<DictParams>, run_dict>()});
}

}  // namespace sluice::engine
