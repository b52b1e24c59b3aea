// What a listener makes of one request's bytes and what an adapter makes of an answer: the meeting
// point of gateway/net (bytes and time) and gateway/protocol (meaning). Neither knows more of the
// other.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/tensor/buffer.h"

namespace sluice::gateway {

struct HeaderField {
  std::string_view name;  // as sent; compare without case
  std::string_view value;
};

// One fully received request. The views live until the call they are handed to returns; the body is
// shared and may be kept: slices of it become the tensors of the link message without a copy.
struct ClientMessage {
  std::string_view method;  // "GET", "POST", ... as sent
  std::string_view path;    // the target before '?', undecoded
  std::string_view query;   // after '?', undecoded
  std::span<const HeaderField> headers;
  Buffer body;  // after transfer coding; starts at a multiple of kBufferAlignment
};

// ASCII letters compared without case: header names, codings and connection options.
bool equal_without_case(std::string_view a, std::string_view b) noexcept;

// First header of that name, compared without case; empty when absent.
std::string_view header_of(const ClientMessage& message, std::string_view name) noexcept;

// One answer. The listener adds the status line, Content-Length and Connection.
struct ClientReply {
  int status = 200;
  std::string_view content_type;                               // of static storage; empty: none
  std::vector<std::pair<std::string, std::string>> headers{};  // e.g. Retry-After, Sluice-Model
  std::vector<Buffer> body{};                                  // written one after the other
  bool close = false;                                          // close the connection after it
  // The body comes bit by bit, by HttpListener::stream(); `body` is empty, the connection ends with
  // it.
  bool streams = false;
};

}  // namespace sluice::gateway
