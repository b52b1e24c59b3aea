// BasicDispatcher, the queue's side: which of the requests that wait goes next, and to which
// worker. Included by dispatcher.cc and by the mutants of tests/sim alone.

#pragma once

#include <utility>

#include "gateway/route/dispatcher.h"

namespace sluice::gateway {

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

}  // namespace sluice::gateway
