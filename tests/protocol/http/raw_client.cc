#include "tests/protocol/http/raw_client.h"

#include <cerrno>
#include <cstdlib>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/base/check.h"
#include "gateway/net/socket_address.h"

namespace sluice::gateway {

namespace {

// Far beyond anything a test waits for; reaching it is a failure, not a measurement.
constexpr int kPatienceMs = 10'000;

}  // namespace

RawClient::RawClient(std::uint16_t port) : RawClient(port, 0) {}

RawClient::RawClient(std::uint16_t port, int window)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  SLUICE_CHECK(fd_.valid());
  if (window > 0) {
    SLUICE_CHECK(setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &window, sizeof window) == 0);
  }
  const auto address = parse_address("127.0.0.1:" + std::to_string(port));
  SLUICE_CHECK(address);
  SLUICE_CHECK(connect(fd_.get(), address->data(), address->size()) == 0);
}

RawClient RawClient::with_small_window(std::uint16_t port) {
  return {port, 4096};
}

RawClient RawClient::over_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  SLUICE_CHECK(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
  SLUICE_CHECK(fd.valid() && ::connect(fd.get(), generic, sizeof address) == 0);
  return RawClient(std::move(fd));
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RawClient::fill() {
  pollfd wait{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  if (poll(&wait, 1, kPatienceMs) != 1) {
    return false;
  }
  char bytes[65536];
  const ssize_t size = recv(fd_.get(), bytes, sizeof bytes, 0);
  if (size <= 0) {
    return false;
  }
  pending_.append(bytes, static_cast<std::size_t>(size));
  return true;
}

RawReply RawClient::read_reply(bool head_method) {
  std::size_t end = 0;
  while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) {
      return {};
    }
  }
  RawReply reply;
  reply.head = pending_.substr(0, end + 4);
  pending_.erase(0, end + 4);
  reply.status = std::atoi(reply.head.substr(9, 3).c_str());
  const std::size_t field = reply.head.find("Content-Length: ");
  const std::size_t size = field == std::string::npos || head_method
                               ? 0
                               : std::strtoul(reply.head.c_str() + field + 16, nullptr, 10);
  while (pending_.size() < size) {
    if (!fill()) {
      return {};
    }
  }
  reply.body = pending_.substr(0, size);
  pending_.erase(0, size);
  return reply;
}

bool RawClient::ends() {
  while (true) {
    pollfd wait{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, kPatienceMs) != 1) {
      return false;
    }
    char bytes[65536];
    const ssize_t size = recv(fd_.get(), bytes, sizeof bytes, 0);
    if (size <= 0) {
      return true;
    }
  }
}

bool RawClient::silent_for(std::chrono::milliseconds time) {
  pollfd wait{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return pending_.empty() && poll(&wait, 1, static_cast<int>(time.count())) == 0;
}

void RawClient::shut_write() {
  shutdown(fd_.get(), SHUT_WR);
}

void RawClient::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  SLUICE_CHECK(setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
  fd_.reset();
}

void RawClient::close() {
  fd_.reset();
}

RawReply ask(std::uint16_t port, std::string_view bytes) {
  RawClient client(port);
  client.send(bytes);
  return client.read_reply();
}

}  // namespace sluice::gateway
