#include "gateway/control/status_json.h"

#include <nlohmann/json.hpp>

#include "common/metrics/families.h"

namespace sluice::gateway {
namespace {

using nlohmann::json;

json worker_json(const WorkerStatus& worker) {
  return {{"id", worker.id},
          {"node", worker.node},
          {"model", worker.model},
          {"version", std::to_string(worker.version)},
          {"state", std::string(link::name_of(worker.state))},
          {"pid", worker.pid},
          {"restarts", worker.restarts},
          {"reason", worker.reason},
          {"in_flight", worker.beat.queued + worker.beat.running},
          {"executed", worker.beat.executed},
          {"expired", worker.beat.expired},
          {"cancelled", worker.beat.cancelled},
          {"executors", worker.executors},
          {"threads", worker.threads},
          {"memory", worker.memory},
          {"service_ms", static_cast<double>(worker.beat.service_time_mean.count()) / 1e6}};
}

json version_json(const DeploymentStatus& model,
                  const VersionStatus& version,
                  const metrics::Registry& registry) {
  const std::string number = std::to_string(version.version);
  return {{"name", model.model},
          {"version", number},
          {"state", std::string(name_of(version.stage))},
          {"reason", version.reason},
          {"weight", version.weight},
          // Requests wait per model, whichever version will answer them.
          {"queue_depth", registry.value(metrics::kQueueDepth, {model.model, ""})},
          {"in_flight", registry.value(metrics::kInFlight, {model.model, number})}};
}

// A model of which nothing can be wanted, so that it has no version to show.
json problem_json(const DeploymentStatus& model) {
  return {{"name", model.model},
          {"version", ""},
          {"state", "failed"},
          {"reason", model.problem},
          {"weight", 0},
          {"queue_depth", 0},
          {"in_flight", 0}};
}

json models_of(const StatusFacts& facts) {
  json rows = json::array();
  for (const DeploymentStatus& model : facts.models) {
    for (const VersionStatus& version : model.versions) {
      if (version.stage != VersionStage::known) {
        rows.push_back(version_json(model, version, *facts.registry));
      }
    }
    if (!model.problem.empty()) {
      rows.push_back(problem_json(model));
    }
  }
  return rows;
}

}  // namespace

std::string status_json(const StatusFacts& facts) {
  json document;
  document["gateway"] = {{"ready", facts.ready},
                         {"draining", facts.state->draining()},
                         {"shards", facts.shards.all},
                         {"uptime_s", std::chrono::duration<double>(facts.uptime).count()}};
  document["models"] = models_of(facts);
  // As GET /sluice/models says it. Through its text: JSON values stay out of headers.
  document["deployments"] =
      json::parse(models_json(facts.models, facts.shards, facts.now))["models"];
  document["nodes"] = json::array();
  for (const auto& [id, node] : facts.state->nodes()) {
    document["nodes"].push_back({{"id", id},
                                 {"cpus", node.cpus},
                                 {"memory_limit", node.memory_limit},
                                 {"memory_taken", node.memory_taken}});
  }
  document["workers"] = json::array();
  for (const auto& [id, worker] : facts.state->workers()) {
    document["workers"].push_back(worker_json(worker));
  }
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::gateway
