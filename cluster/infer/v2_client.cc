#include "cluster/infer/v2_client.h"

#include <charconv>
#include <chrono>

#include <nlohmann/json.hpp>

#include "cluster/infer/elements.h"
#include "cluster/infer/json_tensor.h"
#include "common/base/limits.h"

namespace sluice::cluster {

namespace {

using Json = nlohmann::json;

Error corrupt(std::string detail) {
  return Error{ErrorCode::data_corrupt, "the server's answer: " + std::move(detail)};
}

// The member as text; empty when it is missing or something else.
std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<ValueInfo> value_info(const Json& object) {
  if (!object.is_object()) {
    return corrupt("a tensor that is not an object");
  }
  ValueInfo info;
  info.name = text_of(object, "name");
  const std::optional<DataType> datatype = datatype_from_kserve(text_of(object, "datatype"));
  if (!datatype) {
    return corrupt("tensor '" + info.name + "' has no datatype that is known here");
  }
  info.datatype = *datatype;
  const auto shape = object.find("shape");
  if (shape == object.end() || !shape->is_array() || shape->size() > limits::kTensorRank) {
    return corrupt("tensor '" + info.name + "' has no shape");
  }
  for (const Json& extent : *shape) {
    if (!extent.is_number_integer()) {
      return corrupt("tensor '" + info.name + "' has no shape");
    }
    info.shape.push_back(extent.get<std::int64_t>());
  }
  return info;
}

Result<std::vector<ValueInfo>> value_infos(const Json& object, const char* key) {
  std::vector<ValueInfo> infos;
  const auto list = object.find(key);
  if (list == object.end() || !list->is_array()) {
    return corrupt(std::string("no \"") + key + "\"");
  }
  for (const Json& item : *list) {
    SLUICE_TRY_ASSIGN(ValueInfo info, value_info(item));
    infos.push_back(std::move(info));
  }
  return infos;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-._~";  // RFC 3986, unreserved
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    if (letter || (byte >= '0' && byte <= '9') || kPlain.find(c) != std::string_view::npos) {
      encoded += c;
      continue;
    }
    encoded += '%';
    encoded += kHex[byte >> 4U];
    encoded += kHex[byte & 0xfU];
  }
  return encoded;
}

// Bytes must be exactly what datatype and shape need.
Result<void> check_size(const NamedTensor& tensor) {
  if (tensor.datatype == DataType::string) {
    SLUICE_TRY_ASSIGN(const std::int64_t count, element_count(tensor.shape));
    const auto strings = split_strings(tensor.data.bytes(), count);
    return strings ? Result<void>() : with_context(strings.error(), "output '" + tensor.name + "'");
  }
  SLUICE_TRY_ASSIGN(const std::size_t size, byte_count(tensor.datatype, tensor.shape));
  if (size != tensor.data.size()) {
    return corrupt("output '" + tensor.name + "' has " + std::to_string(tensor.data.size()) +
                   " bytes, its shape needs " + std::to_string(size));
  }
  return {};
}

// One output; binary ones take their bytes from `rest`, which starts at `at`.
Result<NamedTensor> decode_output(const Json& object, const Buffer& rest, std::size_t& at) {
  SLUICE_TRY_ASSIGN(const ValueInfo info, value_info(object));
  NamedTensor tensor{info.name, info.datatype, info.shape, Buffer()};
  if (const auto data = object.find("data"); data != object.end()) {
    // The shape is taken as told; a flat list is what v2 servers send.
    SLUICE_TRY_ASSIGN(const NamedTensor read, tensor_from_json(data->dump(), info));
    tensor.data = read.data;
  } else {
    const auto parameters = object.find("parameters");
    const bool told = parameters != object.end() && parameters->is_object();
    const Json size = told ? parameters->value("binary_data_size", Json()) : Json();
    if (!size.is_number_unsigned() || size.get<std::uint64_t>() > rest.size() - at) {
      return corrupt("output '" + info.name + "' has no data");
    }
    tensor.data = rest.slice(at, size.get<std::size_t>());
    at += tensor.data.size();
  }
  SLUICE_TRY(check_size(tensor));
  return tensor;
}

Result<Json> parse_object(std::string_view text) {
  Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (!json.is_object()) {
    return corrupt("not a JSON object");
  }
  return json;
}

}  // namespace

