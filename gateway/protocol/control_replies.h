// Answers to everything but inference: health, readiness, metadata, status, refusals. Pure; what is
// true is the caller's to know.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "gateway/protocol/adapters.h"
#include "gateway/protocol/message.h"
#include "gateway/protocol/status_map.h"

namespace sluice::gateway {

enum class Health : std::uint8_t {
  yes,       // v2: 200, empty body
  no,        // v2: 400 with the reason
  draining,  // 503 with a reason and Retry-After
};

// --- KServe v2
// -------------------------------------------------------------------------------------

// Of the server, or of one model that exists. `why` it is not ready, in words for callers: of `no`.
ClientReply health_reply(Health health, std::string_view why = {});

// `version` of the server, as "0.1.0".
ClientReply server_metadata_reply(std::string_view version);

// `config`: the model's configuration as JSON, shown as it is.
ClientReply model_config_reply(std::string_view config);

// Control's answer to an operator: the error, else 200 with the JSON, which may be empty.
ClientReply operator_reply(const std::optional<Error>& error, std::string_view json);

// `versions`: the ready ones, or the one that was named; ascending.
ClientReply model_metadata_reply(const ModelInfo& model, std::span<const std::int64_t> versions);

// --- GraphPipe
// -------------------------------------------------------------------------------------

// MetadataResponse, for a POSTed MetadataRequest.
ClientReply graphpipe_metadata_reply(const ModelInfo& model, std::string_view server_version);

// The same as JSON with the Go server's key names, for a GET.
ClientReply graphpipe_json_reply(const ModelInfo& model, std::string_view server_version);

// control/is_ready and control/is_alive: "ok\n", or 503 and "not ready\n" / "not alive\n".
ClientReply graphpipe_ready_reply(Health health);
ClientReply graphpipe_alive_reply(Health health);

// --- both
// ------------------------------------------------------------------------------------------

// 200, application/json. `json` is complete already (the control actor's status).
ClientReply json_reply(std::string json);

// 200, text/event-stream: what it says comes bit by bit.
ClientReply event_stream_reply();

// In the protocol's form: {"error": "..."} or text/plain. With Retry-After on 503.
ClientReply error_reply(Protocol protocol, const Error& error);

// {"error": text} with a status of HTTP's own (404, 405, 413, 431, ...).
ClientReply refusal_reply(int status, std::string_view text);

// --- errors with the words that clients and tests match on
// -----------------------------------------

Error unknown_model(const ModelRef& target);  // "Request for unknown model: 'm' is not found"
Error no_available_version(const ModelRef& target);  // not_found: known, none ready, none named
Error version_not_ready(const ModelRef& target);     // unavailable: known, named, not ready
Error no_configuration(const ModelRef& target);      // not_found: known, but nothing was configured
Error control_is_busy();                             // unavailable: for status and operators
Error queue_full(std::string_view model);            // resource_exhausted
Error timeout_expired();                             // deadline_exceeded

}  // namespace sluice::gateway
