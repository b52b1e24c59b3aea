#include "worker/model/recorded_map.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "worker/model/recorded_set.h"
#include "worker/model/tensor_file.h"
#include "worker/model/wire.h"

namespace sluice::model {
namespace {

constexpr std::string_view kKeys = ".keys";
constexpr std::string_view kValues = ".values";

Error no_map(std::string detail) {
  return {ErrorCode::data_corrupt, std::move(detail)};
}

// Elements of a tensor [n] in the form of NamedTensor::data.
class Elements {
 public:
  void add_text(std::string_view text) {
    add_number(static_cast<std::uint32_t>(text.size()));
    bytes_.append(text);
  }
  template <class Number>
  void add_number(Number number) {
    char raw[sizeof number];
    std::memcpy(raw, &number, sizeof number);
    bytes_.append(raw, sizeof raw);
    ++count_;
  }
  // Those of a tensor.
  void add(const NamedTensor& tensor, std::int64_t count) {
    bytes_.append(tensor.data.text());
    count_ += count;
  }
  [[nodiscard]] std::int64_t count() const { return count_; }
  NamedTensor tensor_of(const ValueInfo& info) {
    return {.name = info.name,
            .datatype = info.datatype,
            .shape = {count_},
            .data = Buffer::from_string(std::move(bytes_))};
  }

 private:
  std::string bytes_;
  std::int64_t count_ = 0;
};

Result<void> add_key(const std::string& key, DataType datatype, Elements& to) {
  if (datatype == DataType::string) {
    to.add_text(key);
    return {};
  }
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
  if (error != std::errc() || end != key.data() + key.size()) {
    return no_map("the key '" + key + "' is no integer");
  }
  to.add_number(number);
  return {};
}

Result<void> add_value(const nlohmann::json& value, DataType datatype, Elements& to) {
  const bool real = value.is_number() || value.is_null();
  if (datatype == DataType::string && value.is_string()) {
    to.add_text(value.get_ref<const std::string&>());
  } else if (datatype == DataType::int64 && value.is_number_integer()) {
    to.add_number(value.get<std::int64_t>());
  } else if (datatype == DataType::float32 && real) {
    to.add_number(value.is_null() ? std::nanf("") : value.get<float>());
  } else if (datatype == DataType::float64 && real) {
    to.add_number(value.is_null() ? std::nan("") : value.get<double>());
  } else {
    return no_map("a value is no " + std::string(name_of(datatype)));
  }
  return {};
}

bool is_map(const std::vector<ValueInfo>& inputs, std::size_t place) {
  if (place + 1 >= inputs.size() || !inputs[place].name.ends_with(kKeys) ||
      inputs[place].shape != Shape{-1} || inputs[place + 1].shape != Shape{-1}) {
    return false;
  }
  const std::string& keys = inputs[place].name;
  return inputs[place + 1].name ==
         keys.substr(0, keys.size() - kKeys.size()) + std::string(kValues);
}

Result<void> add_integer_keys(const WireField& field, Elements& keys) {
  if (field.type == WireType::varint) {
    keys.add_number(static_cast<std::int64_t>(field.scalar));
    return {};
  }
  std::span<const std::byte> packed = field.body;
  while (!packed.empty()) {
    const auto key = take_varint(packed);
    if (!key) {
      return no_map("not a map's file: its keys are broken");
    }
    keys.add_number(static_cast<std::int64_t>(*key));
  }
  return {};
}

// SequenceProto: a tensor for each value.
Result<void> add_values(std::span<const std::byte> sequence,
                        const ValueInfo& values,
                        Elements& to) {
  constexpr std::uint32_t kTensors = 3;
  WireCursor cursor(sequence);
  while (const auto field = cursor.next()) {
    if (field->number != kTensors) {
      continue;
    }
    SLUICE_TRY_ASSIGN(const NamedTensor tensor, read_tensor(field->body));
    SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(tensor.shape));
    if (tensor.datatype != values.datatype) {
      return no_map("a value is " + std::string(name_of(tensor.datatype)) + ", the model wants " +
                    std::string(name_of(values.datatype)));
    }
    to.add(tensor, count);
  }
  return cursor.ok() ? Result<void>() : no_map("not a map's file: its values are broken");
}

// A file of a tensor says so by its name.
bool is_named_tensor(const std::string& bytes, const std::vector<ValueInfo>& inputs) {
  const auto tensor = read_tensor(std::as_bytes(std::span(bytes)));
  return tensor && std::ranges::find(inputs, tensor->name, &ValueInfo::name) != inputs.end();
}

}  // namespace

