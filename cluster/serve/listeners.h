// The listening sockets of one server: bound once by the head of the process tree and inherited by
// each gateway, so that no connection is lost between one and the next.

#pragma once

#include <string>
#include <vector>

#include "cluster/serve/serve_options.h"
#include "common/base/result.h"
#include "common/process/unique_fd.h"

namespace sluice::cluster {

struct Listener {
  std::string kind;     // "http", "graphpipe", "metrics"
  std::string address;  // as bound: port 0 is replaced
  std::vector<UniqueFd> fds;
};

// unavailable for a taken port, invalid_argument for a bad address, naming the flag.
Result<std::vector<Listener>> open_listeners(const ServeOptions& options);

// The arguments of `sluice gateway` for these options and listeners, without the lifeline.
std::vector<std::string> gateway_arguments(const ServeOptions& options,
                                           const std::vector<Listener>& listeners);
// The arguments of `sluice node` for them, without lifeline and status.
std::vector<std::string> node_arguments(const ServeOptions& options, Duration drain_limit);

}  // namespace sluice::cluster
