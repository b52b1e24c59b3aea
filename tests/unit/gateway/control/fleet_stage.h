// FleetStage: a Fleet, and by hand everything around it: what the nodes have, how their workers
// stand, what the shards have said. What the fleet decides is read as short texts:
// routes "1:draining 2:ready:100", assigned workers "n/m/2.bbbbbb/0".

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gateway/control/fleet.h"

namespace sluice::gateway {

// What the stage's operators load: words instead of JSON, each of which sets something. The words
// are the configuration that clients are shown, too.
inline Result<LoadedConfig> read_words(const std::string& text, const std::string& model) {
  LoadedConfig config{text, {}, {}};
  config.settings.json = text;
  config.settings.worker_part = "part";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    at = end + 1;
    if (word == "all") {
      config.settings.policy.kind = link::VersionPolicy::Kind::all;
    } else if (word == "only1" || word == "only2" || word == "only7") {
      config.settings.policy = {link::VersionPolicy::Kind::specific, 1, {word.back() - '0'}};
    } else if (word == "two") {
      config.settings.replicas = 2;
    } else if (word == "stable1" || word == "stable2" || word == "stable7") {
      config.settings.labels = {{"stable", word.back() - '0'}};
    } else if (word == "steps") {
      config.settings.steps = {10, 100};
    } else if (word == "blue") {
      config.settings.strategy = link::Strategy::blue_green;
    } else if (word == "noted") {
      config.notes.push_back("optimization has no effect");
    } else {
      return Error{ErrorCode::invalid_argument, "config: " + model + " knows no '" + word + "'"};
    }
  }
  return config;
}

class FleetStage {
 public:
  explicit FleetStage(DeploymentOptions options = {.read_config = read_words},
                      StartOptions start = {})
      : fleet(options, std::move(start)) {}

  // The node attaches, if it has not, and has these versions of model m: number and stamp.
  void has(std::map<std::int64_t, std::string> versions,
           const link::ModelSettings& settings = {},
           const std::string& node = "n") {
    link::ModelFound model;
    model.name = "m";
    model.settings = settings;
    for (const auto& [version, stamp] : versions) {
      model.versions.push_back({version, stamp, 1});
    }
    has_models({model}, node);
  }
  void has_models(std::vector<link::ModelFound> models, const std::string& node = "n") {
    fleet.on_repository(node, {.sequence = 1, .models = std::move(models)}, now);
    fleet.on_node_reported(node, 0, now);
    follow();
  }

  // Nodes start and end what they are told to.
  void follow() {
    std::map<std::string, WorkerFact> next;
    for (const std::string node : {"n", "o"}) {
      const auto assigned = fleet.assignment(node);
      for (const link::AssignedWorker& worker :
           assigned ? *assigned : std::vector<link::AssignedWorker>{}) {
        WorkerFact fact;
        fact.id = worker.worker_id;
        fact.node = node;
        fact.model = worker.model;
        fact.version = worker.version;
        fact.stamp = worker.stamp;
        fact.state = link::WorkerState::starting;
        const auto known = workers.find(fact.id);
        next[fact.id] = known == workers.end() ? fact : known->second;
      }
      for (const auto& [id, fact] : workers) {
        if (!assigned && fact.node == node) {
          next[id] = fact;
        }
      }
    }
    for (const auto& [id, fact] : workers) {
      if (fact.node.empty() || lingering.contains(id)) {
        next[id] = fact;
      }
    }
    const bool changed = next != workers;
    workers = std::move(next);
    tell();
    if (changed) {
      follow();
    }
  }
  void tell() {
    std::vector<WorkerFact> facts;
    for (const auto& [id, fact] : workers) {
      facts.push_back(fact);
      facts.back().info = other_infos.contains(id)       ? &other_infos.at(id)
                          : infos.contains(fact.version) ? &infos.at(fact.version)
                                                         : nullptr;
    }
    fleet.on_workers(facts, now);
  }

  // All workers of a version.
  void set(std::int64_t version, link::WorkerState state, const std::string& reason = {}) {
    for (auto& [id, fact] : workers) {
      if (fact.version == version) {
        fact.state = state;
        fact.met_by_all = state == link::WorkerState::ready;
        fact.reason = reason;
      }
    }
    follow();
  }
  void set_one(const std::string& id, link::WorkerState state, bool met) {
    workers.at(id).state = state;
    workers.at(id).met_by_all = met;
    follow();
  }
  void ready(std::int64_t version) { set(version, link::WorkerState::ready); }
  void fail(std::int64_t version, const std::string& reason) {
    set(version, link::WorkerState::failed, reason);
  }