Result<std::vector<NamedTensor>> read_json_map(const std::string& json,
                                               const ValueInfo& keys,
                                               const ValueInfo& values) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  const nlohmann::json* map = &parsed;
  if (map->is_object()) {
    const auto wrapped = map->find("value");
    map = wrapped != map->end() && wrapped->is_structured() ? &*wrapped : map;
  }
  if (map->is_array() && map->size() == 1) {
    map = &map->front();
  }
  if (!map->is_object()) {
    return no_map("not a file of one map: an object from keys to values");
  }
  Elements key_elements;
  Elements value_elements;
  for (const auto& [key, value] : map->items()) {
    SLUICE_TRY(add_key(key, keys.datatype, key_elements));
    SLUICE_TRY(add_value(value, values.datatype, value_elements));
  }
  std::vector<NamedTensor> pair;
  pair.push_back(key_elements.tensor_of(keys));
  pair.push_back(value_elements.tensor_of(values));
  return pair;
}

Result<std::vector<NamedTensor>> read_map_proto(std::span<const std::byte> file,
                                                const ValueInfo& keys,
                                                const ValueInfo& values) {
  constexpr std::uint32_t kIntegerKeys = 3;
  constexpr std::uint32_t kStringKeys = 4;
  constexpr std::uint32_t kMapValues = 5;
  Elements key_elements;
  Elements value_elements;
  WireCursor cursor(file);
  while (const auto field = cursor.next()) {
    const bool texts = field->number == kStringKeys;
    if (texts || field->number == kIntegerKeys) {
      if (texts != (keys.datatype == DataType::string)) {
        return no_map("its keys are no " + std::string(name_of(keys.datatype)));
      }
      if (texts) {
        // NOLINTNEXTLINE: bytes of a string
        key_elements.add_text(
            {reinterpret_cast<const char*>(field->body.data()), field->body.size()});
      } else {
        SLUICE_TRY(add_integer_keys(*field, key_elements));
      }
    } else if (field->number == kMapValues) {
      SLUICE_TRY(add_values(field->body, values, value_elements));
    }
  }
  if (!cursor.ok()) {
    return no_map("not a map's file: it is broken or cut off");
  }
  if (key_elements.count() != value_elements.count()) {
    return no_map("a map has " + std::to_string(key_elements.count()) + " keys and " +
                  std::to_string(value_elements.count()) + " values");
  }
  std::vector<NamedTensor> pair;
  pair.push_back(key_elements.tensor_of(keys));
  pair.push_back(value_elements.tensor_of(values));
  return pair;
}

Result<RecordedMaps> read_recorded_maps(const std::string& folder,
                                        const std::vector<ValueInfo>& inputs) {
  RecordedMaps maps;
  std::vector<bool> here;  // by number
  for (std::size_t place = 0; place < inputs.size(); ++place) {
    maps.places.push_back(place);
    here.push_back(is_map(inputs, place));
    place += here.back() ? 1U : 0U;
  }
  for (const std::string_view suffix : {".pb", ".json"}) {
    for (const auto& [number, path] : numbered_files(folder, "input_", suffix)) {
      const bool json = suffix == ".json";
      if (number >= here.size() || !here[number]) {
        if (json) {
          return Error{ErrorCode::invalid_argument,
                       path.filename().string() + ": the model has no map there"};
        }
        continue;
      }
      SLUICE_TRY_ASSIGN(const std::string bytes, file_bytes(path));
      if (!json && is_named_tensor(bytes, inputs)) {
        continue;
      }
      const std::size_t place = maps.places[number];
      const ValueInfo& keys = inputs[place];
      const ValueInfo& values = inputs[place + 1];
      auto pair = json ? read_json_map(bytes, keys, values)
                       : read_map_proto(std::as_bytes(std::span(bytes)), keys, values);
      if (!pair) {
        return with_context(std::move(pair).error(), path.filename().string());
      }
      if (!json) {
        maps.numbers.insert(number);
      }
      maps.tensors.push_back({place, std::move(pair->front())});
      maps.tensors.push_back({place + 1, std::move(pair->back())});
    }
  }
  return maps;
}

}  // namespace sluice::model
