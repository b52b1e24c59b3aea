// HttpListener: serves HTTP/1.1 on sockets it is given and hands each complete request to a
// handler, which answers now or later with reply(). What the wire looks like, every limit and every
// time-out is settled here (docs/protocols/http.md); what a request means is the handler's.
//
// Runs on: the loop it was made with; every function is for that loop's thread.

#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/process/unique_fd.h"
#include "gateway/net/http_counters.h"
#include "gateway/net/http_options.h"
#include "gateway/net/io_loop.h"
#include "gateway/net/socket_address.h"
#include "gateway/protocol/message.h"

namespace sluice::gateway {

// Names one request of one listener until it is answered or abandoned; afterwards it is stale, and
// a reply to it is counted and dropped. Never reused within 2^32 connections of one table slot.
struct RequestHandle {
  std::uint32_t connection = 0;  // slot in the listener's table
  std::uint32_t generation = 0;  // life of that slot; 0 names nothing
  std::uint32_t sequence = 0;    // of the request on its connection
  friend auto operator<=>(const RequestHandle&, const RequestHandle&) = default;
};

// What else is known of a request. Valid during on_request only.
struct RequestFacts {
  TimePoint first_byte;        // when its first byte was read
  TimePoint last_body_byte;    // when its last byte was read
  std::uint32_t port_tag = 0;  // of the listening socket it came by, as given to listen()
  const SocketAddress& peer;
};

// The owner of a listener. Handlers run on the loop's thread, one at a time.
class RequestHandler {
 public:
  RequestHandler() = default;
  RequestHandler(const RequestHandler&) = delete;
  RequestHandler& operator=(const RequestHandler&) = delete;
  virtual ~RequestHandler() = default;

  // A complete request. May call reply() at once or at any later time. The message's views and the
  // facts live until it returns; the body may be kept.
  virtual void on_request(RequestHandle handle,
                          const ClientMessage& message,
                          const RequestFacts& facts) = 0;

  // The client went away, stopped reading, or a drain ran out before the answer, or before the end
  // of a streamed one: cancel the work.
  // The handle is stale already. Never called from within reply().
  virtual void on_abandoned(RequestHandle handle) = 0;

  // The first byte of the answer was given to the kernel.
  virtual void on_reply_started(RequestHandle /*handle*/, TimePoint /*now*/) {}

  // After drain(): the last connection is closed.
  virtual void on_drained() {}
};

class HttpListener {
 public:
  // Both must outlive the listener.
  HttpListener(IoLoop& loop, RequestHandler& handler, HttpOptions options = {});
  // Closes what is open; the handler is not called any more. Not from within a handler.
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  // Accepts on a bound, listening, non-blocking socket (bind.h). `port_tag` comes back in the
  // facts.
  void listen(UniqueFd fd, std::uint32_t port_tag = 0);

  // Answers a request; a stale handle is ignored. Written by the next flush().
  void reply(RequestHandle handle, ClientReply reply);
  // More of an answer that was begun with `ClientReply::streams`; a stale handle is ignored. A
  // client that does not keep up is cut off, and told to the handler by on_abandoned(), as one that
  // goes away is.
  void stream(RequestHandle handle, std::string_view bytes);
  // That was all of it.
  void end_stream(RequestHandle handle);
  // Writes what was answered since the last call, one write per connection. Happens by itself at
  // the end of the loop's turn; worth calling after a batch of replies.
  void flush();

  // Stops accepting; connections go on.
  void stop_accepting();
  // Stops accepting, answers with `Connection: close`, and keeps idle connections for their next
  // request until `limit`, when everything still open is closed. on_drained() tells the end.
  void drain(TimePoint limit);
  // The same for one whose successor accepts on the same sockets: goes on accepting until
  // `successor_from`, and keeps idle connections no longer than from now until then.
  void hand_over(TimePoint successor_from, TimePoint limit);

  [[nodiscard]] std::size_t open_connections() const noexcept;
  [[nodiscard]] std::size_t pending_requests() const noexcept;  // handed out, not yet answered
  // Lives as long as the listener; readable by any thread.
  [[nodiscard]] const HttpCounters& counters() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::gateway
