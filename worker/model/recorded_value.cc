#include "worker/model/recorded_value.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "worker/model/recorded_map.h"
#include "worker/model/recorded_set.h"
#include "worker/model/tensor_file.h"
#include "worker/model/wire.h"

namespace sluice::model {
namespace {

using engine::Form;
using Kind = RecordedValue::Kind;

Error corrupt(std::string detail) {
  return {ErrorCode::data_corrupt, std::move(detail)};
}

// SequenceProto: the elements are field 3 where they are tensors.
Result<RecordedValue> read_sequence(std::span<const std::byte> file) {
  constexpr std::uint32_t kElementType = 2;
  constexpr std::uint32_t kTensors = 3;
  constexpr std::uint64_t kOfTensors = 1;
  RecordedValue value{.kind = Kind::sequence};
  WireCursor cursor(file);
  while (const auto field = cursor.next()) {
    if (field->number == kElementType && field->scalar > kOfTensors) {
      return Error{ErrorCode::unsupported, "a sequence of something else than tensors"};
    }
    if (field->number == kTensors) {
      SLUICE_TRY_ASSIGN(NamedTensor tensor, read_tensor(field->body));
      value.items.push_back(std::move(tensor));
    }
  }
  return cursor.ok() ? Result<RecordedValue>(std::move(value))
                     : corrupt("not a sequence file: it is broken or cut off");
}

// OptionalProto: field 3 has a tensor, field 5 a sequence, or there is neither.
Result<RecordedValue> read_optional(std::span<const std::byte> file) {
  constexpr std::uint32_t kTensor = 3;
  constexpr std::uint32_t kSequence = 5;
  RecordedValue value;
  WireCursor cursor(file);
  while (const auto field = cursor.next()) {
    if (field->number == kTensor) {
      SLUICE_TRY_ASSIGN(NamedTensor tensor, read_tensor(field->body));
      value.kind = Kind::tensor;
      value.items.push_back(std::move(tensor));
    } else if (field->number == kSequence) {
      SLUICE_TRY_ASSIGN(value, read_sequence(field->body));
    }
  }
  return cursor.ok() ? Result<RecordedValue>(std::move(value))
                     : corrupt("not an optional's file: it is broken or cut off");
}

// The scores of one row, in the order of the labels.
Result<std::vector<float>> row_of(const nlohmann::json& map,
                                  const std::vector<std::string>& labels) {
  if (!map.is_object() || map.size() != labels.size()) {
    return corrupt("a map has " + std::to_string(map.size()) + " labels, the model has " +
                   std::to_string(labels.size()));
  }
  std::vector<float> row;
  for (const std::string& label : labels) {
    const auto found = map.find(label);
    if (found == map.end() || !(found->is_number() || found->is_null())) {
      return corrupt("a map has no score for the label '" + label + "'");
    }
    row.push_back(found->is_null() ? std::nanf("") : found->get<float>());
  }
  return row;
}

// numpy has no bfloat16: ONNX up to 1.16 recorded the bits of such tensors as uint16.
void settle_bfloat16(RecordedValue& value, DataType declared) {
  for (NamedTensor& item : value.items) {
    if (item.datatype == DataType::uint16 && declared == DataType::bfloat16) {
      item.datatype = DataType::bfloat16;
    }
  }
}

struct Placed {
  std::size_t place = 0;
  RecordedValue value;
};

RecordedValue value_of(NamedTensor tensor) {
  RecordedValue value{.kind = Kind::tensor};
  value.items.push_back(std::move(tensor));
  return value;
}

// The values of the files PREFIX number ".pb" and the maps. `form` says of a place what it is.
template <class FormOf>
Result<std::vector<Placed>> read_values(const std::string& set,
                                        std::string_view prefix,
                                        const std::vector<ValueInfo>& infos,
                                        const FormOf& form,
                                        RecordedMaps maps = {}) {
  std::vector<Placed> placed;
  for (PlacedTensor& part : maps.tensors) {
    placed.push_back({part.place, value_of(std::move(part.tensor))});
  }
  for (const auto& [number, path] : numbered_files(set, prefix, ".pb")) {
    if (maps.numbers.contains(number)) {
      continue;
    }
    SLUICE_TRY_ASSIGN(const std::string bytes, file_bytes(path));
    std::size_t place = number < maps.places.size() ? maps.places[number] : number;
    const Form expected = place < infos.size() ? form(place) : Form::tensor;
    auto value = read_value(std::as_bytes(std::span(bytes)), expected);
    if (!value) {
      return with_context(std::move(value).error(), std::string(prefix) + std::to_string(number));
    }
    if (value->kind == Kind::tensor) {
      const auto named = std::ranges::find(infos, value->items[0].name, &ValueInfo::name);
      place = named != infos.end() ? static_cast<std::size_t>(named - infos.begin()) : place;
    }
    if (place >= infos.size()) {
      return Error{ErrorCode::invalid_argument,
                   std::string(prefix) + std::to_string(number) + ".pb: the model has only " +
                       std::to_string(infos.size())};
    }
    settle_bfloat16(*value, infos[place].datatype);
    placed.push_back({place, *std::move(value)});
  }
  return placed;
}

}  // namespace

Result<RecordedValue> read_value(std::span<const std::byte> file, Form form) {
  switch (form) {
    case Form::sequence:
      return read_sequence(file);
    case Form::optional_tensor:
    case Form::optional_sequence:
      return read_optional(file);
    case Form::tensor:
    case Form::map:
    case Form::map_keys:
    case Form::map_values:
    case Form::maps:
      break;
  }
  SLUICE_TRY_ASSIGN(NamedTensor tensor, read_tensor(file));
  return value_of(std::move(tensor));
}

Result<NamedTensor> read_maps(const std::string& json, const std::vector<std::string>& labels) {
  const auto parsed = nlohmann::json::parse(json, nullptr, false);
  const auto list = parsed.is_object() ? parsed.find("value") : parsed.end();
  if (!parsed.is_object() || list == parsed.end() || !list->is_array()) {
    return corrupt("not a file of maps: it has no list 'value'");
  }
  std::vector<float> scores;
  for (const auto& map : *list) {
    SLUICE_TRY_ASSIGN(const std::vector<float> row, row_of(map, labels));
    scores.insert(scores.end(), row.begin(), row.end());
  }
  NamedTensor tensor;
  tensor.datatype = DataType::float32;
  tensor.shape = {static_cast<std::int64_t>(list->size()),
                  static_cast<std::int64_t>(labels.size())};
  tensor.data = Buffer::copy_of(std::as_bytes(std::span(scores)));
  return tensor;
}

Result<RecordedValues> read_recorded_values(const std::string& folder,
                                            const engine::Session& session) {
  const ModelInfo& info = session.info();
  RecordedValues set;
  set.inputs.resize(info.inputs.size());
  set.given.resize(info.inputs.size(), false);
  SLUICE_TRY_ASSIGN(RecordedMaps maps, read_recorded_maps(folder, info.inputs));
  const auto input_form = [&](std::size_t i) { return session.input_form(i).form; };
  SLUICE_TRY_ASSIGN(auto inputs,
                    read_values(folder, "input_", info.inputs, input_form, std::move(maps)));
  for (Placed& input : inputs) {
    set.inputs[input.place] = std::move(input.value);
    set.given[input.place] = true;
  }
  SLUICE_TRY_ASSIGN(auto outputs, read_values(folder, "output_", info.outputs, [&](std::size_t i) {
                      return session.output_form(i).form;
                    }));
  for (Placed& output : outputs) {
    set.output_places.push_back(output.place);
    set.outputs.push_back(std::move(output.value));
  }
  for (const auto& [number, path] : numbered_files(folder, "output_", ".json")) {
    if (number >= info.outputs.size() || session.output_form(number).form != Form::maps) {
      return Error{ErrorCode::invalid_argument,
                   "output_" + std::to_string(number) + ".json: the model has no maps there"};
    }
    SLUICE_TRY_ASSIGN(const std::string json, file_bytes(path));
    SLUICE_TRY_ASSIGN(NamedTensor scores, read_maps(json, session.output_form(number).labels));
    set.output_places.push_back(number);
    set.outputs.push_back(value_of(std::move(scores)));
  }
  if (set.outputs.empty()) {
    return Error{ErrorCode::not_found, "it has no output_0.pb"};
  }
  return set;
}

}  // namespace sluice::model
