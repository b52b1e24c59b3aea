#include "gateway/control/fleet.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"

namespace sluice::gateway {

Fleet::Fleet(DeploymentOptions options, StartOptions start)
    : options_(options), start_(std::move(start)) {}

void Fleet::remember(FleetMemory memory) {
  ids_.last = memory.last_command;
  remembered_ = std::move(memory.models);
  for (const std::string& model : start_.expected) {
    if (memory.left.contains(model)) {
      left_.insert(model);
    }
  }
}

FleetMemory Fleet::memory() const {
  FleetMemory memory{ids_.last, remembered_, left_};
  for (const auto& [model, deployment] : deployments_) {
    if (std::optional<ModelMemory> one = deployment.memory()) {
      memory.models.insert_or_assign(model, *std::move(one));
    }
  }
  return memory;
}

// --- facts ---------------------------------------------------------------------------------------

void Fleet::on_workers(std::span<const WorkerFact> workers, TimePoint now) {
  std::map<std::string, std::vector<WorkerFact>> by_model;
  for (const WorkerFact& worker : workers) {
    by_model[worker.model].push_back(worker);
    if (worker.node.empty()) {
      deployment(worker.model, now);
    }
  }
  for (auto& [model, deployment] : deployments_) {
    deployment.on_workers(by_model[model], now);
  }
  // What was lent is kept, for a model of which no repository has told yet.
  std::map<std::string, ModelInfo> infos;
  for (auto& [model, facts] : by_model) {
    for (WorkerFact& fact : facts) {
      if (fact.info != nullptr) {
        fact.info = &infos.insert_or_assign(fact.id, *fact.info).first->second;
      }
    }
  }
  workers_ = std::move(by_model);
  infos_ = std::move(infos);
  forget_silent(now);
}

void Fleet::on_published(std::uint64_t number, TimePoint now) {
  for (auto& [model, deployment] : deployments_) {
    deployment.on_published(number, now);
  }
}

void Fleet::on_applied(std::uint64_t number, TimePoint now) {
  applied_ = std::max(applied_, number);
  for (auto& [model, deployment] : deployments_) {
    deployment.on_applied(number, now);
  }
}

void Fleet::on_quiet(const std::string& model,
                     std::int64_t version,
                     std::uint64_t number,
                     TimePoint now) {
  if (const auto found = deployments_.find(model); found != deployments_.end()) {
    found->second.on_quiet(version, number, now);
  }
}

void Fleet::on_counts(const std::string& model,
                      std::int64_t version,
                      const AnswerCounts& counts,
                      TimePoint now) {
  if (const auto found = deployments_.find(model); found != deployments_.end()) {
    found->second.on_counts(version, counts, now);
  }
}

void Fleet::tick(TimePoint now) {
  forget_silent(now);
  for (auto& [model, deployment] : deployments_) {
    if (deployment.next_due() <= now) {
      deployment.tick(now);
    }
  }
}

TimePoint Fleet::next_due() const {
  TimePoint due = TimePoint::max();
  for (const auto& [model, deployment] : deployments_) {
    due = std::min(due, deployment.next_due());
  }
  for (const auto& [id, node] : nodes_) {
    if (!node.attached && !has_workers(id)) {
      due = std::min(due, node.silent_since + limits::kSilentNode);
    }
  }
  return due;
}

bool Fleet::has_workers(const std::string& node) const {
  return std::ranges::any_of(workers_, [&](const auto& entry) {
    return std::ranges::find(entry.second, node, &WorkerFact::node) != entry.second.end();
  });
}

void Fleet::forget_silent(TimePoint now) {
  const bool changed = std::erase_if(nodes_, [&](const auto& entry) {
                         const Node& node = entry.second;
                         return !node.attached && now - node.silent_since >= limits::kSilentNode &&
                                !has_workers(entry.first);
                       }) != 0;
  if (changed) {
    tell_models("", now);
  }
}

Deployment& Fleet::deployment(const std::string& model, TimePoint now) {
  const auto found = deployments_.find(model);
  if (found != deployments_.end()) {
    return found->second;
  }
  Deployment& added = deployments_.emplace(model, Deployment(model, options_, ids_)).first->second;
  if (auto known = remembered_.extract(model); !known.empty()) {
    added.remember(std::move(known.mapped()));
  }
  added.on_applied(applied_, now);
  added.on_workers(workers_[model], now);
  tell_unheard();
  return added;
}

bool Fleet::starts(const std::string& model) const {
  return !start_.on_demand || std::ranges::any_of(start_.models, [&](const std::string& each) {
    return each == model || each == "*";
  });
}

// What has changed in the repositories or among the nodes, to every model.
void Fleet::tell_models(const std::string& fresh_node, TimePoint now) {
  for (const auto& [id, node] : nodes_) {
    if (!node.known()) {
      continue;
    }
    for (const auto& [name, model] : node.models) {
      const bool first = !deployments_.contains(name) && !remembered_.contains(name);
      Deployment& found = deployment(name, now);
      if (first && !starts(name)) {
        found.hold();
      }
    }
  }
  for (auto& [name, deployment] : deployments_) {
    ModelFacts facts = facts_of(name);
    if (!fresh_node.empty()) {
      facts.fresh.insert(fresh_node);
    }
    deployment.on_model(std::move(facts), now);
  }
}

ModelFacts Fleet::facts_of(const std::string& model) const {
  ModelFacts facts;
  std::map<std::int64_t, AvailableVersion> versions;
  std::string first;  // the node whose settings hold
  for (const auto& [id, node] : nodes_) {
    if (!node.known()) {
      continue;
    }
    (node.attached ? facts.attached : facts.silent).insert(id);
    const auto found = node.models.find(model);
    if (found == node.models.end()) {
      continue;
    }
    const link::ModelFound& here = found->second;
    facts.found = true;
    if (!here.problem.empty() && facts.problem.empty()) {
      facts.problem = nodes_.size() == 1 ? here.problem : "node '" + id + "': " + here.problem;
    }
    if (here.versions.empty() && !here.problem.empty()) {
      continue;  // never in order: it has no settings
    }
    if (first.empty()) {
      first = id;
      facts.settings = here.settings;
      facts.notes = here.notes;
    } else if (here.settings != facts.settings) {
      facts.notes.push_back("the configuration on node '" + id + "' is not that on node '" + first +
                            "', which holds");
    }
    if (const std::string problem = named_problem(id); !problem.empty()) {
      facts.notes.push_back(problem);
    }
    for (const link::VersionFound& version : here.versions) {
      AvailableVersion& available = versions[version.number];
      available.number = version.number;
      available.stamps[id] = version.stamp;
    }
  }
  for (auto& [number, version] : versions) {
    facts.versions.push_back(std::move(version));
  }
  return facts;
}

// --- commands ------------------------------------------------------------------------------------

Result<Deployment*> Fleet::find(const std::string& model) {
  const auto found = deployments_.find(model);
  if (found == deployments_.end()) {
    std::string problems;
    for (const auto& [id, node] : nodes_) {
      const std::string problem = named_problem(id);
      problems += problem.empty() ? "" : "; " + problem;
    }
    return Error{ErrorCode::not_found, "no model '" + model + "' is in any repository" + problems};
  }
  return &found->second;
}

// What is refused leaves no gap in the numbers.
template <class Do>
Result<CommandId> Fleet::command(Do what) {
  const CommandId id = ids_.next();
  Result<void> done = what(id);
  if (done) {
    return id;
  }
  ids_.last -= ids_.last == id ? 1 : 0;
  return std::move(done).error();
}

Result<CommandId> Fleet::load(const LoadAsked& asked, TimePoint now) {
  SLUICE_TRY_ASSIGN(Deployment * deployment, find(asked.model));
  return command([&](CommandId id) { return deployment->load(asked.config, id, now); });
}

Result<CommandId> Fleet::unload(const UnloadAsked& asked, TimePoint now) {
  SLUICE_TRY_ASSIGN(Deployment * deployment, find(asked.model));
  return command([&](CommandId id) { return deployment->unload(id, now); });
}

Result<CommandId> Fleet::rollout(const RolloutAsked& asked, TimePoint now) {
  SLUICE_TRY_ASSIGN(Deployment * deployment, find(asked.model));
  return command([&](CommandId id) { return deployment->rollout(asked, id, now); });
}

Result<CommandId> Fleet::control(const RolloutControl& asked, TimePoint now) {
  SLUICE_TRY_ASSIGN(Deployment * deployment, find(asked.model));
  switch (asked.verb) {
    case RolloutVerb::pause:
      SLUICE_TRY(deployment->pause(now));
      return CommandId{0};
    case RolloutVerb::resume:
      SLUICE_TRY(deployment->resume(now));
      return CommandId{0};
    case RolloutVerb::abort:
      return command([&](CommandId id) { return deployment->abort(id, now); });
    case RolloutVerb::rollback:
      return command([&](CommandId id) { return deployment->rollback(id, now); });
  }
  return Error{ErrorCode::internal, "an unknown verb"};
}

// --- decisions -----------------------------------------------------------------------------------

// Of models that no node has told of. Until the first has spoken, what served is on its way, and
// its requests wait.
void Fleet::add_remembered(Routes& routes) const {
  const bool none_spoke =
      std::ranges::none_of(nodes_, [](const auto& entry) { return entry.second.known(); });
  for (const auto& [model, memory] : remembered_) {
    if (memory.pin && memory.pin->versions.empty()) {
      routes.unloaded.push_back(model);
      continue;
    }
    if (!none_spoke) {
      continue;
    }
    for (const RememberedVersion& each : memory.serving) {
      const std::int64_t primary = memory.primary.value_or(memory.serving.back().version);
      routes.versions.push_back(
          {.model = model, .version = each.version, .weight = each.version == primary ? 100 : 0});
    }
  }
}

Routes Fleet::routes() const {
  Routes routes;
  add_remembered(routes);
  routes.unloaded.insert(routes.unloaded.end(), left_.begin(), left_.end());
  for (const auto& [model, deployment] : deployments_) {
    deployment.add_routes(routes);
  }
  std::ranges::sort(routes.unloaded);
  routes.unloaded.erase(std::unique(routes.unloaded.begin(), routes.unloaded.end()),
                        routes.unloaded.end());
  return routes;
}

std::optional<std::vector<link::AssignedWorker>> Fleet::assignment(const std::string& node) const {
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || !found->second.known()) {
    return std::nullopt;
  }
  std::map<std::string, std::vector<link::AssignedWorker>> by_node;
  for (const auto& [model, deployment] : deployments_) {
    deployment.add_assigned(by_node);
  }
  std::vector<link::AssignedWorker> workers = std::move(by_node[node]);
  std::ranges::sort(workers, {}, &link::AssignedWorker::worker_id);
  // Of two builds that share a node's.
  const auto same = [](const link::AssignedWorker& a, const link::AssignedWorker& b) {
    return a.worker_id == b.worker_id;
  };
  workers.erase(std::unique(workers.begin(), workers.end(), same), workers.end());
  share_out(node, workers);
  return workers;
}

