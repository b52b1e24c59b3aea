// What building GraphPipe's FlatBuffers shares. For its .cc files alone: pulls in the generated
// code.

#pragma once

#include <cstdint>
#include <memory>

#include <flatbuffers/flatbuffers.h>

#include "gateway/protocol/message.h"
#include "schema/graphpipe_generated.h"

namespace sluice::gateway::graphpipe {

namespace wire = sluice::graphpipe_wire;

inline const std::uint8_t* as_uint8(const Buffer& bytes) {
  // NOLINTNEXTLINE: std::byte seen as the byte type of FlatBuffers.
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

// 200 with the finished buffer, which moves from the builder to the reply.
inline ClientReply flatbuffer_reply(flatbuffers::FlatBufferBuilder& builder) {
  auto owner = std::make_shared<flatbuffers::DetachedBuffer>(builder.Release());
  const std::span<const std::uint8_t> bytes(owner->data(), owner->size());
  ClientReply reply{.content_type = "application/octet-stream"};
  reply.body.push_back(Buffer(std::move(owner), std::as_bytes(bytes)));
  return reply;
}

}  // namespace sluice::gateway::graphpipe
