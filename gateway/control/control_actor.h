// The control end of the gateway: workers and nodes dial in here, shards are told here who is
// there.
//
// Runs on: the gateway's control loop.
// Receives: WorkerMet, StatusQuery, ViewApplied, VersionQuiet, AdminCall, ShardDrained (from the
//           shards), DrainGateway (from main); hello, state, heartbeat, drain, bye (from workers),
//           node hello, reports, deaths (from nodes).
// Sends:    ClusterView, WorkerLifeEnded, StatusReply, AdminReply, DrainShard, StopShard (to the
//           shards); welcome, heartbeat, bye (to workers and nodes).

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <zmq.hpp>

#include "common/actor/loop.h"
#include "common/actor/mailbox.h"
#include "common/link/control_messages.h"
#include "common/metrics/registry.h"
#include "gateway/control/cluster_state.h"
#include "gateway/control/messages.h"

namespace sluice::gateway {

struct ControlOptions {
  ClusterOptions cluster;
  std::string gateway_id;                    // new with every life of the process
  std::vector<std::string> shard_endpoints;  // every transport of every shard
  const metrics::Registry* registry = nullptr;
};

class ControlActor {
 public:
  // `on_drained` is called once every shard has drained and was told to stop.
  ControlActor(ControlOptions options,
               zmq::socket_t router,
               std::vector<actor::Link<ShardInbox>> shards,
               metrics::Block& metrics,
               std::function<void()> on_drained);

  // Registers socket and timers; both must outlive the loop's run.
  void attach(actor::Loop& loop);

  void receive(ControlInbox message, TimePoint now);

 private:
  enum class PeerKind : std::uint8_t { worker, node };
  struct Peer {
    PeerKind kind = PeerKind::worker;
    std::string id;  // of the worker or node
    std::uint32_t pid = 0;
    std::uint64_t attach = 0;
    bool same_host = true;
    Duration interval{};
    TimePoint heard{};
    TimePoint next_beat{};
    std::uint64_t beats = 0;
  };
  using Peers = std::map<std::string, Peer, std::less<>>;  // by routing id

  bool read_socket(TimePoint now);
  void on_message(const std::string& peer, const link::Message& message, TimePoint now);
  Result<void> on_known(Peer& peer, const link::Message& message);
  Result<void> on_worker_hello(const std::string& peer, const link::Body& body, TimePoint now);
  Result<void> on_node_hello(const std::string& peer, const link::Body& body, TimePoint now);
  Result<void> on_worker_died(const link::Body& body);
  void welcome(const std::string& peer, Peer& known, const std::string& boot_id, TimePoint now);
  void forget_older(PeerKind kind, const std::string& id, std::uint64_t attach, std::uint32_t pid);
  void lose(Peers::iterator peer);
  void beat(TimePoint now);
  void publish(TimePoint now);
  void count_workers();
  void drain(TimePoint until);
  void on_admin(const AdminCall& call, TimePoint now);
  void tell_all(const ShardInbox& message);

  ControlOptions options_;
  zmq::socket_t router_;
  std::vector<actor::Link<ShardInbox>> shards_;
  metrics::Block* metrics_;
  std::function<void()> on_drained_;
  actor::Loop* loop_ = nullptr;
  ClusterState state_;
  ClusterView published_;
  bool has_published_ = false;
  Peers peers_;
  std::string boot_id_;
  TimePoint started_{};
  std::vector<bool> drained_;
  std::vector<std::uint64_t> applied_;  // number of the snapshot that each shard has taken over
  std::map<std::string, std::pair<std::string, std::string>> logged_states_;
};

// The JSON of POST /v2/repository/index.
std::string index_json(const ClusterView& view, bool ready_only);

// The JSON of GET /sluice/status.
std::string status_json(const ClusterState& state,
                        const ClusterView& view,
                        const metrics::Registry& registry,
                        Duration uptime,
                        int shards);

}  // namespace sluice::gateway
