// KServe v2 over HTTP: JSON, with the binary tensor extension both ways.
// docs/protocols/kserve_v2.md.

#pragma once

#include "gateway/protocol/adapters.h"

namespace sluice::gateway::kserve_v2 {

// The three functions of the Adapter.
Result<Decoded> decode(const ClientMessage& message, const InferCall& call, const ModelInfo* model);
ClientReply encode(const InferResponse& response,
                   const ReplyHints& hints,
                   const ClassLabels& labels);
ClientReply encode_error(const Error& error, const ReplyHints& hints);

}  // namespace sluice::gateway::kserve_v2
