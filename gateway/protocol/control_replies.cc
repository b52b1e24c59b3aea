#include "gateway/protocol/control_replies.h"

#include <utility>

#include "gateway/protocol/json_writer.h"
#include "gateway/protocol/text.h"

namespace sluice::gateway {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

// What clients may rely on: each has a test against a running server.
constexpr std::string_view kExtensions[] = {
    "classification", "model_configuration", "binary_tensor_data", "parameters"};

void add_retry_after(ClientReply& reply) {
  if (reply.status == 503) {
    reply.headers.emplace_back("Retry-After", "1");
  }
}

ClientReply text_reply(int status, std::string text) {
  ClientReply reply{.status = status, .content_type = kPlainText};
  reply.body.push_back(Buffer::from_string(std::move(text)));
  return reply;
}

void append_values(std::string& out, const std::vector<ValueInfo>& values) {
  out += '[';
  for (const ValueInfo& value : values) {
    out += &value == values.data() ? "{\"name\":" : ",{\"name\":";
    append_json_string(out, value.name);
    out += ",\"datatype\":\"";
    out += kserve_name_of(value.datatype);
    out += "\",\"shape\":" + to_string(value.shape) + '}';
  }
  out += ']';
}

std::string versioned(const ModelRef& target) {
  return "'" + target.model + "'" +
         (target.version ? " version " + std::to_string(*target.version) : "");
}

}  // namespace

ClientReply health_reply(Health health, std::string_view why) {
  switch (health) {
    case Health::yes:
      break;
    case Health::no:
      return refusal_reply(400, why);
    case Health::draining:
      return error_reply(Protocol::kserve_v2, {ErrorCode::unavailable, "the server is draining"});
  }
  return {.status = 200, .content_type = kPlainText};
}

ClientReply server_metadata_reply(std::string_view version) {
  std::string out = "{\"name\":\"sluice\",\"version\":";
  append_json_string(out, version);
  out += ",\"extensions\":[";
  for (const std::string_view& extension : kExtensions) {
    out += &extension == kExtensions ? "" : ",";
    append_json_string(out, extension);
  }
  return json_reply(out + "]}");
}

ClientReply model_metadata_reply(const ModelInfo& model, std::span<const std::int64_t> versions) {
  std::string out = "{\"name\":";
  append_json_string(out, model.name);
  out += ",\"versions\":[";
  for (const std::int64_t& version : versions) {
    out += &version == versions.data() ? "\"" : ",\"";
    out += std::to_string(version) + '"';
  }
  out += "],\"platform\":";
  append_json_string(out, model.platform);
  out += ",\"inputs\":";
  append_values(out, model.inputs);
  out += ",\"outputs\":";
  append_values(out, model.outputs);
  return json_reply(out + '}');
}

ClientReply model_config_reply(std::string_view config) {
  return json_reply(std::string(config));
}

ClientReply operator_reply(const std::optional<Error>& error, std::string_view json) {
  if (error) {
    return error_reply(Protocol::kserve_v2, *error);
  }
  return json.empty() ? ClientReply{.content_type = kJson} : json_reply(std::string(json));
}

ClientReply graphpipe_ready_reply(Health health) {
  return health == Health::yes ? text_reply(200, "ok\n") : text_reply(503, "not ready\n");
}

ClientReply graphpipe_alive_reply(Health health) {
  return health == Health::no ? text_reply(503, "not alive\n") : text_reply(200, "ok\n");
}

ClientReply json_reply(std::string json) {
  ClientReply reply{.content_type = kJson};
  reply.body.push_back(Buffer::from_string(std::move(json)));
  return reply;
}

ClientReply event_stream_reply() {
  ClientReply reply{.content_type = "text/event-stream"};
  reply.headers.emplace_back("Cache-Control", "no-store");
  reply.streams = true;
  return reply;
}

ClientReply error_reply(Protocol protocol, const Error& error) {
  const int status = http_status(protocol, error.code);
  ClientReply reply;
  if (protocol == Protocol::graphpipe) {
    reply = text_reply(status, error.detail + "\n");
    reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  } else {
    reply = refusal_reply(status, error.detail);
  }
  add_retry_after(reply);
  return reply;
}

ClientReply refusal_reply(int status, std::string_view text) {
  std::string out = "{\"error\":";
  append_json_string(out, text);
  ClientReply reply = json_reply(out + '}');
  reply.status = status;
  return reply;
}

Error unknown_model(const ModelRef& target) {
  return {ErrorCode::not_found,
          "Request for unknown model: " + versioned(target) + " is not found"};
}

Error no_available_version(const ModelRef& target) {
  return {ErrorCode::not_found,
          "Request for unknown model: '" + target.model + "' has no available versions"};
}

Error version_not_ready(const ModelRef& target) {
  return {ErrorCode::unavailable,
          "Request for unknown model: " + versioned(target) + " is not at ready state"};
}

Error no_configuration(const ModelRef& target) {
  return {ErrorCode::not_found,
          "model '" + target.model + "' has no configuration: its workers were started by hand"};
}

Error control_is_busy() {
  return {ErrorCode::unavailable, "the server is too busy to answer this now"};
}

Error queue_full(std::string_view model) {
  return {ErrorCode::resource_exhausted,
          "Exceeds maximum queue size of model '" + std::string(model) + "'"};
}

Error timeout_expired() {
  return {ErrorCode::deadline_exceeded, "Request timeout expired"};
}

}  // namespace sluice::gateway
