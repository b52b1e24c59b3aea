// The sockets of a gateway, opened before any of its threads: what cannot be had is said at start.

#pragma once

#include <string>
#include <vector>

#include <zmq.hpp>

#include "common/base/result.h"
#include "common/process/unique_fd.h"
#include "gateway/control/gateway_main.h"

namespace sluice::gateway {

struct GatewaySockets {
  UniqueFd lock;                             // of the run directory's gateway; held for life
  std::vector<UniqueFd> http;                // one a shard
  std::vector<UniqueFd> graphpipe;           // one a shard, or none
  UniqueFd metrics;                          // or invalid
  zmq::socket_t control;                     // ROUTER
  std::vector<zmq::socket_t> routers;        // one a shard
  std::vector<std::string> shard_endpoints;  // as workers are told, for every transport
  std::string http_address;                  // with the port in use
};

// unavailable or invalid_argument, in the operator's words: a taken port, a second gateway in the
// run directory, a path too long for a socket.
Result<GatewaySockets> open_gateway_sockets(const GatewayOptions& options, zmq::context_t& context);

}  // namespace sluice::gateway
