// Buffer: immutable bytes with shared ownership. A body read from a socket, a ZeroMQ frame and a
// tensor are all Buffers, so that bytes move from the client to the kernel without being copied.

#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

inline constexpr std::size_t kBufferAlignment = 64;  // bytes; a cache line and an AVX-512 register

class MutableBuffer;

// Cheap to copy; slices keep the whole allocation alive. Thread-safe like shared_ptr<const void>.
class Buffer {
 public:
  Buffer() = default;
  // Takes part in the ownership of `owner`, which must keep `bytes` alive and unchanged.
  Buffer(std::shared_ptr<const void> owner, std::span<const std::byte> bytes)
      : owner_(std::move(owner)), bytes_(bytes) {}

  // A copy, aligned to kBufferAlignment.
  static Buffer copy_of(std::span<const std::byte> bytes);
  static Buffer copy_of(std::string_view text);
  // Takes the string over without a copy.
  static Buffer from_string(std::string text);

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] const std::byte* data() const noexcept { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  [[nodiscard]] std::string_view text() const noexcept;

  // Bytes [offset, offset + size), which must lie inside.
  [[nodiscard]] Buffer slice(std::size_t offset, std::size_t size) const;

 private:
  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
};

// Bytes still being written; one owner. Aligned to kBufferAlignment, not initialised.
class MutableBuffer {
 public:
  MutableBuffer() = default;
  explicit MutableBuffer(std::size_t size);

  [[nodiscard]] std::span<std::byte> bytes() noexcept { return {data_.get(), size_}; }
  [[nodiscard]] std::byte* data() noexcept { return data_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // Ends the writing. The buffer is empty afterwards.
  [[nodiscard]] Buffer freeze() &&;

 private:
  struct Free {
    void operator()(std::byte* data) const noexcept;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace sluice
