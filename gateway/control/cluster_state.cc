#include "gateway/control/cluster_state.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "gateway/control/caller_reason.h"

namespace sluice::gateway {
namespace {

using link::WorkerState;

// No process now: only its node can say so, and its node is believed.
bool is_dead(WorkerState state) {
  return state == WorkerState::failed || state == WorkerState::ended ||
         state == WorkerState::backing_off;
}

}  // namespace

ClusterState::ClusterState(ClusterOptions options) : options_(std::move(options)) {}

void ClusterState::on_worker_hello(const link::Hello& hello) {
  WorkerStatus& status = worker(hello.worker_id);
  status.id = hello.worker_id;
  status.node = hello.node_id;
  status.pid = hello.pid;
  status.model = hello.model.name;
  status.version = hello.model.version;
  status.state = hello.state;
  status.info = hello.model;
  linked_.insert(hello.worker_id);
}

void ClusterState::on_worker_state(const std::string& worker_id, const link::StateChange& change) {
  const auto found = workers_.find(worker_id);
  if (found == workers_.end()) {
    return;
  }
  found->second.state = change.state;
  if (!change.reason.empty()) {
    found->second.reason = change.reason;
  }
  if (!change.model.name.empty()) {
    found->second.info = change.model;
  }
}

void ClusterState::on_worker_beat(const std::string& worker_id, const link::Heartbeat& beat) {
  const auto found = workers_.find(worker_id);
  if (found != workers_.end()) {
    found->second.beat = beat;
    if (beat.state != WorkerState::unknown) {
      found->second.state = beat.state;
    }
  }
}

void ClusterState::on_worker_link_lost(const std::string& worker_id) {
  linked_.erase(worker_id);
  const auto found = workers_.find(worker_id);
  if (found == workers_.end()) {
    return;
  }
  if (found->second.node.empty()) {
    workers_.erase(found);  // started by hand: nobody else speaks for it
    met_.erase(worker_id);
  } else if (!is_dead(found->second.state)) {
    found->second.state = WorkerState::unknown;  // until its node or a new link says more
  }
}

void ClusterState::on_node_report(const std::string& node_id, const link::NodeReport& report) {
  std::set<std::string> named;
  for (const link::WorkerReport& seen : report.workers) {
    named.insert(seen.worker_id);
    WorkerStatus& status = worker(seen.worker_id);
    status.id = seen.worker_id;
    status.node = node_id;
    status.model = seen.model;
    status.version = seen.version;
    status.restarts = seen.restarts;
    status.reason = seen.reason;
    const bool same_life = seen.pid == status.pid;
    // A worker whose own link is up speaks for itself, unless its node knows that it is dead.
    if (!linked_.contains(seen.worker_id) || is_dead(seen.state) || !same_life) {
      status.state = seen.state;
    }
    status.pid = seen.pid;
  }
  std::erase_if(workers_, [&](const auto& entry) {
    const bool left = entry.second.node == node_id && !named.contains(entry.first);
    if (left) {
      linked_.erase(entry.first);
      met_.erase(entry.first);
    }
    return left;
  });
}

void ClusterState::on_node_link_lost(const std::string& node_id) {
  // Its workers serve on; those without a link of their own cannot be told from dead ones.
  std::erase_if(workers_, [&](const auto& entry) {
    return entry.second.node == node_id && !linked_.contains(entry.first);
  });
}

void ClusterState::on_worker_died(const link::WorkerDied& died) {
  const auto found = workers_.find(died.worker_id);
  if (found == workers_.end() || found->second.pid != died.pid) {
    return;
  }
  found->second.state = WorkerState::unknown;  // starting or backing off: its node says so next
  found->second.pid = 0;
  found->second.beat = {};
  found->second.reason = died.reason;
  linked_.erase(died.worker_id);
  met_.erase(died.worker_id);
}

void ClusterState::on_worker_met(const WorkerMet& message) {
  Met& met = met_[message.worker_id];
  if (!message.met) {
    if (met.pid == message.pid) {  // else: the link of a life that a newer one has replaced
      met.shards.erase(message.shard);
    }
    return;
  }
  if (met.pid != message.pid) {
    met = {message.pid, {}};
  }
  met.shards.insert(message.shard);
}

bool ClusterState::serves(const WorkerStatus& worker) const {
  const auto met = met_.find(worker.id);
  return worker.state == WorkerState::ready && met != met_.end() && met->second.pid == worker.pid &&
         static_cast<int>(met->second.shards.size()) == options_.shards;
}

std::vector<VersionView> ClusterState::versions() {
  std::erase_if(admitted_, [&](const std::string& id) { return !workers_.contains(id); });
  std::map<std::pair<std::string, std::int64_t>, VersionView> found;
  for (const auto& [id, worker] : workers_) {
    auto [at, fresh] = found.try_emplace({worker.model, worker.version});
    VersionView& view = at->second;
    if (fresh) {
      view.model = worker.model;
      view.version = worker.version;
      view.state = VersionView::State::failed;
      view.reason = worker.reason;
    }
    if (serves(worker)) {
      view.state = VersionView::State::ready;
      admitted_.insert(id);
    } else if (worker.state != WorkerState::failed && view.state == VersionView::State::failed) {
      view.state = VersionView::State::expected;
    }
    if (admitted_.contains(id)) {
      view.workers.push_back(id);
    }
  }
  std::vector<VersionView> views;
  for (auto& [key, view] : found) {
    view.reason = view.state == VersionView::State::failed ? reason_for_callers(view.reason) : "";
    views.push_back(std::move(view));
  }
  share(views);
  return views;
}

// Of each model the newest version that is ready takes all unversioned requests; else the one that
// took them last; else the newest that has not failed.
void ClusterState::share(std::vector<VersionView>& versions) {
  const auto rank = [&](const VersionView& view) {
    const auto last = primary_.find(view.model);
    return std::tuple(view.state == VersionView::State::ready,
                      view.state != VersionView::State::failed,
                      last != primary_.end() && last->second == view.version &&
                          view.state != VersionView::State::ready,
                      view.version);
  };
  std::map<std::string, VersionView*> best;
  for (VersionView& view : versions) {
    VersionView*& chosen = best[view.model];
    if (chosen == nullptr || rank(view) > rank(*chosen)) {
      chosen = &view;
    }
  }
  primary_.clear();
  for (const auto& [model, view] : best) {
    view->weight = 100;
    primary_[model] = view->version;
  }
}

bool ClusterState::all_expected(const std::vector<VersionView>& versions) const {
  const auto counts = [&](const VersionView& view) {
    return view.state == VersionView::State::ready ||
           (!options_.strict_readiness && view.state == VersionView::State::failed);
  };
  if (options_.expected_models.empty()) {
    return std::ranges::any_of(versions, counts);
  }
  return std::ranges::all_of(options_.expected_models, [&](const std::string& name) {
    return std::ranges::any_of(
        versions, [&](const VersionView& view) { return view.model == name && counts(view); });
  });
}

void ClusterState::update_readiness(const std::vector<VersionView>& versions, TimePoint now) {
  const bool any = std::ranges::any_of(
      versions, [](const VersionView& view) { return view.state == VersionView::State::ready; });
  if (any) {
    none_ready_since_.reset();
  } else if (!none_ready_since_) {
    none_ready_since_ = now;
  }
  if (!ready_) {
    ready_ = any && all_expected(versions);
  } else if (none_ready_since_ && now - *none_ready_since_ >= kUnreadyAfter) {
    ready_ = false;
  }
}

ClusterView ClusterState::view(TimePoint now) {
  ClusterView view;
  view.versions = versions();
  update_readiness(view.versions, now);
  view.ready = ready_ && !draining_;
  view.expected_models = options_.expected_models;
  return view;
}

}  // namespace sluice::gateway