// The CPUs, between those that will be left when every rollout is over: what is replaced and what
// replaces it take turns, so that neither is given half for good.
void Fleet::share_out(const std::string& node, std::vector<link::AssignedWorker>& workers) const {
  std::vector<std::string> lasting;
  for (const auto& [model, deployment] : deployments_) {
    deployment.add_lasting(node, lasting);
  }
  for (link::AssignedWorker& worker : workers) {
    const auto found = std::ranges::find(lasting, worker.worker_id);
    const auto last = static_cast<std::uint32_t>(std::max<std::size_t>(lasting.size(), 1));
    worker.shares = last;
    worker.share =
        found == lasting.end() ? last - 1 : static_cast<std::uint32_t>(found - lasting.begin());
  }
}

std::vector<DeploymentStatus> Fleet::status() const {
  std::vector<DeploymentStatus> all;
  for (const auto& [model, deployment] : deployments_) {
    all.push_back(deployment.status());
  }
  return all;
}

std::optional<DeploymentStatus> Fleet::status(const std::string& model) const {
  const auto found = deployments_.find(model);
  if (found == deployments_.end()) {
    return std::nullopt;
  }
  return found->second.status();
}

std::vector<VersionName> Fleet::counted() const {
  std::vector<VersionName> names;
  for (const auto& [model, deployment] : deployments_) {
    if (deployment.rolling()) {
      for (const VersionStatus& version : deployment.status().versions) {
        names.push_back({model, version.version});
      }
    }
  }
  return names;
}

std::vector<Event> Fleet::take_events() {
  std::vector<Event> events;
  for (auto& [model, deployment] : deployments_) {
    deployment.take_events(events);
  }
  std::erase_if(deployments_, [](const auto& entry) { return entry.second.over(); });
  std::ranges::stable_sort(events, {}, &Event::at);
  return events;
}

}  // namespace sluice::gateway
