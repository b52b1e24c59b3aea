#include "gateway/protocol/graphpipe.h"

#include "gateway/protocol/control_replies.h"

namespace sluice::gateway::graphpipe {

Result<Decoded> decode(const ClientMessage&, const InferCall&, const ModelInfo*) {
  return Error{ErrorCode::unsupported, "not there yet"};
}

ClientReply encode(const InferResponse&, const ReplyHints&) {
  return error_reply(Protocol::graphpipe, {ErrorCode::unsupported, "not there yet"});
}

ClientReply encode_error(const Error& error, const ReplyHints&) {
  return error_reply(Protocol::graphpipe, error);
}

}  // namespace sluice::gateway::graphpipe
