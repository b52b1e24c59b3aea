// SocketAddress: where a server listens or a client comes from, IPv4 or IPv6 with a port.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/socket.h>

#include "common/base/result.h"

namespace sluice {

class SocketAddress {
 public:
  SocketAddress() = default;
  // As accept, getsockname and getpeername fill it in; `size` at most sizeof(sockaddr_storage).
  SocketAddress(const sockaddr_storage& storage, socklen_t size) : storage_(storage), size_(size) {}

  [[nodiscard]] const sockaddr* data() const noexcept;
  [[nodiscard]] socklen_t size() const noexcept { return size_; }
  [[nodiscard]] int family() const noexcept { return storage_.ss_family; }
  [[nodiscard]] std::uint16_t port() const noexcept;
  // "127.0.0.1:8000", "[::1]:8000"; "unknown" for another family.
  [[nodiscard]] std::string text() const;

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

// "127.0.0.1:8000", "[::1]:0", "localhost:8000" (127.0.0.1) or ":8000" (every IPv4 interface). Port
// 0 lets the system choose. Numeric only: no name is looked up. invalid_argument otherwise.
Result<SocketAddress> parse_address(std::string_view text);

// The address a bound socket really has.
Result<SocketAddress> local_address_of(int fd);

}  // namespace sluice
