// ReceiveBuffer: the bytes of one connection that were read and not yet used. Views of them hold
// until the next space(): using bytes never moves them, and a read may be under way meanwhile.

#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "common/base/limits.h"

namespace sluice::gateway {

class ReceiveBuffer {
 public:
  // Room at first; pages of it that are never written cost nothing.
  static constexpr std::size_t kUsualBytes = 16 * limits::kKiB;

  // `most`: how large it may become, for one large head.
  explicit ReceiveBuffer(std::size_t most) : most_(most > kUsualBytes ? most : kUsualBytes) {}

  [[nodiscard]] std::string_view unread() const noexcept {
    return {bytes_.get() + begin_, end_ - begin_};
  }
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  void consume(std::size_t size) noexcept;

  // Where the next bytes go; empty when `most` bytes are unread. Ends all views.
  std::span<std::byte> space();
  // `size` bytes were written to the last space().
  void filled(std::size_t size) noexcept;

 private:
  void resize(std::size_t capacity);

  std::size_t most_;
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace sluice::gateway
