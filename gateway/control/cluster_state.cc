#include "gateway/control/cluster_state.h"

#include <algorithm>
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

VersionView::State state_of(RoutedVersion::State state) {
  switch (state) {
    case RoutedVersion::State::expected:
      break;
    case RoutedVersion::State::ready:
      return VersionView::State::ready;
    case RoutedVersion::State::draining:
      return VersionView::State::draining;
    case RoutedVersion::State::failed:
      return VersionView::State::failed;
  }
  return VersionView::State::expected;
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
  status.findings.reset();
  if (hello.state == WorkerState::ready) {
    status.findings = hello.findings;
  }
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
  if (change.state == WorkerState::ready) {
    found->second.findings = change.findings;
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
  NodeStatus& node = nodes_[node_id];
  node = {.cpus = report.cpus, .memory_limit = report.memory_limit};
  for (const link::WorkerReport& seen : report.workers) {
    named.insert(seen.worker_id);
    node.memory_taken += seen.memory;
    if (seen.state == WorkerState::ready) {
      passed_[seen.worker_id] = seen.pid;
    }
    WorkerStatus& status = worker(seen.worker_id);
    status.id = seen.worker_id;
    status.node = node_id;
    status.model = seen.model;
    status.version = seen.version;
    status.stamp = seen.stamp;
    status.restarts = seen.restarts;
    status.deaths = {.crashes = seen.crashes, .kills = seen.kills};
    status.executors = seen.executors;
    status.threads = seen.threads;
    status.memory = seen.memory;
    const bool same_life = seen.pid == status.pid;
    // What a worker said of its own failure stands until its node has noticed it too.
    const bool said_why = same_life && status.state == WorkerState::failed && seen.reason.empty();
    if (!said_why) {
      status.reason = seen.reason;
    }
    // A worker whose own link is up speaks for itself, unless its node knows that it is dead.
    if (is_dead(seen.state) || !same_life ||
        (!linked_.contains(seen.worker_id) && status.state != WorkerState::failed)) {
      status.state = seen.state;
    }
    status.pid = seen.pid;
  }
  std::erase_if(workers_, [&](const auto& entry) {
    const bool left = entry.second.node == node_id && !named.contains(entry.first);
    if (left) {
      linked_.erase(entry.first);
      met_.erase(entry.first);
      passed_.erase(entry.first);
    }
    return left;
  });
}

void ClusterState::on_node_link_lost(const std::string& node_id) {
  nodes_.erase(node_id);
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

bool ClusterState::met_by_all(const WorkerStatus& worker) const {
  const auto met = met_.find(worker.id);
  return met != met_.end() && met->second.pid == worker.pid &&
         static_cast<int>(met->second.shards.size()) == options_.shards;
}

// Its node has measured it and lets it stay. Who was started by hand has no node to ask.
bool ClusterState::passed(const WorkerStatus& worker) const {
  const auto passed = passed_.find(worker.id);
  return worker.node.empty() || (passed != passed_.end() && passed->second == worker.pid);
}

std::vector<WorkerFact> ClusterState::facts() const {
  std::vector<WorkerFact> facts;
  facts.reserve(workers_.size());
  for (const auto& [id, worker] : workers_) {
    facts.push_back(
        {.id = id,
         .node = worker.node,
         .model = worker.model,
         .version = worker.version,
         .stamp = worker.stamp,
         .state = worker.state,
         .reason = worker.reason,
         .deaths = worker.deaths,
         .met_by_all = met_by_all(worker) && passed(worker),
         .finite = worker.findings ? std::optional(worker.findings->probe_finite) : std::nullopt,
         .info = worker.info.inputs.empty() ? nullptr : &worker.info});
  }
  return facts;
}

bool ClusterState::all_expected(const std::vector<VersionView>& versions,
                                const std::vector<std::string>& unloaded) const {
  const auto counts = [&](const VersionView& view) {
    return view.state == VersionView::State::ready ||
           (!options_.strict_readiness && view.state == VersionView::State::failed);
  };
  if (options_.expected_models.empty()) {
    return std::ranges::any_of(versions, counts);
  }
  return std::ranges::all_of(options_.expected_models, [&](const std::string& name) {
    return std::ranges::find(unloaded, name) != unloaded.end() ||
           std::ranges::any_of(versions, [&](const VersionView& view) {
             return view.model == name && counts(view);
           });
  });
}

void ClusterState::update_readiness(const std::vector<VersionView>& versions,
                                    const std::vector<std::string>& unloaded,
                                    TimePoint now) {
  const bool any = std::ranges::any_of(
      versions, [](const VersionView& view) { return view.state == VersionView::State::ready; });
  if (any) {
    none_ready_since_.reset();
  } else if (!none_ready_since_) {
    none_ready_since_ = now;
  }
  if (!ready_) {
    ready_ = any && all_expected(versions, unloaded);
  } else if (none_ready_since_ && now - *none_ready_since_ >= kUnreadyAfter) {
    ready_ = false;
  }
}

ClusterView ClusterState::view(Routes routes, TimePoint now) {
  ClusterView view;
  for (RoutedVersion& version : routes.versions) {
    view.versions.push_back({.model = std::move(version.model),
                             .version = version.version,
                             .state = state_of(version.state),
                             .reason = reason_for_callers(version.reason),
                             .weight = version.weight,
                             .workers = std::move(version.workers)});
  }
  std::map<std::string, ModelSetup> models;
  for (RoutedLabel& label : routes.labels) {
    models[label.model].labels.emplace(std::move(label.label), label.version);
  }
  for (RoutedSettings& settings : routes.settings) {
    ModelSetup& setup = models[settings.model];
    setup.config = std::move(settings.json);
    setup.queue = std::move(settings.queue);
  }
  for (auto& [name, setup] : models) {
    setup.model = name;
    view.models.push_back(std::move(setup));
  }
  update_readiness(view.versions, routes.unloaded, now);
  view.ready = ready_ && !draining_;
  for (const std::string& name : options_.expected_models) {
    if (std::ranges::find(routes.unloaded, name) == routes.unloaded.end()) {
      view.expected_models.push_back(name);
    }
  }
  return view;
}

}  // namespace sluice::gateway
