// ControlActor, its socket: workers and nodes attach, speak and are lost.

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/link/zmq_message.h"
#include "common/metrics/families.h"
#include "gateway/control/control_actor.h"

namespace sluice::gateway {
namespace {

using link::Kind;

constexpr auto kTick = std::chrono::milliseconds(50);
// An assignment that a node's reports do not follow by then is sent again.
constexpr auto kHeardWithin = std::chrono::seconds(2);

template <class T>
Result<void> drop(Result<T> decoded) {
  return decoded ? Result<void>() : Result<void>(std::move(decoded).error());
}

}  // namespace

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
      lose(known, now);
    } else {
      result = on_known(known->second, message, now);
    }
  }
  if (!result) {
    metrics_->counter(metrics::kErrorsTotal, {"bad_link_message"}).add();
    log_warn("bad_link_message",
             {{"at", "control"},
              {"kind", link::name_of(message.header.kind)},
              {"reason", result.error().detail}});
  }
  settle(now);
}

Result<void> ControlActor::on_known(Peer& peer, const link::Message& message, TimePoint now) {
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
      tell_workers(now);
      fleet_.on_node_reported(peer.id, report.assigned, now);
      if (report.assigned < peer.assignments && now - peer.assigned_at > kHeardWithin) {
        peer.assigned.reset();  // it was lost: once more
      }
      return {};
    }
    case Kind::repository: {
      SLUICE_TRY_ASSIGN(const link::Repository found, link::decode_repository(message.body));
      peer.looked = std::max(peer.looked, found.looked);
      fleet_.on_repository(peer.id, found, now);
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
  fleet_.on_node_attached(hello.node_id);
  log_info("node_attached", {{"node", hello.node_id}, {"pid", hello.pid}});
  return {};
}

Result<void> ControlActor::on_worker_died(const link::Body& body) {
  SLUICE_TRY_ASSIGN(link::WorkerDied died, link::decode_worker_died(body));
  const auto known = state_.workers().find(died.worker_id);
  const bool asked =
      known == state_.workers().end() || known->second.state == link::WorkerState::draining;
  log_at(asked ? LogLevel::info : LogLevel::warn,
         "worker_died",
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

void ControlActor::lose(Peers::iterator peer, TimePoint now) {
  if (peer->second.kind == PeerKind::worker) {
    state_.on_worker_link_lost(peer->second.id);
  } else {
    state_.on_node_link_lost(peer->second.id);
    fleet_.on_node_lost(peer->second.id, now);
    log_warn("node_lost", {{"node", peer->second.id}});
  }
  peers_.erase(peer);
}

void ControlActor::beat(TimePoint now) {
  for (auto it = peers_.begin(); it != peers_.end();) {
    Peer& peer = it->second;
    const auto next = std::next(it);
    if (now - peer.heard > peer.interval * limits::kMissedHeartbeats) {
      lose(it, now);
    } else if (now >= peer.next_beat) {
      peer.next_beat = now + peer.interval;
      static_cast<void>(link::send_to(
          router_, it->first, link::encode(link::Heartbeat{.sequence = ++peer.beats})));
    }
    it = next;
  }
  tell_counts(now);
  settle(now);
  loop_->timers().at(now + kTick, [this](TimePoint then) { beat(then); });
}

}  // namespace sluice::gateway
