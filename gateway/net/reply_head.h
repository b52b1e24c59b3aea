// The status line and header fields of an answer. Pure.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "gateway/net/http_refusal.h"
#include "gateway/protocol/message.h"

namespace sluice::gateway {

// The interim answer that asks for a body, and that a client of HTTP/1.1 must accept at any time.
inline constexpr std::string_view kContinueReply = "HTTP/1.1 100 Continue\r\n\r\n";

struct ReplyHeadFacts {
  std::size_t body_size = 0;
  bool http_1_0 = false;    // of the request
  bool keep_alive = true;   // the connection goes on after this answer
  bool streams = false;     // the size of its body is not known yet
  std::string_view date{};  // an IMF-fixdate; empty: no Date header
};

// Whether an answer of that status has a body at all (RFC 9110, section 6.4.1).
bool status_has_body(int status) noexcept;

// Appends everything up to the empty line. Control bytes in a header's name or value become spaces,
// so that no answer can be split.
void append_reply_head(std::string& out, const ClientReply& reply, const ReplyHeadFacts& facts);

// The answer to bytes that never became a request: {"error": "..."}; `Retry-After: 1` with 503.
ClientReply reply_of(const Refusal& refusal);

}  // namespace sluice::gateway
