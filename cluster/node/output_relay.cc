#include "cluster/node/output_relay.h"

#include <poll.h>
#include <unistd.h>

namespace sluice::cluster {

void OutputRelay::pass(std::string_view line, TimePoint now) {
  if (!budget_.take(now)) {
    return;
  }
  if (const std::uint64_t dropped = budget_.take_dropped(); dropped > 0) {
    write("(" + std::to_string(dropped) + " lines left out)");
  }
  write(line);
}

bool OutputRelay::write(std::string_view line) {
  pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
  // A pipe that polls writable has room for PIPE_BUF bytes: a line below that never blocks.
  if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) {
    return false;
  }
  const std::size_t room = limits::kChildLineBytes - prefix_.size() - 1;
  const std::string whole = prefix_ + std::string(line.substr(0, room)) + "\n";
  return ::write(fd_, whole.data(), whole.size()) >= 0;
}

}  // namespace sluice::cluster
