#include "common/link/message.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "common/base/limits.h"

namespace sluice::link {

Result<Message> parse(RawMessage raw) {
  const std::size_t count = raw.frames.size() + raw.frames_dropped;
  if (count > limits::kLinkFrames) {
    return Error{ErrorCode::data_corrupt,
                 "link message: " + std::to_string(count) + " frames, at most " +
                     std::to_string(limits::kLinkFrames)};
  }
  if (raw.frames.empty()) {
    return Error{ErrorCode::data_corrupt, "link message: no frame"};
  }
  std::int64_t bytes = 0;
  for (const Buffer& frame : raw.frames) {
    bytes += static_cast<std::int64_t>(frame.size());
  }
  if (bytes > limits::kLinkMessageBytes) {
    return Error{ErrorCode::data_corrupt,
                 "link message: " + std::to_string(bytes) + " bytes, at most " +
                     std::to_string(limits::kLinkMessageBytes)};
  }
  SLUICE_TRY_ASSIGN(Header header, decode_header(raw.frames.front().bytes()));
  raw.frames.erase(raw.frames.begin());
  return Message{header, std::move(raw.frames)};
}

}  // namespace sluice::link
