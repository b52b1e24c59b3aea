// A message of the worker link in memory: the decoded header and the frames after it. The frames
// are shared and immutable, so that a request can be sent again with a new header without encoding
// it again.

#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/link/header.h"
#include "common/tensor/buffer.h"

namespace sluice::link {

// The frames after the header: [0] is frame 1 (description or MessagePack map), [1...] tensor
// bytes.
using Body = std::vector<Buffer>;

struct Message {
  Header header;
  Body body;
};

// A message as it came from a socket, before anything of it was believed.
struct RawMessage {
  std::string peer;                // the routing id of the sender; empty but at a ROUTER
  std::vector<Buffer> frames;      // without the routing id; at most limits::kLinkFrames
  std::size_t frames_dropped = 0;  // beyond that limit, read and thrown away
};

// data_corrupt: no frame, too many frames, more than limits::kLinkMessageBytes together, or a
// header that decode_header refuses. The body is not looked into.
Result<Message> parse(RawMessage raw);

}  // namespace sluice::link
