// RequestParser: the request's own members and parameters.

#include "gateway/protocol/kserve_v2_request.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "common/base/limits.h"
#include "gateway/protocol/kserve_v2_parser.h"

namespace sluice::gateway::kserve_v2 {

using Kind = JsonReader::Kind;

Result<ParsedRequest> parse_request(std::string_view json) {
  return RequestParser(json).parse();
}

bool RequestParser::parse_top() {
  Seen seen(reader_);
  std::string_view key;
  if (!reader_.open_object()) {
    return false;
  }
  while (reader_.next_member(key)) {
    bool good = true;
    if (key == "inputs") {
      good = seen.first(0, key) && parse_inputs();
    } else if (key == "outputs") {
      good = seen.first(1, key) && parse_outputs();
    } else if (key == "id") {
      good = seen.first(2, key) && parse_id();
    } else if (key == "parameters") {
      good = seen.first(3, key) && parse_request_parameters();
    } else {
      good = reader_.skip_value();
    }
    if (!good) {
      return false;
    }
  }
  if (!reader_.failed() && !has_inputs_) {
    return reader_.refuse("the request has no 'inputs'");
  }
  // The request's default may stand behind the outputs.
  for (const std::size_t index : silent_outputs_) {
    parsed_.hints.outputs[index].binary = parsed_.hints.binary;
  }
  return !reader_.failed();
}

bool RequestParser::parse_name(std::string& name, std::string_view what) {
  std::string_view text;
  if (!reader_.read_string(text)) {
    return false;
  }
  if (text.empty() || text.size() > limits::kNameBytes) {
    return reader_.refuse(std::string(what) + " must have 1 to " +
                          std::to_string(limits::kNameBytes) + " bytes, not " +
                          std::to_string(text.size()));
  }
  name = text;
  return true;
}

// The C++ client always sends an id, which may be empty: none.
bool RequestParser::parse_id() {
  std::string_view text;
  if (is_null()) {
    return reader_.skip_value();
  }
  if (!reader_.read_string(text)) {
    return false;
  }
  if (text.size() > limits::kNameBytes) {
    return reader_.refuse("'id' has " + std::to_string(text.size()) + " bytes, at most " +
                          std::to_string(limits::kNameBytes) + " are allowed");
  }
  parsed_.hints.id = text;
  return true;
}

bool RequestParser::parse_request_parameters() {
  if (is_null()) {
    return reader_.skip_value();
  }
  if (!reader_.open_object()) {
    return false;
  }
  std::string_view key;
  while (reader_.next_member(key)) {
    if (!parse_request_parameter(key)) {
      return false;
    }
  }
  return !reader_.failed();
}

bool RequestParser::parse_request_parameter(std::string_view key) {
  if (key == "binary_data_output") {
    return reader_.read_bool(parsed_.hints.binary);
  }
  if (key == "timeout") {
    return parse_timeout();
  }
  if (key == "priority") {
    std::uint64_t level = 0;  // one beyond the model's range is its default, like 0
    if (!reader_.read_uint64(level)) {
      return false;
    }
    parsed_.request.priority =
        level > limits::kPriorityLevels ? 0U : static_cast<std::uint32_t>(level);
    return true;
  }
  const std::string name(key);
  if (name == "sequence_id" || name == "sequence_start" || name == "sequence_end") {
    return parse_sequence_parameter(name);
  }
  if (name.starts_with("triton_")) {
    return reader_.refuse("parameter '" + name + "': names that begin with 'triton_' are reserved");
  }
  return parse_custom_parameter(name);
}

bool RequestParser::parse_timeout() {
  std::uint64_t timeout_us = 0;
  if (!reader_.read_uint64(timeout_us)) {
    return false;
  }
  constexpr auto kMost =
      std::chrono::duration_cast<std::chrono::microseconds>(limits::kMaxDeadline);
  if (timeout_us > 0) {  // 0: the server's default
    const auto most = static_cast<std::uint64_t>(kMost.count());
    parsed_.request.queue_timeout =
        std::chrono::microseconds(static_cast<std::int64_t>(std::min(timeout_us, most)));
  }
  return true;
}

// What these say when they mean "no sequence" passes; anything else would be answered wrongly.
bool RequestParser::parse_sequence_parameter(const std::string& name) {
  bool asks = false;
  switch (reader_.peek()) {
    case Kind::boolean:
      if (!reader_.read_bool(asks)) {
        return false;
      }
      break;
    case Kind::string: {
      std::string_view text;
      if (!reader_.read_string(text)) {
        return false;
      }
      asks = !text.empty();
      break;
    }
    default: {
      std::uint64_t number = 0;
      if (!reader_.read_uint64(number)) {
        return false;
      }
      asks = number != 0;
    }
  }
  if (asks) {
    return refuse_unsupported("parameter '" + name + "': sequences are not supported");
  }
  return true;
}

// For the model, which has no use for it. Its type is checked as Triton does.
bool RequestParser::parse_custom_parameter(const std::string& name) {
  const Kind kind = reader_.peek();
  if (kind == Kind::object || kind == Kind::array || kind == Kind::null) {
    return reader_.refuse("parameter '" + name + "' must be a string, a number or a bool");
  }
  return reader_.skip_value();
}

}  // namespace sluice::gateway::kserve_v2
