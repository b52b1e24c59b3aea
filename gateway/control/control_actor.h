// The control end of the gateway: workers and nodes dial in here, operators' commands arrive here,
// shards are told here who is there and who is sent what.
//
// Runs on: the gateway's control loop.
// Receives: WorkerMet, StatusQuery, AdminCall, FollowerGone, ViewApplied, VersionQuiet,
// ShardDrained
//           (from the shards), DrainGateway (from main); hello, state, heartbeat, drain, bye (from
//           workers), node hello, repositories, reports, deaths (from nodes).
// Sends:    ClusterView, WorkerLifeEnded, StatusReply, AdminReply, StreamPart, DrainShard,
// StopShard
//           (to the shards); MetricTags (to the metrics page); welcome, heartbeat, bye (to workers
//           and nodes); look, assignment (to nodes).
//
// Decisions are ClusterState's (who is there) and the Fleet's (which versions live and serve). What
// is left here is carrying facts to them and what they decide to the others.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <zmq.hpp>

#include "common/actor/loop.h"
#include "common/actor/mailbox.h"
#include "common/link/control_messages.h"
#include "common/link/repository_messages.h"
#include "common/metrics/registry.h"
#include "gateway/control/admin_json.h"
#include "gateway/control/cluster_state.h"
#include "gateway/control/event_feed.h"
#include "gateway/control/fleet.h"
#include "gateway/control/messages.h"
#include "gateway/control/metric_tags.h"
#include "gateway/control/shard_acks.h"
#include "gateway/control/state_file.h"

namespace sluice::gateway {

struct ControlOptions {
  ClusterOptions cluster;
  std::string gateway_id;                    // new with every life of the process
  std::vector<std::string> shard_endpoints;  // every transport of every shard
  const metrics::Registry* registry = nullptr;
  StartOptions start;
  std::string state_file;            // empty: nothing is kept
  ReadConfig read_config = nullptr;  // null: none is taken from operators
};

class ControlActor {
 public:
  // `on_drained` is called once every shard has drained and was told to stop.
  ControlActor(ControlOptions options,
               zmq::socket_t router,
               std::vector<actor::Link<ShardInbox>> shards,
               std::optional<actor::Link<MetricsInbox>> metrics_page,
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
    // Of a node: what it was told to run, and the look it has answered last.
    std::optional<std::vector<link::AssignedWorker>> assigned;
    std::uint64_t assignments = 0;
    TimePoint assigned_at{};
    std::uint64_t looked = 0;
  };
  using Peers = std::map<std::string, Peer, std::less<>>;  // by routing id

  // A command of an operator that is not answered yet.
  struct Asked {
    int shard = 0;
    std::uint64_t token = 0;
    AdminRequest request;
    std::uint64_t look = 0;  // it waits until the nodes have looked again; 0: it does not
    TimePoint look_until{};  // then it goes on without those that have not
    CommandId command = 0;   // accepted by the fleet; answered when that is done or has failed
  };

  // Sockets (control_links.cc).
  bool read_socket(TimePoint now);
  void on_message(const std::string& peer, const link::Message& message, TimePoint now);
  Result<void> on_known(Peer& peer, const link::Message& message, TimePoint now);
  Result<void> on_worker_hello(const std::string& peer, const link::Body& body, TimePoint now);
  Result<void> on_node_hello(const std::string& peer, const link::Body& body, TimePoint now);
  Result<void> on_worker_died(const link::Body& body);
  void welcome(const std::string& peer, Peer& known, const std::string& boot_id, TimePoint now);
  void forget_older(PeerKind kind, const std::string& id, std::uint64_t attach, std::uint32_t pid);
  void lose(Peers::iterator peer, TimePoint now);
  void beat(TimePoint now);

  // Versions (control_actor.cc).
  void settle(TimePoint now);
  void tell_workers(TimePoint now);
  void tell_counts(TimePoint now);
  bool publish(TimePoint now);
  void tell_metrics(const Routes& routes);
  void forget_quiet(const ClusterView& next);
  void assign(TimePoint now);
  [[nodiscard]] std::string status(TimePoint now) const;
  [[nodiscard]] Acknowledged acknowledged() const;
  void drain(const DrainGateway& asked, TimePoint now);
  void tell(int shard, ShardInbox message);
  void tell_all(const ShardInbox& message);

  // Operators (control_admin.cc).
  void on_admin(AdminCall call, TimePoint now);
  void look(Asked asked, TimePoint now);
  void begin_looked(TimePoint now);
  void begin(Asked asked, TimePoint now);
  Result<std::string> unloaded(const UnloadAsked& asked, TimePoint now);
  Result<std::string> controlled(const RolloutControl& asked, TimePoint now);
  void follow(const Asked& asked, const EventsAsked& wanted);
  void on_events(TimePoint now);
  void tell_followers(const EventFeed::Told& told);
  void answer(const Asked& asked, Result<std::string> outcome);
  [[nodiscard]] Result<std::string> rollout_of(const std::string& model, TimePoint now) const;

  // What it shows of itself (control_report.cc).
  void log_workers();
  void count_workers();

  ControlOptions options_;
  zmq::socket_t router_;
  std::vector<actor::Link<ShardInbox>> shards_;
  std::optional<actor::Link<MetricsInbox>> metrics_page_;  // nothing: there is none
  metrics::Block* metrics_;
  std::function<void()> on_drained_;
  actor::Loop* loop_ = nullptr;
  actor::TimerId timer_ = 0;
  ClusterState state_;
  Fleet fleet_;
  StateFile state_file_;
  ShardAcks acks_;
  MetricTagList metric_tags_;
  std::optional<ClusterView> published_;
  Peers peers_;
  std::vector<Asked> asked_;
  EventFeed feed_;
  TimePoint next_event_beat_{};
  std::uint64_t looks_ = 0;
  std::string boot_id_;
  TimePoint started_{};
  std::vector<bool> drained_;
  std::map<std::string, std::pair<std::string, std::string>> logged_states_;
};

}  // namespace sluice::gateway
