#include "gateway/control/memory_json.h"

#include <chrono>
#include <utility>

#include <nlohmann/json.hpp>

#include "gateway/control/settings_json.h"

namespace sluice::gateway {
namespace {

using link::Strategy;
using nlohmann::json;

constexpr int kForm = 1;
constexpr std::pair<Strategy, const char*> kStrategies[] = {
    {Strategy::rolling, "rolling"},
    {Strategy::blue_green, "blue-green"},
    {Strategy::recreate, "recreate"},
};

std::int64_t milliseconds(Duration time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

json json_of(const std::vector<RememberedVersion>& versions) {
  json list = json::array();
  for (const RememberedVersion& each : versions) {
    json one{{"version", each.version}, {"builds", each.builds}};
    if (!each.reason.empty()) {
      one["reason"] = each.reason;
    }
    list.push_back(std::move(one));
  }
  return list;
}

json json_of(const std::vector<RememberedWarm>& versions) {
  json list = json::array();
  for (const RememberedWarm& each : versions) {
    json one{{"version", each.version}, {"builds", each.builds}};
    if (each.keep) {
      one["keep_ms"] = milliseconds(*each.keep);
    }
    list.push_back(std::move(one));
  }
  return list;
}

json json_of(const RememberedRollout& rollout) {
  const RolloutPlan& plan = rollout.plan;
  json one{{"id", plan.id},
           {"command", plan.command},
           {"to", plan.to},
           {"steps", plan.steps},
           {"first_step", plan.first_step},
           {"hold_ms", milliseconds(plan.hold)},
           {"allow_signature_change", plan.allow_signature_change},
           {"paused", plan.paused}};
  for (const auto& [strategy, name] : kStrategies) {
    if (strategy == plan.strategy) {
      one["strategy"] = name;
    }
  }
  if (plan.keep_old) {
    one["keep_old_ms"] = milliseconds(*plan.keep_old);
  }
  if (rollout.pin) {
    one["pin"] = rollout.pin->versions;
  }
  return one;
}

json json_of(const LoadedConfig& config) {
  return {{"config", config.json},
          {"settings", settings_json(config.settings)},
          {"notes", config.notes}};
}

json json_of(const ModelMemory& memory) {
  json one{{"serving", json_of(memory.serving)},
           {"warm", json_of(memory.warm)},
           {"failed", json_of(memory.failed)},
           {"previous", memory.previous},
           {"labels", memory.labels}};
  if (memory.pin) {
    one["pin"] = memory.pin->versions;
  }
  if (!memory.config.empty()) {
    one["config"] = memory.config;
  }
  if (memory.primary) {
    one["primary"] = *memory.primary;
  }
  if (memory.config_before) {
    one["config_before"] = *memory.config_before;
  }
  if (memory.in_force) {
    one["in_force"] = json_of(*memory.in_force);
  }
  if (!memory.other_configs.empty()) {
    one["other_configs"] = memory.other_configs;
  }
  if (memory.previous_config) {
    one["previous_config"] = json_of(*memory.previous_config);
  }
  if (memory.rollout) {
    one["rollout"] = json_of(*memory.rollout);
  }
  return one;
}

// What follows throws nlohmann's exceptions, whose words say what is wrong and where.

template <class Value>
void take(const json& from, const char* key, Value& into) {
  if (const auto found = from.find(key); found != from.end()) {
    found->get_to(into);
  }
}

std::optional<Pin> take_pin(const json& from) {
  if (!from.contains("pin")) {
    return std::nullopt;
  }
  Pin pin;
  take(from, "pin", pin.versions);
  return pin;
}

std::vector<RememberedVersion> take_versions(const json& from, const char* key) {
  std::vector<RememberedVersion> versions;
  for (const json& one : from.value(key, json::array())) {
    RememberedVersion& each = versions.emplace_back();
    one.at("version").get_to(each.version);
    take(one, "builds", each.builds);
    take(one, "reason", each.reason);
  }
  return versions;
}

std::vector<RememberedWarm> take_warm(const json& from) {
  std::vector<RememberedWarm> versions;
  for (const json& one : from.value("warm", json::array())) {
    RememberedWarm& each = versions.emplace_back();
    one.at("version").get_to(each.version);
    take(one, "builds", each.builds);
    if (one.contains("keep_ms")) {
      each.keep = std::chrono::milliseconds(one.at("keep_ms").get<std::int64_t>());
    }
  }
  return versions;
}

RememberedRollout rollout_of(const json& from) {
  RememberedRollout rollout;
  RolloutPlan& plan = rollout.plan;
  take(from, "id", plan.id);
  take(from, "command", plan.command);
  take(from, "to", plan.to);
  take(from, "steps", plan.steps);
  take(from, "first_step", plan.first_step);
  take(from, "allow_signature_change", plan.allow_signature_change);
  take(from, "paused", plan.paused);
  plan.hold = std::chrono::milliseconds(from.value("hold_ms", std::int64_t{0}));
  if (from.contains("keep_old_ms")) {
    plan.keep_old = std::chrono::milliseconds(from.at("keep_old_ms").get<std::int64_t>());
  }
  const std::string strategy = from.value("strategy", std::string());
  for (const auto& [known, name] : kStrategies) {
    if (strategy == name) {
      plan.strategy = known;
    }
  }
  rollout.pin = take_pin(from);
  return rollout;
}

std::optional<LoadedConfig> take_config(const json& from, const char* key) {
  const auto found = from.find(key);
  if (found == from.end()) {
    return std::nullopt;
  }
  LoadedConfig config;
  take(*found, "config", config.json);
  config.settings = parse_settings(found->value("settings", json::object()));
  take(*found, "notes", config.notes);
  return config;
}

ModelMemory model_of(const json& from) {
  ModelMemory memory;
  memory.pin = take_pin(from);
  take(from, "config", memory.config);
  if (from.contains("config_before")) {
    take(from, "config_before", memory.config_before.emplace());
  }
  memory.in_force = take_config(from, "in_force");
  memory.previous_config = take_config(from, "previous_config");
  take(from, "other_configs", memory.other_configs);
  memory.serving = take_versions(from, "serving");
  if (from.contains("primary")) {
    take(from, "primary", memory.primary.emplace());
  }
  memory.warm = take_warm(from);
  memory.failed = take_versions(from, "failed");
  take(from, "previous", memory.previous);
  take(from, "labels", memory.labels);
  if (from.contains("rollout")) {
    memory.rollout = rollout_of(from.at("rollout"));
  }
  return memory;
}

}  // namespace

std::string memory_json(const FleetMemory& memory) {
  json models = json::object();
  for (const auto& [name, model] : memory.models) {
    models[name] = json_of(model);
  }
  const json document{{"form", kForm},
                      {"last_command", memory.last_command},
                      {"models", std::move(models)},
                      {"left", memory.left}};
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<FleetMemory> parse_memory(std::string_view text) {
  try {
    const json document = json::parse(text);
    if (document.value("form", 0) != kForm) {
      return Error{ErrorCode::data_corrupt,
                   "its form is not " + std::to_string(kForm) + ", which this version reads"};
    }
    FleetMemory memory;
    take(document, "last_command", memory.last_command);
    take(document, "left", memory.left);
    const json models = document.value("models", json::object());
    for (const auto& [name, model] : models.get_ref<const json::object_t&>()) {
      memory.models.emplace(name, model_of(model));
    }
    return memory;
  } catch (const json::exception& error) {
    return Error{ErrorCode::data_corrupt, error.what()};
  }
}

}  // namespace sluice::gateway
