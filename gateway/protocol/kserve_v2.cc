#include "gateway/protocol/kserve_v2.h"

#include "gateway/protocol/control_replies.h"

namespace sluice::gateway::kserve_v2 {

Result<Decoded> decode(const ClientMessage&, const InferCall&, const ModelInfo*) {
  return Error{ErrorCode::unsupported, "not there yet"};
}

ClientReply encode(const InferResponse&, const ReplyHints&) {
  return error_reply(Protocol::kserve_v2, {ErrorCode::unsupported, "not there yet"});
}

ClientReply encode_error(const Error& error, const ReplyHints&) {
  return error_reply(Protocol::kserve_v2, error);
}

}  // namespace sluice::gateway::kserve_v2
