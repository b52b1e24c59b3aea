#include "tests/system/node/fake_control.h"

#include <utility>

#include "common/base/check.h"
#include "common/link/socket_spec.h"
#include "common/link/zmq_message.h"

namespace sluice::test {

using Clock = std::chrono::steady_clock;
using link::Kind;
using link::WorkerState;

namespace {

constexpr auto kInterval = std::chrono::milliseconds(100);

zmq::socket_t bind_router(zmq::context_t& context, const std::string& endpoint) {
  auto router = link::open_socket(context, {.type = link::SocketType::router, .bind = endpoint});
  SLUICE_CHECK(router.has_value());
  return *std::move(router);
}

}  // namespace

FakeControl::FakeControl(const std::string& dir) : router_(bind_router(context_, endpoint(dir))) {}

void FakeControl::pump() {
  zmq::pollitem_t item{router_.handle(), 0, ZMQ_POLLIN, 0};
  zmq::poll(&item, 1, std::chrono::milliseconds(5));
  while (auto raw = link::receive_from(router_)) {
    const std::string identity = raw->peer;
    if (auto message = link::parse(*std::move(raw))) {
      on_message(identity, *message);
    }
  }
  if (Clock::now() >= next_beat_) {
    next_beat_ = Clock::now() + kInterval;
    for (const std::string& peer : peers_) {
      send(peer, link::encode(link::Heartbeat{}));
    }
  }
}

bool FakeControl::pump_until(const std::function<bool()>& condition,
                             std::chrono::milliseconds limit) {
  const auto end = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() >= end) {
      return false;
    }
    pump();
  }
  return true;
}

void FakeControl::on_message(const std::string& identity, const link::Message& message) {
  const Kind kind = message.header.kind;
  if (kind == Kind::hello || kind == Kind::node_hello) {
    if (kind == Kind::node_hello) {
      node_ = identity;
    }
    peers_.insert(identity);
    send(identity,
         link::encode(link::Welcome{.gateway_id = "fake",
                                    .boot_id = link::this_boot_id(),
                                    .heartbeat_interval = kInterval}));
    return;
  }
  if (!peers_.contains(identity)) {
    send(identity, link::encode(link::Bye{"who?"}));
    return;
  }
  if (kind == Kind::repository) {
    repository_ = *link::decode_repository(message.body);
    ++repositories_;
  } else if (kind == Kind::node_report) {
    report_ = *link::decode_node_report(message.body);
    for (const link::WorkerReport& worker : report_->workers) {
      auto& seen = states_[worker.worker_id];
      if (seen.empty() || seen.back() != worker.state) {
        seen.push_back(worker.state);
      }
    }
  } else if (kind == Kind::worker_died) {
    deaths_.push_back(*link::decode_worker_died(message.body));
  }
}

void FakeControl::send(const std::string& identity, const link::Message& message) {
  static_cast<void>(link::send_to(router_, identity, message));
}

void FakeControl::assign(std::uint64_t sequence, std::vector<link::AssignedWorker> workers) {
  send(node_, link::encode(link::Assignment{.sequence = sequence, .workers = std::move(workers)}));
}

void FakeControl::look(std::uint64_t sequence) {
  send(node_, link::encode(link::Look{.sequence = sequence}));
}

std::optional<link::WorkerReport> FakeControl::worker(const std::string& id) const {
  if (report_) {
    for (const link::WorkerReport& worker : report_->workers) {
      if (worker.worker_id == id) {
        return worker;
      }
    }
  }
  return std::nullopt;
}

WorkerState FakeControl::state(const std::string& id) const {
  const auto found = worker(id);
  return found ? found->state : WorkerState::unknown;
}

std::string FakeControl::stamp(const std::string& model, std::int64_t version) const {
  if (repository_) {
    for (const link::ModelFound& found : repository_->models) {
      for (const link::VersionFound& each : found.versions) {
        if (found.name == model && each.number == version) {
          return each.stamp;
        }
      }
    }
  }
  return {};
}

std::vector<WorkerState> FakeControl::states(const std::string& id) const {
  const auto found = states_.find(id);
  return found == states_.end() ? std::vector<WorkerState>() : found->second;
}

}  // namespace sluice::test
