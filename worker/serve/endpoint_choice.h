// Which of the shard endpoints in a welcome a worker dials. Pure.

#pragma once

#include <string>
#include <vector>

namespace sluice::worker {

// A gateway lists every transport of every shard. A worker dials those of the transport by which it
// reached control, so that it attaches to each shard once: of "ipc://..." and "tcp://...", the ones
// that start as `control` does. Where a gateway listens on all interfaces ("tcp://0.0.0.0:7001",
// "tcp://*:7001", "tcp://[::]:7001"), the host is the one of `control`.
std::vector<std::string> choose_endpoints(const std::string& control,
                                          const std::vector<std::string>& offered);

}  // namespace sluice::worker
