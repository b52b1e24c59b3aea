// status_json(): what GET /sluice/status answers. Keys are documented in docs/operations.md.

#include <nlohmann/json.hpp>

#include "common/metrics/families.h"
#include "gateway/control/control_actor.h"

namespace sluice::gateway {
namespace {

using nlohmann::json;

std::string_view name_of(VersionView::State state) {
  switch (state) {
    case VersionView::State::expected:
      return "expected";
    case VersionView::State::ready:
      return "ready";
    case VersionView::State::draining:
      return "draining";
    case VersionView::State::failed:
      return "failed";
  }
  return "unknown";
}

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
          {"service_ms", static_cast<double>(worker.beat.service_time_mean.count()) / 1e6}};
}

json version_json(const VersionView& view, const metrics::Registry& registry) {
  const std::string version = std::to_string(view.version);
  return {{"name", view.model},
          {"version", version},
          {"state", std::string(name_of(view.state))},
          {"reason", view.reason},
          // Requests wait per model, whichever version will answer them.
          {"queue_depth", registry.value(metrics::kQueueDepth, {view.model, ""})},
          {"in_flight", registry.value(metrics::kInFlight, {view.model, version})}};
}

}  // namespace

namespace {

// The states of the KServe v2 repository index.
std::string_view index_state(VersionView::State state) {
  switch (state) {
    case VersionView::State::expected:
      return "LOADING";
    case VersionView::State::ready:
      return "READY";
    case VersionView::State::draining:
      return "UNLOADING";
    case VersionView::State::failed:
      return "UNAVAILABLE";
  }
  return "UNKNOWN";
}

}  // namespace

std::string index_json(const ClusterView& view, bool ready_only) {
  json document = json::array();
  for (const VersionView& version : view.versions) {
    if (ready_only && version.state != VersionView::State::ready) {
      continue;
    }
    json entry = {{"name", version.model},
                  {"version", std::to_string(version.version)},
                  {"state", std::string(index_state(version.state))}};
    if (!version.reason.empty()) {
      entry["reason"] = version.reason;
    }
    document.push_back(std::move(entry));
  }
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string status_json(const ClusterState& state,
                        const ClusterView& view,
                        const metrics::Registry& registry,
                        Duration uptime,
                        int shards) {
  json document;
  document["gateway"] = {{"ready", view.ready},
                         {"draining", state.draining()},
                         {"shards", shards},
                         {"uptime_s", std::chrono::duration<double>(uptime).count()}};
  document["models"] = json::array();
  for (const VersionView& version : view.versions) {
    document["models"].push_back(version_json(version, registry));
  }
  document["workers"] = json::array();
  for (const auto& [id, worker] : state.workers()) {
    document["workers"].push_back(worker_json(worker));
  }
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::gateway
