#include "worker/serve/peer_link.h"

#include "common/base/log.h"
#include "common/link/socket_spec.h"

namespace sluice::worker {

bool PeerLink::open(zmq::context_t& context, actor::Loop& loop, const std::string& identity) {
  close(loop);
  auto opened = link::open_socket(
      context, {.type = link::SocketType::dealer, .connect = endpoint, .identity = identity});
  if (!opened) {
    log_error("link_socket", {{"endpoint", endpoint}, {"reason", opened.error().detail}});
    return false;
  }
  socket = *std::move(opened);
  watch = loop.watch(socket, on_readable);
  return true;
}

void PeerLink::close(actor::Loop& loop, std::chrono::milliseconds linger) {
  if (socket) {
    static_cast<void>(flush());
    loop.unwatch(watch);
    socket.set(zmq::sockopt::linger, static_cast<int>(linger.count()));
    socket.close();
  }
}

bool PeerLink::send(const link::Message& message) {
  return flush() && socket && link::send(socket, message) == link::Sent::sent;
}

bool PeerLink::post(const link::Message& message) {
  return socket && link::post(socket, bundle, message.header, message.body) == link::Sent::sent;
}

bool PeerLink::flush() {
  return bundle.empty() || (socket && link::flush(socket, bundle) == link::Sent::sent);
}

}  // namespace sluice::worker
