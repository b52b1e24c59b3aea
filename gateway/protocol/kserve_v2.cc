#include "gateway/protocol/kserve_v2.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "common/base/limits.h"
#include "gateway/protocol/control_replies.h"
#include "gateway/protocol/kserve_v2_raw.h"
#include "gateway/protocol/kserve_v2_request.h"
#include "gateway/protocol/request_headers.h"
#include "gateway/protocol/tensor_bytes.h"
#include "gateway/protocol/text.h"

namespace sluice::gateway::kserve_v2 {
namespace {

// Bytes of JSON at the front of the body: all of it, unless the header says otherwise.
Result<std::size_t> json_size(const ClientMessage& message) {
  const std::string_view header = header_of(message, kHeaderLength);
  if (header.empty()) {
    return message.body.size();
  }
  const auto size = parse_digits(header, message.body.size());
  if (!size) {
    return Error{ErrorCode::invalid_argument,
                 "inference header size should be in range (0, " +
                     std::to_string(message.body.size()) +
                     "), got: " + std::string(header.substr(0, 32))};
  }
  return static_cast<std::size_t>(*size);
}

// Gives each binary input its slice of what follows the JSON.
Result<void> take_binary(ParsedRequest& parsed, const Buffer& tail, const std::string& model) {
  const auto has_bytes = [](const BinaryInput& input) { return input.size > 0; };
  if (tail.empty() && std::ranges::any_of(parsed.binary, has_bytes)) {
    return Error{ErrorCode::invalid_argument,
                 "must specify valid 'Infer-Header-Content-Length' in request header (" +
                     std::string(kHeaderLength) +
                     ") and 'binary_data_size' when passing inputs in binary data format"};
  }
  std::size_t at = 0;
  for (const BinaryInput& input : parsed.binary) {
    NamedTensor& tensor = parsed.request.inputs[input.index];
    const std::size_t left = tail.size() - at;
    if (input.size > left) {
      return Error{ErrorCode::invalid_argument,
                   "unexpected size for input '" + tensor.name + "', expecting " +
                       std::to_string(input.size - left) + " additional bytes for model '" + model +
                       "'"};
    }
    tensor.data = tail.slice(at, input.size);
    at += input.size;
  }
  if (at != tail.size()) {
    return Error{ErrorCode::invalid_argument,
                 "unexpected additional input data for model '" + model +
                     "': " + std::to_string(tail.size() - at) + " bytes are left over"};
  }
  return {};
}

bool needs_binary(DataType type) {
  return type == DataType::float16 || type == DataType::bfloat16;
}

bool starts_open(const ValueInfo& value) {
  return !value.shape.empty() && value.shape.front() < 0;
}

// What only the model can tell: refuses before the work what encode would have to refuse after it.
Result<void> hold_against_model(ReplyHints& hints, const ModelInfo& model) {
  const bool batches = std::ranges::all_of(model.inputs, starts_open) &&
                       std::ranges::all_of(model.outputs, starts_open);
  for (OutputForm& form : hints.outputs) {
    form.class_per_row = batches;
  }
  for (const ValueInfo& output : model.outputs) {
    const auto form = std::ranges::find(hints.outputs, output.name, &OutputForm::name);
    const bool named = form != hints.outputs.end();
    const bool wanted = named || hints.outputs.empty();
    const bool as_json = named ? !form->binary && form->classes == 0 : !hints.binary;
    if (wanted && as_json && needs_binary(output.datatype)) {
      return Error{ErrorCode::invalid_argument,
                   "sending " + std::string(kserve_name_of(output.datatype)) +
                       " data via JSON is not supported. Please use the binary data format for "
                       "output '" +
                       output.name + "'"};
    }
  }
  return {};
}

Result<ParsedRequest> parse_body(const ClientMessage& message,
                                 const ModelRef& target,
                                 const ModelInfo* model) {
  const Buffer& body = message.body;
  SLUICE_TRY_ASSIGN(const std::size_t size, json_size(message));
  if (size == 0 && !header_of(message, kHeaderLength).empty()) {
    ParsedRequest raw;
    SLUICE_TRY_ASSIGN(raw.request, raw_request(body, target, model));
    raw.hints.binary = true;
    return raw;
  }
  SLUICE_TRY_ASSIGN(ParsedRequest parsed, parse_request(body.text().substr(0, size)));
  SLUICE_TRY(take_binary(parsed, body.slice(size, body.size() - size), target.model));
  return parsed;
}

}  // namespace

Result<Decoded> decode(const ClientMessage& message,
                       const InferCall& call,
                       const ModelInfo* model) {
  SLUICE_TRY(check_content_encoding(message));
  SLUICE_TRY_ASSIGN(ParsedRequest parsed, parse_body(message, call.target, model));
  SLUICE_TRY(check_bools(parsed.request));
  SLUICE_TRY(take_timeout_header(message, parsed.request));
  if (model != nullptr) {
    SLUICE_TRY(hold_against_model(parsed.hints, *model));
  }
  parsed.request.model = call.target.model;
  parsed.request.version = call.target.version;
  return Decoded{.call = std::move(parsed.request), .hints = std::move(parsed.hints)};
}

ClientReply encode_error(const Error& error, const ReplyHints&) {
  return error_reply(Protocol::kserve_v2, error);
}

}  // namespace sluice::gateway::kserve_v2
