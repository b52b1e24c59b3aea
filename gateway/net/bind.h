// Listening sockets, made once by the parent of a gateway and handed down to it. Plain POSIX: no
// event loop is needed to bind.

#pragma once

#include <cstddef>
#include <vector>

#include "common/base/result.h"
#include "common/process/unique_fd.h"
#include "gateway/net/socket_address.h"

namespace sluice {

struct BoundListeners {
  SocketAddress address;      // with the port the system chose, when 0 was asked
  std::vector<UniqueFd> fds;  // listening, non-blocking, close-on-exec, TCP_NODELAY (inherited)
};

// `count` (at least 1) sockets on one address, among which the kernel spreads the connections
// (SO_REUSEPORT). The first is bound without that option, so that an address somebody listens on is
// an error (unavailable, naming the address) even when that somebody allows sharing.
Result<BoundListeners> bind_listeners(const SocketAddress& address, std::size_t count);

// A socket inherited from the parent: checks that it is a listening stream socket and makes it
// non-blocking and close-on-exec. Takes the descriptor over, also when it is refused.
Result<UniqueFd> adopt_listener(int fd);

}  // namespace sluice
