#include "gateway/control/settings_json.h"

#include <chrono>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace sluice::gateway {
namespace {

using link::QueuePolicy;
using link::Strategy;
using link::VersionPolicy;
using nlohmann::json;

constexpr std::pair<Strategy, const char*> kStrategyNames[] = {
    {Strategy::rolling, "rolling"},
    {Strategy::blue_green, "blue-green"},
    {Strategy::recreate, "recreate"},
};
constexpr std::pair<VersionPolicy::Kind, const char*> kPolicyNames[] = {
    {VersionPolicy::Kind::latest, "latest"},
    {VersionPolicy::Kind::all, "all"},
    {VersionPolicy::Kind::specific, "specific"},
};

template <class Names, class Value>
const char* name_in(const Names& names, Value value) {
  for (const auto& [known, name] : names) {
    if (known == value) {
      return name;
    }
  }
  return "";
}

template <class Names, class Value>
void take_named(const Names& names, const json& from, const char* key, Value& into) {
  const std::string name = from.value(key, std::string());
  for (const auto& [value, known] : names) {
    if (name == known) {
      into = value;
    }
  }
}

template <class Value>
void take_value(const json& from, const char* key, Value& into) {
  if (const auto found = from.find(key); found != from.end()) {
    found->get_to(into);
  }
}

// All durations of a configuration are at least microseconds.
std::int64_t to_us(Duration time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

Duration from_us(const json& from, const char* key) {
  return std::chrono::microseconds(from.value(key, std::int64_t{0}));
}

json json_of_queue(const QueuePolicy& queue) {
  return {{"size", queue.max_queue_size},
          {"timeout_us", to_us(queue.default_timeout)},
          {"delay", queue.delay_on_timeout},
          {"override", queue.allow_timeout_override}};
}

QueuePolicy queue_of(const json& from) {
  QueuePolicy queue;
  take_value(from, "size", queue.max_queue_size);
  queue.default_timeout = from_us(from, "timeout_us");
  take_value(from, "delay", queue.delay_on_timeout);
  take_value(from, "override", queue.allow_timeout_override);
  return queue;
}

}  // namespace

json settings_json(const link::ModelSettings& settings) {
  json priorities = json::array();
  for (const auto& [level, queue] : settings.priorities) {
    json one = json_of_queue(queue);
    one["level"] = level;
    priorities.push_back(std::move(one));
  }
  json all{{"policy",
            {{"kind", name_in(kPolicyNames, settings.policy.kind)},
             {"count", settings.policy.count},
             {"versions", settings.policy.versions}}},
           {"labels", settings.labels},
           {"replicas", settings.replicas},
           {"strategy", name_in(kStrategyNames, settings.strategy)},
           {"steps", settings.steps},
           {"hold_us", to_us(settings.hold)},
           {"priority_levels", settings.priority_levels},
           {"default_priority", settings.default_priority},
           {"queue", json_of_queue(settings.queue)},
           {"priorities", std::move(priorities)},
           {"metric_tags", settings.metric_tags},
           {"config", settings.json},
           {"worker_part", settings.worker_part}};
  if (settings.keep_old) {
    all["keep_old_us"] = to_us(*settings.keep_old);
  }
  return all;
}

link::ModelSettings parse_settings(const json& from) {
  link::ModelSettings settings;
  const json policy = from.value("policy", json::object());
  take_named(kPolicyNames, policy, "kind", settings.policy.kind);
  take_value(policy, "count", settings.policy.count);
  take_value(policy, "versions", settings.policy.versions);
  take_value(from, "labels", settings.labels);
  take_value(from, "replicas", settings.replicas);
  take_named(kStrategyNames, from, "strategy", settings.strategy);
  take_value(from, "steps", settings.steps);
  settings.hold = from_us(from, "hold_us");
  if (from.contains("keep_old_us")) {
    settings.keep_old = from_us(from, "keep_old_us");
  }
  take_value(from, "priority_levels", settings.priority_levels);
  take_value(from, "default_priority", settings.default_priority);
  settings.queue = queue_of(from.value("queue", json::object()));
  for (const json& one : from.value("priorities", json::array())) {
    settings.priorities[one.at("level").get<std::uint32_t>()] = queue_of(one);
  }
  take_value(from, "metric_tags", settings.metric_tags);
  take_value(from, "config", settings.json);
  take_value(from, "worker_part", settings.worker_part);
  return settings;
}

}  // namespace sluice::gateway
