// The head of an HTTP/1.1 request: where it ends, what its lines say, how its body is framed.
//
// Strict (docs/protocols/http.md): whatever two readers could understand differently is refused.
// Pure: no sockets, no clock; views into the bytes given, no allocation but the header list, which
// is reused.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "gateway/net/http_options.h"
#include "gateway/net/http_refusal.h"
#include "gateway/protocol/message.h"

namespace sluice::gateway {

enum class BodyFraming : std::uint8_t { none, length, chunked };

// Views into the bytes it was parsed from.
struct RequestHead {
  std::string_view method;
  std::string_view path;   // before '?'; of an absolute target without its scheme and authority
  std::string_view query;  // after '?'
  std::vector<HeaderField> headers;
  BodyFraming framing = BodyFraming::none;
  std::uint64_t content_length = 0;  // with BodyFraming::length; at most the limit of a body
  bool http_1_0 = false;
  bool keep_alive = true;         // what the client wants and the framing allows
  bool expects_continue = false;  // HTTP/1.1 alone

  void clear() noexcept;
  // The bytes it was parsed from were copied to `to`: the views follow.
  void rebase(std::string_view from, const char* to) noexcept;
};

// Finds the end of a head, resuming where the last call stopped. What it answers does not depend on
// how the bytes were cut.
class HeadScanner {
 public:
  explicit HeadScanner(const HttpOptions& options) : options_(options) {}

  enum class State : std::uint8_t { incomplete, complete, refused };

  // `bytes` begin at the request's first byte and go as far as received; more at each call.
  State scan(std::string_view bytes);

  // After complete: the size of the head, with its empty line.
  [[nodiscard]] std::size_t head_size() const noexcept { return scanned_; }
  // After refused.
  [[nodiscard]] const Refusal& refusal() const noexcept { return *refusal_; }
  void reset() noexcept;

 private:
  State refuse(Refusal refusal);
  State end_of_bytes(std::size_t size);
  State end_of_line(std::string_view bytes, std::size_t line_feed);

  const HttpOptions& options_;
  std::size_t scanned_ = 0;  // start of the line that is not complete
  std::size_t searched_ = 0;
  std::size_t lines_ = 0;
  std::optional<Refusal> refusal_;
};

// Parses a head that a scanner found complete. On refusal `head` holds nothing of use.
std::optional<Refusal> parse_head(std::string_view bytes,
                                  const HttpOptions& options,
                                  RequestHead& head);

}  // namespace sluice::gateway
