// BasicDispatcher, the requests' side: the door, the queue, the way to a worker and the ends of a
// request. Included by dispatcher.cc and by the mutants of tests/sim alone.

#pragma once

#include <string>
#include <utility>

#include "common/base/check.h"
#include "gateway/route/dispatcher.h"

namespace sluice::gateway {

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
  if (R::kChecksDeadlines && request.deadline <= now) {
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
  if (link == nullptr && R::kBoundsQueue && !model.queue.has_room(request.bytes)) {
    ++counters_.queue_full;
    return refuse({ErrorCode::resource_exhausted,
                   "the queue of model '" + model.name +
                       "' is full: " + std::to_string(model.queue.count()) + " requests wait"});
  }
  Request* started = in_flight_.start();
  if (started == nullptr) {
    ++counters_.queue_full;
    return refuse({ErrorCode::resource_exhausted, "too many requests are waiting for an answer"});
  }
  started->deadline = request.deadline;
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
      request.state == RequestState::sent ? links_.find(request.link)->version : request.version;
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

template <class R>
void BasicDispatcher<R>::find_able(const Model& model, TimePoint now) {
  able_.assign(model.versions.size(), false);
  for (const LinkKey key : model.links) {
    const WorkerSlot& link = *links_.find(key);
    able_[link.version] = able_[link.version] || link.serving(now);
  }
}

// In each turn every version gains its weight, and the richest is taken and pays what all gained:
// over any stretch each gets its share, evenly spread.
template <class R>
std::uint32_t BasicDispatcher<R>::choose(Model& model, TimePoint now) {
  find_able(model, now);
  std::uint32_t richest = kNone;
  std::int64_t gained = 0;
  for (std::uint32_t index = 0; index < model.versions.size(); ++index) {
    Version& version = model.versions[index];
    if (!able_[index] || !version.takes_any()) {
      continue;
    }
    version.turn += version.weight;
    gained += version.weight;
    if (richest == kNone || version.turn > model.versions[richest].turn) {
      richest = index;
    }
  }
  if (richest != kNone) {
    model.versions[richest].turn -= gained;
  }
  return richest;
}

// What was given a version that takes nothing unversioned any more, or has nobody to serve it while
// another has, waits for any.
template <class R>
void BasicDispatcher<R>::release_choices(Model& model, TimePoint now) {
  if (model.queue.chosen() == 0) {
    return;
  }
  find_able(model, now);
  bool anybody = false;
  for (std::uint32_t index = 0; index < model.versions.size(); ++index) {
    anybody = anybody || (able_[index] && model.versions[index].takes_any());
  }
  for (std::uint32_t index = 0; index < model.versions.size(); ++index) {
    const bool stays = model.versions[index].takes_any() && (able_[index] || !anybody);
    if (!stays && (R::kEmptiesDraining || model.versions[index].takes_any())) {
      model.queue.release(in_flight_, index);
    }
  }
}

template <class R>
WorkerSlot* BasicDispatcher<R>::pick(const Model& model, std::uint32_t version, TimePoint now) {
  candidates_.clear();
  ejected_.clear();
  bool any_healthy = false;
  for (const LinkKey key : model.links) {
    const WorkerSlot& link = *links_.find(key);
    if (!fits(link, model, version) || (R::kAvoidsNotReady && !link.serving(now))) {
      continue;
    }
    const bool ejected = link.health.ejected(now);
    any_healthy = any_healthy || !ejected;
    if (key == model.reserved || (R::kHonoursCredit && !link.has_room())) {
      continue;
    }
    (ejected ? ejected_ : candidates_)
        .push_back({.key = key,
                    .outstanding = static_cast<std::uint32_t>(link.sent.size()),
                    .executors = link.executors,
                    .estimate = link.health.estimate()});
  }
  const auto& choice = any_healthy ? candidates_ : ejected_;
  return choice.empty() ? nullptr : links_.find(balancer_.choose(choice));
}

// The least busy worker; an ejected one only when there is no other.
template <class R>
LinkKey BasicDispatcher<R>::reservation_for(const Model& model,
                                            std::uint32_t version,
                                            TimePoint now) const {
  const WorkerSlot* best = nullptr;
  const auto rank = [&](const WorkerSlot& link) {
    return std::pair(link.health.ejected(now), link.sent.size());
  };
  for (const LinkKey key : model.links) {
    const WorkerSlot& link = *links_.find(key);
    if (fits(link, model, version) && link.serving(now) && link.credit > 0 &&
        (best == nullptr || rank(link) < rank(*best))) {
      best = &link;
    }
  }
  return best == nullptr ? kNone : best->key;
}

// One suspect of a model at a time: a worker is kept free of other work until it is idle, then runs
// it by itself.
template <class R>
void BasicDispatcher<R>::send_suspects(Model& model, TimePoint now, Actions& actions) {
  if (model.reserved != kNone) {
    const WorkerSlot* link = links_.find(model.reserved);
    if (link != nullptr && link->exclusive) {
      return;
    }
    if (link == nullptr || !link->serving(now) || model.queue.front_suspect() == kNone) {
      model.reserved = kNone;
    }
  }
  for (std::uint32_t slot = model.queue.front_suspect(); slot != kNone;) {
    Request& request = in_flight_.at(slot);
    slot = request.next;
    if constexpr (!R::kIsolatesSuspects) {
      if (WorkerSlot* link = pick(model, request.version, now)) {
        model.queue.remove(in_flight_, request);
        send(request, *link, false, now, actions);
      }
      continue;
    }
    if (model.reserved == kNone || !fits(*links_.find(model.reserved), model, request.version)) {
      const LinkKey reserved = reservation_for(model, request.version, now);
      if (reserved == kNone) {
        continue;
      }
      model.reserved = reserved;
    }
    WorkerSlot& link = *links_.find(model.reserved);
    if (link.sent.empty() && link.credit > 0) {
      model.queue.remove(in_flight_, request);
      send(request, link, true, now, actions);
    }
    return;
  }
}

template <class R>
void BasicDispatcher<R>::pump(std::uint32_t index, TimePoint now, Actions& actions) {
  Model& model = catalog_.at(index);
  release_choices(model, now);
  send_suspects(model, now, actions);
  while (!model.queue.empty()) {
    Request* oldest = nullptr;
    WorkerSlot* worker = nullptr;
    const auto consider = [&](std::uint32_t slot, std::uint32_t version) {
      if (slot == kNone || (oldest != nullptr && oldest->order < in_flight_.at(slot).order)) {
        return;
      }
      if (WorkerSlot* link = pick(model, version, now)) {
        oldest = &in_flight_.at(slot);
        worker = link;
      }
    };
    consider(model.queue.front(kNone), kNone);
    for (std::uint32_t version = 0; version < model.queue.lane_count(); ++version) {
      consider(model.queue.front(version), version);
      consider(model.queue.front_chosen(version), version);
    }
    if (oldest == nullptr) {
      return;
    }
    model.queue.remove(in_flight_, *oldest);
    send(*oldest, *worker, false, now, actions);
  }
}

template <class R>
void BasicDispatcher<R>::tick(TimePoint now, Actions& actions) {
  if constexpr (R::kChecksDeadlines) {
    while (deadlines_.earliest() <= now) {
      Request& request = in_flight_.at(deadlines_.earliest_slot());
      const std::uint32_t model = request.model;
      const LinkKey link = request.state == RequestState::sent ? request.link : kNone;
      expire(request, actions);
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
