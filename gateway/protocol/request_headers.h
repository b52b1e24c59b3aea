// Headers that every inference protocol honours in the same way.

#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/result.h"
#include "common/link/infer.h"
#include "gateway/protocol/message.h"

namespace sluice::gateway {

inline constexpr std::string_view kHeaderLength = "Inference-Header-Content-Length";
inline constexpr std::string_view kTimeoutHeader = "X-Request-Timeout-Ms";

// unsupported for a body that is compressed.
Result<void> check_content_encoding(const ClientMessage& message);

// X-Request-Timeout-Ms: whole milliseconds, from 1, cut at limits::kMaxDeadline. The shorter one
// wins where the request itself has a timeout too.
Result<void> take_timeout_header(const ClientMessage& message, InferRequest& request);

// Sluice-Model: NAME/VERSION, percent-encoded where a header could not carry the name.
void add_model_header(ClientReply& reply, std::string_view model, std::int64_t version);

}  // namespace sluice::gateway
