// Encode and decode of each control message stand together; keys are short, they travel often.

#include "common/link/control_messages.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "common/base/limits.h"
#include "common/link/control_codec.h"
#include "common/link/labels_codec.h"

namespace sluice::link {
namespace {

constexpr std::size_t kEndpointBytes = 256;

void put_values(MapWriter& map, std::string_view key, const std::vector<ValueInfo>& values) {
  map.begin_maps(key, values.size());
  for (const ValueInfo& value : values) {
    map.begin_element(4);
    map.put("name", std::string_view(value.name));
    map.put("type", std::uint64_t{static_cast<std::uint8_t>(value.datatype)});
    map.put("shape", value.shape);
    map.put("optional", value.optional);
  }
}

void put_model(MapWriter& map, const ModelInfo& model) {
  map.begin_map("model", 6);
  map.put("name", std::string_view(model.name));
  map.put("version", model.version);
  map.put("platform", std::string_view(model.platform));
  map.put("description", cut(model.description));
  put_values(map, "inputs", model.inputs);
  put_values(map, "outputs", model.outputs);
}

void get_values(MapReader map, std::string_view key, std::vector<ValueInfo>& values) {
  for (MapReader element : map.maps(key, limits::kTensorsPerRequest)) {
    ValueInfo value;
    std::uint8_t datatype = 0;
    element.get("name", value.name, limits::kNameBytes);
    element.get("type", datatype);
    value.datatype = datatype <= static_cast<std::uint8_t>(DataType::string)
                         ? static_cast<DataType>(datatype)
                         : DataType::undefined;
    element.get("shape", value.shape, limits::kTensorRank);
    element.get("optional", value.optional);
    values.push_back(std::move(value));
  }
}

void get_model(MapReader map, ModelInfo& model) {
  MapReader fields = map.map("model");
  fields.get("name", model.name, limits::kNameBytes);
  fields.get("version", model.version);
  fields.get("platform", model.platform, limits::kNameBytes);
  fields.get("description", model.description, kReasonBytes);
  get_values(fields, "inputs", model.inputs);
  get_values(fields, "outputs", model.outputs);
}

void put_findings(MapWriter& map, const Findings& findings) {
  map.put("probe", std::uint64_t{static_cast<std::uint8_t>(findings.probe_kind)});
  map.put("finite", findings.probe_finite);
  map.put("memory", findings.memory_bytes);
  map.put("memory_peak", findings.memory_peak_bytes);
}

void get_findings(MapReader& map, Findings& findings) {
  std::uint64_t kind = 0;
  map.get("probe", kind);
  findings.probe_kind = kind <= static_cast<std::uint8_t>(ProbeKind::known_answer)
                            ? static_cast<ProbeKind>(kind)
                            : ProbeKind::none;
  map.get("finite", findings.probe_finite);
  map.get("memory", findings.memory_bytes);
  map.get("memory_peak", findings.memory_peak_bytes);
}

}  // namespace

std::string_view name_of(WorkerState state) noexcept {
  switch (state) {
    using enum WorkerState;
    case unknown:
      return "unknown";
    case starting:
      return "starting";
    case loading:
      return "loading";
    case warming:
      return "warming";
    case ready:
      return "ready";
    case draining:
      return "draining";
    case backing_off:
      return "backing_off";
    case failed:
      return "failed";
    case ended:
      return "ended";
    case probing:
      return "probing";
  }
  return "unknown";
}

Message encode(const Hello& message) {
  MapWriter map(16);
  map.put("worker", std::string_view(message.worker_id));
  map.put("node", std::string_view(message.node_id));
  map.put("pid", std::uint64_t{message.pid});
  map.put("boot", std::string_view(message.boot_id));
  map.put("attach", message.attach);
  put_state(map, message.state);
  put_model(map, message.model);
  map.put("executors", std::uint64_t{message.executors});
  map.put("credit", std::uint64_t{message.credit});
  put_findings(map, message.findings);
  map.put("config", std::string_view(message.config));
  put_labels(map, message.labels);
  map.put("bundle", message.bundle_bytes);
  return message_of(Kind::hello, std::move(map));
}

Result<Hello> decode_hello(const Body& body) {
  MapDocument document(map_of(body));
  MapReader map = document.root();
  Hello message;
  map.require("worker");
  map.get("worker", message.worker_id, limits::kWorkerIdBytes);
  map.get("node", message.node_id, limits::kWorkerIdBytes);
  map.get("pid", message.pid);
  map.get("boot", message.boot_id, kBootIdBytes);
  map.get("attach", message.attach);
  get_state(map, message.state);
  get_model(map, message.model);
  map.get("executors", message.executors);
  map.get("credit", message.credit);
  get_findings(map, message.findings);
  map.get("config", message.config, limits::kConfigJsonBytes);
  get_labels(map, message.labels);
  map.get("bundle", message.bundle_bytes);
  return checked(document, std::move(message));
}

Message encode(const Welcome& message) {
  MapWriter map(5);
  map.put("gateway", std::string_view(message.gateway_id));
  map.put("boot", std::string_view(message.boot_id));
  map.put("heartbeat_ns", message.heartbeat_interval);
  map.put("shards", message.shard_endpoints);
  map.put("bundle", message.bundle_bytes);
  return message_of(Kind::welcome, std::move(map));
}

Result<Welcome> decode_welcome(const Body& body) {
  MapDocument document(map_of(body));
  MapReader map = document.root();
  Welcome message;
  map.require("gateway");
  map.require("heartbeat_ns");
  map.get("gateway", message.gateway_id, limits::kWorkerIdBytes);
  map.get("boot", message.boot_id, kBootIdBytes);
  map.get("heartbeat_ns", message.heartbeat_interval);
  map.get("shards", message.shard_endpoints, limits::kShards, kEndpointBytes);
  map.get("bundle", message.bundle_bytes);
  SLUICE_TRY(document.result());
  if (message.heartbeat_interval < limits::kHeartbeatLeast ||
      message.heartbeat_interval > limits::kHeartbeatMost) {
    return Error{ErrorCode::data_corrupt, "control message: 'heartbeat_ns' is out of range"};
  }
  return message;
}

Message encode(const Heartbeat& message) {
  MapWriter map(12);
  map.put("sequence", message.sequence);
  put_state(map, message.state);
  map.put("credit", std::uint64_t{message.credit});
  map.put("queued", std::uint64_t{message.queued});
  map.put("running", std::uint64_t{message.running});
  map.put("progress", message.progress);
  map.put("executed", message.executed);
  map.put("requests", message.requests);
  map.put("expired", message.expired);
  map.put("cancelled", message.cancelled);
  map.put("garbage", message.garbage);
  map.put("service_ns", message.service_time_mean);
  return message_of(Kind::heartbeat, std::move(map));
}

Result<Heartbeat> decode_heartbeat(const Body& body) {
  MapDocument document(map_of(body));
  MapReader map = document.root();
  Heartbeat message;
  map.get("sequence", message.sequence);
  get_state(map, message.state);
  map.get("credit", message.credit);
  map.get("queued", message.queued);
  map.get("running", message.running);
  map.get("progress", message.progress);
  map.get("executed", message.executed);
  map.get("requests", message.requests);
  map.get("expired", message.expired);
  map.get("cancelled", message.cancelled);
  map.get("garbage", message.garbage);
  map.get("service_ns", message.service_time_mean);
  return checked(document, message);
}

Message encode(const StateChange& message) {
  MapWriter map(7);
  put_state(map, message.state);
  map.put("reason", cut(message.reason));
  put_model(map, message.model);
  put_findings(map, message.findings);
  return message_of(Kind::state, std::move(map));
}

Result<StateChange> decode_state_change(const Body& body) {
  MapDocument document(map_of(body));
  MapReader map = document.root();
  StateChange message;
  map.require("state");
  get_state(map, message.state);
  map.get("reason", message.reason, kReasonBytes);
  get_model(map, message.model);
  get_findings(map, message.findings);
  return checked(document, std::move(message));
}

Message encode(const Drain& message) {
  MapWriter map(1);
  map.put("reason", cut(message.reason));
  return message_of(Kind::drain, std::move(map));
}

Result<Drain> decode_drain(const Body& body) {
  MapDocument document(map_of(body));
  Drain message;
  document.root().get("reason", message.reason, kReasonBytes);
  return checked(document, std::move(message));
}

Message encode(const Bye& message) {
  MapWriter map(1);
  map.put("reason", cut(message.reason));
  return message_of(Kind::bye, std::move(map));
}

Result<Bye> decode_bye(const Body& body) {
  MapDocument document(map_of(body));
  Bye message;
  document.root().get("reason", message.reason, kReasonBytes);
  return checked(document, std::move(message));
}

Message cancel_message(RequestId id, std::uint32_t attempt) {
  Message message;
  message.header.kind = Kind::cancel;
  message.header.id = id;
  message.header.attempt = attempt;
  return message;
}

std::string this_boot_id() {
  std::string id;
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::getline(file, id);
  // Another time namespace has another offset of CLOCK_MONOTONIC under the same boot id.
  std::error_code ignored;
  const auto space = std::filesystem::read_symlink("/proc/self/ns/time", ignored);
  return id.empty() ? id : id + "/" + space.string();
}

bool same_clock(std::string_view boot_id, std::string_view other_boot_id) noexcept {
  return !boot_id.empty() && boot_id == other_boot_id;
}

}  // namespace sluice::link
