#include "common/actor/handover.h"

#include <cstring>

#include "common/base/check.h"
#include "common/base/tsan.h"

namespace sluice::actor {

zmq::socket_t open_receiver(zmq::context_t& context, const std::string& address) {
  zmq::socket_t socket(context, zmq::socket_type::pull);
  socket.set(zmq::sockopt::rcvhwm, 0);
  socket.set(zmq::sockopt::linger, 0);
  socket.bind(address);
  return socket;
}

zmq::socket_t open_sender(zmq::context_t& context, const std::string& address) {
  zmq::socket_t socket(context, zmq::socket_type::push);
  socket.set(zmq::sockopt::sndhwm, 0);
  socket.set(zmq::sockopt::linger, 0);
  socket.connect(address);
  return socket;
}

bool send_pointer(zmq::socket_t& socket, void* message) {
  state_release(message);
  // zmq_send rather than cppzmq: a terminated context is an answer here, not an exception.
  return zmq_send(socket.handle(), &message, sizeof message, ZMQ_DONTWAIT) ==
         static_cast<int>(sizeof message);
}

void* receive_pointer(zmq::socket_t& socket) {
  void* message = nullptr;
  const int size = zmq_recv(socket.handle(), &message, sizeof message, ZMQ_DONTWAIT);
  if (size < 0) {
    return nullptr;
  }
  SLUICE_CHECK(size == static_cast<int>(sizeof message));
  state_acquire(message);
  return message;
}

}  // namespace sluice::actor
