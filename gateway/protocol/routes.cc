// parse_route(): the table of paths. KServe v2 by its section 1.1, GraphPipe, and our own admin
// paths.

#include <limits>
#include <optional>
#include <utility>

#include "common/base/limits.h"
#include "gateway/protocol/adapters.h"
#include "gateway/protocol/control_replies.h"
#include "gateway/protocol/path_segments.h"
#include "gateway/protocol/text.h"

namespace sluice::gateway {
namespace {

ClientReply not_offered(std::string_view what) {
  return error_reply(
      Protocol::kserve_v2,
      {ErrorCode::unsupported, std::string(what) + " is not supported by this server"});
}

// A label is bounded like a name, and needs no other rules: it is only ever looked up.
Result<std::string> take_label(Segments& segments) {
  auto label = percent_decoded(segments.take());
  if (!label || label->empty() || label->size() > limits::kNameBytes) {
    return Error{ErrorCode::invalid_argument,
                 "invalid label: 1 to " + std::to_string(limits::kNameBytes) +
                     " bytes, percent-encoded, are expected"};
  }
  return *std::move(label);
}

// NAME[/versions/N or /labels/L]. Digits beyond int64 are a bad request, anything else after
// /versions/ is an unknown path.
std::variant<ModelRef, ClientReply> take_model(Segments& segments, Protocol protocol) {
  auto name = take_model_name(segments);
  if (!name) {
    return error_reply(protocol, name.error());
  }
  ModelRef target{.model = *std::move(name)};
  if (segments.take("labels")) {
    auto label = take_label(segments);
    if (!label) {
      return error_reply(protocol, label.error());
    }
    target.label = *std::move(label);
    return target;
  }
  if (!segments.take("versions")) {
    return target;
  }
  const std::string_view digits = segments.take();
  if (!all_digits(digits)) {
    return unknown_path();
  }
  const auto version =
      parse_digits(digits, static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  if (!version) {
    return error_reply(protocol,
                       {ErrorCode::invalid_argument,
                        "failed to get model version from specified version string '" +
                            std::string(digits) + "'"});
  }
  target.version = static_cast<std::int64_t>(*version);
  return target;
}

Route kserve_model_route(const ClientMessage& message, Segments& segments) {
  if (segments.peek() == "stats") {  // this literal path wins over a model of that name
    segments.take();
    return segments.at_end() ? Route(not_offered("the statistics extension"))
                             : Route(unknown_path());
  }
  auto taken = take_model(segments, Protocol::kserve_v2);
  if (auto* reply = std::get_if<ClientReply>(&taken)) {
    return std::move(*reply);
  }
  auto& target = std::get<ModelRef>(taken);
  if (segments.at_end()) {
    return on_get(message, ModelMetadataCall{std::move(target)});
  }
  const std::string_view what = segments.take();
  if (what == "trace" && !target.version && target.label.empty() && segments.take("setting") &&
      segments.at_end()) {
    return not_offered("the trace extension");
  }
  if (!segments.at_end()) {
    return unknown_path();
  }
  if (what == "infer") {
    if (message.method != "POST") {
      return wrong_method("POST");
    }
    return InferCall{.adapter = &kserve_v2_adapter(), .target = std::move(target)};
  }
  if (what == "ready") {
    return on_get(message, ModelReadyCall{std::move(target)});
  }
  if (what == "config") {
    return on_get(message, ModelConfigCall{std::move(target)});
  }
  if (what == "stats") {
    return not_offered("the statistics extension");
  }
  if (what == "generate" || what == "generate_stream") {
    return not_offered("the generate extension");
  }
  return unknown_path();
}

Route kserve_health_route(const ClientMessage& message, Segments& segments) {
  const std::string_view what = segments.take();
  if (segments.at_end() && what == "live") {
    return on_get(message, ServerLiveCall{});
  }
  if (segments.at_end() && what == "ready") {
    return on_get(message, ServerReadyCall{});
  }
  return unknown_path();
}

Route kserve_route(const ClientMessage& message, Segments& segments) {
  if (segments.at_end()) {
    return on_get(message, ServerMetadataCall{});
  }
  const std::string_view area = segments.take();
  if (area == "health") {
    return kserve_health_route(message, segments);
  }
  if (area == "models" && !segments.at_end()) {
    return kserve_model_route(message, segments);
  }
  if (area == "repository" && !segments.at_end()) {
    return repository_route(message, segments);
  }
  if (area == "systemsharedmemory" || area == "cudasharedmemory") {
    return not_offered("shared memory");
  }
  if (area == "trace" && segments.take("setting") && segments.at_end()) {
    return not_offered("the trace extension");
  }
  if (area == "logging" && segments.at_end()) {
    return not_offered("the logging extension");
  }
  return unknown_path();
}

// What follows a GraphPipe server's root. `any_path`: the Go servers answer every path but their
// control paths as if it were the root.
Route graphpipe_route(const ClientMessage& message,
                      Segments& segments,
                      ModelRef target,
                      bool any_path) {
  if (segments.take("control")) {
    const std::string_view what = segments.take();
    if (segments.at_end() && what == "is_ready") {
      return GraphPipeReadyCall{std::move(target)};
    }
    if (segments.at_end() && what == "is_alive") {
      return GraphPipeAliveCall{};
    }
    return error_reply(Protocol::graphpipe,
                       {ErrorCode::not_found, "only control/is_ready and control/is_alive exist"});
  }
  if (!any_path && !segments.at_end()) {
    return unknown_path();
  }
  if (reads(message)) {
    return GraphPipeJsonCall{std::move(target)};
  }
  return InferCall{.adapter = &graphpipe_adapter(), .target = std::move(target)};
}

}  // namespace

ClientReply unknown_path() {
  return refusal_reply(404, "Not Found");
}

ClientReply wrong_method(std::string_view allowed) {
  ClientReply reply = refusal_reply(405, "Method Not Allowed");
  reply.headers.emplace_back("Allow", allowed);
  return reply;
}

Result<std::string> take_model_name(Segments& segments) {
  auto name = percent_decoded(segments.take());
  if (!name) {
    return Error{ErrorCode::invalid_argument, "invalid model name: bad percent-encoding"};
  }
  SLUICE_TRY(check_model_name(*name));
  return *std::move(name);
}

Route parse_route(const ClientMessage& message, const RouteOptions& options) {
  Segments segments(message.path.starts_with('/') ? message.path : std::string_view{});
  if (!options.graphpipe_model.empty()) {
    return graphpipe_route(message, segments, {.model = options.graphpipe_model}, true);
  }
  if (segments.take("v2")) {
    return kserve_route(message, segments);
  }
  if (segments.take("graphpipe") && !segments.at_end()) {
    auto taken = take_model(segments, Protocol::graphpipe);
    if (auto* reply = std::get_if<ClientReply>(&taken)) {
      return std::move(*reply);
    }
    return graphpipe_route(message, segments, std::get<ModelRef>(std::move(taken)), false);
  }
  if (!segments.take("sluice")) {
    return unknown_path();
  }
  if (segments.take("models")) {
    return sluice_models_route(message, segments);
  }
  if (segments.peek() == "events" && segments.left() == 1) {
    return on_stream(message, OperatorCall{EventsAsked{}});
  }
  return segments.take("status") && segments.at_end() ? on_get(message, StatusCall{})
                                                      : Route(unknown_path());
}

}  // namespace sluice::gateway
