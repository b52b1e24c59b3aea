#include "gateway/control/control_actor.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/overloaded.h"
#include "common/link/zmq_message.h"
#include "common/metrics/families.h"

namespace sluice::gateway {
namespace {

using link::Kind;

constexpr auto kTick = std::chrono::milliseconds(50);

template <class T>
Result<void> drop(Result<T> decoded) {
  return decoded ? Result<void>() : Result<void>(std::move(decoded).error());
}

}  // namespace

ControlActor::ControlActor(ControlOptions options,
                           zmq::socket_t router,
                           std::vector<actor::Link<ShardInbox>> shards,
                           metrics::Block& metrics,
                           std::function<void()> on_drained)
    : options_(std::move(options)),
      router_(std::move(router)),
      shards_(std::move(shards)),
      metrics_(&metrics),
      on_drained_(std::move(on_drained)),
      state_(options_.cluster),
      boot_id_(link::this_boot_id()),
      drained_(shards_.size(), false),
      applied_(shards_.size(), 0) {}

void ControlActor::attach(actor::Loop& loop) {
  loop_ = &loop;
  SystemClock clock;
  started_ = clock.now();
  loop.watch(router_, [this](TimePoint now) { return read_socket(now); });
  loop.timers().at(started_, [this](TimePoint now) { beat(now); });
}

void ControlActor::receive(ControlInbox message, TimePoint now) {
  std::visit(Overloaded{[&](const WorkerMet& met) {
                          state_.on_worker_met(met);
                          publish(now);
                        },
                        [&](const StatusQuery& query) {
                          const ClusterView view = state_.view(now);
                          std::string json = status_json(state_,
                                                         view,
                                                         *options_.registry,
                                                         now - started_,
                                                         static_cast<int>(shards_.size()));
                          static_cast<void>(shards_[static_cast<std::size_t>(query.shard)].offer(
                              StatusReply{query.token, Buffer::from_string(std::move(json))}));
                        },
                        [&](const ViewApplied& applied) {
                          applied_[static_cast<std::size_t>(applied.shard)] = applied.number;
                        },
                        // Nothing drains a version yet.
                        [](const VersionQuiet&) {},
                        [&](const AdminCall& call) { on_admin(call, now); },
                        [&](const ShardDrained& shard) {
                          drained_[static_cast<std::size_t>(shard.shard)] = true;
                          if (std::ranges::count(drained_, false) == 0) {
                            tell_all(StopShard{});
                            on_drained_();
                          }
                        },
                        [&](const DrainGateway& message_drain) { drain(message_drain.until); }},
             message);
}

bool ControlActor::read_socket(TimePoint now) {
  for (int i = 0; i < limits::kSocketDrain; ++i) {
    auto raw = link::receive_from(router_);
    if (!raw) {
      return false;
    }
    const std::string peer = raw->peer;
    auto message = link::parse(*std::move(raw));
    if (!message) {
      metrics_->counter(metrics::kErrorsTotal, {"bad_link_message"}).add();
      log_warn("bad_link_message", {{"at", "control"}, {"reason", message.error().detail}});
      continue;
    }
    on_message(peer, *message, now);
  }
  return true;
}

void ControlActor::on_message(const std::string& peer,
                              const link::Message& message,
                              TimePoint now) {
  Result<void> result;
  const auto known = peers_.find(peer);
  if (message.header.kind == Kind::hello) {
    result = on_worker_hello(peer, message.body, now);
  } else if (message.header.kind == Kind::node_hello) {
    result = on_node_hello(peer, message.body, now);
  } else if (known == peers_.end()) {
    // Attached to an earlier life of this gateway, or forgotten for its silence: dial anew.
    static_cast<void>(link::send_to(router_, peer, link::encode(link::Bye{"not attached"})));
    return;
  } else {
    known->second.heard = now;
    if (message.header.kind == Kind::bye) {
      lose(known);
    } else {
      result = on_known(known->second, message);
    }
  }
  if (!result) {
    metrics_->counter(metrics::kErrorsTotal, {"bad_link_message"}).add();
    log_warn("bad_link_message",
             {{"at", "control"},
              {"kind", link::name_of(message.header.kind)},
              {"reason", result.error().detail}});
  }
  publish(now);
}

Result<void> ControlActor::on_known(Peer& peer, const link::Message& message) {
  switch (message.header.kind) {
    case Kind::heartbeat: {
      SLUICE_TRY_ASSIGN(const link::Heartbeat beat, link::decode_heartbeat(message.body));
      if (peer.kind == PeerKind::worker) {
        state_.on_worker_beat(peer.id, beat);
      }
      return {};
    }
    case Kind::state: {
      SLUICE_TRY_ASSIGN(const link::StateChange change, link::decode_state_change(message.body));
      state_.on_worker_state(peer.id, change);
      return {};
    }
    case Kind::drain: {
      state_.on_worker_state(peer.id, {link::WorkerState::draining, "", {}});
      return drop(link::decode_drain(message.body));
    }
    case Kind::node_report: {
      SLUICE_TRY_ASSIGN(const link::NodeReport report, link::decode_node_report(message.body));
      state_.on_node_report(peer.id, report);
      return {};
    }
    case Kind::worker_died:
      return on_worker_died(message.body);
    default:
      return Error{ErrorCode::data_corrupt, "not a message for the control endpoint"};
  }
}

Result<void> ControlActor::on_worker_hello(const std::string& peer,
                                           const link::Body& body,
                                           TimePoint now) {
  SLUICE_TRY_ASSIGN(const link::Hello hello, link::decode_hello(body));
  forget_older(PeerKind::worker, hello.worker_id, hello.attach, hello.pid);
  Peer& known = peers_[peer];
  known.kind = PeerKind::worker;
  known.id = hello.worker_id;
  known.pid = hello.pid;
  known.attach = hello.attach;
  welcome(peer, known, hello.boot_id, now);
  state_.on_worker_hello(hello);
  return {};
}

Result<void> ControlActor::on_node_hello(const std::string& peer,
                                         const link::Body& body,
                                         TimePoint now) {
  SLUICE_TRY_ASSIGN(const link::NodeHello hello, link::decode_node_hello(body));
  forget_older(PeerKind::node, hello.node_id, hello.attach, hello.pid);
  Peer& known = peers_[peer];
  known.kind = PeerKind::node;
  known.id = hello.node_id;
  known.pid = hello.pid;
  known.attach = hello.attach;
  welcome(peer, known, hello.boot_id, now);
  log_info("node_attached", {{"node", hello.node_id}, {"pid", hello.pid}});
  return {};
}

Result<void> ControlActor::on_worker_died(const link::Body& body) {
  SLUICE_TRY_ASSIGN(link::WorkerDied died, link::decode_worker_died(body));
  log_warn("worker_died",
           {{"worker", died.worker_id},
            {"pid", died.pid},
            {"reason", died.reason},
            {"running", died.running.size()}});
  state_.on_worker_died(died);
  tell_all(
      WorkerLifeEnded{life_name(died.worker_id, died.pid), std::move(died.running), died.killed});
  return {};
}

void ControlActor::welcome(const std::string& peer,
                           Peer& known,
                           const std::string& boot_id,
                           TimePoint now) {
  known.same_host = link::same_clock(boot_id, boot_id_);
  known.interval = known.same_host ? Duration(limits::kHeartbeatOnHost)
                                   : Duration(limits::kHeartbeatBetweenHosts);
  known.heard = now;
  known.next_beat = now + known.interval;
  link::Welcome answer;
  answer.gateway_id = options_.gateway_id;
  answer.boot_id = boot_id_;
  answer.heartbeat_interval = known.interval;
  if (known.kind == PeerKind::worker) {
    answer.shard_endpoints = options_.shard_endpoints;
  }
  static_cast<void>(link::send_to(router_, peer, link::encode(answer)));
}

// One link a worker or node: the one with the highest attach count of its newest life.
void ControlActor::forget_older(PeerKind kind,
                                const std::string& id,
                                std::uint64_t attach,
                                std::uint32_t pid) {
  std::erase_if(peers_, [&](const auto& entry) {
    const Peer& peer = entry.second;
    return peer.kind == kind && peer.id == id && (peer.pid != pid || peer.attach < attach);
  });
}

void ControlActor::lose(Peers::iterator peer) {
  if (peer->second.kind == PeerKind::worker) {
    state_.on_worker_link_lost(peer->second.id);
  } else {
    state_.on_node_link_lost(peer->second.id);
    log_warn("node_lost", {{"node", peer->second.id}});
  }
  peers_.erase(peer);
}

void ControlActor::beat(TimePoint now) {
  for (auto it = peers_.begin(); it != peers_.end();) {
    Peer& peer = it->second;
    const auto next = std::next(it);
    if (now - peer.heard > peer.interval * limits::kMissedHeartbeats) {
      lose(it);
    } else if (now >= peer.next_beat) {
      peer.next_beat = now + peer.interval;
      static_cast<void>(link::send_to(
          router_, it->first, link::encode(link::Heartbeat{.sequence = ++peer.beats})));
    }
    it = next;
  }
  publish(now);
  loop_->timers().at(now + kTick, [this](TimePoint then) { beat(then); });
}

void ControlActor::publish(TimePoint now) {
  for (const auto& [id, worker] : state_.workers()) {
    auto& logged = logged_states_[id];
    const std::pair current{std::string(link::name_of(worker.state)), worker.reason};
    if (logged != current) {
      logged = current;
      log_info("worker_state",
               {{"worker", id},
                {"model", worker.model},
                {"version", worker.version},
                {"pid", worker.pid},
                {"state", current.first},
                {"reason", worker.reason}});
    }
  }
  std::erase_if(logged_states_,
                [&](const auto& entry) { return !state_.workers().contains(entry.first); });
  ClusterView view = state_.view(now);
  view.number = published_.number;
  if (has_published_ && view == published_) {
    return;
  }
  ++view.number;
  if (!has_published_ || view.ready != published_.ready) {
    log_info("server_readiness", {{"ready", view.ready}});
  }
  published_ = std::move(view);
  has_published_ = true;
  count_workers();
  tell_all(published_);
}

void ControlActor::count_workers() {
  std::map<std::pair<std::string, std::int64_t>, std::uint64_t> restarts;
  std::map<std::tuple<std::string, std::int64_t, std::string>, std::int64_t> states;
  for (const auto& [id, worker] : state_.workers()) {
    restarts[{worker.model, worker.version}] += worker.restarts;
    for (int state = 1; state <= static_cast<int>(link::kLastWorkerState); ++state) {
      const auto each = static_cast<link::WorkerState>(state);
      states[{worker.model, worker.version, std::string(link::name_of(each))}] +=
          worker.state == each ? 1 : 0;
    }
  }
  for (const auto& [key, count] : states) {
    const auto& [model, version, state] = key;
    metrics_->gauge(metrics::kWorkerState, {model, std::to_string(version), state}).set(count);
  }
  for (const auto& [key, count] : restarts) {
    auto& counter =
        metrics_->counter(metrics::kWorkerRestartsTotal, {key.first, std::to_string(key.second)});
    if (count > counter.value()) {
      counter.add(count - counter.value());
    }
  }
}

void ControlActor::on_admin(const AdminCall& call, TimePoint now) {
  AdminReply reply{.token = call.token};
  if (const auto* index = std::get_if<IndexAsked>(&call.request)) {
    reply.json = Buffer::from_string(index_json(state_.view(now), index->ready_only));
  } else {
    reply.error = Error{ErrorCode::unsupported, "this server does not change versions yet"};
  }
  static_cast<void>(shards_[static_cast<std::size_t>(call.shard)].offer(std::move(reply)));
}

void ControlActor::drain(TimePoint until) {
  if (state_.draining()) {
    return;
  }
  log_info("gateway_draining");
  state_.on_drain();
  publish(loop_->now());
  tell_all(DrainShard{until});
}

void ControlActor::tell_all(const ShardInbox& message) {
  for (auto& shard : shards_) {
    // A shard that has stopped reading is a shard that hangs: its supervisor's business.
    if (shard.offer(message) == actor::Offer::full) {
      log_error("shard_mailbox_full");
    }
  }
}

}  // namespace sluice::gateway
