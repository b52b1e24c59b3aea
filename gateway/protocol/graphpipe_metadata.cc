// GraphPipe's two forms of a model's metadata.

#include "gateway/protocol/control_replies.h"

namespace sluice::gateway {

ClientReply graphpipe_metadata_reply(const ModelInfo&, std::string_view) {
  return error_reply(Protocol::graphpipe, {ErrorCode::unsupported, "not there yet"});
}

ClientReply graphpipe_json_reply(const ModelInfo&, std::string_view) {
  return error_reply(Protocol::graphpipe, {ErrorCode::unsupported, "not there yet"});
}

}  // namespace sluice::gateway
