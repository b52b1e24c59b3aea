// The hand-over of one pointer through an inproc socket, and how its two ends are opened.

#pragma once

#include <string>

#include <zmq.hpp>

namespace sluice::actor {

zmq::socket_t open_receiver(zmq::context_t& context, const std::string& address);
zmq::socket_t open_sender(zmq::context_t& context, const std::string& address);

// False when the context is shutting down; ownership then stays with the caller.
bool send_pointer(zmq::socket_t& socket, void* message);

// Null when nothing is waiting.
void* receive_pointer(zmq::socket_t& socket);

}  // namespace sluice::actor
