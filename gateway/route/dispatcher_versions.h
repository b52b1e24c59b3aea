// BasicDispatcher, versions and views: what control says of versions and routes, who is told that
// nobody will serve it, and what the shell may ask. Included by dispatcher.cc and by the mutants of
// tests/sim alone.

#pragma once

#include <algorithm>
#include <utility>

#include "gateway/route/dispatcher.h"

namespace sluice::gateway {

template <class R>
void BasicDispatcher<R>::on(const VersionStatus& event, TimePoint now, Actions& actions) {
  if (event.state == VersionState::retired) {
    const std::uint32_t known = catalog_.find(event.model);
    if (known == kNone || catalog_.at(known).find(event.version) == nullptr) {
      return;
    }
  }
  const std::uint32_t index = catalog_.intern(event.model);
  if (index == kNone) {
    return;
  }
  Model& model = catalog_.at(index);
  const std::uint32_t place = Catalog::intern_version(model, event.version);
  if (place == kNone) {
    return;
  }
  Version& version = model.versions[place];
  version.declared = event.state;
  version.reason = event.reason;
  version.lost = version.lost && event.state == VersionState::expected;
  answer_hopeless(index, actions);
  use_room(index, now, actions);
}

template <class R>
void BasicDispatcher<R>::on(const RouteSet& event, TimePoint now, Actions& actions) {
  const std::uint32_t index = catalog_.intern(event.model);
  if (index == kNone) {
    return;
  }
  Model& model = catalog_.at(index);
  for (Version& version : model.versions) {
    version.routed = false;
  }
  model.routes_set = !event.versions.empty();
  for (const std::int64_t number : event.versions) {
    const std::uint32_t place = Catalog::intern_version(model, number);
    if (place != kNone) {
      model.versions[place].routed = true;
    }
  }
  answer_hopeless(index, actions);
  use_room(index, now, actions);
}

// A version has failed, was retired or lost its last worker for good: who waits for it is told.
template <class R>
void BasicDispatcher<R>::answer_hopeless(std::uint32_t index, Actions& actions) {
  Model& model = catalog_.at(index);
  if (model.queue.empty()) {
    return;
  }
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