  void publish() {
    if (Routes routes = fleet.routes(); routes != published || number == 0) {
      published = std::move(routes);
      ++number;
    }
    fleet.on_published(number, now);
    follow();
  }
  void apply() {
    fleet.on_applied(number, now);
    follow();
  }
  void quiet(std::int64_t version) {
    fleet.on_quiet("m", version, number, now);
    follow();
  }
  // The shards do all that is asked of them.
  void shards_follow() {
    for (int i = 0; i < 10; ++i) {
      publish();
      apply();
      for (const RoutedVersion& version : published.versions) {
        if (version.state == RoutedVersion::State::draining) {
          quiet(version.version);
        }
      }
    }
  }
  void pass(Duration time) {
    now += time;
    fleet.tick(now);
    follow();
  }
  // Version 1 serves on nodes n and o, and version 2 came to n alone.
  void update_one_of_two_nodes() {
    has({{1, "aaaaaaaa"}}, {}, "n");
    has({{1, "aaaaaaaa"}}, {}, "o");
    ready(1);
    shards_follow();
    has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, {}, "n");
    ready(2);
  }
  // Version 1, the only one, serves; its stamp is "aaaaaaaa".
  void serve_first(const link::ModelSettings& settings = {}) {
    has({{1, "aaaaaaaa"}}, settings);
    ready(1);
    shards_follow();
    events();
  }

  [[nodiscard]] std::string routes() const {
    std::string text;
    for (const RoutedVersion& version : fleet.routes().versions) {
      constexpr const char* kStates[] = {"expected", "ready", "draining", "failed"};
      text += (text.empty() ? "" : " ") + std::to_string(version.version) + ":" +
              kStates[static_cast<int>(version.state)];
      if (version.weight != 0) {
        text += ":" + std::to_string(version.weight);
      }
      if (!version.reason.empty()) {
        text += "(" + version.reason + ")";
      }
    }
    return text;
  }
  [[nodiscard]] std::string admitted() const {
    std::string text;
    for (const RoutedVersion& version : fleet.routes().versions) {
      for (const std::string& worker : version.workers) {
        text += (text.empty() ? "" : " ") + worker;
      }
    }
    return text;
  }
  [[nodiscard]] std::string labels() const {
    std::string text;
    for (const RoutedLabel& label : fleet.routes().labels) {
      text += (text.empty() ? "" : " ") + label.label + "=" + std::to_string(label.version);
    }
    return text;
  }
  [[nodiscard]] std::string assigned(const std::string& node = "n") const {
    const auto workers_of = fleet.assignment(node);
    if (!workers_of) {
      return "as it is";
    }
    std::string text;
    for (const link::AssignedWorker& worker : *workers_of) {
      text += (text.empty() ? "" : " ") + worker.worker_id;
    }
    return text;
  }
  [[nodiscard]] DeploymentStatus status() const { return fleet.status("m").value(); }
  [[nodiscard]] std::string stage(std::int64_t version) const {
    for (const VersionStatus& each : status().versions) {
      if (each.version == version) {
        return std::string(name_of(each.stage)) +
               (each.reason.empty() ? "" : "(" + each.reason + ")");
      }
    }
    return "unknown";
  }
  [[nodiscard]] std::string phase() const {
    const auto rollout = status().rollout;
    return rollout ? std::string(name_of(rollout->phase)) : "none";
  }
  // What became of commands: "1 done", "2 failed: why".
  std::string outcomes() {
    std::string text;
    for (const Event& event : fleet.take_events()) {
      const bool done = event.kind == EventKind::command_done;
      if (event.command != 0 && (done || event.kind == EventKind::command_failed)) {
        text += (text.empty() ? "" : ", ") + std::to_string(event.command) +
                (done ? " done" : " failed: " + event.detail);
      }
    }
    return text;
  }
  std::string events() {
    std::string text;
    for (const Event& event : fleet.take_events()) {
      text += (text.empty() ? "" : ", ") + std::string(name_of(event.kind));
      if (event.version != 0) {
        text += " " + std::to_string(event.version);
      }
    }
    return text;
  }

  Fleet fleet;
  TimePoint now{std::chrono::hours(1)};
  std::map<std::string, WorkerFact> workers;     // by id
  std::map<std::int64_t, ModelInfo> infos;       // by version
  std::map<std::string, ModelInfo> other_infos;  // by worker id, before `infos`
  std::map<std::string, bool> lingering;         // workers that take their time to end
  std::uint64_t number = 0;
  Routes published;
};

}  // namespace sluice::gateway
