// HttpCore: everything one HTTP connection decides. Bytes go in, requests come out; answers go in,
// bytes come out. Pure: no socket, and time is passed in.
//
// The shell's turn, after any event: read_space() -> bytes -> on_read(); then next_request() until
// it gives none, each handed to the owner; then gather() -> write -> on_written(); then do what
// fate() says; then arm a read for read_space(), if that is not empty, and wake for deadline().
//
// Invariants:
// 1. Requests come out in order, complete, at most `pipelined` of them unanswered.
// 2. Every request that came out is answered in order, or is waiting when the connection ends.
// 3. After a refusal, `Connection: close` or the client's end nothing more comes out; what still
//    arrives is discarded, so that the client sees its last answer (RFC 9112, section 9.6).
// 4. Memory that a read may be under way into moves only in read_space() and on_read().

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <sys/uio.h>

#include "common/base/time.h"
#include "gateway/net/buffer_budget.h"
#include "gateway/net/http_chunks.h"
#include "gateway/net/http_counters.h"
#include "gateway/net/http_head.h"
#include "gateway/net/http_options.h"
#include "gateway/net/local_ref.h"
#include "gateway/net/receive_buffer.h"
#include "gateway/net/reply_queue.h"
#include "gateway/net/request_body.h"

namespace sluice::gateway {

// What the connections of one listener have in common.
struct HttpShared : LocalRefCount {
  explicit HttpShared(const HttpOptions& wanted)
      : options(wanted), budget(wanted.buffered_bytes, counters.buffered_bytes) {}

  HttpOptions options;
  HttpCounters counters;
  BufferBudget budget;
  std::string date;       // for the Date header; the shell renews it each second
  bool draining = false;  // answers carry `Connection: close`
};

class HttpCore {
 public:
  HttpCore(HttpShared& shared, TimePoint now);
  ~HttpCore();
  HttpCore(const HttpCore&) = delete;
  HttpCore& operator=(const HttpCore&) = delete;

  // --- input
  // Where the next bytes are to be read to; empty: nothing is read now. One read at a time.
  std::span<std::byte> read_space();
  // `size` (> 0) bytes were read there.
  void on_read(std::size_t size, TimePoint now);
  // The client has shut its write side; it may still read.
  void on_end_of_input(TimePoint now);

  struct Request {
    std::uint32_t sequence = 0;
    ClientMessage message;  // views valid until the next call of next_request or read_space
    TimePoint first_byte;
    TimePoint last_body_byte;
  };
  // The next complete request, or null.
  const Request* next_request(TimePoint now);

  // --- output
  // False: that request is not waiting (any more).
  bool reply(std::uint32_t sequence, ClientReply reply, TimePoint now);
  // More of a streamed answer. False: there is none (any more). A client that does not keep up
  // loses the connection: see fate().
  bool stream(std::uint32_t sequence, std::string_view bytes, TimePoint now);
  // That was all of it.
  bool end_stream(std::uint32_t sequence, TimePoint now);
  // Fills in what may be written now; how many entries were used.
  [[nodiscard]] std::size_t gather(std::span<iovec> out) const {
    return has_output() ? replies_.gather(out) : 0;
  }
  // Nothing is written behind the answer that ends the connection.
  [[nodiscard]] bool has_output() const noexcept { return !finished_ && replies_.has_output(); }
  ReplyQueue::Written on_written(std::size_t size, TimePoint now);

  // --- time
  // When on_time() must be called at the latest; TimePoint::max() when nothing is waited for.
  [[nodiscard]] TimePoint deadline() const noexcept;
  void on_time(TimePoint now);

  // --- the end
  enum class Fate : std::uint8_t {
    open,
    shut_write,  // all is written: shut the write side and call on_write_shut()
    close,       // nothing is left to be done
  };
  [[nodiscard]] Fate fate() const noexcept;
  void on_write_shut(TimePoint now);
  // The connection is broken, or must end now.
  void abort() noexcept { broken_ = true; }
  // Answers this connection 503 instead of any request.
  void refuse_connection(TimePoint now);

  [[nodiscard]] std::size_t waiting_count() const noexcept { return replies_.waiting_count(); }
  [[nodiscard]] bool input_ended() const noexcept { return input_ended_; }
  // Calls `each(sequence)` for the requests that are not answered to their end and forgets them.
  template <class Each>
  void abandon(const Each& each) {
    for (std::uint32_t sequence = replies_.first(); sequence != replies_.next(); ++sequence) {
      if (replies_.waiting(sequence) || replies_.streaming(sequence)) {
        each(sequence);
      }
    }
    replies_.drop_all();
  }

 private:
  enum class Input : std::uint8_t { idle, head, body, discard };

  void begin_head(TimePoint now);
  const Request* read_head(TimePoint now);
  const Request* begin_body(std::string_view head_bytes, TimePoint now);
  const Request* read_body();
  bool read_chunks();
  bool take_body(std::string_view bytes);
  bool charge(std::size_t size);
  const Request* deliver(Buffer body);
  void release_delivered();
  void stop_input();
  void refuse(const Refusal& refusal);
  void refuse_memory();
  void ask_for_body(TimePoint now);
  void probe(TimePoint now);
  [[nodiscard]] bool idle() const noexcept;

  HttpShared& shared_;
  ReplyQueue replies_;
  ReceiveBuffer received_;
  HeadScanner scanner_;
  RequestHead head_;
  std::string kept_head_;  // the head's bytes while its body is read
  RequestBody body_;
  ChunkDecoder chunks_;
  Request request_;

  Input input_ = Input::idle;
  bool skipped_line_ = false;    // one empty line before a request line is forgiven
  bool reading_body_ = false;    // the read under way goes to body_, not to received_
  bool wants_continue_ = false;  // the client waits for 100 before it sends its body
  bool input_ended_ = false;
  bool probed_ = false;
  bool finished_ = false;  // the last answer is out
  bool write_shut_ = false;
  bool broken_ = false;
  std::size_t delivered_ = 0;  // bytes of received_ that the last request's views are in
  std::size_t charged_ = 0;    // of the body being read
  std::size_t discarded_ = 0;

  TimePoint last_read_;
  TimePoint first_byte_;     // of the request being read
  TimePoint last_activity_;  // for the idle time
  TimePoint last_written_;   // or when output began to wait
  TimePoint input_ended_at_;
  TimePoint write_shut_at_;
};

}  // namespace sluice::gateway
