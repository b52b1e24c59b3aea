// BasicDispatcher, the workers' side: links that come, fall silent, drain and die, and what becomes
// of the requests they had. Included by dispatcher.cc and by the mutants of tests/sim alone.

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
// After a link's own evidence the node's report is awaited this long, because it says which
// requests were running; only then are they retried on suspicion.
inline constexpr Duration kReportGrace = 200ms;
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
  return version == kNone ? model.takes_any(model.versions[link.version]) : link.version == version;
}

template <class R>
bool BasicDispatcher<R>::serves_elsewhere(const Request& request,
                                          LinkKey link,
                                          TimePoint now) const {
  const Model& model = catalog_.at(request.model);
  return std::ranges::any_of(model.links, [&](LinkKey key) {
    const WorkerSlot& other = *links_.find(key);
    return key != link && fits(other, model, request.version) && other.serving(now);
  });
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
  const bool known = index != kNone && catalog_.at(index).find(event.version) != nullptr;
  const std::uint32_t place =
      index == kNone ? kNone : Catalog::intern_version(catalog_.at(index), event.version);
  if (place == kNone) {
    actions.emplace_back(Bye{event.link});
    actions.emplace_back(CloseLink{event.link});
    return;
  }
  WorkerSlot* link = links_.attach(event.link);
  SLUICE_CHECK(link != nullptr);
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
  version.lost = false;
  if (!known) {
    quarantine_.forget(index);
  }
  if (WorkerSlot* old = links_.newest_of(event.worker, event.link)) {
    // What was sent on the old link may never be answered, but the process lives and may be
    // running it: suspicion, not proof.
    old->replaced = true;
    if (!old->draining) {
      --catalog_.at(old->model).versions[old->version].hopeful;
    }
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
    link->draining = true;
    if (!link->replaced) {
      --catalog_.at(link->model).versions[link->version].hopeful;
    }
  }
  const std::uint32_t model = link->model;
  settle(*link, actions);
  answer_hopeless(model, actions);
  use_room(model, now, actions);
}

template <class R>
void BasicDispatcher<R>::on(const LinkLost& event, TimePoint now, Actions& actions) {
  WorkerSlot* link = links_.find(event.link);
  if (link == nullptr) {
    return;
  }
  const std::uint32_t model = link->model;
  if (link->sent.empty()) {
    close(*link, !link->draining, actions);
  } else {
    suspect(*link, now + detail::kReportGrace, actions);
  }
  answer_hopeless(model, actions);
  use_room(model, now, actions);
}

template <class R>
void BasicDispatcher<R>::suspect(WorkerSlot& link, TimePoint retry_from, Actions& actions) {
  if (!link.suspected) {
    link.suspected = true;
    link.retry_from = retry_from;
    ++suspected_;
    ++counters_.suspicions;
    actions.emplace_back(Notice{link.key, LinkNotice::suspected});
  }
}

template <class R>
void BasicDispatcher<R>::settle(WorkerSlot& link, Actions& actions) {
  if (!link.attached || !link.sent.empty() || (!link.draining && !link.replaced)) {
    return;
  }
  if (link.draining && !link.replaced) {
    actions.emplace_back(Bye{link.key});
  }
  close(link, false, actions);
}

