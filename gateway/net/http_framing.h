// The header fields that decide how a request is framed and whether its connection goes on: Host,
// Content-Length, Transfer-Encoding, Connection, Expect (RFC 9112, sections 3.2, 6 and 9; RFC 9110,
// section 10.1.1).

#pragma once

#include <optional>

#include "gateway/net/http_head.h"

namespace sluice::gateway {

// Reads head.headers and fills in framing, content_length, keep_alive and expects_continue.
// head.http_1_0 must be set.
std::optional<Refusal> apply_framing(const HttpOptions& options, RequestHead& head);

}  // namespace sluice::gateway
