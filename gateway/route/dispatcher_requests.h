// BasicDispatcher, the requests' side: the door, what is sent, and the ends of a request. Included
// by dispatcher.cc and by the mutants of tests/sim alone.

#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "gateway/route/dispatcher.h"

namespace sluice::gateway {

namespace detail {

// Why a new request may not wait; nothing: it may.
inline std::optional<Error> full_queue(const Model& model, std::uint32_t level, std::size_t bytes) {
  const auto full = [&](const std::string& where, std::size_t count) {
    return Error{ErrorCode::resource_exhausted,
                 "the queue of model '" + model.name + "'" + where +
                     " is full: " + std::to_string(count) + " requests wait"};
  };
  if (!model.queue.has_room(bytes)) {
    return full("", model.queue.count());
  }
  const std::uint32_t most = model.rules.policy_of(level).max_queue_size;
  if (most > 0 && model.queue.waiting(level) >= most) {
    return full(level > 0 ? " at priority " + std::to_string(level) : "",
                model.queue.waiting(level));
  }
  return std::nullopt;
}

}  // namespace detail

template <class R>
BasicDispatcher<R>::BasicDispatcher(const DispatcherOptions& options)
    : in_flight_(options.shard, options.seed, options.requests),
      catalog_(options.queue_requests, options.queue_bytes),
      balancer_(mix(options.seed)) {}

template <class R>
Error BasicDispatcher<R>::refuse(Error error) {
  ++counters_.refused;
  ++counters_.answered[static_cast<std::size_t>(error.code)];
  return error;
}

template <class R>
Result<RequestId> BasicDispatcher<R>::admit(const Admit& request, TimePoint now, Actions& actions) {
  if (draining_) {
    return refuse({ErrorCode::unavailable, "the server is shutting down"});
  }
  const std::uint32_t model_index = catalog_.find(request.model);
  if (model_index == kNone) {
    return refuse({ErrorCode::not_found, "no model '" + std::string(request.model) + "'"});
  }
  Model& model = catalog_.at(model_index);
  const auto version = resolve(model, request.version);
  if (!version) {
    return refuse(version.error());
  }
  const std::uint32_t level = model.rules.level_of(request.priority);
  const link::QueuePolicy& policy = model.rules.policy_of(level);
  const Patience patience = patience_of(policy, now, request.deadline, request.wish);
  if (R::kChecksDeadlines && patience.deadline <= now) {
    ++counters_.expired;
    return refuse({ErrorCode::deadline_exceeded, "the deadline had passed on arrival"});
  }
  if (!quarantine_.empty() && quarantine_.holds(model_index, request.fingerprint, now)) {
    ++counters_.quarantine_hits;
    return refuse(
        {ErrorCode::internal,
         "this request is quarantined: it made two workers of model '" + model.name + "' crash"});
  }
  const std::uint32_t choice = *version == kNone && model.shares ? choose(model, now) : kNone;
  const bool others_wait = choice == kNone ? model.queue.front(*version) != kNone
                                           : model.queue.front_chosen(choice) != kNone;
  WorkerSlot* link = others_wait ? nullptr : pick(model, choice == kNone ? *version : choice, now);
  if (link == nullptr && R::kBoundsQueue) {
    if (auto full = detail::full_queue(model, level, request.bytes)) {
      ++counters_.queue_full;
      return refuse(*std::move(full));
    }
  }
  Request* started = in_flight_.start();
  if (started == nullptr) {
    ++counters_.queue_full;
    return refuse({ErrorCode::resource_exhausted, "too many requests are waiting for an answer"});
  }
  started->deadline = patience.deadline;
  started->give_up = R::kEndsWaits ? patience.give_up : TimePoint::max();
  started->delays = policy.delay_on_timeout;
  started->level = static_cast<std::uint8_t>(level);
  started->order |= R::kOrdersByLevel ? order_of_level(level) : 0;
  started->bytes = request.bytes;
  started->model = model_index;
  started->version = *version;
  started->choice = choice;
  if (*version != kNone) {
    ++model.versions[*version].named;
  }
  ++counters_.admitted;
  deadlines_.push(in_flight_, *started);
  const RequestId id = started->id;
  if (link != nullptr) {
    send(*started, *link, false, now, actions);
  } else {
    requeue(*started);
    pump(model_index, now, actions);
  }
  return id;
}

template <class R>
void BasicDispatcher<R>::on(const ClientGone& event, TimePoint now, Actions& actions) {
  Request* request = in_flight_.find(event.id);
  if (request == nullptr) {
    return;
  }
  ++counters_.cancelled;
  const std::uint32_t model = request->model;
  const LinkKey link = request->state == RequestState::sent ? request->link : kNone;
  cancel(*request, actions);
  end(*request);
  if (link != kNone) {
    settle(*links_.find(link), actions);
  }
  use_room(model, now, actions);
}

template <class R>
void BasicDispatcher<R>::on(const GatewayDraining& /*event*/,
                            TimePoint /*now*/,
                            Actions& /*actions*/) {
  draining_ = true;
}

template <class R>
void BasicDispatcher<R>::on(const Quarantined& event, TimePoint now, Actions& /*actions*/) {
  const std::uint32_t model = catalog_.find(event.model);
  if (model != kNone) {
    quarantine_.add(model, event.fingerprint, now);
  }
}

template <class R>
void BasicDispatcher<R>::send(
    Request& request, WorkerSlot& link, bool alone, TimePoint now, Actions& actions) {
  if (R::kChecksDeadlines && request.deadline <= now) {
    requeue(request);
    expire(request, actions);
    return;
  }
  if (link.sent.empty()) {
    link.progressed = now;
  }
  end_wait(request);
  ++request.attempt;
  request.choice = kNone;
  request.link = link.key;
  request.alone = alone;
  request.state = RequestState::sent;
  link.exclusive = alone;
  link.sent.push_back(in_flight_, request);
  ++catalog_.at(link.model).versions[link.version].in_flight;
  actions.emplace_back(Send{.link = link.key,
                            .id = request.id,
                            .attempt = request.attempt,
                            .deadline = request.deadline,
                            .alone = alone});
}

template <class R>
void BasicDispatcher<R>::cancel(const Request& request, Actions& actions) {
  if (!R::kCancels || request.state != RequestState::sent) {
    return;
  }
  const WorkerSlot* link = links_.find(request.link);
  SLUICE_CHECK(link != nullptr);
  if (link->replaced) {
    link = links_.newest_of(link->worker);
  }
  if (link != nullptr) {
    ++counters_.cancels_sent;
    actions.emplace_back(Cancel{.link = link->key, .id = request.id, .attempt = request.attempt});
  }
}

template <class R>
void BasicDispatcher<R>::take_back(Request& request) {
  WorkerSlot* link = links_.find(request.link);
  SLUICE_CHECK(link != nullptr && request.state == RequestState::sent);
  link->sent.remove(in_flight_, request);
  Model& model = catalog_.at(request.model);
  --model.versions[link->version].in_flight;
  if (request.alone) {
    link->exclusive = false;
    if (model.reserved == link->key) {
      model.reserved = kNone;
    }
  }
}

template <class R>
void BasicDispatcher<R>::end(Request& request) {
  Model& model = catalog_.at(request.model);
  if (request.state == RequestState::queued) {
    model.queue.remove(in_flight_, request);
  } else {
    take_back(request);
  }
  if (request.on_budget) {
    budget_.give_back();
  }
  if (request.version != kNone) {
    --model.versions[request.version].named;
  }
  deadlines_.remove(in_flight_, request);
  in_flight_.finish(request);
}

template <class R>
void BasicDispatcher<R>::answer(Request& request, Error error, Actions& actions, bool quarantine) {
  ++counters_.answered[static_cast<std::size_t>(error.code)];
  const Model& model = catalog_.at(request.model);
  const std::uint32_t version =
      request.state == RequestState::sent ? links_.find(request.link)->version : kNone;
  actions.emplace_back(Answer{.id = request.id,
                              .error = std::move(error),
                              .version = version == kNone ? 0 : model.versions[version].number,
                              .quarantine = quarantine});
  end(request);
}

template <class R>
void BasicDispatcher<R>::expire(Request& request, Actions& actions) {
  ++counters_.expired;
  cancel(request, actions);
  const bool sent = request.state == RequestState::sent;
  answer(request,
         {ErrorCode::deadline_exceeded,
          sent ? "the deadline passed before the worker answered"
               : "the deadline passed while waiting for a worker"},
         actions);
}

// Its first wait is over: from now on its deadline alone counts.
template <class R>
void BasicDispatcher<R>::end_wait(Request& request) {
  if (request.give_up != TimePoint::max()) {
    deadlines_.remove(in_flight_, request);
    request.give_up = TimePoint::max();
    deadlines_.push(in_flight_, request);
  }
}

// It has waited as long as its model's policy allows.
template <class R>
void BasicDispatcher<R>::on_waited(Request& request, Actions& actions) {
  ++counters_.queue_timeouts;
  if (!request.delays) {
    answer(request,
           {ErrorCode::unavailable,
            "the request waited longer than the queue of model '" +
                catalog_.at(request.model).name + "' allows"},
           actions);
    return;
  }
  end_wait(request);
  RequestQueue& queue = catalog_.at(request.model).queue;
  queue.remove(in_flight_, request);
  request.order |= kDelayedOrder;
  queue.put(in_flight_, request);
}

template <class R>
void BasicDispatcher<R>::tick(TimePoint now, Actions& actions) {
  if constexpr (R::kChecksDeadlines) {
    while (deadlines_.earliest() <= now) {
      Request& request = in_flight_.at(deadlines_.earliest_slot());
      const std::uint32_t model = request.model;
      const LinkKey link = request.state == RequestState::sent ? request.link : kNone;
      if (request.deadline > now) {
        on_waited(request, actions);
      } else {
        expire(request, actions);
      }
      if (link != kNone) {
        settle(*links_.find(link), actions);
      }
      use_room(model, now, actions);
    }
  }
  if (now >= next_check_) {
    check_links(now, actions);
  }
}

template <class R>
TimePoint BasicDispatcher<R>::next_due() const {
  return R::kChecksDeadlines ? std::min(deadlines_.earliest(), next_check_) : next_check_;
}

}  // namespace sluice::gateway
