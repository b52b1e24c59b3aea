// One keep-alive connection of prove-swap: non-blocking, one request at a time. Whoever owns it
// polls it.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/prove/answer_parser.h"
#include "cluster/serve/http_get.h"
#include "common/base/result.h"
#include "common/process/unique_fd.h"

struct addrinfo;

namespace sluice::cluster {

// A resolved address; the first one that the name has.
class Endpoint {
 public:
  // unavailable when the name is unknown.
  static Result<Endpoint> resolve(const HttpAddress& address);

  [[nodiscard]] const addrinfo& info() const noexcept { return *found_; }
  [[nodiscard]] const std::string& shown() const noexcept { return shown_; }  // "127.0.0.1:8000"
  [[nodiscard]] bool is_loopback() const noexcept;

 private:
  struct Free {
    void operator()(addrinfo* found) const noexcept;
  };
  Endpoint() = default;
  std::unique_ptr<addrinfo, Free> found_;
  std::string shown_;
};

class Connection {
 public:
  // Must outlive it.
  explicit Connection(const Endpoint& endpoint) : endpoint_(&endpoint) {}

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(socket_); }
  // For poll(2).
  [[nodiscard]] short events() const noexcept;

  // Begins to connect; for one that is closed. unavailable when that fails at once.
  Result<void> open();
  [[nodiscard]] bool is_connected() const noexcept { return is_open() && !connecting_; }

  // Begins to send; for one that is connected. What could not be sent follows by `advance`.
  void send(std::string_view request);

  // Does what can be done without waiting. The next answer, when there is a whole one: valid until
  // the next call; call again until there is none. An error ends the connection: unavailable when
  // it was closed or refused, data_corrupt when what came is no HTTP.
  Result<std::optional<AnswerView>> advance();

  // False: `advance` has nothing more to return before more is received.
  [[nodiscard]] bool has_more() const noexcept { return !parser_.empty(); }

  void close() noexcept;

 private:
  Result<void> finish_connecting();
  Result<void> flush();
  // False: nothing is there.
  Result<bool> receive();

  const Endpoint* endpoint_;
  UniqueFd socket_;
  bool connecting_ = false;
  std::string unsent_;
  AnswerParser parser_;
};

}  // namespace sluice::cluster
