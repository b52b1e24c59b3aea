#include "gateway/net/receive_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/check.h"

namespace sluice::gateway {

void ReceiveBuffer::consume(std::size_t size) noexcept {
  SLUICE_CHECK(size <= end_ - begin_);
  begin_ += size;
}

void ReceiveBuffer::filled(std::size_t size) noexcept {
  SLUICE_CHECK(size <= capacity_ - end_);
  end_ += size;
}

std::span<std::byte> ReceiveBuffer::space() {
  const std::size_t unread = end_ - begin_;
  if (unread == 0 && capacity_ != kUsualBytes) {
    resize(kUsualBytes);
  } else if (unread == capacity_ && capacity_ < most_) {
    resize(most_);
  } else if (begin_ > 0 && (unread == 0 || capacity_ - end_ < capacity_ / 2)) {
    std::memmove(bytes_.get(), bytes_.get() + begin_, unread);
    begin_ = 0;
    end_ = unread;
  }
  return std::as_writable_bytes(std::span(bytes_.get() + end_, capacity_ - end_));
}

void ReceiveBuffer::resize(std::size_t capacity) {
  // Not make_unique, which would write zeros to pages that may never be used.
  std::unique_ptr<char[]> fresh(new char[capacity]);
  const std::size_t unread = end_ - begin_;
  if (unread > 0) {
    std::memcpy(fresh.get(), bytes_.get() + begin_, unread);
  }
  bytes_ = std::move(fresh);
  capacity_ = capacity;
  begin_ = 0;
  end_ = unread;
}

}  // namespace sluice::gateway
