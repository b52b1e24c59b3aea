// GraphPipe: FlatBuffers over HTTP. docs/protocols/graphpipe.md.

#pragma once

#include "gateway/protocol/adapters.h"

namespace sluice::gateway::graphpipe {

// The three functions of the Adapter.
Result<Decoded> decode(const ClientMessage& message, const InferCall& call, const ModelInfo* model);
ClientReply encode(const InferResponse& response,
                   const ReplyHints& hints,
                   const ClassLabels& labels);
ClientReply encode_error(const Error& error, const ReplyHints& hints);

}  // namespace sluice::gateway::graphpipe
