// Link messages over ZeroMQ sockets, never blocking: large buffers are handed to libzmq and taken
// from it without a copy. No function here throws.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <zmq.hpp>

#include "common/link/bundle.h"
#include "common/link/message.h"

namespace sluice::link {

enum class [[nodiscard]] Sent : std::uint8_t{
    sent,
    full,  // the high-water mark is reached or, at a DEALER, nobody is there; nothing was sent
    unreachable,  // ROUTER: no peer of that routing id
    closed,       // the context is ending or memory ran out
};

// Frames up to limits::kSmallTensorBytes are copied into the message, larger ones are shared with
// libzmq until it has written them.
Sent send(zmq::socket_ref socket, const Header& header, std::span<const Buffer> body);
inline Sent send(zmq::socket_ref socket, const Message& message) {
  return send(socket, message.header, message.body);
}
// The same from a ROUTER to one peer.
Sent send_to(zmq::socket_ref router,
             std::string_view peer,
             const Header& header,
             std::span<const Buffer> body);
inline Sent send_to(zmq::socket_ref router, std::string_view peer, const Message& message) {
  return send_to(router, peer, message.header, message.body);
}

// The same with company: a small message waits in `bundle` for the next ones, until flush() or
// until one comes that does not fit behind it; a large one is sent by itself. Order is kept.
// Whatever is answered but `sent` is the fate of all that waited.
Sent post(zmq::socket_ref dealer,
          Bundle& bundle,
          const Header& header,
          std::span<const Buffer> body);
Sent post_to(zmq::socket_ref router,
             std::string_view peer,
             Bundle& bundle,
             const Header& header,
             std::span<const Buffer> body);
// Sends what waits; the bundle is empty afterwards.
Sent flush(zmq::socket_ref dealer, Bundle& bundle);
Sent flush_to(zmq::socket_ref router, std::string_view peer, Bundle& bundle);

// The next whole message of a DEALER, or nothing when none is waiting. Frames up to
// limits::kSmallTensorBytes are copied to kBufferAlignment; larger ones keep libzmq's memory, which
// starts at a multiple of 8. Hand it to parse() or, where bundles may come, for_each_message().
std::optional<RawMessage> receive(zmq::socket_ref dealer);
// The same at a ROUTER, with the sender's routing id.
std::optional<RawMessage> receive_from(zmq::socket_ref router);

// The two conversions alone. `to_zmq` copies up to limits::kSmallTensorBytes.
zmq::message_t to_zmq(const Buffer& buffer);
Buffer to_buffer(zmq::message_t&& frame);

}  // namespace sluice::link
