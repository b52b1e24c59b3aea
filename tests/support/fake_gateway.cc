#include "tests/support/fake_gateway.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/link/socket_spec.h"
#include "common/link/tensor_codec.h"

namespace sluice::test {

using Clock = std::chrono::steady_clock;
using link::Kind;

namespace {

zmq::socket_t bind_router(zmq::context_t& context, const std::string& endpoint) {
  auto router = link::open_socket(context, {.type = link::SocketType::router, .bind = endpoint});
  SLUICE_CHECK(router.has_value());
  return *std::move(router);
}

}  // namespace

FakeGateway::FakeGateway(const FakeGatewayOptions& options) : options_(options) {
  routers_.push_back(bind_router(context_, control_endpoint(options.dir)));
  for (int i = 0; i < options.shards; ++i) {
    endpoints_.push_back("ipc://" + options.dir + "/shard-" + std::to_string(i) + ".sock");
    routers_.push_back(bind_router(context_, endpoints_.back()));
  }
  peers_.resize(routers_.size());
}

bool FakeGateway::attached() const {
  for (std::size_t i = 1; i < peers_.size(); ++i) {
    if (peers_[i].identity.empty()) {
      return false;
    }
  }
  return true;
}

void FakeGateway::pump(std::chrono::milliseconds wait) {
  std::vector<zmq::pollitem_t> items;
  for (zmq::socket_t& router : routers_) {
    items.push_back({router.handle(), 0, ZMQ_POLLIN, 0});
  }
  zmq::poll(items, wait);
  for (std::size_t i = 0; i < routers_.size(); ++i) {
    read(i);
  }
  beat_when_due();
}

bool FakeGateway::pump_until(const std::function<bool()>& condition,
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

void FakeGateway::read(std::size_t end) {
  while (auto raw = link::receive_from(routers_[end])) {
    const std::string identity = raw->peer;
    if (raw->frames.size() == 1 && link::is_bundle(raw->frames.front().bytes())) {
      largest_bundle_ = std::max(largest_bundle_, raw->frames.front().size());
    }
    link::for_each_message(*std::move(raw), [&](const Result<link::Message>& message) {
      if (message) {
        on_message(end, identity, *message);
      } else {
        ++garbage_;
      }
    });
  }
}

void FakeGateway::on_message(std::size_t end,
                             const std::string& identity,
                             const link::Message& message) {
  FakePeer& peer = peers_[end];
  if (message.header.kind == Kind::hello) {
    auto hello = link::decode_hello(message.body);
    SLUICE_CHECK(hello.has_value());
    if (silent_ || hello->attach < peer.hello.attach) {
      return;
    }
    peer.identity = identity;
    peer.hello = *std::move(hello);
    ++peer.hellos;
    welcome(end);
    return;
  }
  if (identity != peer.identity) {
    if (!silent_) {
      static_cast<void>(link::send_to(routers_[end], identity, link::encode(link::Bye{"who?"})));
    }
    return;
  }
  switch (message.header.kind) {
    case Kind::heartbeat:
      peer.beat = *link::decode_heartbeat(message.body);
      ++peer.beats;
      break;
    case Kind::state:
      peer.states.push_back(*link::decode_state_change(message.body));
      break;
    case Kind::drain:
      peer.drained = true;
      break;
    case Kind::bye:
      peer.bye = true;
      break;
    case Kind::result:
    case Kind::failure:
      on_answer(message);
      break;
    default:
      ++garbage_;
  }
}

void FakeGateway::on_answer(const link::Message& message) {
  FakeAnswer answer{.header = message.header};
  if (message.header.kind == Kind::result) {
    answer.response = link::decode_result(message.body);
  } else {
    answer.response = link::decode_failure(message.body)->error;
  }
  answers_twice_ += answers_.contains(message.header.id) ? 1 : 0;
  answers_.insert_or_assign(message.header.id, std::move(answer));
}

void FakeGateway::welcome(std::size_t end) {
  link::Welcome welcome{.gateway_id = options_.id,
                        .boot_id = link::this_boot_id(),
                        .heartbeat_interval = options_.interval};
  if (end == 0) {
    welcome.shard_endpoints = endpoints_;
  }
  static_cast<void>(link::send_to(routers_[end], peers_[end].identity, link::encode(welcome)));
}

void FakeGateway::beat_when_due() {
  if (silent_ || Clock::now() < next_beat_) {
    return;
  }
  next_beat_ = Clock::now() + options_.interval;
  for (std::size_t i = 0; i < routers_.size(); ++i) {
    if (!peers_[i].identity.empty()) {
      static_cast<void>(
          link::send_to(routers_[i], peers_[i].identity, link::encode(link::Heartbeat{})));
    }
  }
}

link::Sent FakeGateway::infer(RequestId id, const InferRequest& request, Duration left, int shard) {
  beat_when_due();  // a test that sends for long is not silent meanwhile
  const TimePoint now = Clock::now();
  auto body = link::encode_infer(request);
  SLUICE_CHECK(body.has_value());
  return send_to_shard_peer({link::infer_header(id, 1, now + left, now, true), *std::move(body)},
                            shard);
}

link::Sent FakeGateway::send_to_shard_peer(const link::Message& message, int shard_index) {
  return link::send_to(
      routers_[static_cast<std::size_t>(shard_index) + 1], shard(shard_index).identity, message);
}

link::Sent FakeGateway::send_to_control_peer(const link::Message& message) {
  return link::send_to(routers_[0], control().identity, message);
}

void FakeGateway::send_raw_to_shard_peer(const std::vector<std::string>& frames, int shard_index) {
  zmq::socket_t& router = routers_[static_cast<std::size_t>(shard_index) + 1];
  router.send(zmq::buffer(shard(shard_index).identity), zmq::send_flags::sndmore);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    router.send(zmq::buffer(frames[i]),
                i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
  }
}

std::optional<FakeAnswer> FakeGateway::answer(RequestId id) {
  if (!pump_until([&] { return answers_.contains(id); })) {
    return std::nullopt;
  }
  return answers_.at(id);
}

}  // namespace sluice::test
