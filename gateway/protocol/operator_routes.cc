// The paths of operators: the KServe v2 repository API and our own.

#include <optional>
#include <utility>

#include "common/base/limits.h"
#include "gateway/protocol/admin_requests.h"
#include "gateway/protocol/control_replies.h"
#include "gateway/protocol/path_segments.h"
#include "gateway/protocol/request_headers.h"

namespace sluice::gateway {
namespace {

// A body of an operator's call, read by `parse`.
template <class Parse>
Route operator_call(const ClientMessage& message, Parse parse) {
  if (message.body.size() > limits::kAdminBodyBytes) {
    return refusal_reply(413,
                         "the body has " + std::to_string(message.body.size()) +
                             " bytes, at most " + std::to_string(limits::kAdminBodyBytes) +
                             " are allowed here");
  }
  if (auto plain = check_content_encoding(message); !plain) {
    return error_reply(Protocol::kserve_v2, plain.error());
  }
  Result<AdminRequest> request = parse(message.body.text());
  if (!request) {
    return error_reply(Protocol::kserve_v2, request.error());
  }
  return OperatorCall{*std::move(request)};
}

std::optional<RolloutVerb> verb_of(std::string_view word) {
  if (word == "pause") {
    return RolloutVerb::pause;
  }
  if (word == "resume") {
    return RolloutVerb::resume;
  }
  return word == "abort" ? std::optional(RolloutVerb::abort) : std::nullopt;
}

}  // namespace

// models/NAME/load and /unload, [REPO/]index. Whatever stands for REPO: index takes it, as Triton
// does, the others do not.
Route repository_route(const ClientMessage& message, Segments& segments) {
  const auto wanted = [&](std::string_view what) {
    return segments.peek() == what && segments.left() == 1;
  };
  const bool named = !wanted("index") && !(segments.peek() == "models" && segments.left() == 3);
  if (named) {
    segments.take();
  }
  if (wanted("index")) {
    return message.method == "POST" ? operator_call(message, index_request)
                                    : Route(wrong_method("POST"));
  }
  if (!segments.take("models") || segments.left() != 2) {
    return unknown_path();
  }
  auto name = take_model_name(segments);
  const std::string_view what = segments.take();
  if (what != "load" && what != "unload") {
    return unknown_path();
  }
  if (message.method != "POST") {
    return wrong_method("POST");
  }
  if (named) {
    return error_reply(
        Protocol::kserve_v2,
        {ErrorCode::unsupported, "'repository_name' specification is not supported"});
  }
  if (!name) {
    return error_reply(Protocol::kserve_v2, name.error());
  }
  return operator_call(message, [&](std::string_view body) {
    return what == "load" ? load_request(*std::move(name), body)
                          : unload_request(*std::move(name), body);
  });
}

// /sluice/models[/NAME/rollout[/VERB] or /NAME/rollback or /NAME/events]
Route sluice_models_route(const ClientMessage& message, Segments& segments) {
  if (segments.at_end()) {
    return on_get(message, OperatorCall{ModelsAsked{}});
  }
  auto name = take_model_name(segments);
  if (segments.peek() == "events" && segments.left() == 1) {
    return name ? on_stream(message, OperatorCall{EventsAsked{*std::move(name)}})
                : Route(error_reply(Protocol::kserve_v2, name.error()));
  }
  std::optional<RolloutVerb> verb;
  if (segments.take("rollback")) {
    verb = RolloutVerb::rollback;
  } else if (!segments.take("rollout")) {
    return unknown_path();
  } else if (!segments.at_end() && !(verb = verb_of(segments.take()))) {
    return unknown_path();
  }
  if (!segments.at_end()) {
    return unknown_path();
  }
  const bool looks = !verb && reads(message);
  if (!looks && message.method != "POST") {
    return wrong_method(verb ? "POST" : "GET, HEAD, POST");
  }
  if (!name) {
    return error_reply(Protocol::kserve_v2, name.error());
  }
  if (looks) {
    return OperatorCall{RolloutLook{*std::move(name)}};
  }
  return operator_call(message, [&](std::string_view body) {
    return verb ? verb_request(*std::move(name), *verb, body)
                : rollout_request(*std::move(name), body);
  });
}

}  // namespace sluice::gateway
