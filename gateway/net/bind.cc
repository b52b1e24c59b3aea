#include "gateway/net/bind.h"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/base/check.h"

namespace sluice {

namespace {

// The kernel cuts it to net.core.somaxconn.
constexpr int kBacklog = 4096;

std::string last_failure() {
  return std::system_category().message(errno);
}

bool set_option(int fd, int level, int option) {
  const int on = 1;
  return setsockopt(fd, level, option, &on, sizeof on) == 0;
}

Error cannot(std::string_view what, const SocketAddress& address) {
  const int code = errno;
  std::string detail = std::string(what) + " " + address.text() + ": ";
  if (code == EADDRINUSE) {
    return {ErrorCode::unavailable, detail + "another process listens on it"};
  }
  detail += std::system_category().message(code);
  const bool theirs = code == EACCES || code == EADDRNOTAVAIL || code == EAFNOSUPPORT;
  return {theirs ? ErrorCode::invalid_argument : ErrorCode::internal, std::move(detail)};
}

Result<UniqueFd> bound_socket(const SocketAddress& address, bool shared) {
  UniqueFd fd(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) {
    return cannot("make a socket for", address);
  }
  // Past connections in TIME_WAIT do not keep a restarted server out; a listener still does.
  bool set = set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR) &&
             set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY);
  if (address.family() == AF_INET6) {
    set = set && set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  }
  if (shared) {
    set = set && set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT);
  }
  if (!set) {
    return cannot("prepare a socket for", address);
  }
  if (bind(fd.get(), address.data(), address.size()) != 0) {
    return cannot("listen on", address);
  }
  return fd;
}

}  // namespace

Result<BoundListeners> bind_listeners(const SocketAddress& address, std::size_t count) {
  SLUICE_CHECK(count >= 1);
  BoundListeners bound;
  SLUICE_TRY_ASSIGN(UniqueFd first, bound_socket(address, false));
  SLUICE_TRY_ASSIGN(bound.address, local_address_of(first.get()));
  // Set after bind: the first socket has proved that the address is free, and from here on it
  // shares it with ours (Linux allows sockets of one user alone). No gap for another process in
  // between.
  if (!set_option(first.get(), SOL_SOCKET, SO_REUSEPORT)) {
    return cannot("share", bound.address);
  }
  bound.fds.push_back(std::move(first));
  while (bound.fds.size() < count) {
    SLUICE_TRY_ASSIGN(UniqueFd next, bound_socket(bound.address, true));
    bound.fds.push_back(std::move(next));
  }
  for (const UniqueFd& fd : bound.fds) {
    if (listen(fd.get(), kBacklog) != 0) {
      return cannot("listen on", bound.address);
    }
  }
  return bound;
}

Result<UniqueFd> adopt_listener(int fd) {
  UniqueFd owned(fd);
  int listening = 0;
  socklen_t size = sizeof listening;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) {
    return Error{ErrorCode::invalid_argument,
                 "descriptor " + std::to_string(fd) + " is no socket: " + last_failure()};
  }
  if (listening == 0) {
    return Error{ErrorCode::invalid_argument,
                 "descriptor " + std::to_string(fd) + " is a socket that does not listen"};
  }
  const int status_flags = fcntl(fd, F_GETFL);
  if (status_flags < 0 || fcntl(fd, F_SETFL, status_flags | O_NONBLOCK) != 0 ||
      fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return Error{ErrorCode::internal, "adopt a listening socket: " + last_failure()};
  }
  return owned;
}

}  // namespace sluice
