#include "gateway/net/http_connection.h"

#include <array>
#include <cerrno>
#include <utility>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <sys/socket.h>

#include "gateway/net/io_context.h"

namespace sluice::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kPiecesPerWrite = 64;

}  // namespace

struct HttpConnection::Socket {
  using Stream =
      asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;
  Socket(IoLoop& loop, UniqueFd fd, int family)
      : stream(loop.context().asio.get_executor(),
               asio::generic::stream_protocol(family, 0),
               fd.release()) {}
  Stream stream;
};

HttpConnection::HttpConnection(ConnectionOwner& owner,
                               IoLoop& loop,
                               UniqueFd fd,
                               const Identity& identity)
    : owner_(owner),
      loop_(loop),
      identity_(identity),
      shared_(owner.shared()),
      core_(*shared_, loop.now()),
      socket_(std::make_unique<Socket>(loop, std::move(fd), identity.peer.family())) {}

HttpConnection::~HttpConnection() = default;

void HttpConnection::start(TimePoint now) {
  settle(now);
}

void HttpConnection::start_refused(TimePoint now) {
  core_.refuse_connection(now);
  settle(now);
}

bool HttpConnection::reply(std::uint32_t sequence, ClientReply reply, TimePoint now) {
  return !closed_ && core_.reply(sequence, std::move(reply), now);
}

bool HttpConnection::stream(std::uint32_t sequence, std::string_view bytes, TimePoint now) {
  return !closed_ && core_.stream(sequence, bytes, now);
}

bool HttpConnection::end_stream(std::uint32_t sequence, TimePoint now) {
  return !closed_ && core_.end_stream(sequence, now);
}

void HttpConnection::on_tick(TimePoint now) {
  if (!closed_ && now >= core_.deadline()) {
    core_.on_time(now);
    settle(now);
  }
}

void HttpConnection::abort(TimePoint now) {
  core_.abort();
  settle(now);
}

void HttpConnection::orphan() noexcept {
  closed_ = true;
  boost::system::error_code ignored;
  socket_->stream.close(ignored);
}

void HttpConnection::settle(TimePoint now) {
  if (settling_ || closed_) {
    return;  // an outer call goes on after the handler returns
  }
  const LocalRef<HttpConnection> alive(this);
  settling_ = true;
  do {
    hand_out_requests(now);
  } while (write_out());
  settling_ = false;
  follow_fate(now);
  if (!closed_) {
    wait_for_input();
  }
}

void HttpConnection::hand_out_requests(TimePoint now) {
  while (const HttpCore::Request* request = core_.next_request(now)) {
    owner_.on_request(handle_of(request->sequence),
                      request->message,
                      {.first_byte = request->first_byte,
                       .last_body_byte = request->last_body_byte,
                       .port_tag = identity_.port_tag,
                       .peer = identity_.peer});
  }
}

// True when something was written: places for more requests may be free.
bool HttpConnection::write_out() {
  bool written = false;
  while (!waiting_for_room_ && core_.has_output() && write_once()) {
    written = true;
  }
  return written;
}

bool HttpConnection::write_once() {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): gather() fills in what is used.
  std::array<iovec, kPiecesPerWrite> pieces;
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = core_.gather(pieces);
  std::size_t offered = 0;
  for (std::size_t i = 0; i < message.msg_iovlen; ++i) {
    offered += pieces[i].iov_len;
  }
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket_->stream.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    if (errno == EAGAIN) {
      wait_for_room();
    } else {
      core_.abort();
    }
    return false;
  }
  const auto size = static_cast<std::size_t>(sent);
  const TimePoint now = loop_.now();
  const ReplyQueue::Written written = core_.on_written(size, now);
  for (std::uint32_t sequence = written.started_first; sequence != written.started_last;
       ++sequence) {
    owner_.on_reply_started(handle_of(sequence), now);
  }
  if (size < offered) {
    wait_for_room();
  }
  return true;
}

void HttpConnection::follow_fate(TimePoint now) {
  HttpCore::Fate fate = core_.fate();
  if (fate == HttpCore::Fate::shut_write) {
    // Requests behind the last answer get none.
    core_.abandon([this](std::uint32_t sequence) { owner_.on_abandoned(handle_of(sequence)); });
    ::shutdown(socket_->stream.native_handle(), SHUT_WR);
    core_.on_write_shut(now);
    fate = core_.fate();
  }
  if (fate == HttpCore::Fate::close) {
    close();
  }
}

void HttpConnection::close() {
  closed_ = true;
  owner_.on_closed(*this);
  core_.abandon([this](std::uint32_t sequence) { owner_.on_abandoned(handle_of(sequence)); });
  boost::system::error_code ignored;
  socket_->stream.close(ignored);
}

void HttpConnection::wait_for_input() {
  if (reading_) {
    return;
  }
  const std::span<std::byte> space = core_.read_space();
  if (space.empty()) {
    wait_for_error();
    return;
  }
  reading_ = true;
  // With bytes already there this reads at once, and completes in a later turn: connections take
  // turns. Without, the attempt costs a call of the kernel; so would arming the descriptor.
  socket_->stream.async_receive(asio::buffer(space.data(), space.size()),
                                [self = LocalRef<HttpConnection>(this)](
                                    const boost::system::error_code& failure, std::size_t size) {
                                  self->reading_ = false;
                                  if (self->closed_) {
                                    return;
                                  }
                                  const TimePoint now = self->loop_.now();
                                  if (!failure) {
                                    self->core_.on_read(size, now);
                                  } else if (failure == asio::error::eof) {
                                    self->core_.on_end_of_input(now);
                                  } else {
                                    self->core_.abort();
                                  }
                                  self->settle(now);
                                });
}

// While nothing is read, a reset must still be noticed.
void HttpConnection::wait_for_error() {
  if (waiting_for_error_) {
    return;
  }
  waiting_for_error_ = true;
  socket_->stream.async_wait(
      Socket::Stream::wait_error,
      [self = LocalRef<HttpConnection>(this)](const boost::system::error_code& failure) {
        self->waiting_for_error_ = false;
        if (!failure && !self->closed_) {
          self->core_.abort();
          self->settle(self->loop_.now());
        }
      });
}

void HttpConnection::wait_for_room() {
  waiting_for_room_ = true;
  socket_->stream.async_wait(
      Socket::Stream::wait_write,
      [self = LocalRef<HttpConnection>(this)](const boost::system::error_code& failure) {
        self->waiting_for_room_ = false;
        if (!failure && !self->closed_) {
          self->settle(self->loop_.now());
        }
      });
}

}  // namespace sluice::gateway
