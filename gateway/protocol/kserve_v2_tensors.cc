// RequestParser: inputs and wanted outputs.

#include <string>
#include <utility>

#include "common/base/limits.h"
#include "gateway/protocol/kserve_v2_data.h"
#include "gateway/protocol/kserve_v2_parser.h"

namespace sluice::gateway::kserve_v2 {

using Kind = JsonReader::Kind;

bool RequestParser::parse_inputs() {
  if (!reader_.open_array()) {
    return false;
  }
  has_inputs_ = true;
  while (reader_.next_element()) {
    if (parsed_.request.inputs.size() == limits::kTensorsPerRequest) {
      return reader_.refuse("more than " + std::to_string(limits::kTensorsPerRequest) + " inputs");
    }
    if (!parse_input()) {
      return false;
    }
  }
  return !reader_.failed();
}

bool RequestParser::parse_input() {
  NamedTensor tensor;
  Said said;
  std::string_view key;
  if (!reader_.open_object()) {
    return false;
  }
  while (reader_.next_member(key)) {
    if (!parse_input_member(key, tensor, said)) {
      return false;
    }
  }
  return !reader_.failed() && finish_input(tensor, said);
}

bool RequestParser::parse_input_member(std::string_view key, NamedTensor& tensor, Said& said) {
  const auto first = [&](bool& flag) {
    return !std::exchange(flag, true) || reader_.refuse("input '" + tensor.name + "': member '" +
                                                        std::string(key) + "' is given twice");
  };
  if (key == "name") {
    return first(said.name) && parse_name(tensor.name, "an input's name");
  }
  if (key == "shape") {
    return first(said.shape) && parse_shape(tensor);
  }
  if (key == "datatype") {
    return first(said.datatype) && parse_datatype(tensor);
  }
  if (key == "data") {
    return first(said.data) && parse_data(tensor, said);
  }
  if (key == "parameters") {
    return parse_input_parameters(said);
  }
  return reader_.skip_value();
}

bool RequestParser::parse_shape(NamedTensor& tensor) {
  if (!reader_.open_array()) {
    return false;
  }
  while (reader_.next_element()) {
    std::int64_t extent = 0;
    if (!reader_.read_int64(extent)) {
      return false;
    }
    if (extent < 0) {
      return reader_.refuse("input '" + tensor.name + "': 'shape' has the negative extent " +
                            std::to_string(extent));
    }
    if (tensor.shape.size() == limits::kTensorRank) {
      return reader_.refuse("input '" + tensor.name + "': 'shape' has more than " +
                            std::to_string(limits::kTensorRank) + " dimensions");
    }
    tensor.shape.push_back(extent);
  }
  return !reader_.failed();
}

bool RequestParser::parse_datatype(NamedTensor& tensor) {
  std::string_view text;
  if (!reader_.read_string(text)) {
    return false;
  }
  const auto datatype = datatype_from_kserve(text);
  if (!datatype) {
    return reader_.refuse("input '" + tensor.name + "': unknown datatype '" +
                          std::string(text.substr(0, 32)) + "'");
  }
  tensor.datatype = *datatype;
  return true;
}

bool RequestParser::parse_data(NamedTensor& tensor, Said& said) {
  if (said.shape && said.datatype) {
    return read_data(reader_, tensor);
  }
  said.data_at = reader_.mark();
  return reader_.skip_value();
}

bool RequestParser::parse_input_parameters(Said& said) {
  if (is_null()) {
    return reader_.skip_value();
  }
  if (!reader_.open_object()) {
    return false;
  }
  std::string_view key;
  while (reader_.next_member(key)) {
    bool good = true;
    if (key == "binary_data_size") {
      std::uint64_t size = 0;
      good = reader_.read_uint64(size);
      said.binary_size = size;
    } else if (key.starts_with("shared_memory_")) {
      return refuse_unsupported("shared memory is not supported: send the data in the request");
    } else {
      good = reader_.skip_value();
    }
    if (!good) {
      return false;
    }
  }
  return !reader_.failed();
}

bool RequestParser::check_said(const NamedTensor& tensor, const Said& said) {
  if (!said.name) {
    return reader_.refuse("an input has no 'name'");
  }
  if (!said.shape) {
    return reader_.refuse("input '" + tensor.name + "' has no 'shape'");
  }
  if (!said.datatype) {
    return reader_.refuse("input '" + tensor.name + "' has no 'datatype'");
  }
  if (said.data == said.binary_size.has_value()) {
    return reader_.refuse(
        "Input must set only one of the following fields: 'data', 'binary_data_size' in "
        "'parameters'. Input '" +
        tensor.name + (said.data ? "' sets both." : "' sets neither."));
  }
  return true;
}

bool RequestParser::finish_input(NamedTensor& tensor, Said& said) {
  if (!check_said(tensor, said)) {
    return false;
  }
  if (said.data_at) {
    const JsonReader::Mark end = reader_.mark();
    reader_.go_to(*said.data_at);
    if (!read_data(reader_, tensor)) {
      return false;
    }
    reader_.go_to(end);
  }
  if (said.binary_size) {
    parsed_.binary.push_back({.index = parsed_.request.inputs.size(), .size = *said.binary_size});
  }
  parsed_.request.inputs.push_back(std::move(tensor));
  return true;
}

bool RequestParser::parse_outputs() {
  if (is_null()) {
    return reader_.skip_value();
  }
  if (!reader_.open_array()) {
    return false;
  }
  while (reader_.next_element()) {
    if (parsed_.request.outputs.size() == limits::kTensorsPerRequest) {
      return reader_.refuse("more than " + std::to_string(limits::kTensorsPerRequest) + " outputs");
    }
    if (!parse_output()) {
      return false;
    }
  }
  return !reader_.failed();
}

bool RequestParser::parse_output() {
  OutputForm form;
  bool named = false;
  bool says_form = false;
  std::string_view key;
  if (!reader_.open_object()) {
    return false;
  }
  while (reader_.next_member(key)) {
    bool good = true;
    if (key == "name") {
      named = true;
      good = parse_name(form.name, "an output's name");
    } else if (key == "parameters") {
      good = parse_output_parameters(form, says_form);
    } else {
      good = reader_.skip_value();
    }
    if (!good) {
      return false;
    }
  }
  if (!reader_.failed() && !named) {
    return reader_.refuse("an output has no 'name'");
  }
  if (!says_form) {
    silent_outputs_.push_back(parsed_.hints.outputs.size());
  }
  parsed_.request.outputs.push_back(form.name);
  parsed_.hints.outputs.push_back(std::move(form));
  return !reader_.failed();
}

bool RequestParser::parse_output_parameters(OutputForm& form, bool& says_form) {
  if (is_null()) {
    return reader_.skip_value();
  }
  if (!reader_.open_object()) {
    return false;
  }
  std::string_view key;
  while (reader_.next_member(key)) {
    bool good = true;
    if (key == "binary_data") {
      says_form = true;
      good = reader_.read_bool(form.binary);
    } else if (key == "classification") {
      std::uint64_t classes = 0;
      good = reader_.read_uint64(classes);
      form.classes = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(classes, limits::kClassificationElements));
    } else if (key.starts_with("shared_memory_")) {
      return refuse_unsupported("shared memory is not supported: outputs come in the answer");
    } else {
      good = reader_.skip_value();
    }
    if (!good) {
      return false;
    }
  }
  return !reader_.failed();
}

}  // namespace sluice::gateway::kserve_v2
