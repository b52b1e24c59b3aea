// BasicDispatcher, the workers' side: links that come, beat, answer, fall silent and drain.
// Included by dispatcher.cc and by the mutants of tests/sim alone.

#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/check.h"
#include "gateway/route/dispatcher.h"

namespace sluice::gateway {
namespace detail {

using namespace std::chrono_literals;

inline constexpr Duration kLinkCheck = limits::kHeartbeatOnHost / 2;
inline constexpr Duration kForgetSilent = 30s;  // a suspected link with nothing outstanding
// An executor that runs one request this long while the worker's link lives, and 8 times longer
// than usual, is taken for stuck.
inline constexpr Duration kStuckAfter = 1s;
inline constexpr int kStuckFactor = 8;

inline bool is_workers_fault(ErrorCode code) noexcept {
  return code == ErrorCode::internal || code == ErrorCode::data_corrupt ||
         code == ErrorCode::resource_exhausted;
}

}  // namespace detail

template <class R>
bool BasicDispatcher<R>::fits(const WorkerSlot& link,
                              const Model& model,
                              std::uint32_t version) const {
  return version == kNone ? model.versions[link.version].takes_any() : link.version == version;
}

template <class R>
void BasicDispatcher<R>::use_room(std::uint32_t model, TimePoint now, Actions& actions) {
  pump(model, now, actions);
  if (suspected_ > 0) {
    retry_suspected(now, actions);
  }
}

template <class R>
void BasicDispatcher<R>::on(const WorkerAttached& event, TimePoint now, Actions& actions) {
  const std::uint32_t index = catalog_.intern(event.model);
  const std::uint32_t place =
      index == kNone ? kNone : Catalog::intern_version(catalog_.at(index), event.version);
  if (place == kNone) {
    actions.emplace_back(Bye{event.link});
    actions.emplace_back(CloseLink{event.link});
    return;
  }
  WorkerSlot* link = links_.attach(event.link);
  SLUICE_CHECK(link != nullptr);
  link->id = event.id;
  link->worker = event.worker;
  link->model = index;
  link->version = place;
  link->credit = event.credit;
  link->executors = std::max(event.executors, 1U);
  link->beat_interval = event.beat_interval;
  link->heard = now;
  link->progressed = now;
  Model& model = catalog_.at(index);
  model.links.push_back(event.link);
  Version& version = model.versions[place];
  ++version.links;
  ++version.hopeful;
  hold_or_admit(*link);
  if (WorkerSlot* old = links_.newest_of(event.worker, event.link)) {
    // What was sent on the old link may never be answered, but the process lives and may be
    // running it: suspicion, not proof.
    catalog_.at(old->model).versions[old->version].hopeful -= old->hopeful() ? 1U : 0U;
    old->replaced = true;
    suspect(*old, now, actions);
    settle(*old, actions);
  }
  if (next_check_ == TimePoint::max()) {
    next_check_ = now + detail::kLinkCheck;
  }
  use_room(index, now, actions);
}

template <class R>
void BasicDispatcher<R>::heard_from(WorkerSlot& link, TimePoint now, Actions& actions) {
  link.heard = now;
  if (link.suspected && !link.replaced) {
    link.suspected = false;
    --suspected_;
    actions.emplace_back(Notice{link.key, LinkNotice::trusted});
  }
}

template <class R>
void BasicDispatcher<R>::on(const HeartbeatArrived& event, TimePoint now, Actions& actions) {
  WorkerSlot* link = links_.find(event.link);
  if (link == nullptr) {
    return;
  }
  heard_from(*link, now, actions);
  link->credit = event.credit;
  link->refusing = false;
  if (event.progress != link->progress || !event.running) {
    link->progress = event.progress;
    link->progressed = now;
  }
  consider_ejection(*link, now, actions);
  use_room(link->model, now, actions);
}

template <class R>
void BasicDispatcher<R>::consider_ejection(WorkerSlot& link, TimePoint now, Actions& actions) {
  if (link.health.ejected(now)) {
    return;
  }
  Duration best{};
  bool others = false;
  for (const LinkKey key : catalog_.at(link.model).links) {
    const WorkerSlot& other = *links_.find(key);
    if (key == link.key || other.version != link.version || !other.serving(now) ||
        other.health.ejected(now)) {
      continue;
    }
    others = true;
    const Duration estimate = other.health.estimate();
    if (estimate > Duration::zero() && (best == Duration::zero() || estimate < best)) {
      best = estimate;
    }
  }
  if (!others) {
    return;
  }
  const Duration stuck_after =
      std::max(detail::kStuckAfter, link.health.estimate() * detail::kStuckFactor);
  const bool stuck = !link.sent.empty() && now - link.progressed > stuck_after;
  if (!link.health.failing() && !link.health.slow(best) && !stuck) {
    return;
  }
  actions.emplace_back(Notice{
      link.key, link.health.failing() ? LinkNotice::ejected_failing : LinkNotice::ejected_slow});
  link.health.eject(now);
  ++counters_.ejections;
}

template <class R>
void BasicDispatcher<R>::on(const ResultArrived& event, TimePoint now, Actions& actions) {
  WorkerSlot* link = links_.find(event.link);
  if (link != nullptr) {
    heard_from(*link, now, actions);
    link->credit = event.credit.value_or(link->credit);
  }
  Request* request = in_flight_.find(event.id);
  const bool current = link != nullptr && request != nullptr &&
                       request->state == RequestState::sent && request->attempt == event.attempt &&
                       links_.find(request->link)->worker == link->worker;
  const bool taken = current || (!R::kDiscardsOldAttempts && request != nullptr);
  if (!taken) {
    // The confirmation of a cancel is nobody's lost answer.
    counters_.late_replies += event.failure == ErrorCode::cancelled ? 0U : 1U;
    if (!R::kDropsFinished && request == nullptr) {
      actions.emplace_back(Deliver{event.id});
    }
    if (link != nullptr) {
      use_room(link->model, now, actions);
    }
    return;
  }
  const std::uint32_t model = request->model;
  const LinkKey key = request->state == RequestState::sent ? request->link : kNone;
  if (current &&
      (event.failure == ErrorCode::unavailable || event.failure == ErrorCode::cancelled)) {
    link->refusing = true;
    link->health.failed();
    ++counters_.retries_waiting;
    take_back(*request);
    requeue(*request);
  } else {
    if (!event.failure) {
      link->health.succeeded(event.service);
    } else if (detail::is_workers_fault(*event.failure)) {
      link->health.failed();
      consider_ejection(*link, now, actions);
    }
    ++counters_.delivered;
    actions.emplace_back(Deliver{event.id});
    end(*request);
  }
  if (key != kNone) {
    settle(*links_.find(key), actions);
  }
  use_room(model, now, actions);
}

template <class R>
void BasicDispatcher<R>::on(const WorkerDraining& event, TimePoint now, Actions& actions) {
  WorkerSlot* link = links_.find(event.link);
  if (link == nullptr) {
    return;
  }
  heard_from(*link, now, actions);
  if (!link->draining) {
    catalog_.at(link->model).versions[link->version].hopeful -= link->hopeful() ? 1U : 0U;
    link->draining = true;
  }
  const std::uint32_t model = link->model;
  settle(*link, actions);
  answer_hopeless(model, now, actions);
  use_room(model, now, actions);
}

template <class R>
void BasicDispatcher<R>::settle(WorkerSlot& link, Actions& actions) {
  if (!link.attached || !link.sent.empty() || (!link.draining && !link.replaced)) {
    return;
  }
  if (link.draining && !link.replaced) {
    actions.emplace_back(Bye{link.key});
  }
  close(link, actions);
}

template <class R>
void BasicDispatcher<R>::close(WorkerSlot& link, Actions& actions) {
  Model& model = catalog_.at(link.model);
  Version& version = model.versions[link.version];
  std::erase(model.links, link.key);
  --version.links;
  version.hopeful -= link.hopeful() ? 1U : 0U;
  if (model.reserved == link.key) {
    model.reserved = kNone;
  }
  if (link.suspected) {
    --suspected_;
  }
  links_.close(link);
  actions.emplace_back(CloseLink{link.key});
  if (links_.count() == 0) {
    next_check_ = TimePoint::max();
  }
}

template <class R>
void BasicDispatcher<R>::check_links(TimePoint now, Actions& actions) {
  for (std::size_t key = 0; key < links_.all().size(); ++key) {
    WorkerSlot& link = links_.all()[key];
    if (!link.attached) {
      continue;
    }
    if (now - link.heard >= limits::kMissedHeartbeats * link.beat_interval) {
      suspect(link, now, actions);
    }
    if (link.suspected && link.sent.empty() && now - link.heard > detail::kForgetSilent) {
      close(link, actions);
    } else {
      settle(link, actions);
    }
  }
  quarantine_.sweep(now);
  for (std::uint32_t model = 0; model < catalog_.size(); ++model) {
    pump(model, now, actions);
  }
  if (suspected_ > 0) {
    retry_suspected(now, actions);
  }
  next_check_ = links_.count() > 0 ? now + detail::kLinkCheck : TimePoint::max();
}

}  // namespace sluice::gateway
