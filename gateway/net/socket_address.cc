#include "gateway/net/socket_address.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace sluice {

namespace {

Error bad_address(std::string_view text, std::string_view why) {
  return Error{ErrorCode::invalid_argument,
               "address '" + std::string(text) + "': " + std::string(why) +
                   " (want 127.0.0.1:8000, [::1]:8000, localhost:8000 or :8000)"};
}

// sockaddr_in and sockaddr_in6 are seen through sockaddr_storage by copying, never by a cast.
template <class Address>
Address seen_as(const sockaddr_storage& storage) noexcept {
  Address address{};
  std::memcpy(&address, &storage, sizeof address);
  return address;
}

template <class Address>
SocketAddress stored(const Address& address) noexcept {
  sockaddr_storage storage{};
  std::memcpy(&storage, &address, sizeof address);
  return {storage, sizeof address};
}

}  // namespace

const sockaddr* SocketAddress::data() const noexcept {
  const void* bytes = &storage_;
  return static_cast<const sockaddr*>(bytes);
}

std::uint16_t SocketAddress::port() const noexcept {
  if (family() == AF_INET) {
    return ntohs(seen_as<sockaddr_in>(storage_).sin_port);
  }
  if (family() == AF_INET6) {
    return ntohs(seen_as<sockaddr_in6>(storage_).sin6_port);
  }
  return 0;
}

std::string SocketAddress::text() const {
  char host[INET6_ADDRSTRLEN] = {};
  if (family() == AF_INET) {
    const auto address = seen_as<sockaddr_in>(storage_);
    inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
    return std::string(host) + ":" + std::to_string(port());
  }
  if (family() == AF_INET6) {
    const auto address = seen_as<sockaddr_in6>(storage_);
    inet_ntop(AF_INET6, &address.sin6_addr, host, sizeof host);
    return "[" + std::string(host) + "]:" + std::to_string(port());
  }
  return "unknown";
}

Result<SocketAddress> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return bad_address(text, "no port");
  }
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failure != std::errc() || end != digits.data() + digits.size()) {
    return bad_address(text, "the port is not a number from 0 to 65535");
  }
  std::string host(text.substr(0, colon));
  if (host.empty()) {
    host = "0.0.0.0";
  } else if (host == "localhost") {
    host = "127.0.0.1";
  }
  if (host.front() == '[') {
    if (host.back() != ']') {
      return bad_address(text, "no ']' before the port");
    }
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &address.sin6_addr) != 1) {
      return bad_address(text, "not a numeric IPv6 address in the brackets");
    }
    return stored(address);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return bad_address(text, "not a numeric IPv4 address, nor an IPv6 one in brackets");
  }
  return stored(address);
}

Result<SocketAddress> local_address_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  void* bytes = &storage;
  if (getsockname(fd, static_cast<sockaddr*>(bytes), &size) != 0) {
    return Error{ErrorCode::internal,
                 "read a socket's address: " + std::system_category().message(errno)};
  }
  return SocketAddress(storage, size);
}

}  // namespace sluice
