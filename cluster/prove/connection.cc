#include "cluster/prove/connection.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace sluice::cluster {

Result<Endpoint> Endpoint::resolve(const HttpAddress& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address.port);
  if (const int failed = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found);
      failed != 0) {
    return Error{ErrorCode::unavailable, "host '" + address.host + "': " + ::gai_strerror(failed)};
  }
  Endpoint endpoint;
  endpoint.found_.reset(found);
  const bool v6 = address.host.find(':') != std::string::npos;
  endpoint.shown_ = (v6 ? "[" + address.host + "]" : address.host) + ":" + port;
  return endpoint;
}

void Endpoint::Free::operator()(addrinfo* found) const noexcept {
  ::freeaddrinfo(found);
}

bool Endpoint::is_loopback() const noexcept {
  if (found_->ai_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, found_->ai_addr, sizeof v4);
    return (ntohl(v4.sin_addr.s_addr) >> 24U) == 127;
  }
  if (found_->ai_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, found_->ai_addr, sizeof v6);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
  }
  return false;
}

short Connection::events() const noexcept {
  return connecting_ || !unsent_.empty() ? POLLIN | POLLOUT : POLLIN;
}

void Connection::close() noexcept {
  socket_.reset();
  connecting_ = false;
  unsent_.clear();
  parser_.clear();
}

Result<void> Connection::open() {
  const addrinfo& to = endpoint_->info();
  UniqueFd socket(::socket(to.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  static_cast<void>(::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
  if (!socket ||
      (::connect(socket.get(), to.ai_addr, to.ai_addrlen) != 0 && errno != EINPROGRESS)) {
    return Error{ErrorCode::unavailable,
                 "no server answers at " + endpoint_->shown() + ": " + ::strerrordesc_np(errno)};
  }
  socket_ = std::move(socket);
  connecting_ = true;
  return {};
}

void Connection::send(std::string_view request) {
  const ssize_t count = ::send(socket_.get(), request.data(), request.size(), MSG_NOSIGNAL);
  if (count > 0) {
    request.remove_prefix(static_cast<std::size_t>(count));
  }
  unsent_.assign(request);  // after an error too: it shows when the rest is tried
}

Result<void> Connection::finish_connecting() {
  pollfd look{.fd = socket_.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&look, 1, 0) == 0) {
    return {};
  }
  int error = 0;
  socklen_t size = sizeof error;
  static_cast<void>(::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size));
  if (error != 0) {
    return Error{ErrorCode::unavailable,
                 "no server answers at " + endpoint_->shown() + ": " + ::strerrordesc_np(error)};
  }
  connecting_ = false;
  return {};
}

Result<void> Connection::flush() {
  while (!unsent_.empty()) {
    const ssize_t count = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      if (errno == EAGAIN) {
        return {};
      }
      return Error{ErrorCode::unavailable,
                   std::string("the connection was closed: ") + ::strerrordesc_np(errno)};
    }
    unsent_.erase(0, static_cast<std::size_t>(count));
  }
  return {};
}

Result<bool> Connection::receive() {
  const std::span<char> room = parser_.room();
  ssize_t count = 0;
  do {
    count = ::recv(socket_.get(), room.data(), room.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    parser_.received(static_cast<std::size_t>(count));
    return true;
  }
  if (count < 0 && errno == EAGAIN) {
    return false;
  }
  std::string why = "the connection was closed";
  if (count < 0) {
    why += std::string(": ") + ::strerrordesc_np(errno);
  } else if (!parser_.empty()) {
    why += " within an answer";
  }
  return Error{ErrorCode::unavailable, why};
}

Result<std::optional<AnswerView>> Connection::advance() {
  if (connecting_) {
    SLUICE_TRY(finish_connecting());
    return std::optional<AnswerView>();
  }
  SLUICE_TRY(flush());
  while (true) {
    SLUICE_TRY_ASSIGN(const std::optional<AnswerView> answer, parser_.next());
    if (answer) {
      return answer;
    }
    SLUICE_TRY_ASSIGN(const bool more, receive());
    if (!more) {
      return std::optional<AnswerView>();
    }
  }
}

}  // namespace sluice::cluster
