// ShardActor, the HTTP side: from a client's message to an accepted request, and from an answer to
// the client's reply.

#include <algorithm>
#include <functional>
#include <utility>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/overloaded.h"
#include "common/link/tensor_codec.h"
#include "gateway/protocol/control_replies.h"
#include "gateway/protocol/request_headers.h"
#include "gateway/route/control_calls.h"
#include "gateway/route/shard_actor.h"

namespace sluice::gateway {
namespace {

std::size_t bytes_of(const link::Body& body) {
  std::size_t bytes = 0;
  for (const Buffer& frame : body) {
    bytes += frame.size();
  }
  return bytes;
}

// Tells equal requests of a model; only ever used among those that have killed workers.
std::uint64_t fingerprint_of(const link::Body& body) {
  std::uint64_t digest = 0x9e3779b97f4a7c15U;
  for (const Buffer& frame : body) {
    const std::uint64_t each = std::hash<std::string_view>{}(frame.text());
    digest = (digest ^ each) * 0xff51afd7ed558ccdU;
  }
  return digest == 0 ? 1 : digest;  // 0 means none
}

TimePoint after(TimePoint received, Duration wish) {
  return received + std::clamp<Duration>(wish, Duration::zero(), limits::kMaxDeadline);
}

// The default is for those that say nothing: `timeout` alone may ask for longer, where it is no
// deadline too.
TimePoint deadline_of(const InferRequest& request, TimePoint received) {
  const Duration unsaid = std::max<Duration>(limits::kDefaultDeadline,
                                             request.queue_timeout.value_or(Duration::zero()));
  return after(received, request.timeout.value_or(unsaid));
}

std::optional<TimePoint> wish_of(const InferRequest& request, TimePoint received) {
  return request.queue_timeout ? std::optional(after(received, *request.queue_timeout))
                               : std::nullopt;
}

}  // namespace

void ShardActor::on_request(RequestHandle handle,
                            const ClientMessage& message,
                            const RequestFacts& facts) {
  const RouteOptions options{facts.port_tag == kGraphPipePort ? options_.graphpipe_model : ""};
  Route route = parse_route(message, options);
  settle_label(route, models_);
  if (const auto* call = std::get_if<InferCall>(&route)) {
    infer(handle, *call, message, facts);
  } else if (std::holds_alternative<StatusCall>(route)) {
    ask_status(handle);
  } else if (auto* asked = std::get_if<OperatorCall>(&route)) {
    ask_control(handle, std::move(asked->request));
  } else {
    listener_.reply(handle, answer_control_call(route, models_, draining_));
  }
  ++came_;
  if (gathering_) {
    return;
  }
  if (listener_.pending_requests() <= 1) {
    after_events(loop_->now());  // nobody else is on the way: waiting for company is waiting
    return;
  }
  gathering_ = true;
  gather_post_.post();
}

// Requests leave together, for one wake-up of each thread on the way to the worker: as long as
// every look at the sockets brings more of them, and until a bundle is full, which is then sent.
void ShardActor::on_gathered(TimePoint now) {
  gathering_ = came_ > 0;
  came_ = 0;
  if (gathering_) {
    perform_actions(now);
    gather_post_.post();
    return;
  }
  after_events(now);
}

void ShardActor::ask_status(RequestHandle handle) {
  const std::uint64_t token = ++last_token_;
  asked_control_.emplace(token, handle);
  if (!tell_control(StatusQuery{options_.index, token})) {
    on_control_answer(token, operator_reply(control_is_busy(), {}));
  }
}

void ShardActor::ask_control(RequestHandle handle, AdminRequest request) {
  const std::uint64_t token = ++last_token_;
  asked_control_.emplace(token, handle);
  if (!tell_control(AdminCall{options_.index, token, std::move(request)})) {
    on_control_answer(token, operator_reply(control_is_busy(), {}));
  }
}

void ShardActor::on_stream_part(const StreamPart& part) {
  if (const auto asked = asked_control_.find(part.token); asked != asked_control_.end()) {
    listener_.reply(asked->second, event_stream_reply());
    streams_.emplace(part.token, asked->second);
    asked_control_.erase(asked);
  }
  const auto stream = streams_.find(part.token);
  if (stream == streams_.end()) {  // the client went away; control has not heard of it
    tell_control(FollowerGone{options_.index, part.token});
    return;
  }
  listener_.stream(stream->second, part.text.text());
  if (!streams_end_.empty()) {
    end_streams();
  }
}

void ShardActor::end_streams() {
  const std::string end =
      "event: end\ndata: {\"reason\":\"" + std::string(streams_end_) + "\"}\n\n";
  for (const auto& [token, handle] : streams_) {
    listener_.stream(handle, end);
    listener_.end_stream(handle);
    tell_control(FollowerGone{options_.index, token});
  }
  streams_.clear();
}

Result<Decoded> ShardActor::decode(const InferCall& call, const ClientMessage& message) const {
  const ModelInfo* info = models_.find(call.target);
  auto decoded = call.adapter->decode(message, call, info);
  if (!decoded || info == nullptr) {
    return decoded;
  }
  if (auto* request = std::get_if<InferRequest>(&decoded->call)) {
    SLUICE_TRY(validate(*request, *info));
  }
  return decoded;
}

void ShardActor::infer(RequestHandle handle,
                       const InferCall& call,
                       const ClientMessage& message,
                       const RequestFacts& facts) {
  if (models_.standing(call.target) == ModelTable::Standing::unknown) {
    refuse(handle, call, unknown_model(call.target), {});
    return;
  }
  auto decoded = decode(call, message);
  if (!decoded) {
    refuse(handle, call, decoded.error(), {});
    return;
  }
  if (const auto* asked = std::get_if<MetadataAsked>(&decoded->call)) {
    listener_.reply(handle, answer_metadata_asked(*asked, models_));
    return;
  }
  admit(handle, call, *std::move(decoded), facts);
}

void ShardActor::admit(RequestHandle handle,
                       const InferCall& call,
                       Decoded decoded,
                       const RequestFacts& facts) {
  const auto& request = std::get<InferRequest>(decoded.call);
  auto body = encoder_.infer(request);
  if (!body) {
    refuse(handle, call, body.error(), decoded.hints);
    return;
  }
  const TimePoint now = loop_->now();
  const Admit asked{.model = call.target.model,
                    .version = call.target.version,
                    .bytes = bytes_of(*body),
                    .deadline = deadline_of(request, facts.last_body_byte),
                    .wish = wish_of(request, facts.last_body_byte),
                    .priority = request.priority,
                    .fingerprint = dispatcher_.wants_fingerprints() ? fingerprint_of(*body) : 0};
  const auto id = dispatcher_.admit(asked, now, actions_);
  if (!id) {
    const bool not_routed = id.error().code == ErrorCode::not_found;
    refuse(
        handle, call, not_routed ? refusal_for(call.target, models_) : id.error(), decoded.hints);
    return;
  }
  if (options_.keep_awake != nullptr && listener_.pending_requests() <= 1) {
    options_.keep_awake->touch(now);
  }
  if (slot_of(*id) >= pending_.size()) {
    pending_.resize(slot_of(*id) + 1);
  }
  Pending& pending = slot(*id);
  pending.id = *id;
  pending.handle = handle;
  pending.adapter = call.adapter;
  pending.hints = std::move(decoded.hints);
  pending.body = *std::move(body);
  pending.model = call.target.model;
  pending.times = {.received = facts.last_body_byte, .admitted = now};
}

void ShardActor::refuse(RequestHandle handle,
                        const InferCall& call,
                        const Error& error,
                        const ReplyHints& hints) {
  // A name that nobody serves is the client's, and no label.
  const bool known = models_.standing(call.target) != ModelTable::Standing::unknown;
  metrics_.answered(
      metrics_.series(known ? call.target.model : "", 0), call.adapter->name, error.code);
  listener_.reply(handle, call.adapter->encode_error(error, hints));
}

// Terminal: the response that has just arrived.
void ShardActor::deliver(Pending& pending) {
  if (!arrived_.response) {
    answer(pending, arrived_.version, arrived_.response.error());
    return;
  }
  const InferResponse& response = *arrived_.response;
  ShardMetrics::VersionSeries& series = metrics_.series(response.model, response.version);
  // By the link and not by the version: of one that was changed, the old build has other labels.
  const WorkerLink* link = links_.get(arrived_.link);
  SLUICE_CHECK(link != nullptr);
  ClientReply reply = pending.adapter->encode(response, pending.hints, link->labels);
  metrics_.answered(series, pending.adapter->name, std::nullopt);
  ShardMetrics::phases(series, pending.times);
  if (pending.handle.connection >= replying_.size()) {
    replying_.resize(pending.handle.connection + 1);
  }
  replying_[pending.handle.connection] = {pending.handle, &series, pending.times.result};
  listener_.reply(pending.handle, std::move(reply));
  finish(pending);
}

// Terminal: an error, ours or the worker's. `version`: whose worker had it; 0: none.
void ShardActor::answer(Pending& pending, std::int64_t version, const Error& error) {
  metrics_.answered(metrics_.series(pending.model, version), pending.adapter->name, error.code);
  ClientReply reply = pending.adapter->encode_error(error, pending.hints);
  if (version != 0) {
    add_model_header(reply, pending.model, version);
  }
  listener_.reply(pending.handle, std::move(reply));
  finish(pending);
}

void ShardActor::finish(Pending& pending) {
  pending.id = 0;
  pending.body.clear();
}

void ShardActor::on_reply_started(RequestHandle handle, TimePoint now) {
  if (handle.connection < replying_.size()) {
    Replying& replying = replying_[handle.connection];
    if (replying.version != nullptr && replying.handle == handle) {
      ShardMetrics::replied(*replying.version, now - replying.result);
      replying.version = nullptr;
    }
  }
}

void ShardActor::on_abandoned(RequestHandle handle) {
  std::erase_if(asked_control_, [&](const auto& entry) { return entry.second == handle; });
  std::erase_if(streams_, [&](const auto& entry) {
    if (entry.second == handle) {
      tell_control(FollowerGone{options_.index, entry.first});
    }
    return entry.second == handle;
  });
  const auto pending = std::ranges::find_if(
      pending_, [&](const Pending& each) { return each.id != 0 && each.handle == handle; });
  if (pending != pending_.end()) {
    const TimePoint now = loop_->now();
    dispatcher_.on(ClientGone{pending->id}, now, actions_);
    metrics_.answered(
        metrics_.series(pending->model, 0), pending->adapter->name, ErrorCode::cancelled);
    finish(*pending);
    after_events(now);
  }
}

void ShardActor::perform(Answer& action, TimePoint now) {
  Pending& pending = slot(action.id);
  if (action.quarantine) {
    const std::uint64_t fingerprint = fingerprint_of(pending.body);
    dispatcher_.on(Quarantined{pending.model, fingerprint}, now, actions_);
  }
  answer(pending, action.version, action.error);
}

void ShardActor::perform(const Deliver& action, TimePoint /*now*/) {
  deliver(slot(action.id));
}

}  // namespace sluice::gateway
