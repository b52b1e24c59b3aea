// HttpConnection: one accepted socket under an HttpCore. Reads, writes and closes as the core says;
// decides nothing itself.
//
// Runs on: the loop of its listener.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "common/base/time.h"
#include "common/process/unique_fd.h"
#include "gateway/net/http_core.h"
#include "gateway/net/http_listener.h"
#include "gateway/net/io_loop.h"
#include "gateway/net/local_ref.h"
#include "gateway/net/socket_address.h"

namespace sluice::gateway {

class HttpConnection;

// The listener, as its connections see it.
class ConnectionOwner {
 public:
  ConnectionOwner() = default;
  ConnectionOwner(const ConnectionOwner&) = delete;
  ConnectionOwner& operator=(const ConnectionOwner&) = delete;
  virtual ~ConnectionOwner() = default;

  virtual const LocalRef<HttpShared>& shared() noexcept = 0;
  virtual void on_request(RequestHandle handle,
                          const ClientMessage& message,
                          const RequestFacts& facts) = 0;
  virtual void on_reply_started(RequestHandle handle, TimePoint now) = 0;
  // Takes the connection out of the table, so that its handles are stale.
  virtual void on_closed(HttpConnection& connection) = 0;
  virtual void on_abandoned(RequestHandle handle) = 0;
};

class HttpConnection : public LocalRefCount {
 public:
  // Where it stands in the owner's table, and how it came.
  struct Identity {
    std::uint32_t index = 0;
    std::uint32_t generation = 0;
    std::uint32_t port_tag = 0;
    SocketAddress peer;
  };

  // `fd` is connected and non-blocking.
  HttpConnection(ConnectionOwner& owner, IoLoop& loop, UniqueFd fd, const Identity& identity);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void start(TimePoint now);
  // Answers 503 to whatever comes.
  void start_refused(TimePoint now);
  // False: stale. Written by the next settle().
  bool reply(std::uint32_t sequence, ClientReply reply, TimePoint now);
  // As of HttpListener; written by the next settle().
  bool stream(std::uint32_t sequence, std::string_view bytes, TimePoint now);
  bool end_stream(std::uint32_t sequence, TimePoint now);
  // Hands out requests, writes, and follows the core's fate, until nothing more can be done now.
  void settle(TimePoint now);
  void on_tick(TimePoint now);
  // Ends it now; the owner is told.
  void abort(TimePoint now);
  // Ends it without a word to the owner, which is going away.
  void orphan() noexcept;

  [[nodiscard]] const Identity& identity() const noexcept { return identity_; }
  [[nodiscard]] bool settling() const noexcept { return settling_; }
  // The owner's mark: in its list of connections to settle.
  bool dirty = false;

 private:
  struct Socket;

  void hand_out_requests(TimePoint now);
  bool write_out();
  bool write_once();
  void follow_fate(TimePoint now);
  void close();
  void wait_for_input();
  void wait_for_error();
  void wait_for_room();
  [[nodiscard]] RequestHandle handle_of(std::uint32_t sequence) const noexcept {
    return {identity_.index, identity_.generation, sequence};
  }

  ConnectionOwner& owner_;
  IoLoop& loop_;
  Identity identity_;
  LocalRef<HttpShared> shared_;
  HttpCore core_;
  std::unique_ptr<Socket> socket_;
  bool settling_ = false;
  bool closed_ = false;
  bool reading_ = false;
  bool waiting_for_error_ = false;
  bool waiting_for_room_ = false;  // the socket took less than it was given
};

}  // namespace sluice::gateway
