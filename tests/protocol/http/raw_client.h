// RawClient: a blocking connection that sends any bytes and reads what comes back.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "common/process/unique_fd.h"

namespace sluice::gateway {

struct RawReply {
  int status = 0;  // 0: the connection ended before an answer
  std::string head;
  std::string body;
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port);

  // False when the peer has closed or reset.
  bool send(std::string_view bytes);
  // One answer, framed by its Content-Length; 1xx answers are answers here too. `head_method`: the
  // answer to HEAD has no body.
  RawReply read_reply(bool head_method = false);
  // True when the peer ends (or resets) the connection within the time-out; bytes before are
  // dropped.
  bool ends();
  // Nothing arrives for that long.
  bool silent_for(std::chrono::milliseconds time);
  void shut_write();
  // SO_LINGER 0: closing sends a reset.
  void reset();
  void close();
  // To a unix socket instead of a TCP port.
  static RawClient over_unix(const std::string& path);
  // A small receive window, so that a slow reader is felt soon.
  static RawClient with_small_window(std::uint16_t port);
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  RawClient(std::uint16_t port, int window);
  explicit RawClient(UniqueFd connected) : fd_(std::move(connected)) {}
  bool fill();

  UniqueFd fd_;
  std::string pending_;
};

// Sends the bytes on a connection of their own and reads one answer.
RawReply ask(std::uint16_t port, std::string_view bytes);

}  // namespace sluice::gateway
