#include "worker/serve/peer_link.h"

#include "common/base/log.h"
#include "common/link/socket_spec.h"

namespace sluice::worker {

bool PeerLink::open(zmq::context_t& context, actor::Loop& on, const std::string& identity) {
  close(on);
  auto opened = link::open_socket(
      context, {.type = link::SocketType::dealer, .connect = endpoint, .identity = identity});
  if (!opened) {
    log_error("link_socket", {{"endpoint", endpoint}, {"reason", opened.error().detail}});
    return false;
  }
  socket = *std::move(opened);
  bundle.allow(0);  // until it is welcomed there
  loop = &on;
  watch = on.watch(socket, on_readable, actor::Loop::Asked::after_a_send);
  return true;
}

void PeerLink::close(actor::Loop& on, std::chrono::milliseconds linger) {
  if (socket) {
    static_cast<void>(flush());
    on.unwatch(watch);
    socket.set(zmq::sockopt::linger, static_cast<int>(linger.count()));
    socket.close();
  }
}

bool PeerLink::send(const link::Message& message) {
  return flush() && socket && noted(link::send(socket, message));
}

bool PeerLink::post(const link::Message& message) {
  return socket && noted(link::post(socket, bundle, message.header, message.body));
}

bool PeerLink::flush() {
  return bundle.empty() || (socket && noted(link::flush(socket, bundle)));
}

bool PeerLink::noted(link::Sent outcome) {
  loop->note_send(watch);
  return outcome == link::Sent::sent;
}

}  // namespace sluice::worker
