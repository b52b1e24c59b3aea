// A bundle: several small messages for one peer in a single ZeroMQ frame, so that they share one
// hand-over, one allocation and one wake-up at each thread on the way. Pure; the layout is
// described in docs/protocols/link.md.
//
// A bundle is only a wrapping: each message in it means what it would mean by itself.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/base/limits.h"
#include "common/base/result.h"
#include "common/link/message.h"

namespace sluice::link {

inline constexpr std::uint32_t kBundleMagic = 0x31425553;  // "SUB1" as bytes on the wire
// What every end accepts. More, up to limits::kBundleBytes, is sent to one that has said so.
inline constexpr std::size_t kPlainBundleBytes = 8 * limits::kKiB;

// Messages being gathered. One of more than kPlainBundleBytes gains more by not being copied than
// by company.
class Bundle {
 public:
  // As many bytes as the peer says it accepts (0: nothing said), but no more than we do.
  void allow(std::uint64_t bytes) noexcept;

  // False: there is no room for it. An empty bundle that says so never will have any.
  [[nodiscard]] bool add(const Header& header, std::span<const Buffer> body);

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  // The frame.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  void clear() noexcept;

 private:
  std::vector<std::byte> bytes_;  // keeps its memory
  std::size_t count_ = 0;
  std::size_t most_ = kPlainBundleBytes;
};

// Whether the only frame of a message is a bundle.
[[nodiscard]] bool is_bundle(std::span<const std::byte> frame) noexcept;

// Walks over the messages of a received bundle. Their bodies are slices of the frame, or of a copy
// at a multiple of kBufferAlignment when it has come at none: one copy, instead of one of each
// tensor whenever it is decoded.
class BundleReader {
 public:
  explicit BundleReader(Buffer frame);

  // Nothing behind the last one. After an error (data_corrupt) nothing more: where the next message
  // would begin is not known.
  std::optional<Result<Message>> next();

 private:
  Result<Message> read();

  Buffer frame_;
  std::size_t at_ = 0;  // 0: before the bundle's own head
};

// Hands every message in `raw` to `take(Result<Message>)`: those of a bundle one by one, or the one
// that it is.
template <class Take>
void for_each_message(RawMessage raw, Take&& take) {
  if (raw.frames.size() != 1 || !is_bundle(raw.frames.front().bytes())) {
    take(parse(std::move(raw)));
    return;
  }
  BundleReader reader(std::move(raw.frames.front()));
  while (auto message = reader.next()) {
    take(*std::move(message));
  }
}

}  // namespace sluice::link