template <class R>
void BasicDispatcher<R>::close(WorkerSlot& link, bool lost, Actions& actions) {
  Model& model = catalog_.at(link.model);
  Version& version = model.versions[link.version];
  std::erase(model.links, link.key);
  --version.links;
  if (!link.draining && !link.replaced) {
    --version.hopeful;
  }
  version.lost = version.lost || lost;
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

// Re-runs elsewhere what suspected workers hold, oldest first, as far as the budget goes. The rest
// stays where it is: an answer may still come, a proof of death, or its turn.
template <class R>
void BasicDispatcher<R>::retry_suspected(TimePoint now, Actions& actions) {
  bool dry = false;
  for (std::size_t key = 0; key < links_.all().size() && !dry; ++key) {
    WorkerSlot& link = links_.all()[key];
    if (!link.attached || !link.suspected || link.sent.empty() || now < link.retry_from) {
      continue;
    }
    for (std::uint32_t slot = link.sent.front(); slot != kNone;) {
      Request& request = in_flight_.at(slot);
      slot = request.next;
      if (!serves_elsewhere(request, link.key, now)) {
        continue;
      }
      if (R::kBudgetsSuspicion && !request.on_budget && !budget_.take(in_flight_.alive())) {
        dry = true;
        break;
      }
      request.on_budget = R::kBudgetsSuspicion;
      move_away(request, link, actions);
    }
    const std::uint32_t model = link.model;
    settle(link, actions);
    pump(model, now, actions);
  }
  counters_.budget_exhausted += dry && !budget_dry_ ? 1U : 0U;
  budget_dry_ = dry;
}

template <class R>
void BasicDispatcher<R>::move_away(Request& request, WorkerSlot& link, Actions& actions) {
  ++counters_.retries_suspicion;
  cancel(request, actions);
  request.moved_from = link.life;
  take_back(request);
  requeue(request);
}

template <class R>
void BasicDispatcher<R>::on(const WorkerDied& event, TimePoint now, Actions& actions) {
  std::vector<std::uint64_t> lives;
  std::vector<std::uint32_t> models;
  const DeathFacts nobody{.running_count = event.running.size()};
  for (std::size_t key = 0; key < links_.all().size(); ++key) {
    WorkerSlot& link = links_.all()[key];
    if (!link.attached || link.worker != event.worker) {
      continue;
    }
    lives.push_back(link.life);
    models.push_back(link.model);
    touched_.clear();
    for (std::uint32_t slot = link.sent.front(); slot != kNone; slot = in_flight_.at(slot).next) {
      touched_.push_back(slot);
    }
    for (const std::uint32_t slot : touched_) {
      Request& request = in_flight_.at(slot);
      if (request.moved_from == link.life) {
        request.moved_from = 0;  // it has come back to the link it was taken from: one death
      }
      DeathFacts facts = nobody;
      facts.running = !R::kSparesBystanders ||
                      std::ranges::find(event.running, request.id) != event.running.end();
      after_death_of(request, facts, true, actions);
    }
    close(link, true, actions);
  }
  for (const RequestId id : event.running) {
    Request* request = in_flight_.find(id);
    if (request != nullptr && request->moved_from != 0 &&
        std::ranges::find(lives, request->moved_from) != lives.end()) {
      request->moved_from = 0;
      DeathFacts facts = nobody;
      facts.running = true;
      after_death_of(*request, facts, false, actions);
    }
  }
  for (const std::uint32_t model : models) {
    answer_hopeless(model, actions);
    use_room(model, now, actions);
  }
}

// `was_there`: it is outstanding on the dead worker; else suspicion moved it away before.
template <class R>
void BasicDispatcher<R>::after_death_of(Request& request,
                                        DeathFacts facts,
                                        bool was_there,
                                        Actions& actions) {
  facts.sent_alone = request.alone;
  request.deaths_running += facts.running ? 1 : 0;
  facts.deaths_running = request.deaths_running;
  AfterDeath verdict = after_death(facts);
  if (!R::kBoundsDeathRetries && verdict != AfterDeath::requeue) {
    verdict = AfterDeath::requeue_alone;
  }
  if (verdict == AfterDeath::quarantine || verdict == AfterDeath::give_up) {
    const bool proven = verdict == AfterDeath::quarantine;
    counters_.quarantined += proven ? 1U : 0U;
    if (!was_there) {
      cancel(request, actions);
    }
    answer(request,
           {ErrorCode::internal,
            "this request was running each time when " + std::to_string(facts.deaths_running) +
                " workers of model '" + catalog_.at(request.model).name + "' crashed" +
                (proven ? ", the last time by itself: it is quarantined" : "")},
           actions,
           proven);
    return;
  }
  if (!R::kRequeues) {
    return was_there ? answer(request, {ErrorCode::unavailable, "its worker died"}, actions)
                     : void();
  }
  (facts.running ? counters_.retries_running : counters_.retries_waiting) += was_there ? 1U : 0U;
  Model& model = catalog_.at(request.model);
  const bool queued = request.state == RequestState::queued;
  if (was_there) {
    take_back(request);
    if (request.on_budget) {
      request.on_budget = false;
      budget_.give_back();
    }
  } else if (queued) {
    model.queue.remove(in_flight_, request);
  }
  request.suspect = request.suspect || facts.running;
  if (was_there || queued) {
    requeue(request);
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
      close(link, true, actions);
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

template <class R>
bool BasicDispatcher<R>::wants_fingerprints() const {
  return !quarantine_.empty();
}

template <class R>
bool BasicDispatcher<R>::beats(LinkKey link) const {
  const WorkerSlot* slot = links_.find(link);
  return slot != nullptr && !slot->suspected;
}

template <class R>
bool BasicDispatcher<R>::ready(std::string_view name, std::optional<std::int64_t> version) const {
  const std::uint32_t index = catalog_.find(name);
  if (index == kNone) {
    return false;
  }
  const Model& model = catalog_.at(index);
  return std::ranges::any_of(model.links, [&](LinkKey key) {
    const WorkerSlot& link = *links_.find(key);
    const Version& served = model.versions[link.version];
    return !link.draining && !link.suspected &&
           (version ? served.number == *version : model.takes_any(served));
  });
}

template <class R>
bool BasicDispatcher<R>::idle() const {
  return in_flight_.alive() == 0;
}

template <class R>
const RouteCounters& BasicDispatcher<R>::counters() const {
  return counters_;
}

template <class R>
std::vector<ModelView> BasicDispatcher<R>::models() const {
  std::vector<ModelView> views;
  for (std::uint32_t i = 0; i < catalog_.size(); ++i) {
    const Model& model = catalog_.at(i);
    views.push_back({.name = model.name,
                     .queued = model.queue.count(),
                     .queued_bytes = model.queue.bytes(),
                     .in_flight = model.in_flight});
  }
  return views;
}

template <class R>
std::vector<WorkerView> BasicDispatcher<R>::workers(TimePoint now) const {
  std::vector<WorkerView> views;
  for (const WorkerSlot& link : links_.all()) {
    if (!link.attached || link.replaced) {
      continue;
    }
    const Model& model = catalog_.at(link.model);
    views.push_back({.link = link.key,
                     .worker = link.worker,
                     .model = model.name,
                     .version = model.versions[link.version].number,
                     .state = link.suspected  ? LinkState::suspected
                              : link.draining ? LinkState::draining
                                              : LinkState::ready,
                     .ejected = link.health.ejected(now),
                     .outstanding = static_cast<std::uint32_t>(link.sent.size()),
                     .credit = link.credit,
                     .service_estimate = link.health.estimate()});
  }
  return views;
}

}  // namespace sluice::gateway
