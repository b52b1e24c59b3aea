// parse_route(): the table of paths. KServe v2 by its section 1.1, GraphPipe, and our own admin
// paths.

#include <array>
#include <limits>
#include <utility>

#include "gateway/protocol/adapters.h"
#include "gateway/protocol/control_replies.h"
#include "gateway/protocol/text.h"

namespace sluice::gateway {
namespace {

// A path split at '/', still encoded. More segments than any path of ours has are kept as "too
// many", which matches nothing.
class Segments {
 public:
  explicit Segments(std::string_view path) {
    while (!path.empty()) {
      path.remove_prefix(1);  // the '/'
      const std::size_t end = std::min(path.find('/'), path.size());
      if (count_ == parts_.size()) {
        count_ = 0;
        return;
      }
      parts_[count_++] = path.substr(0, end);
      path.remove_prefix(end);
    }
  }

  [[nodiscard]] bool at_end() const noexcept { return next_ == count_; }
  [[nodiscard]] std::string_view peek() const noexcept {
    return at_end() ? std::string_view{} : parts_[next_];
  }
  std::string_view take() noexcept { return at_end() ? std::string_view{} : parts_[next_++]; }
  // Takes the next segment if it is `word`.
  bool take(std::string_view word) noexcept {
    const bool same = !at_end() && parts_[next_] == word;
    next_ += same ? 1U : 0U;
    return same;
  }

 private:
  std::array<std::string_view, 8> parts_{};  // /v2/models/M/versions/N/trace/setting is the longest
  std::size_t count_ = 0;
  std::size_t next_ = 0;
};

ClientReply not_found() {
  return refusal_reply(404, "Not Found");
}

ClientReply wrong_method(std::string_view allowed) {
  ClientReply reply = refusal_reply(405, "Method Not Allowed");
  reply.headers.emplace_back("Allow", allowed);
  return reply;
}

ClientReply not_offered(std::string_view what) {
  return error_reply(
      Protocol::kserve_v2,
      {ErrorCode::unsupported, std::string(what) + " is not supported by this server"});
}

template <class Call>
Route on_get(const ClientMessage& message, Call call) {
  if (message.method != "GET") {
    return wrong_method("GET");
  }
  return call;
}

// NAME[/versions/N]. Digits beyond int64 are a bad request, anything else after /versions/ is an
// unknown path.
std::variant<ModelRef, ClientReply> take_model(Segments& segments, Protocol protocol) {
  auto name = percent_decoded(segments.take());
  if (!name) {
    return error_reply(protocol,
                       {ErrorCode::invalid_argument, "invalid model name: bad percent-encoding"});
  }
  if (auto checked = check_model_name(*name); !checked) {
    return error_reply(protocol, checked.error());
  }
  ModelRef target{.model = *std::move(name), .version = std::nullopt};
  if (!segments.take("versions")) {
    return target;
  }
  const std::string_view digits = segments.take();
  if (!all_digits(digits)) {
    return not_found();
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
    return segments.at_end() ? Route(not_offered("the statistics extension")) : Route(not_found());
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
  if (what == "trace" && !target.version && segments.take("setting") && segments.at_end()) {
    return not_offered("the trace extension");
  }
  if (!segments.at_end()) {
    return not_found();
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
    return not_offered("the model configuration extension");
  }
  if (what == "stats") {
    return not_offered("the statistics extension");
  }
  if (what == "generate" || what == "generate_stream") {
    return not_offered("the generate extension");
  }
  return not_found();
}

Route kserve_health_route(const ClientMessage& message, Segments& segments) {
  const std::string_view what = segments.take();
  if (segments.at_end() && what == "live") {
    return on_get(message, ServerLiveCall{});
  }
  if (segments.at_end() && what == "ready") {
    return on_get(message, ServerReadyCall{});
  }
  return not_found();
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
    return not_offered("the model repository extension");
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
  return not_found();
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
    return not_found();
  }
  if (message.method == "GET") {
    return GraphPipeJsonCall{std::move(target)};
  }
  return InferCall{.adapter = &graphpipe_adapter(), .target = std::move(target)};
}

}  // namespace

Route parse_route(const ClientMessage& message, const RouteOptions& options) {
  Segments segments(message.path.starts_with('/') ? message.path : std::string_view{});
  if (!options.graphpipe_model.empty()) {
    return graphpipe_route(
        message, segments, {.model = options.graphpipe_model, .version = std::nullopt}, true);
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
  if (segments.take("sluice") && segments.take("status") && segments.at_end()) {
    return on_get(message, StatusCall{});
  }
  return not_found();
}

}  // namespace sluice::gateway
