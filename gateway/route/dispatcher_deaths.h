// BasicDispatcher, lost links and deaths: what is run again, where, and what is not. The rules are
// in retry_policy.h and docs/adr/0002-retry-and-quarantine.md. Included by dispatcher.cc and by the
// mutants of tests/sim alone.

#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gateway/route/dispatcher.h"

namespace sluice::gateway {
namespace detail {

// After a link's own evidence the node's report is awaited this long, because it says which
// requests were running; only then are they retried on suspicion.
inline constexpr Duration kReportGrace = std::chrono::milliseconds(200);

}  // namespace detail

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
void BasicDispatcher<R>::on(const LinkLost& event, TimePoint now, Actions& actions) {
  WorkerSlot* link = links_.find(event.link);
  if (link == nullptr) {
    return;
  }
  const std::uint32_t model = link->model;
  if (link->sent.empty()) {
    close(*link, actions);
  } else {
    suspect(*link, now + detail::kReportGrace, actions);
  }
  answer_hopeless(model, now, actions);
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
  const DeathFacts nobody{.running_count = event.running.size(),
                          .killed = R::kSparesKilled && event.killed};
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
    close(link, actions);
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
    answer_hopeless(model, now, actions);
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
                " workers of model '" + catalog_.at(request.model).name + "' died" +
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

}  // namespace sluice::gateway
