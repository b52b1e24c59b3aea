#include "tests/sim/rollout/shard.h"

#include <algorithm>
#include <utility>

namespace sluice::sim::rollout {

using gateway::RoutedVersion;
using State = gateway::RoutedVersion::State;

constexpr int kDeathsOfOne = 2;

const RoutedVersion* SimShard::route(std::int64_t version) const {
  const auto found = std::ranges::find(routes_.versions, version, &RoutedVersion::version);
  return found == routes_.versions.end() ? nullptr : &*found;
}

void SimShard::note_routes(Request& request) const {
  for (const RoutedVersion& each : routes_.versions) {
    const bool meant = request.version ? each.version == *request.version : each.weight != 0;
    if (meant && each.state != State::failed) {
      request.routed.insert(each.version);
    }
  }
}

// A version that is gone or has failed answers nobody who waits for it by name.
bool SimShard::is_hopeless(const Request& request) const {
  const RoutedVersion* named = request.version ? route(*request.version) : nullptr;
  return request.version && !request.on && (named == nullptr || named->state == State::failed);
}

void SimShard::apply(std::uint64_t number, const gateway::Routes& routes) {
  number_ = number;
  routes_ = routes;
  told_quiet_.clear();
  world_->note("applied", index_, number);
  for (auto it = requests_.begin(); it != requests_.end();) {
    Request& request = it->second;
    note_routes(request);
    // A version that is gone answers nobody who still waits for it by name.
    it = is_hopeless(request) ? requests_.erase(it) : std::next(it);
  }
  applied(index_, number);
  pump();
}

void SimShard::ask(std::optional<std::int64_t> version, Duration service, bool poison) {
  if (version) {
    const RoutedVersion* named = route(*version);
    if (named == nullptr || named->state == State::draining || named->state == State::failed) {
      world_->coverage.add("refused");
      return;
    }
  } else if (routes_.versions.empty()) {
    world_->coverage.add("refused");
    return;
  }
  Request& request = requests_[++last_request_];
  request.version = version;
  request.service = service;
  request.poison = poison;
  note_routes(request);
  world_->coverage.add("asked");
  pump();
}

bool SimShard::send(std::uint64_t id, Request& request) {
  std::vector<const RoutedVersion*> versions;
  int sum = 0;
  for (const RoutedVersion& each : routes_.versions) {
    const bool meant = request.version ? each.version == *request.version : each.weight != 0;
    const bool has_worker = std::ranges::any_of(workers_, [&](const auto& entry) {
      return !entry.second && std::ranges::binary_search(each.workers, entry.first.id);
    });
    if (meant && has_worker && each.state != State::failed) {
      versions.push_back(&each);
      sum += each.weight;
    }
  }
  if (versions.empty()) {
    return false;
  }
  const RoutedVersion* chosen = versions.front();
  if (sum > 0) {
    auto draw = static_cast<int>(world_->random.below(static_cast<std::uint64_t>(sum)));
    for (const RoutedVersion* each : versions) {
      chosen = each;
      draw -= each->weight;
      if (draw < 0) {
        break;
      }
    }
  }
  for (const auto& [worker, drains] : workers_) {
    if (!drains && std::ranges::binary_search(chosen->workers, worker.id)) {
      request.on = worker;
    }
  }
  const std::uint64_t attempt = ++request.attempt;
  world_->time.in(request.service,
                  [this, id, attempt, life = life_] { answered(id, attempt, life); });
  return true;
}

void SimShard::pump() {
  for (auto& [id, request] : requests_) {
    if (!request.on) {
      send(id, request);
    }
  }
  tell_quiet();
}

void SimShard::answered(std::uint64_t id, std::uint64_t attempt, std::uint64_t life) {
  const auto found = requests_.find(id);
  if (life != life_ || found == requests_.end() || found->second.attempt != attempt ||
      !found->second.on) {
    return;  // of a life before, or it was moved
  }
  Request& request = found->second;
  if (is_mortal(request.on->id, request.poison)) {
    world_->coverage.add("died of a request");
    world_->time.in({}, [this, worker = *request.on] { kill(worker); });
    if (++request.deaths == kDeathsOfOne) {
      requests_.erase(found);  // quarantined
    }
    return;
  }
  if (!request.routed.contains(request.on->version)) {
    world_->violate("a request was answered by version " + std::to_string(request.on->version) +
                    ", which was not routed to since it was admitted");
  }
  world_->note("answered", index_, id, static_cast<std::uint64_t>(request.on->version));
  world_->coverage.add("answered");
  requests_.erase(found);
  pump();
}

void SimShard::attach(const Life& worker) {
  workers_.emplace(worker, false);
  pump();
}

void SimShard::draining(const Life& worker) {
  if (const auto found = workers_.find(worker); found != workers_.end()) {
    found->second = true;
  }
}

void SimShard::detach(const Life& worker) {
  if (workers_.erase(worker) == 0) {
    return;
  }
  for (auto it = requests_.begin(); it != requests_.end();) {
    Request& request = it->second;
    if (request.on == worker) {
      request.on.reset();
      world_->coverage.add("run again");
    }
    it = is_hopeless(request) ? requests_.erase(it) : std::next(it);
  }
  pump();
}

bool SimShard::has_work_on(const std::string& worker) const {
  return std::ranges::any_of(requests_, [&](const auto& entry) {
    return entry.second.on && entry.second.on->id == worker;
  });
}

bool SimShard::routes_to(const std::string& worker) const {
  return std::ranges::any_of(routes_.versions, [&](const RoutedVersion& each) {
    return each.state != State::draining && each.state != State::failed &&
           std::ranges::binary_search(each.workers, worker);
  });
}

// A worker that left while its version served ends by itself what it has.
bool SimShard::drains(std::int64_t version, const std::string& worker) const {
  const RoutedVersion* found = route(version);
  return found == nullptr ||
         (found->state == State::draining && std::ranges::binary_search(found->workers, worker));
}

void SimShard::tell_quiet() {
  for (const RoutedVersion& each : routes_.versions) {
    const bool busy = std::ranges::any_of(requests_, [&](const auto& entry) {
      const Request& request = entry.second;
      return request.version == each.version || (request.on && request.on->version == each.version);
    });
    if (each.state == State::draining && !busy && told_quiet_.insert(each.version).second) {
      quiet(index_, each.version, number_);
    }
  }
}

void SimShard::restart() {
  ++life_;
  number_ = 0;
  routes_ = {};
  workers_.clear();
  requests_.clear();
  told_quiet_.clear();
}

}  // namespace sluice::sim::rollout
