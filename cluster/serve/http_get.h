// A tiny HTTP/1.1 client for our own server: one GET, answer bounded. For `sluice status` and for
// the parent of `sluice serve`, which asks its gateway without ever blocking.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/process/unique_fd.h"

namespace sluice::cluster {

struct HttpAddress {
  std::string host;  // a name, or an address without brackets
  std::uint16_t port = 0;
};

// "http://HOST[:PORT][/]"; the port defaults to 8000. invalid_argument for anything else.
Result<HttpAddress> parse_url(std::string_view url);

struct HttpReply {
  int status = 0;
  std::string body;
};

// One request as a state machine: wait for `events()` on `fd()`, call `advance`, until it says
// true.
class HttpGet {
 public:
  // Resolves and begins to connect. unavailable when the host is unknown.
  static Result<HttpGet> start(const HttpAddress& address, std::string_view path);

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  // For poll(2).
  [[nodiscard]] short events() const noexcept;
  // Does what can be done without waiting. True: the reply is complete. unavailable when nobody
  // answers, data_corrupt when the answer is not HTTP or exceeds the bound.
  Result<bool> advance();
  [[nodiscard]] const HttpReply& reply() const noexcept { return reply_; }

 private:
  HttpGet() = default;
  Result<bool> write_request();
  Result<bool> take_reply(bool ended);

  UniqueFd socket_;
  std::string where_;    // "127.0.0.1:8000"
  std::string request_;  // what is still to be written
  std::string received_;
  HttpReply reply_;
};

// The same, waiting: deadline_exceeded after `timeout`.
Result<HttpReply> http_get(const HttpAddress& address, std::string_view path, Duration timeout);

}  // namespace sluice::cluster
