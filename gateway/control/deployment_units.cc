// Deployment: what its units are now, and their ways in and out of routes and assignments.

#include <algorithm>
#include <utility>

#include "gateway/control/deployment.h"

namespace sluice::gateway {

using link::WorkerState;

Unit* Deployment::unit(std::uint64_t id) {
  const auto found = std::ranges::find(units_, id, &Unit::id);
  return found == units_.end() ? nullptr : &*found;
}

const Unit* Deployment::unit(std::uint64_t id) const {
  const auto found = std::ranges::find(units_, id, &Unit::id);
  return found == units_.end() ? nullptr : &*found;
}

const Unit* Deployment::serving(std::int64_t version) const {
  const auto found = std::ranges::find_if(units_, [&](const Unit& unit) {
    return unit.version == version && unit.role == Role::serving;
  });
  return found == units_.end() ? nullptr : &*found;
}

// Ids whose process is to end before it may return.
std::set<std::string> Deployment::leaving() const {
  std::set<std::string> leaving = retried_;
  for (const Unit& unit : units_) {
    if (unit.role == Role::ending && options_.rules.waits_until_gone) {
      for (const auto& [id, place] : unit.workers) {
        leaving.insert(id);
      }
    }
  }
  return leaving;
}

UnitState Deployment::state(const Unit& unit) const {
  return state_of(unit, workers_, unit.role == Role::ending ? std::set<std::string>() : leaving());
}

bool Deployment::is_ready(const Unit& unit) const {
  return is_up(unit, true);
}

// All its workers, or but for those that have failed; those of a silent node only if they are known
// to live.
bool Deployment::is_up(const Unit& unit, bool all) const {
  bool any = false;
  const std::set<std::string> left = leaving();
  for (const auto& [id, place] : unit.workers) {
    const auto found = workers_.find(id);
    const bool known = found != workers_.end() && !left.contains(id);
    if (!known && !place.node.empty() && !facts_.attached.contains(place.node)) {
      continue;
    }
    if (!all && known && found->second.state == WorkerState::failed) {
      continue;
    }
    const bool met = known && (found->second.met_by_all || !options_.rules.waits_until_met);
    if (!met || found->second.state != WorkerState::ready) {
      return false;
    }
    any = true;
  }
  return any;
}

bool Deployment::has_failed(const Unit& unit) const {
  const UnitState now = state(unit);
  return now.wanted != 0 && now.failed == now.wanted;
}

std::set<std::string> Deployment::failed_builds(const Unit& unit) const {
  std::set<std::string> builds;
  for (const auto& [id, place] : unit.workers) {
    const auto found = workers_.find(id);
    if (found != workers_.end() && found->second.state == WorkerState::failed) {
      builds.insert(place.build);
    }
  }
  return builds;
}

// It has a process, or nobody can say that it has none.
bool Deployment::may_live(const std::string& id, const Place& place) const {
  return workers_.contains(id) || unheard_.contains(id) || facts_.silent.contains(place.node);
}

// No process of it can be left.
bool Deployment::is_gone(const Unit& unit) const {
  return std::ranges::none_of(unit.workers, [&](const auto& entry) {
    const bool by_hand = entry.second.node.empty();  // it may stay, it is not ours to end
    return !by_hand && may_live(entry.first, entry.second);
  });
}

bool Deployment::anything_serves() const {
  return std::ranges::any_of(
      units_, [&](const Unit& unit) { return unit.role == Role::serving && !has_failed(unit); });
}

// What a node is to run of it.
Workers Deployment::assigned(const Unit& unit) const {
  if (unit.role == Role::ending) {
    return {};
  }
  const std::set<std::string> left = leaving();
  Workers workers;
  for (const auto& [id, place] : unit.workers) {
    const bool waits = unit.alone && options_.rules.waits_until_gone && !workers_.contains(id) &&
                       !unit.begun.contains(id) && others_end_on(place);
    if (!place.node.empty() && !left.contains(id) && !waits) {
      workers.emplace(id, place);
    }
  }
  return workers;
}

// Another build of the model is on its way out there, be it one that an earlier life of the gateway
// had started and no unit of this one runs.
bool Deployment::others_end_on(const Place& place) const {
  const bool stray = std::ranges::any_of(workers_, [&](const auto& entry) {
    const auto& [id, worker] = entry;
    return worker.node == place.node && worker.state != WorkerState::failed &&
           !id.starts_with(place.build + "/") &&
           std::ranges::none_of(units_, [&name = entry.first](const Unit& each) {
             return each.workers.contains(name);
           });
  });
  return stray || std::ranges::any_of(units_, [&](const Unit& each) {
           if (each.role != Role::outgoing && each.role != Role::ending) {
             return false;
           }
           return std::ranges::any_of(each.workers, [&](const auto& entry) {
             const Place& other = entry.second;
             return other.node == place.node && other.build != place.build &&
                    (each.role == Role::outgoing || may_live(entry.first, other));
           });
         });
}

Unit& Deployment::add_unit(const Spec& spec, Role role, Routing routing) {
  Unit unit;
  unit.id = ++last_unit_;
  unit.version = spec.version;
  unit.workers = spec.workers;
  unit.alone = settings().strategy == link::Strategy::recreate;
  units_.push_back(std::move(unit));
  route(units_.back(), role, routing);
  return units_.back();
}

void Deployment::route(Unit& unit, Role role, Routing routing) {
  unit.role = role;
  unit.routing = routing;
  unit.shown = unit.shown || routing != Routing::none;
  unit.published = 0;
  unit.quiet = false;
}

// Every shard has the latest change of its routing.
bool Deployment::is_out(const Unit& unit) const {
  return unit.published != 0 && applied_ >= unit.published;
}

// Its workers end, but for those that another unit runs.
void Deployment::end(Unit& unit) {
  for (const Unit& other : units_) {
    if (other.id != unit.id && other.role != Role::ending) {
      const Workers stay = assigned(other);
      std::erase_if(unit.workers, [&](const auto& entry) { return stay.contains(entry.first); });
    }
  }
  unit.role = Role::ending;
}

void Deployment::end_standby() {
  if (memory_) {
    memory_->warm.clear();
  }
  for (Unit& each : units_) {
    if (each.role == Role::standby) {
      end(each);
    }
  }
}

// Takes it out of the routes; it ends, or is kept, once the shards have nothing of it.
void Deployment::retire(Unit& unit, std::optional<TimePoint> keep_until) {
  // Where nodes have different builds, two units of a version may share what runs on one of them.
  for (const Unit& other : units_) {
    const bool runs = other.role == Role::serving || other.role == Role::incoming;
    if (other.id != unit.id && runs) {
      std::erase_if(unit.workers,
                    [&](const auto& entry) { return other.workers.contains(entry.first); });
    }
  }
  if (unit.routing == Routing::none) {
    if (!unit.shown || is_out(unit)) {
      end(unit);
    } else {  // a shard may yet have it from before
      unit.role = Role::outgoing;
      unit.keep_until.reset();
    }
    return;
  }
  const bool replaced = std::ranges::any_of(units_, [&](const Unit& other) {
    return other.id != unit.id && other.version == unit.version && other.routing == Routing::served;
  });
  unit.keep_until = keep_until;
  // Another build of its version serves: the shards do not see it drain, only its workers end.
  route(unit, Role::outgoing, replaced ? Routing::none : Routing::draining);
}

}  // namespace sluice::gateway
