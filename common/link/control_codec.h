// What the encoders and decoders of the control messages share. For the .cc files of this folder.

#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "common/base/limits.h"
#include "common/link/control_messages.h"
#include "common/link/msgpack_map.h"

namespace sluice::link {

inline constexpr std::size_t kReasonBytes = limits::kFailureDetailBytes;
inline constexpr std::size_t kBootIdBytes = 128;

inline Message message_of(Kind kind, MapWriter&& map) {
  Message message;
  message.header.kind = kind;
  message.body.push_back(std::move(map).finish());
  return message;
}

// At most what the peer accepts of it: a reason may quote a whole file's error.
inline std::string_view cut(std::string_view text) {
  return text.substr(0, kReasonBytes);
}

inline const Buffer& map_of(const Body& body) {
  static const Buffer none;  // empty bytes are not a map: refused where they are parsed
  return body.empty() ? none : body.front();
}

inline void put_state(MapWriter& map, WorkerState state) {
  map.put("state", std::uint64_t{static_cast<std::uint8_t>(state)});
}

inline void get_state(MapReader& map, WorkerState& state) {
  std::uint64_t number = 0;
  map.get("state", number);
  state = number <= static_cast<std::uint8_t>(kLastWorkerState) ? static_cast<WorkerState>(number)
                                                                : WorkerState::unknown;
}

// The value when the document had nothing wrong with it.
template <class Value>
Result<Value> checked(const MapDocument& document, Value value) {
  SLUICE_TRY(document.result());
  return value;
}

}  // namespace sluice::link
