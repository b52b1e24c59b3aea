// What a node says of itself and its workers: the messages of control_messages.h that it sends.

#include <string_view>
#include <utility>

#include "common/base/limits.h"
#include "common/link/control_codec.h"
#include "common/link/control_messages.h"

namespace sluice::link {

Message encode(const NodeHello& message) {
  MapWriter map(5);
  map.put("node", std::string_view(message.node_id));
  map.put("pid", std::uint64_t{message.pid});
  map.put("boot", std::string_view(message.boot_id));
  map.put("host", std::string_view(message.host));
  map.put("attach", message.attach);
  return message_of(Kind::node_hello, std::move(map));
}

Result<NodeHello> decode_node_hello(const Body& body) {
  MapDocument document(map_of(body));
  MapReader map = document.root();
  NodeHello message;
  map.require("node");
  map.get("node", message.node_id, limits::kWorkerIdBytes);
  map.get("pid", message.pid);
  map.get("boot", message.boot_id, kBootIdBytes);
  map.get("host", message.host, limits::kNameBytes);
  map.get("attach", message.attach);
  return checked(document, std::move(message));
}

Message encode(const NodeReport& message) {
  MapWriter map(5);
  map.put("sequence", message.sequence);
  map.put("assigned", message.assigned);
  map.begin_maps("workers", message.workers.size());
  for (const WorkerReport& worker : message.workers) {
    map.begin_element(15);
    map.put("worker", std::string_view(worker.worker_id));
    map.put("model", std::string_view(worker.model));
    map.put("version", worker.version);
    map.put("stamp", std::string_view(worker.stamp));
    map.put("pid", std::uint64_t{worker.pid});
    put_state(map, worker.state);
    map.put("restarts", std::uint64_t{worker.restarts});
    map.put("early_deaths", std::uint64_t{worker.early_deaths});
    map.put("kills", std::uint64_t{worker.kills});
    map.put("crashes", std::uint64_t{worker.crashes});
    map.put("reason", cut(worker.reason));
    map.put("restart_in_ns", worker.restart_in);
    map.put("executors", std::uint64_t{worker.executors});
    map.put("threads", std::uint64_t{worker.threads});
    map.put("memory", worker.memory);
  }
  map.put("cpus", std::uint64_t{message.cpus});
  map.put("memory_limit", message.memory_limit);
  return message_of(Kind::node_report, std::move(map));
}

Result<NodeReport> decode_node_report(const Body& body) {
  MapDocument document(map_of(body));
  MapReader map = document.root();
  NodeReport message;
  map.get("sequence", message.sequence);
  map.get("assigned", message.assigned);
  for (MapReader element : map.maps("workers", limits::kWorkersPerNode)) {
    WorkerReport worker;
    element.require("worker");
    element.get("worker", worker.worker_id, limits::kWorkerIdBytes);
    element.get("model", worker.model, limits::kNameBytes);
    element.get("version", worker.version);
    element.get("stamp", worker.stamp, limits::kStampBytes);
    element.get("pid", worker.pid);
    get_state(element, worker.state);
    element.get("restarts", worker.restarts);
    element.get("early_deaths", worker.early_deaths);
    element.get("kills", worker.kills);
    element.get("crashes", worker.crashes);
    element.get("reason", worker.reason, kReasonBytes);
    element.get("restart_in_ns", worker.restart_in);
    element.get("executors", worker.executors);
    element.get("threads", worker.threads);
    element.get("memory", worker.memory);
    message.workers.push_back(std::move(worker));
  }
  map.get("cpus", message.cpus);
  map.get("memory_limit", message.memory_limit);
  return checked(document, std::move(message));
}

Message encode(const WorkerDied& message) {
  MapWriter map(5);
  map.put("worker", std::string_view(message.worker_id));
  map.put("pid", std::uint64_t{message.pid});
  map.put("reason", cut(message.reason));
  map.put("running", message.running);
  map.put("killed", message.killed);
  return message_of(Kind::worker_died, std::move(map));
}

Result<WorkerDied> decode_worker_died(const Body& body) {
  MapDocument document(map_of(body));
  MapReader map = document.root();
  WorkerDied message;
  map.require("worker");
  map.get("worker", message.worker_id, limits::kWorkerIdBytes);
  map.get("pid", message.pid);
  map.get("reason", message.reason, kReasonBytes);
  map.get("running", message.running, limits::kSuspects);
  map.get("killed", message.killed);
  return checked(document, std::move(message));
}

}  // namespace sluice::link
