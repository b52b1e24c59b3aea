// The fixed header, frame 0 of every message of the worker link: what kind of message it is, which
// request it is about, and until when that request is worth anything. Pure; the layout is described
// in docs/protocols/link.md.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/link/infer.h"

namespace sluice::link {

inline constexpr std::uint32_t kMagic = 0x31435553;  // "SUC1" as bytes on the wire
inline constexpr std::uint8_t kProtocolVersion = 1;
inline constexpr std::size_t kHeaderBytes = 40;

// On the wire: append only, never renumber.
enum class Kind : std::uint8_t {
  // Data plane: frame 1 is a FlatBuffers table of schema/link.fbs.
  infer = 1,    // shard → worker
  result = 2,   // worker → shard
  failure = 3,  // worker → shard
  // Control plane: frame 1 is a MessagePack map (control_messages.h).
  hello = 16,        // worker → control, worker → shard: the first message of an attach
  welcome = 17,      // the answer to hello and to node_hello
  heartbeat = 18,    // both ways on every link
  cancel = 19,       // shard → worker: id and attempt of the header; no frame 1
  drain = 20,        // worker → control and shards; control → worker: finish, take nothing new
  bye = 21,          // the sender is done with this link
  state = 22,        // worker → control: loading, warming, ready, failed
  node_hello = 32,   // node → control
  node_report = 33,  // node → control
  worker_died = 34,  // node → control
  repository = 35,   // node → control
  look = 36,         // control → node
  assignment = 37,   // control → node
};

// "infer", "hello", ...: for messages and logs.
std::string_view name_of(Kind kind) noexcept;

struct Header {
  Kind kind = Kind::heartbeat;
  RequestId id = 0;           // infer, result, failure, cancel; else 0
  std::uint32_t attempt = 0;  // from 1 with an id; else 0
  // result, failure: the requests the shard may now have outstanding on this worker; 0: not said.
  std::uint32_t credit = 0;
  // infer: time left when it was sent; absent: no deadline. Holds between hosts.
  std::optional<Duration> remaining = std::nullopt;
  // infer: the same deadline as a reading of CLOCK_MONOTONIC; only between ends of equal boot id
  // (control_messages.h), where it also counts the time spent in stopped processes and in queues.
  std::optional<TimePoint> deadline = std::nullopt;
  // infer: a suspect of a death. The worker runs it with nothing beside it, so that a second death
  // proves who caused it.
  bool alone = false;

  friend bool operator==(const Header&, const Header&) = default;
};

// A header about a request's execution, with both forms of its deadline. `same_clock`: the peer's
// boot id is ours.
Header infer_header(
    RequestId id, std::uint32_t attempt, TimePoint deadline, TimePoint now, bool same_clock);

// When the request of a received infer header is too late to run: the monotonic form if it is
// there, else `now` plus the remaining time, else TimePoint::max().
TimePoint deadline_of(const Header& header, TimePoint now) noexcept;

std::array<std::byte, kHeaderBytes> encode_header(const Header& header) noexcept;

// data_corrupt: wrong length, magic or protocol version, unknown kind or flag, a kind about a
// request without an attempt, a negative deadline.
Result<Header> decode_header(std::span<const std::byte> frame);

}  // namespace sluice::link
