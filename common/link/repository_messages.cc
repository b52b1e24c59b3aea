// Encode and decode of each part stand together.

#include "common/link/repository_messages.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/base/limits.h"
#include "common/link/control_codec.h"

namespace sluice::link {
namespace {

// An enum on the wire; numbers after `last` read as `fallback`.
template <class Enum>
void get_enum(MapReader& map, std::string_view key, Enum& value, Enum last, Enum fallback) {
  std::uint64_t number = static_cast<std::uint8_t>(value);
  map.get(key, number);
  value = number <= static_cast<std::uint8_t>(last) ? static_cast<Enum>(number) : fallback;
}

template <class Enum>
void put_enum(MapWriter& map, std::string_view key, Enum value) {
  map.put(key, std::uint64_t{static_cast<std::uint8_t>(value)});
}

void put_policy(MapWriter& map, const VersionPolicy& policy) {
  map.begin_map("policy", 3);
  put_enum(map, "kind", policy.kind);
  map.put("count", std::uint64_t{policy.count});
  map.put("versions", policy.versions);
}

void get_policy(MapReader settings, VersionPolicy& policy) {
  using Kind = VersionPolicy::Kind;
  MapReader map = settings.map("policy");
  get_enum(map, "kind", policy.kind, Kind::specific, Kind::latest);
  map.get("count", policy.count);
  map.get("versions", policy.versions, limits::kVersionsPerModel);
}

constexpr std::uint32_t kQueueKeys = 4;

void put_queue_fields(MapWriter& map, const QueuePolicy& queue) {
  map.put("size", std::uint64_t{queue.max_queue_size});
  map.put("timeout_ns", queue.default_timeout);
  map.put("delay", queue.delay_on_timeout);
  map.put("override", queue.allow_timeout_override);
}

void get_queue_fields(MapReader& map, QueuePolicy& queue) {
  map.get("size", queue.max_queue_size);
  map.get("timeout_ns", queue.default_timeout);
  map.get("delay", queue.delay_on_timeout);
  map.get("override", queue.allow_timeout_override);
}

void put_settings(MapWriter& map, const ModelSettings& settings) {
  map.begin_map("settings", settings.keep_old ? 14 : 13);
  put_policy(map, settings.policy);
  map.begin_maps("labels", settings.labels.size());
  for (const auto& [name, version] : settings.labels) {
    map.begin_element(2);
    map.put("name", std::string_view(name));
    map.put("version", version);
  }
  map.put("replicas", std::uint64_t{settings.replicas});
  put_enum(map, "strategy", settings.strategy);
  map.put("steps", settings.steps);
  map.put("hold_ns", settings.hold);
  if (settings.keep_old) {
    map.put("keep_old_ns", *settings.keep_old);
  }
  map.put("priority_levels", std::uint64_t{settings.priority_levels});
  map.put("default_priority", std::uint64_t{settings.default_priority});
  map.begin_map("queue", kQueueKeys);
  put_queue_fields(map, settings.queue);
  map.begin_maps("priorities", settings.priorities.size());
  for (const auto& [level, queue] : settings.priorities) {
    map.begin_element(1 + kQueueKeys);
    map.put("level", std::uint64_t{level});
    put_queue_fields(map, queue);
  }
  map.begin_maps("metric_tags", settings.metric_tags.size());
  for (const auto& [key, value] : settings.metric_tags) {
    map.begin_element(2);
    map.put("key", std::string_view(key));
    map.put("value", std::string_view(value));
  }
  map.put("config", std::string_view(settings.json));
  map.put("worker_part", std::string_view(settings.worker_part));
}

void get_settings(MapReader model, ModelSettings& settings) {
  MapReader map = model.map("settings");
  get_policy(map, settings.policy);
  for (MapReader element : map.maps("labels", limits::kLabelsPerModel)) {
    std::string name;
    std::int64_t version = 0;
    element.get("name", name, limits::kNameBytes);
    element.get("version", version);
    settings.labels.insert_or_assign(std::move(name), version);
  }
  map.get("replicas", settings.replicas);
  get_enum(map, "strategy", settings.strategy, Strategy::recreate, Strategy::rolling);
  map.get("steps", settings.steps, limits::kRolloutSteps);
  map.get("hold_ns", settings.hold);
  if (map.has("keep_old_ns")) {
    map.get("keep_old_ns", settings.keep_old.emplace());
  }
  map.get("priority_levels", settings.priority_levels);
  map.get("default_priority", settings.default_priority);
  MapReader queue = map.map("queue");
  get_queue_fields(queue, settings.queue);
  for (MapReader element : map.maps("priorities", limits::kPriorityLevels)) {
    std::uint32_t level = 0;
    QueuePolicy policy;
    element.get("level", level);
    get_queue_fields(element, policy);
    settings.priorities.insert_or_assign(level, policy);
  }
  for (MapReader element : map.maps("metric_tags", limits::kMetricTags)) {
    std::string key;
    std::string value;
    element.get("key", key, limits::kMetricTagKeyBytes);
    element.get("value", value, limits::kMetricLabelBytes);
    settings.metric_tags.insert_or_assign(std::move(key), std::move(value));
  }
  map.get("config", settings.json, limits::kConfigJsonBytes);
  map.get("worker_part", settings.worker_part, limits::kStampBytes);
}

void put_found(MapWriter& map, const ModelFound& model) {
  map.begin_element(5);
  map.put("name", std::string_view(model.name));
  map.put("problem", cut(model.problem));
  map.put("notes", model.notes);
  put_settings(map, model.settings);
  map.begin_maps("versions", model.versions.size());
  for (const VersionFound& version : model.versions) {
    map.begin_element(3);
    map.put("number", version.number);
    map.put("stamp", std::string_view(version.stamp));
    map.put("bytes", version.bytes);
  }
}

ModelFound get_found(MapReader map) {
  ModelFound model;
  map.require("name");
  map.get("name", model.name, limits::kNameBytes);
  map.get("problem", model.problem, kReasonBytes);
  map.get("notes", model.notes, limits::kConfigNotes, limits::kConfigNoteBytes);
  get_settings(map, model.settings);
  for (MapReader element : map.maps("versions", limits::kVersionsPerModel)) {
    VersionFound version;
    element.require("number");
    element.get("number", version.number);
    element.get("stamp", version.stamp, limits::kStampBytes);
    element.get("bytes", version.bytes);
    model.versions.push_back(std::move(version));
  }
  return model;
}

// What is too much of a model; empty: nothing.
std::string excess_of(const ModelFound& model) {
  const auto more = [](std::size_t count, std::size_t most, std::string_view what) {
    return count <= most ? std::string()
                         : std::to_string(count) + " " + std::string(what) + ", at most " +
                               std::to_string(most) + " are handled";
  };
  const ModelSettings& settings = model.settings;
  for (std::string excess :
       {more(model.name.size(), limits::kNameBytes, "bytes of name"),
        more(model.versions.size(), limits::kVersionsPerModel, "versions"),
        more(settings.policy.versions.size(), limits::kVersionsPerModel, "versions in its policy"),
        more(settings.labels.size(), limits::kLabelsPerModel, "labels"),
        more(settings.priorities.size(), limits::kPriorityLevels, "priorities"),
        more(settings.steps.size(), limits::kRolloutSteps, "rollout steps"),
        more(settings.metric_tags.size(), limits::kMetricTags, "tags of metrics"),
        more(settings.json.size(), limits::kConfigJsonBytes, "bytes of configuration")}) {
    if (!excess.empty()) {
      return excess;
    }
  }
  for (const auto& [name, version] : settings.labels) {
    if (name.size() > limits::kNameBytes) {
      return more(name.size(), limits::kNameBytes, "bytes of a label");
    }
  }
  for (const auto& [key, value] : settings.metric_tags) {
    if (key.size() > limits::kMetricTagKeyBytes || value.size() > limits::kMetricLabelBytes) {
      return "a tag of metrics with " + std::to_string(key.size()) + " bytes of key and " +
             std::to_string(value.size()) + " of value, at most " +
             std::to_string(limits::kMetricTagKeyBytes) + " and " +
             std::to_string(limits::kMetricLabelBytes) + " are handled";
    }
  }
  return {};
}

ModelFound only_problem(const ModelFound& model, std::string problem) {
  ModelFound bare;
  bare.name = model.name.substr(0, limits::kNameBytes);
  bare.problem = std::move(problem);
  return bare;
}

// Not less than it takes on the wire.
std::size_t size_of(const ModelFound& model) {
  std::size_t size = 1'024 + model.name.size() + model.problem.size() + model.settings.json.size() +
                     9 * model.settings.policy.versions.size() + 64 * model.versions.size() +
                     80 * model.settings.priorities.size();
  for (const std::string& note : model.notes) {
    size += note.size() + 8;
  }
  for (const auto& [name, version] : model.settings.labels) {
    size += name.size() + 32;
  }
  for (const auto& [key, value] : model.settings.metric_tags) {
    size += key.size() + value.size() + 32;
  }
  return size;
}

}  // namespace

void fit(Repository& message) {
  const std::size_t count = message.models.size();
  std::size_t size = 64 + message.problem.size();
  std::size_t kept = 0;
  for (; kept < std::min(count, limits::kModelsPerNode); ++kept) {
    ModelFound& model = message.models[kept];
    if (std::string excess = excess_of(model); !excess.empty()) {
      model = only_problem(model, std::move(excess));
    }
    model.notes.resize(std::min(model.notes.size(), limits::kConfigNotes));
    for (std::string& note : model.notes) {
      note.resize(std::min(note.size(), limits::kConfigNoteBytes));
    }
    if (size + size_of(model) > limits::kRepositoryBytes - 2 * limits::kFailureDetailBytes) {
      break;
    }
    size += size_of(model);
  }
  if (kept == count) {
    return;
  }
  // The last one that is told says so.
  kept = std::max(kept, std::size_t{1});
  message.models.resize(kept);
  message.models.back() = only_problem(
      message.models.back(),
      "the node has " + std::to_string(count) + " models, of which " + std::to_string(kept - 1) +
          " fit into what it may report (" + std::to_string(limits::kModelsPerNode) + " models, " +
          std::to_string(limits::kRepositoryBytes) + " bytes)");
}

Message encode(const Repository& message) {
  MapWriter map(4);
  map.put("sequence", message.sequence);
  map.put("looked", message.looked);
  map.put("problem", cut(message.problem));
  map.begin_maps("models", message.models.size());
  for (const ModelFound& model : message.models) {
    put_found(map, model);
  }
  return message_of(Kind::repository, std::move(map));
}

Result<Repository> decode_repository(const Body& body) {
  MapDocument document(map_of(body), limits::kRepositoryBytes);
  MapReader map = document.root();
  Repository message;
  map.get("sequence", message.sequence);
  map.get("looked", message.looked);
  map.get("problem", message.problem, kReasonBytes);
  for (const MapReader& element : map.maps("models", limits::kModelsPerNode)) {
    message.models.push_back(get_found(element));
  }
  return checked(document, std::move(message));
}

Message encode(const Look& message) {
  MapWriter map(1);
  map.put("sequence", message.sequence);
  return message_of(Kind::look, std::move(map));
}

Result<Look> decode_look(const Body& body) {
  MapDocument document(map_of(body));
  Look message;
  document.root().get("sequence", message.sequence);
  return checked(document, message);
}

Message encode(const Assignment& message) {
  MapWriter map(2);
  map.put("sequence", message.sequence);
  map.begin_maps("workers", message.workers.size());
  for (const AssignedWorker& worker : message.workers) {
    map.begin_element(7);
    map.put("worker", std::string_view(worker.worker_id));
    map.put("model", std::string_view(worker.model));
    map.put("version", worker.version);
    map.put("stamp", std::string_view(worker.stamp));
    map.put("config", std::string_view(worker.config));
    map.put("share", std::uint64_t{worker.share});
    map.put("shares", std::uint64_t{worker.shares});
  }
  return message_of(Kind::assignment, std::move(map));
}

Result<Assignment> decode_assignment(const Body& body) {
  MapDocument document(map_of(body), limits::kAssignmentBytes);
  MapReader map = document.root();
  Assignment message;
  map.get("sequence", message.sequence);
  for (MapReader element : map.maps("workers", limits::kWorkersPerNode)) {
    AssignedWorker worker;
    element.require("worker");
    element.require("model");
    element.get("worker", worker.worker_id, limits::kWorkerIdBytes);
    element.get("model", worker.model, limits::kNameBytes);
    element.get("version", worker.version);
    element.get("stamp", worker.stamp, limits::kStampBytes);
    element.get("config", worker.config, limits::kConfigJsonBytes);
    element.get("share", worker.share);
    element.get("shares", worker.shares);
    message.workers.push_back(std::move(worker));
  }
  return checked(document, std::move(message));
}

}  // namespace sluice::link
