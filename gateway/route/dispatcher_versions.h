// BasicDispatcher, versions and views: what control says of versions and routes, who is told that
// nobody will serve it, and what the shell may ask. Included by dispatcher.cc and by the mutants of
// tests/sim alone.

#pragma once

#include <algorithm>
#include <utility>

#include "gateway/route/dispatcher.h"

namespace sluice::gateway {

template <class R>
void BasicDispatcher<R>::on(const RouteSet& event, TimePoint now, Actions& actions) {
  const std::uint32_t index = event.versions.empty() && !event.expected
                                  ? catalog_.find(event.model)
                                  : catalog_.intern(event.model);
  if (index == kNone) {
    return;
  }
  Model& model = catalog_.at(index);
  model.expected = event.expected;
  model.rules = event.rules;
  for (Version& version : model.versions) {
    version.declared.reset();
    version.workers.clear();
    version.weight = 0;
  }
  for (const VersionRoute& route : event.versions) {
    declare(model, route);
  }
  for (Version& version : model.versions) {
    version.turn = version.takes_any() ? version.turn : 0;
  }
  model.shares = std::ranges::count_if(model.versions, &Version::takes_any) > 1;
  for (const LinkKey key : model.links) {
    hold_or_admit(*links_.find(key));
  }
  answer_hopeless(index, now, actions);
  use_room(index, now, actions);
}

template <class R>
void BasicDispatcher<R>::declare(Model& model, const VersionRoute& route) {
  const std::uint32_t place = Catalog::intern_version(model, route.version);
  if (place == kNone) {
    return;
  }
  Version& version = model.versions[place];
  version.declared = route.state;
  version.reason = route.reason;
  version.weight = route.weight;
  version.workers.assign(route.workers.begin(), route.workers.end());
  std::ranges::sort(version.workers);
}

template <class R>
void BasicDispatcher<R>::hold_or_admit(WorkerSlot& link) {
  Model& model = catalog_.at(link.model);
  Version& version = model.versions[link.version];
  version.hopeful -= link.hopeful() ? 1U : 0U;
  link.held = R::kHolds && !std::ranges::binary_search(version.workers, link.id);
  version.hopeful += link.hopeful() ? 1U : 0U;
  if (!link.held && !version.served) {
    // What made the other versions crash may be harmless to this one.
    version.served = true;
    quarantine_.forget(link.model);
  }
}

// A version has failed, was retired or lost its last worker for good: who waits for it is told.
template <class R>
void BasicDispatcher<R>::answer_hopeless(std::uint32_t index, TimePoint now, Actions& actions) {
  Model& model = catalog_.at(index);
  if (model.queue.empty()) {
    return;
  }
  release_choices(model, now);
  const auto clear_lane = [&](std::uint32_t version) {
    if (model.queue.front(version) == kNone) {
      return;
    }
    if (const auto why = hopeless(model, version)) {
      while (model.queue.front(version) != kNone) {
        answer(in_flight_.at(model.queue.front(version)), *why, actions);
      }
    }
  };
  clear_lane(kNone);
  for (std::uint32_t version = 0; version < model.queue.lane_count(); ++version) {
    clear_lane(version);
  }
  for (std::uint32_t slot = model.queue.front_suspect(); slot != kNone;) {
    Request& request = in_flight_.at(slot);
    slot = request.next;
    if (auto why = hopeless(model, request.version)) {
      answer(request, *std::move(why), actions);
    }
  }
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
bool BasicDispatcher<R>::quiet(std::string_view name, std::int64_t version) const {
  const std::uint32_t index = catalog_.find(name);
  const Version* found = index == kNone ? nullptr : catalog_.at(index).find(version);
  return found == nullptr || (found->named == 0 && found->in_flight == 0);
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
                     .versions = {}});
    for (const Version& version : model.versions) {
      views.back().versions.push_back({version.number, version.in_flight});
    }
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
                              : link.held     ? LinkState::held
                                              : LinkState::ready,
                     .ejected = link.health.ejected(now),
                     .outstanding = static_cast<std::uint32_t>(link.sent.size()),
                     .credit = link.credit,
                     .service_estimate = link.health.estimate()});
  }
  return views;
}

}  // namespace sluice::gateway
