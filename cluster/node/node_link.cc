// The node's link to the gateway's control endpoint: the second half of NodeActor.

#include <string>
#include <utility>

#include <unistd.h>

#include "cluster/node/node_actor.h"
#include "common/base/log.h"
#include "common/link/socket_spec.h"
#include "common/link/zmq_message.h"

namespace sluice::cluster {

namespace {

// For the last reports of a node that ends, when the gateway still listens.
constexpr auto kLinger = std::chrono::milliseconds(100);

}  // namespace

Result<void> NodeActor::open_link(TimePoint now) {
  ++attach_count_;
  attach_.on_opened(now);
  link::SocketSpec spec;
  spec.type = link::SocketType::dealer;
  spec.connect = command_.gateway;
  spec.linger = kLinger;
  spec.identity =
      command_.node_id + "." + std::to_string(::getpid()) + "." + std::to_string(attach_count_);
  SLUICE_TRY_ASSIGN(zmq::socket_t fresh, link::open_socket(*context_, spec));
  if (socket_watch_ != 0) {
    loop_->unwatch(socket_watch_);
  }
  socket_ = std::move(fresh);
  socket_watch_ = loop_->watch(socket_, [this](TimePoint then) { return read_link(then); });
  report_sequence_ = 0;
  assigned_.reset();
  reported_.reset();
  link::NodeHello hello;
  hello.node_id = command_.node_id;
  hello.pid = static_cast<std::uint32_t>(::getpid());
  hello.boot_id = link::this_boot_id();
  hello.host = command_.node_id;
  hello.attach = attach_count_;
  static_cast<void>(link::send(socket_, link::encode(hello)));
  return {};
}

bool NodeActor::read_link(TimePoint now) {
  for (int count = 0; count < limits::kSocketDrain; ++count) {
    auto raw = link::receive(socket_);
    if (!raw) {
      return false;
    }
    const Result<link::Message> message = link::parse(*std::move(raw));
    if (!message) {
      log_warn("bad_link_message", {{"at", "node"}, {"reason", message.error().detail}});
      continue;
    }
    on_message(*message, now);
  }
  return true;
}

void NodeActor::on_message(const link::Message& message, TimePoint now) {
  if (message.header.kind == link::Kind::bye) {
    attach_.on_refused();
    publish(now);
    return;
  }
  attach_.on_heard(now);
  if (message.header.kind == link::Kind::look) {
    on_look(message, now);
    return;
  }
  if (message.header.kind == link::Kind::assignment) {
    on_assignment(message, now);
    return;
  }
  if (message.header.kind != link::Kind::welcome) {
    return;
  }
  const Result<link::Welcome> welcome = link::decode_welcome(message.body);
  if (!welcome) {
    log_warn("bad_link_message", {{"at", "node"}, {"reason", welcome.error().detail}});
    return;
  }
  attach_.on_welcome(welcome->heartbeat_interval, now);
  log_info("gateway_attached", {{"gateway", welcome->gateway_id}, {"endpoint", command_.gateway}});
  // What the old link may have swallowed. Told twice it does no harm: each names one life.
  while (!deaths_.empty() && deaths_.front().first + limits::kKeptDeaths < now) {
    deaths_.pop_front();
  }
  for (const auto& [when, died] : deaths_) {
    static_cast<void>(link::send(socket_, link::encode(died)));
  }
  repository_.on_attached();
  publish(now);
}

void NodeActor::tell_death(link::WorkerDied died, TimePoint now) {
  static_cast<void>(link::send(socket_, link::encode(died)));
  deaths_.emplace_back(now, std::move(died));
  if (deaths_.size() > limits::kWorkersPerNode) {
    deaths_.pop_front();
  }
}

void NodeActor::report(const std::vector<WorkerReport>& workers) {
  link::NodeReport message;
  message.sequence = ++report_sequence_;
  message.assigned = assigned_.value_or(0);
  message.workers = workers;
  message.cpus = static_cast<std::uint32_t>(command_.threads);
  message.memory_limit = memory_limit_;
  static_cast<void>(link::send(socket_, link::encode(message)));
}

}  // namespace sluice::cluster
