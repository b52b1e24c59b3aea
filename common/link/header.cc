#include "common/link/header.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/limits.h"

namespace sluice::link {
namespace {

// Places of the fields, in bytes. All little-endian.
constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kKindAt = 5;
constexpr std::size_t kFlagsAt = 6;
constexpr std::size_t kIdAt = 8;
constexpr std::size_t kAttemptAt = 16;
constexpr std::size_t kCreditAt = 20;
constexpr std::size_t kRemainingAt = 24;  // µs; -1: no deadline
constexpr std::size_t kDeadlineAt = 32;   // ns of CLOCK_MONOTONIC; 0 without the flag

constexpr std::uint16_t kDeadlineFlag = 1;
constexpr std::uint16_t kAloneFlag = 2;
constexpr std::uint16_t kKnownFlags = kDeadlineFlag | kAloneFlag;

template <class Integer>
void put(std::span<std::byte, kHeaderBytes> frame, std::size_t at, Integer value) noexcept {
  const auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    frame[at + i] = static_cast<std::byte>(static_cast<std::uint64_t>(bits) >> (8 * i));
  }
}

template <class Integer>
Integer get(std::span<const std::byte> frame, std::size_t at) noexcept {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    bits |= std::to_integer<std::uint64_t>(frame[at + i]) << (8 * i);
  }
  return static_cast<Integer>(bits);
}

Error corrupt(std::string detail) {
  return {ErrorCode::data_corrupt, "link header: " + std::move(detail)};
}

constexpr Kind kAllKinds[] = {Kind::infer,
                              Kind::result,
                              Kind::failure,
                              Kind::hello,
                              Kind::welcome,
                              Kind::heartbeat,
                              Kind::cancel,
                              Kind::drain,
                              Kind::bye,
                              Kind::state,
                              Kind::node_hello,
                              Kind::node_report,
                              Kind::worker_died,
                              Kind::repository,
                              Kind::look,
                              Kind::assignment};

bool about_a_request(Kind kind) noexcept {
  return kind == Kind::infer || kind == Kind::result || kind == Kind::failure ||
         kind == Kind::cancel;
}

Result<void> check_start(std::span<const std::byte> frame) {
  if (frame.size() != kHeaderBytes) {
    return corrupt(std::to_string(frame.size()) + " bytes, a header has " +
                   std::to_string(kHeaderBytes));
  }
  if (get<std::uint32_t>(frame, kMagicAt) != kMagic) {
    return corrupt("wrong magic: the peer does not speak this protocol");
  }
  if (const auto version = get<std::uint8_t>(frame, kVersionAt); version != kProtocolVersion) {
    return corrupt("protocol version " + std::to_string(version) + ", this side speaks " +
                   std::to_string(kProtocolVersion));
  }
  return {};
}

}  // namespace

std::string_view name_of(Kind kind) noexcept {
  switch (kind) {
    using enum Kind;
    case infer:
      return "infer";
    case result:
      return "result";
    case failure:
      return "failure";
    case hello:
      return "hello";
    case welcome:
      return "welcome";
    case heartbeat:
      return "heartbeat";
    case cancel:
      return "cancel";
    case drain:
      return "drain";
    case bye:
      return "bye";
    case state:
      return "state";
    case node_hello:
      return "node_hello";
    case node_report:
      return "node_report";
    case worker_died:
      return "worker_died";
    case repository:
      return "repository";
    case look:
      return "look";
    case assignment:
      return "assignment";
  }
  return "unknown";
}

namespace {

std::uint16_t flags_of(const Header& header) noexcept {
  const int flags = (header.deadline ? kDeadlineFlag : 0) | (header.alone ? kAloneFlag : 0);
  return static_cast<std::uint16_t>(flags);
}

}  // namespace

Header infer_header(
    RequestId id, std::uint32_t attempt, TimePoint deadline, TimePoint now, bool same_clock) {
  Header header{.kind = Kind::infer, .id = id, .attempt = attempt};
  header.remaining = std::max(Duration{}, deadline - now);
  if (same_clock) {
    header.deadline = deadline;
  }
  return header;
}

TimePoint deadline_of(const Header& header, TimePoint now) noexcept {
  if (header.deadline) {
    return *header.deadline;
  }
  if (header.remaining && *header.remaining < TimePoint::max() - now) {
    return now + *header.remaining;
  }
  return TimePoint::max();
}

std::array<std::byte, kHeaderBytes> encode_header(const Header& header) noexcept {
  std::array<std::byte, kHeaderBytes> bytes{};
  const std::span<std::byte, kHeaderBytes> frame(bytes);
  put(frame, kMagicAt, kMagic);
  put(frame, kVersionAt, kProtocolVersion);
  put(frame, kKindAt, static_cast<std::uint8_t>(header.kind));
  put(frame, kFlagsAt, flags_of(header));
  put(frame, kIdAt, header.id);
  put(frame, kAttemptAt, header.attempt);
  put(frame, kCreditAt, header.credit);
  std::int64_t remaining_us = -1;
  if (header.remaining) {
    remaining_us = std::chrono::duration_cast<std::chrono::microseconds>(*header.remaining).count();
  }
  put(frame, kRemainingAt, remaining_us);
  put(frame, kDeadlineAt, header.deadline ? header.deadline->time_since_epoch().count() : 0);
  return bytes;
}

Result<Header> decode_header(std::span<const std::byte> frame) {
  SLUICE_TRY(check_start(frame));
  const auto kind = static_cast<Kind>(get<std::uint8_t>(frame, kKindAt));
  if (std::ranges::find(kAllKinds, kind) == std::end(kAllKinds)) {
    return corrupt("unknown kind " + std::to_string(static_cast<int>(kind)));
  }
  const auto flags = get<std::uint16_t>(frame, kFlagsAt);
  if ((flags & ~kKnownFlags) != 0) {
    return corrupt("unknown flags " + std::to_string(flags));
  }
  Header header{.kind = kind,
                .id = get<std::uint64_t>(frame, kIdAt),
                .attempt = get<std::uint32_t>(frame, kAttemptAt),
                .credit = get<std::uint32_t>(frame, kCreditAt)};
  if (about_a_request(kind) && (header.id == 0 || header.attempt == 0)) {
    return corrupt(std::string(name_of(kind)) + " without a request id or attempt");
  }
  const auto remaining_us = get<std::int64_t>(frame, kRemainingAt);
  // Larger values would not fit the nanoseconds kept here.
  constexpr std::int64_t kMaxUs = std::chrono::microseconds(limits::kMaxDeadline).count();
  if (remaining_us < -1 || remaining_us > kMaxUs) {
    return corrupt("a remaining time of " + std::to_string(remaining_us) + " us");
  }
  if (remaining_us >= 0) {
    header.remaining = std::chrono::microseconds(remaining_us);
  }
  if ((flags & kDeadlineFlag) != 0) {
    const auto deadline_ns = get<std::int64_t>(frame, kDeadlineAt);
    if (deadline_ns < 0) {
      return corrupt("a negative deadline");
    }
    header.deadline = TimePoint(Duration(deadline_ns));
  }
  header.alone = (flags & kAloneFlag) != 0;
  return header;
}

}  // namespace sluice::link
