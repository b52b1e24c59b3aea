// The door to libzmq's message functions: its C API, because cppzmq throws where these are ordinary
// (no peer, full, ending).

#include "common/link/zmq_message.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include <zmq.h>

#include "common/base/limits.h"
#include "common/base/tsan.h"

#if defined(__SANITIZE_THREAD__)
// libzmq is not built for the thread sanitizer: its I/O thread's reads and writes, seen through
// intercepted calls of libc, would each be a report. What our own code does is still checked.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's name.
extern "C" const char* __tsan_default_options() {
  return "ignore_noninstrumented_modules=1";
}
#endif

namespace sluice::link {
namespace {

// zmq_free_fn: libzmq's I/O thread has written the frame.
void release_hint(void* /*data*/, void* hint) {
  state_acquire(hint);
  delete static_cast<Buffer*>(hint);
}

Sent outcome_of_errno() noexcept {
  switch (errno) {
    case EAGAIN:
      return Sent::full;
    case EHOSTUNREACH:
      return Sent::unreachable;
    default:
      return Sent::closed;
  }
}

Sent send_frame(zmq::socket_ref socket, zmq::message_t frame, bool more) {
  const int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
  for (;;) {
    if (::zmq_msg_send(frame.handle(), socket.handle(), flags) >= 0) {
      return Sent::sent;
    }
    if (errno != EINTR) {
      return outcome_of_errno();
    }
  }
}

// All frames after the routing id. Once the first is accepted libzmq takes the rest, unless the
// peer's pipe ends meanwhile: then it drops the whole message, as it would have on the wire.
Sent send_rest(zmq::socket_ref socket, const Header& header, std::span<const Buffer> body) {
  const auto bytes = encode_header(header);
  Sent outcome = send_frame(socket, zmq::message_t(bytes.data(), bytes.size()), !body.empty());
  for (std::size_t i = 0; i < body.size() && outcome == Sent::sent; ++i) {
    outcome = send_frame(socket, to_zmq(body[i]), i + 1 < body.size());
  }
  return outcome;
}

// Both ends of `post`: `sends` sends one message, `flushes` the bundle.
template <class Send, class Flush>
Sent gather(
    Bundle& bundle, const Header& header, std::span<const Buffer> body, Send sends, Flush flushes) {
  if (bundle.add(header, body)) {
    return Sent::sent;
  }
  if (!bundle.empty()) {
    if (const Sent outcome = flushes(); outcome != Sent::sent) {
      return outcome;
    }
    if (bundle.add(header, body)) {
      return Sent::sent;
    }
  }
  return sends();
}

// False when there is no message (or no further frame).
bool receive_frame(zmq::socket_ref socket, zmq::message_t& frame) {
  for (;;) {
    if (::zmq_msg_recv(frame.handle(), socket.handle(), ZMQ_DONTWAIT) >= 0) {
      return true;
    }
    if (errno != EINTR) {
      return false;
    }
  }
}

std::optional<RawMessage> receive_message(zmq::socket_ref socket, bool routed) {
  try {
    zmq::message_t frame;
    if (!receive_frame(socket, frame)) {
      return std::nullopt;
    }
    RawMessage message;
    bool more = frame.more();
    if (routed) {
      message.peer.assign(frame.to_string_view());
    } else {
      message.frames.push_back(to_buffer(std::move(frame)));
    }
    while (more) {
      zmq::message_t next;
      if (!receive_frame(socket, next)) {
        break;
      }
      more = next.more();
      if (message.frames.size() < limits::kLinkFrames) {
        message.frames.push_back(to_buffer(std::move(next)));
      } else {
        ++message.frames_dropped;
      }
    }
    return message;
  } catch (const std::bad_alloc&) {
    // Nothing of ours can hold it. The rest of the message must not be taken for a new one.
    zmq::message_t rest;
    while (socket.get(zmq::sockopt::rcvmore) != 0 && receive_frame(socket, rest)) {
    }
    return RawMessage{};
  }
}

}  // namespace

zmq::message_t to_zmq(const Buffer& buffer) {
  if (buffer.size() <= limits::kSmallTensorBytes) {
    return {buffer.data(), buffer.size()};
  }
  auto hint = std::make_unique<Buffer>(buffer);
  // libzmq does not write to it; its interface is older than const.
  auto* data = const_cast<std::byte*>(hint->data());
  state_release(hint.get());
  zmq::message_t message(data, hint->size(), &release_hint, hint.get());
  static_cast<void>(hint.release());
  return message;
}

Buffer to_buffer(zmq::message_t&& frame) {
  if (frame.size() <= limits::kSmallTensorBytes) {
    return Buffer::copy_of(std::as_bytes(std::span(frame.data<char>(), frame.size())));
  }
  auto owner = std::make_shared<const zmq::message_t>(std::move(frame));
  const auto bytes = std::as_bytes(std::span(owner->data<char>(), owner->size()));
  return {std::move(owner), bytes};
}

Sent send(zmq::socket_ref socket, const Header& header, std::span<const Buffer> body) {
  try {
    return send_rest(socket, header, body);
  } catch (const std::exception&) {  // zmq::error_t of a message that cannot be made, bad_alloc
    return Sent::closed;
  }
}

Sent send_to(zmq::socket_ref router,
             std::string_view peer,
             const Header& header,
             std::span<const Buffer> body) {
  try {
    const Sent outcome = send_frame(router, zmq::message_t(peer.data(), peer.size()), true);
    return outcome == Sent::sent ? send_rest(router, header, body) : outcome;
  } catch (const std::exception&) {
    return Sent::closed;
  }
}

Sent post(zmq::socket_ref dealer,
          Bundle& bundle,
          const Header& header,
          std::span<const Buffer> body) {
  return gather(
      bundle,
      header,
      body,
      [&] { return send(dealer, header, body); },
      [&] { return flush(dealer, bundle); });
}

Sent post_to(zmq::socket_ref router,
             std::string_view peer,
             Bundle& bundle,
             const Header& header,
             std::span<const Buffer> body) {
  return gather(
      bundle,
      header,
      body,
      [&] { return send_to(router, peer, header, body); },
      [&] { return flush_to(router, peer, bundle); });
}

Sent flush(zmq::socket_ref dealer, Bundle& bundle) {
  if (bundle.empty()) {
    return Sent::sent;
  }
  try {
    zmq::message_t frame(bundle.bytes().data(), bundle.bytes().size());
    bundle.clear();
    return send_frame(dealer, std::move(frame), false);
  } catch (const std::exception&) {
    bundle.clear();
    return Sent::closed;
  }
}

Sent flush_to(zmq::socket_ref router, std::string_view peer, Bundle& bundle) {
  if (bundle.empty()) {
    return Sent::sent;
  }
  try {
    const Sent outcome = send_frame(router, zmq::message_t(peer.data(), peer.size()), true);
    if (outcome != Sent::sent) {
      bundle.clear();
      return outcome;
    }
  } catch (const std::exception&) {
    bundle.clear();
    return Sent::closed;
  }
  return flush(router, bundle);
}

std::optional<RawMessage> receive(zmq::socket_ref dealer) {
  return receive_message(dealer, false);
}

std::optional<RawMessage> receive_from(zmq::socket_ref router) {
  return receive_message(router, true);
}

}  // namespace sluice::link
