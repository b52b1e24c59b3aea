// One way to open a ZeroMQ socket to another process: every option that matters is a field here,
// and nothing is left at a default of libzmq that would be unbounded or silent.

#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <zmq.hpp>

#include "common/base/limits.h"
#include "common/base/result.h"

namespace sluice::link {

enum class SocketType : std::uint8_t {
  router,  // the gateway's ends; unknown peers and full pipes are errors (ROUTER_MANDATORY)
  dealer,  // the workers' and nodes' ends
};

struct SocketSpec {
  SocketType type = SocketType::dealer;
  // Exactly one of the two. "ipc:///path" or "tcp://host:port"; port 0 or * to bind: any free one.
  std::string bind{};
  std::string connect{};
  // Messages a peer each way: a backstop, credit keeps the real count far below.
  int high_water_mark = 1'024;
  // How long closing waits for unsent messages: 0 for aborts.
  std::chrono::milliseconds linger{0};
  // The routing id of a dealer: new for every socket. Empty: libzmq chooses.
  std::string identity{};
  // Of one frame; a peer that sends more is disconnected.
  std::int64_t frame_bytes_max = limits::kLinkMessageBytes;
};

// invalid_argument: an endpoint that is malformed or over limits::kIpcPathBytes; unavailable: in
// use, no permission, no such interface, out of sockets. The sentence names the endpoint.
Result<zmq::socket_t> open_socket(zmq::context_t& context, const SocketSpec& spec);

// A further endpoint of a bound socket: tcp beside ipc. Errors as open_socket's.
Result<void> bind_also(zmq::socket_t& socket, const std::string& endpoint);

// What a bound socket really listens on ("tcp://127.0.0.1:43121").
std::string bound_endpoint(const zmq::socket_t& socket);

}  // namespace sluice::link
