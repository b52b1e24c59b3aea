#include "common/link/bundle.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "common/base/limits.h"

namespace sluice::link {
namespace {

constexpr std::size_t kHeadBytes = 8;    // magic, version, three zero bytes
constexpr std::size_t kMessageStep = 8;  // messages begin at multiples of it
constexpr std::size_t kLengthBytes = 4;  // of a count or a length
constexpr std::size_t kFixedBytes = kHeaderBytes + kLengthBytes;  // of a message without frames

constexpr std::size_t round_up(std::size_t size, std::size_t step) noexcept {
  return (size + step - 1) / step * step;
}

void put_u32(std::byte* to, std::uint32_t value) noexcept {
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    to[i] = static_cast<std::byte>(value >> (8 * i));
  }
}

std::uint32_t get_u32(const std::byte* from) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    value |= std::to_integer<std::uint32_t>(from[i]) << (8 * i);
  }
  return value;
}

// Where a message ends that begins at `at`; frames lie at multiples of kBufferAlignment.
std::size_t end_of(std::size_t at, std::span<const Buffer> body) noexcept {
  std::size_t end = at + kFixedBytes + body.size() * kLengthBytes;
  for (const Buffer& frame : body) {
    end = round_up(end, kBufferAlignment) + frame.size();
  }
  return end;
}

bool may_fit(std::span<const Buffer> body) noexcept {
  if (body.size() >= limits::kLinkFrames) {
    return false;
  }
  for (const Buffer& frame : body) {
    if (frame.size() > kPlainBundleBytes) {
      return false;  // before sizes are added up
    }
  }
  return end_of(kHeadBytes, body) <= kPlainBundleBytes;
}

Error corrupt_bundle(std::string detail) {
  return {ErrorCode::data_corrupt, "link bundle: " + std::move(detail)};
}

}  // namespace

void Bundle::allow(std::uint64_t bytes) noexcept {
  most_ = static_cast<std::size_t>(
      std::clamp<std::uint64_t>(bytes, kPlainBundleBytes, limits::kBundleBytes));
}

bool Bundle::add(const Header& header, std::span<const Buffer> body) {
  if (!may_fit(body)) {
    return false;
  }
  const std::size_t at = empty() ? kHeadBytes : round_up(bytes_.size(), kMessageStep);
  const std::size_t end = end_of(at, body);
  if (end > most_) {
    return false;
  }
  bytes_.resize(end);  // the gaps are zero
  if (empty()) {
    put_u32(bytes_.data(), kBundleMagic);
    bytes_[4] = std::byte{kProtocolVersion};
  }
  const auto encoded = encode_header(header);
  std::memcpy(bytes_.data() + at, encoded.data(), encoded.size());
  put_u32(bytes_.data() + at + kHeaderBytes, static_cast<std::uint32_t>(body.size()));
  std::byte* length = bytes_.data() + at + kFixedBytes;
  std::size_t place = at + kFixedBytes + body.size() * kLengthBytes;
  for (const Buffer& frame : body) {
    put_u32(length, static_cast<std::uint32_t>(frame.size()));
    length += kLengthBytes;
    place = round_up(place, kBufferAlignment);
    if (!frame.empty()) {
      std::memcpy(bytes_.data() + place, frame.data(), frame.size());
    }
    place += frame.size();
  }
  ++count_;
  return true;
}

void Bundle::clear() noexcept {
  bytes_.clear();
  count_ = 0;
}

bool is_bundle(std::span<const std::byte> frame) noexcept {
  return frame.size() >= kHeadBytes && get_u32(frame.data()) == kBundleMagic;
}

BundleReader::BundleReader(Buffer frame) : frame_(std::move(frame)) {
  const auto address = std::bit_cast<std::uintptr_t>(frame_.data());
  if (address % kBufferAlignment != 0 && frame_.size() <= limits::kBundleBytes) {
    frame_ = Buffer::copy_of(frame_.bytes());
  }
}

std::optional<Result<Message>> BundleReader::next() {
  if (at_ >= frame_.size()) {
    return std::nullopt;
  }
  auto message = read();
  if (!message) {
    at_ = frame_.size();
  }
  return message;
}

Result<Message> BundleReader::read() {
  const std::span<const std::byte> bytes = frame_.bytes();
  if (at_ == 0) {
    if (bytes.size() > limits::kBundleBytes) {
      return corrupt_bundle(std::to_string(bytes.size()) + " bytes, at most " +
                            std::to_string(limits::kBundleBytes));
    }
    if (const auto version = std::to_integer<int>(bytes[4]); version != kProtocolVersion) {
      return corrupt_bundle("protocol version " + std::to_string(version) + ", this side speaks " +
                            std::to_string(kProtocolVersion));
    }
    at_ = kHeadBytes;
  }
  if (bytes.size() < at_ + kFixedBytes) {
    return corrupt_bundle("it ends inside a header");
  }
  SLUICE_TRY_ASSIGN(const Header header, decode_header(bytes.subspan(at_, kHeaderBytes)));
  const std::uint32_t count = get_u32(bytes.data() + at_ + kHeaderBytes);
  const std::size_t lengths = at_ + kFixedBytes;
  if (count >= limits::kLinkFrames || count * kLengthBytes > bytes.size() - lengths) {
    return corrupt_bundle("a message of " + std::to_string(count) + " frames");
  }
  std::size_t place = lengths + count * kLengthBytes;
  Message message{header, {}};
  message.body.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t size = get_u32(bytes.data() + lengths + i * kLengthBytes);
    place = round_up(place, kBufferAlignment);
    if (place > bytes.size() || size > bytes.size() - place) {
      return corrupt_bundle("a frame of " + std::to_string(size) + " bytes at " +
                            std::to_string(place) + " of " + std::to_string(bytes.size()));
    }
    message.body.push_back(frame_.slice(place, size));
    place += size;
  }
  at_ = round_up(place, kMessageStep);
  return message;
}

}  // namespace sluice::link