std::string model_path(std::string_view model, std::optional<std::int64_t> version) {
  std::string path = "/v2/models/" + percent_encoded(model);
  if (version) {
    path += "/versions/" + std::to_string(*version);
  }
  return path;
}

Result<ModelInfo> decode_metadata(std::string_view json) {
  SLUICE_TRY_ASSIGN(const Json object, parse_object(json));
  ModelInfo info;
  info.name = text_of(object, "name");
  info.platform = text_of(object, "platform");
  SLUICE_TRY_ASSIGN(info.inputs, value_infos(object, "inputs"));
  SLUICE_TRY_ASSIGN(info.outputs, value_infos(object, "outputs"));
  return info;
}

EncodedRequest encode_request(const InferRequest& request) {
  Json json = Json::object();
  json["inputs"] = Json::array();
  std::string tensors;
  for (const NamedTensor& input : request.inputs) {
    json["inputs"].push_back({{"name", input.name},
                              {"shape", input.shape},
                              {"datatype", kserve_name_of(input.datatype)},
                              {"parameters", {{"binary_data_size", input.data.size()}}}});
    tensors += input.data.text();
  }
  for (const std::string& output : request.outputs) {
    json["outputs"].push_back({{"name", output}, {"parameters", {{"binary_data", true}}}});
  }
  if (request.outputs.empty()) {
    json["parameters"]["binary_data_output"] = true;
  }
  if (request.timeout) {
    json["parameters"]["timeout"] =
        std::chrono::duration_cast<std::chrono::microseconds>(*request.timeout).count();
  }
  EncodedRequest encoded;
  encoded.body = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  encoded.json_size = encoded.body.size();
  encoded.body += tensors;
  return encoded;
}

Result<InferResponse> decode_response(const Buffer& body, std::optional<std::size_t> json_size) {
  const std::size_t size = json_size.value_or(body.size());
  if (size > body.size()) {
    return corrupt("Inference-Header-Content-Length is larger than the body");
  }
  SLUICE_TRY_ASSIGN(const Json object, parse_object(body.text().substr(0, size)));
  InferResponse response;
  response.model = text_of(object, "model_name");
  const std::string version = text_of(object, "model_version");
  std::from_chars(version.data(), version.data() + version.size(), response.version);
  const auto outputs = object.find("outputs");
  if (outputs == object.end() || !outputs->is_array()) {
    return corrupt("no \"outputs\"");
  }
  const Buffer rest = body.slice(size, body.size() - size);
  std::size_t at = 0;
  for (const Json& output : *outputs) {
    SLUICE_TRY_ASSIGN(NamedTensor tensor, decode_output(output, rest, at));
    response.outputs.push_back(std::move(tensor));
  }
  if (at != rest.size()) {
    return corrupt(std::to_string(rest.size() - at) + " bytes after the last output");
  }
  return response;
}

Error decode_error(int status, std::string_view body) {
  const Json json = Json::parse(body.begin(), body.end(), nullptr, false);
  std::string detail = json.is_object() ? text_of(json, "error") : std::string();
  if (detail.empty()) {
    detail = "the server answers with status " + std::to_string(status);
  }
  switch (status) {
    case 400:
    case 413:
      return Error{ErrorCode::invalid_argument, std::move(detail)};
    case 404:
      return Error{ErrorCode::not_found, std::move(detail)};
    case 501:
      return Error{ErrorCode::unsupported, std::move(detail)};
    case 503:
      return Error{ErrorCode::unavailable, std::move(detail)};
    case 504:
      return Error{ErrorCode::deadline_exceeded, std::move(detail)};
    default:
      return Error{ErrorCode::internal, std::move(detail)};
  }
}

}  // namespace sluice::cluster
