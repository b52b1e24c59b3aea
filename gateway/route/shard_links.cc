// ShardActor, the worker side: messages at the ROUTER, and the actions that send something there.

#include <utility>

#include "common/base/check.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/link/tensor_codec.h"
#include "common/link/zmq_message.h"
#include "gateway/route/shard_actor.h"

namespace sluice::gateway {

using link::Kind;

void ShardActor::on_router_readable(TimePoint now) {
  perform_actions(now);  // of requests that came in this turn
  sent_ = false;         // what they sent may have used up the edge, but it is read now
  read_router(now);
  after_events(now);
  listener_.flush();
}

void ShardActor::read_router(TimePoint now) {
  for (int i = 0; i < limits::kSocketDrain; ++i) {
    auto raw = link::receive_from(router_);
    if (!raw) {
      return;
    }
    on_raw(*std::move(raw), now);
  }
  // The descriptor is edge-triggered: what is left raises no further edge.
  router_post_.post();
}

void ShardActor::on_raw(link::RawMessage raw, TimePoint now) {
  const std::string identity = std::move(raw.peer);
  link::for_each_message(std::move(raw), [&](Result<link::Message> message) {
    on_message(identity, std::move(message), now);
    perform_actions(now);  // a Deliver names the result that was just read
  });
}

void ShardActor::on_message(const std::string& identity,
                            Result<link::Message> message,
                            TimePoint now) {
  Result<void> result;
  if (!message) {
    result = std::move(message).error();
  } else if (message->header.kind == Kind::hello) {
    result = on_hello(identity, message->body, now);
  } else if (const auto key = links_.find(identity)) {
    result = on_known(*key, *message, now);
  } else {
    // Attached to an earlier life of this gateway, or closed by it: dial anew.
    static_cast<void>(link::send_to(router_, identity, link::encode(link::Bye{"not attached"})));
    sent_ = true;
  }
  if (!result) {
    metrics_.bad_link_message();
    log_warn("bad_link_message", {{"shard", options_.index}, {"reason", result.error().detail}});
  }
}

Result<void> ShardActor::on_hello(const std::string& identity,
                                  const link::Body& body,
                                  TimePoint now) {
  SLUICE_TRY_ASSIGN(const link::Hello hello, link::decode_hello(body));
  if (links_.find(identity)) {
    return Error{ErrorCode::data_corrupt, "a second hello on one link"};
  }
  WorkerLink link{.identity = identity,
                  .worker_id = hello.worker_id,
                  .pid = hello.pid,
                  .info = hello.model,
                  .config = hello.config,
                  .labels = ClassLabels(hello.labels),
                  .same_clock = link::same_clock(hello.boot_id, boot_id_)};
  link.interval = link.same_clock ? Duration(limits::kHeartbeatOnHost)
                                  : Duration(limits::kHeartbeatBetweenHosts);
  link.next_beat = now + link.interval;
  link.bundle.allow(hello.bundle_bytes);
  const Duration interval = link.interval;
  const auto key = links_.add(link);
  if (!key) {
    return Error{ErrorCode::resource_exhausted, "too many workers are attached"};
  }
  models_.learn(hello.model, models_.admits(hello.model, hello.worker_id), hello.config);
  link::Welcome welcome;
  welcome.gateway_id = options_.gateway_id;
  welcome.boot_id = boot_id_;
  welcome.heartbeat_interval = interval;
  welcome.bundle_bytes = limits::kBundleBytes;
  const link::Message answer = link::encode(welcome);
  send_to_link(*key, answer.header, answer.body, now);
  dispatcher_.on(WorkerAttached{.link = *key,
                                .id = hello.worker_id,
                                .worker = life_name(hello.worker_id, hello.pid),
                                .model = hello.model.name,
                                .version = hello.model.version,
                                .credit = hello.credit,
                                .executors = hello.executors,
                                .beat_interval = interval},
                 now,
                 actions_);
  met(link, true);
  return {};
}

Result<void> ShardActor::on_known(LinkKey key, const link::Message& message, TimePoint now) {
  switch (message.header.kind) {
    case Kind::result:
    case Kind::failure:
      return on_result(key, message, now);
    case Kind::heartbeat: {
      SLUICE_TRY_ASSIGN(const link::Heartbeat beat, link::decode_heartbeat(message.body));
      dispatcher_.on(HeartbeatArrived{.link = key,
                                      .credit = beat.credit,
                                      .progress = beat.progress,
                                      .running = beat.running > 0},
                     now,
                     actions_);
      return {};
    }
    case Kind::drain:
      dispatcher_.on(WorkerDraining{key}, now, actions_);
      return {};
    case Kind::bye:
      dispatcher_.on(LinkLost{key}, now, actions_);
      return {};
    default:
      return Error{ErrorCode::data_corrupt,
                   std::string(link::name_of(message.header.kind)) + " is not for a shard"};
  }
}

Result<void> ShardActor::on_result(LinkKey key, const link::Message& message, TimePoint now) {
  const link::Header& header = message.header;
  ResultArrived event;
  event.link = key;
  event.id = header.id;
  event.attempt = header.attempt;
  if (header.credit > 0) {
    event.credit = header.credit;
  }
  arrived_.id = header.id;
  arrived_.link = key;
  arrived_.version = links_.get(key)->info.version;
  Result<void> verdict;
  if (header.kind == Kind::result) {
    arrived_.response = link::decode_result(message.body);
    if (arrived_.response) {
      event.service = arrived_.response->timing.compute;
    } else {
      verdict = arrived_.response.error();
      arrived_.response = Error{ErrorCode::internal, "the worker's answer could not be read"};
      event.failure = ErrorCode::internal;
    }
  } else {
    auto failure = link::decode_failure(message.body);
    if (!failure) {
      verdict = failure.error();
      failure =
          link::Failure{.error = {ErrorCode::internal, "the worker's answer could not be read"}};
    }
    event.failure = failure->error.code;
    arrived_.response = std::move(failure->error);
  }
  const std::size_t place = slot_of(header.id);
  if (place < pending_.size() && pending_[place].id == header.id) {
    pending_[place].times.result = now;
    pending_[place].times.compute = event.service;
  }
  dispatcher_.on(event, now, actions_);
  return verdict;
}

void ShardActor::perform_actions(TimePoint now) {
  // By index: performing one may append others.
  for (std::size_t i = 0; i < actions_.size(); ++i) {
    Action action = std::move(actions_[i]);
    std::visit([&](auto& each) { perform(each, now); }, action);
  }
  actions_.clear();
}

void ShardActor::perform(const Send& action, TimePoint now) {
  Pending& pending = slot(action.id);
  SLUICE_CHECK(pending.id == action.id);
  const WorkerLink* link = links_.get(action.link);
  SLUICE_CHECK(link != nullptr);
  pending.times.sent = now;
  link::Header header =
      link::infer_header(action.id, action.attempt, action.deadline, now, link->same_clock);
  header.alone = action.alone;
  send_to_link(action.link, header, pending.body, now);
}

void ShardActor::perform(const Cancel& action, TimePoint now) {
  const link::Message message = link::cancel_message(action.id, action.attempt);
  send_to_link(action.link, message.header, message.body, now);
}

void ShardActor::perform(const Bye& action, TimePoint now) {
  const link::Message message = link::encode(link::Bye{"all answers have arrived"});
  send_to_link(action.link, message.header, message.body, now);
}

void ShardActor::perform(const CloseLink& action, TimePoint /*now*/) {
  if (WorkerLink* link = links_.get(action.link)) {
    // Its last words, such as a bye. Nobody waits for what cannot be sent any more.
    static_cast<void>(link::flush_to(router_, link->identity, link->bundle));
    met(*link, false);
    links_.remove(action.link);
  }
}

void ShardActor::perform(const Notice& action, TimePoint /*now*/) {
  const WorkerLink* link = links_.get(action.link);
  if (link == nullptr) {
    return;
  }
  static constexpr std::string_view kLogEvents[] = {
      "worker_suspected", "worker_trusted", "worker_ejected_slow", "worker_ejected_failing"};
  log_warn(kLogEvents[static_cast<std::size_t>(action.what)],
           {{"shard", options_.index}, {"worker", link->worker_id}, {"pid", link->pid}});
  if (action.what == LinkNotice::suspected) {
    met(*link, false);
  } else if (action.what == LinkNotice::trusted) {
    met(*link, true);
  }
}

void ShardActor::send_to_link(LinkKey key,
                              const link::Header& header,
                              std::span<const Buffer> body,
                              TimePoint now) {
  WorkerLink* link = links_.get(key);
  if (link == nullptr) {
    return;
  }
  if (link->bundle.empty()) {
    unflushed_.push_back(key);
  }
  sent_ = true;
  if (link::post_to(router_, link->identity, link->bundle, header, body) != link::Sent::sent) {
    dispatcher_.on(LinkLost{key}, now, actions_);
  }
}

// Everything said to a worker in one turn leaves in as few frames as it fits in.
void ShardActor::flush_links(TimePoint now) {
  sent_ = sent_ || !unflushed_.empty();
  // By index: a link that turns out lost has its requests sent to others.
  for (std::size_t i = 0; i < unflushed_.size(); ++i) {
    const LinkKey key = unflushed_[i];
    WorkerLink* link = links_.get(key);
    if (link != nullptr &&
        link::flush_to(router_, link->identity, link->bundle) != link::Sent::sent) {
      dispatcher_.on(LinkLost{key}, now, actions_);
      perform_actions(now);
    }
  }
  unflushed_.clear();
}

void ShardActor::beat(TimePoint now) {
  links_.for_each([&](LinkKey key, WorkerLink& link) {
    if (now >= link.next_beat && dispatcher_.beats(key)) {
      link.next_beat = now + link.interval;
      const link::Message message = link::encode(link::Heartbeat{.sequence = ++link.beats});
      send_to_link(key, message.header, message.body, now);
    }
  });
}

}  // namespace sluice::gateway
