// Fleet: what nodes say of themselves, and what they may not have heard of yet.

#include <algorithm>
#include <utility>

#include "gateway/control/fleet.h"

namespace sluice::gateway {

void Fleet::on_repository(const std::string& node,
                          const link::Repository& repository,
                          TimePoint now) {
  Node& known = nodes_[node];
  std::map<std::string, link::ModelFound> models;
  for (const link::ModelFound& model : repository.models) {
    link::ModelFound& kept = models[model.name];
    const auto before = known.models.find(model.name);
    if (!model.problem.empty() && before != known.models.end()) {
      kept = before->second;  // a configuration that cannot be used changes nothing
      kept.problem = model.problem;
    } else {
      kept = model;
    }
  }
  const bool fresh = !known.known() && known.has_reported;
  std::swap(known.models, models);
  known.problem = repository.problem;
  known.has_repository = true;
  known.attached = true;
  note_left(models);
  if (known.known()) {
    tell_models(fresh ? node : "", now);
  }
}

// What is expected and was there is missed no more once nobody has it: somebody took it away. A
// node that falls silent takes nothing away. `before`: what the node that speaks had.
void Fleet::note_left(const std::map<std::string, link::ModelFound>& before) {
  const auto has = [](const std::map<std::string, link::ModelFound>& models,
                      const std::string& model) {
    const auto found = models.find(model);
    return found != models.end() &&
           !(found->second.versions.empty() && found->second.problem.empty());
  };
  for (const std::string& model : start_.expected) {
    const bool there = std::ranges::any_of(
        nodes_, [&](const auto& entry) { return has(entry.second.models, model); });
    if (there) {
      left_.erase(model);
    } else if (has(before, model) || left_meanwhile(model)) {
      left_.insert(model);
    }
  }
}

// Of a model that no node has: all that served it when the gateway ended have said so.
bool Fleet::left_meanwhile(const std::string& model) const {
  const auto remembered = remembered_.find(model);
  if (remembered == remembered_.end() || remembered->second.serving.empty()) {
    return false;
  }
  const auto has_spoken = [&](const std::string& build) {
    return std::ranges::any_of(nodes_, [&](const auto& entry) {
      return entry.second.has_repository && build.starts_with(entry.first + "/");
    });
  };
  return std::ranges::all_of(remembered->second.serving, [&](const RememberedVersion& version) {
    return std::ranges::all_of(version.builds, has_spoken);
  });
}

// What is wrong with what it was told to serve; empty: nothing.
std::string Fleet::named_problem(const std::string& node) const {
  const std::string& problem = nodes_.at(node).problem;
  return problem.empty() || nodes_.size() == 1 ? problem : "node '" + node + "': " + problem;
}

void Fleet::on_node_attached(const std::string& node) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) {
    return;
  }
  std::set<std::string> before;
  for (auto& [sequence, ids] : std::exchange(found->second.unheard, {})) {
    before.merge(ids);
  }
  if (!before.empty()) {
    found->second.unheard.emplace(0, std::move(before));
  }
}

void Fleet::on_assigned(const std::string& node,
                        std::uint64_t sequence,
                        std::span<const link::AssignedWorker> workers) {
  std::set<std::string>& ids = nodes_[node].unheard[sequence];
  for (const link::AssignedWorker& worker : workers) {
    ids.insert(worker.worker_id);
  }
  tell_unheard();
}

void Fleet::tell_unheard() {
  std::set<std::string> all;
  for (const auto& [id, node] : nodes_) {
    for (const auto& [sequence, ids] : node.unheard) {
      all.insert(ids.begin(), ids.end());
    }
  }
  for (auto& [model, deployment] : deployments_) {
    deployment.on_unheard(all);
  }
}

void Fleet::on_node_reported(const std::string& node, std::uint64_t follows, TimePoint now) {
  Node& known = nodes_[node];
  if (std::erase_if(known.unheard, [&](const auto& entry) { return entry.first <= follows; }) !=
      0) {
    tell_unheard();
    for (auto& [model, deployment] : deployments_) {
      deployment.tick(now);  // what has never begun is gone
    }
  }
  const bool fresh = !known.known() && known.has_repository;
  const bool returned = !known.attached;
  known.has_reported = true;
  known.attached = true;
  if (fresh || (returned && known.known())) {
    tell_models(fresh ? node : "", now);
  }
}

void Fleet::on_node_lost(const std::string& node, TimePoint now) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || !found->second.attached) {
    return;
  }
  on_node_attached(node);
  found->second.attached = false;
  found->second.silent_since = now;
  if (!found->second.known()) {
    nodes_.erase(found);  // it never said enough to be missed
  }
  tell_models("", now);
}

}  // namespace sluice::gateway
