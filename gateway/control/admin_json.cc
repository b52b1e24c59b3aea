#include "gateway/control/admin_json.h"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "gateway/control/caller_reason.h"

namespace sluice::gateway {
namespace {

using nlohmann::json;

std::string text_of(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

json versions_of(const std::vector<std::int64_t>& versions) {
  json list = json::array();
  for (const std::int64_t version : versions) {
    list.push_back(std::to_string(version));
  }
  return list;
}

std::string_view name_of(link::Strategy strategy) {
  switch (strategy) {
    case link::Strategy::rolling:
      return "rolling";
    case link::Strategy::blue_green:
      return "blue-green";
    case link::Strategy::recreate:
      return "recreate";
  }
  return "unknown";
}

double milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// Triton's words. Nothing: it is not of the index.
std::optional<json> index_entry(const DeploymentStatus& model, const VersionStatus& version) {
  json entry{{"name", model.model}, {"version", std::to_string(version.version)}};
  const auto with = [&](const char* state, const std::string& reason) {
    entry["state"] = state;
    if (!reason.empty()) {
      entry["reason"] = reason_for_callers(reason);
    }
    return entry;
  };
  switch (version.stage) {
    case VersionStage::known:
      if (model.pin && model.pin->empty()) {
        return with("UNAVAILABLE", "unloaded");
      }
      return std::nullopt;
    case VersionStage::starting:
    case VersionStage::loading:
    case VersionStage::warming:
    case VersionStage::probing:
      return with("LOADING", version.reason);
    case VersionStage::standby:
      return with("UNAVAILABLE", "kept warm, not routed to");
    case VersionStage::serving:
      return with("READY", "");
    case VersionStage::draining:
      return with("UNLOADING", "");
    case VersionStage::failed:
      return with("UNAVAILABLE", version.reason);
  }
  return std::nullopt;
}

json rollout_of(const DeploymentStatus& model, Acknowledged shards, TimePoint now) {
  if (!model.rollout) {
    return {{"model", model.model}, {"phase", "none"}};
  }
  const RolloutStatus& rollout = *model.rollout;
  return {{"model", model.model},
          {"id", rollout.id},
          {"by", rollout.by_operator ? "operator" : "policy"},
          {"from", versions_of(rollout.from)},
          {"to", versions_of(rollout.to)},
          {"strategy", std::string(name_of(rollout.strategy))},
          {"phase", std::string(name_of(rollout.phase))},
          {"step", rollout.step},
          {"steps", rollout.steps},
          {"percent", rollout.percent},
          {"paused", rollout.paused},
          {"waiting_for", reason_for_callers(rollout.waiting_for)},
          {"reason", reason_for_callers(rollout.reason)},
          {"shards", {{"acknowledged", shards.count}, {"all", shards.all}}},
          {"since_ms", milliseconds(now - rollout.since)},
          {"age_ms", milliseconds(now - rollout.began)}};
}

json version_of(const VersionStatus& version) {
  return {{"version", std::to_string(version.version)},
          {"state", std::string(name_of(version.stage))},
          {"reason", reason_for_callers(version.reason)},
          {"weight", version.weight},
          {"workers", {{"ready", version.workers_ready}, {"wanted", version.workers_wanted}}}};
}

json label_of(const LabelStatus& label) {
  return {{"label", label.label},
          {"wants", std::to_string(label.wants)},
          {"version", label.at ? json(std::to_string(*label.at)) : json()},
          {"reason", label.reason}};
}

json model_json(const DeploymentStatus& model, Acknowledged shards, TimePoint now) {
  json notes = json::array();
  for (const std::string& note : model.notes) {
    notes.push_back(reason_for_callers(note));
  }
  json document{{"name", model.model},
                {"problem", reason_for_callers(model.problem)},
                {"notes", std::move(notes)},
                {"pin", model.pin ? versions_of(*model.pin) : json()},
                {"previous", versions_of(model.previous)},
                {"versions", json::array()},
                {"labels", json::array()},
                {"rollout", model.rollout ? rollout_of(model, shards, now) : json()}};
  for (const VersionStatus& version : model.versions) {
    document["versions"].push_back(version_of(version));
  }
  for (const LabelStatus& label : model.labels) {
    document["labels"].push_back(label_of(label));
  }
  return document;
}

}  // namespace

std::string index_json(std::span<const DeploymentStatus> models, bool ready_only) {
  json list = json::array();
  for (const DeploymentStatus& model : models) {
    bool any = false;
    for (const VersionStatus& version : model.versions) {
      auto entry = index_entry(model, version);
      any = any || entry.has_value();
      if (entry && (!ready_only || version.stage == VersionStage::serving)) {
        list.push_back(*std::move(entry));
      }
    }
    if (!any && !ready_only) {
      json entry{{"name", model.model}};
      if (!model.problem.empty()) {
        entry["state"] = "UNAVAILABLE";
        entry["reason"] = reason_for_callers(model.problem);
      }
      list.push_back(std::move(entry));
    }
  }
  return text_of(list);
}

std::string models_json(std::span<const DeploymentStatus> models,
                        Acknowledged shards,
                        TimePoint now) {
  json list = json::array();
  for (const DeploymentStatus& model : models) {
    list.push_back(model_json(model, shards, now));
  }
  return text_of({{"models", std::move(list)}});
}

std::string event_json(const Event& event) {
  return text_of({{"model", event.model},
                  {"version", event.version == 0 ? json() : json(std::to_string(event.version))},
                  {"event", std::string(name_of(event.kind))},
                  {"detail", reason_for_callers(event.detail)}});
}

std::string rollout_json(const DeploymentStatus& model, Acknowledged shards, TimePoint now) {
  return text_of(rollout_of(model, shards, now));
}

}  // namespace sluice::gateway
