#include "gateway/net/request_body.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "common/base/check.h"

namespace sluice::gateway {

namespace {

constexpr std::size_t kUnknownFirstBytes = 16 * limits::kKiB;

}  // namespace

void RequestBody::start_known(std::size_t size) {
  drop();
  most_ = size;
  known_ = true;
}

void RequestBody::start_unknown(std::size_t limit) {
  drop();
  most_ = limit;
  known_ = false;
}

void RequestBody::drop() {
  bytes_ = MutableBuffer();
  size_ = 0;
}

// Room for `needed` bytes in all.
bool RequestBody::grow(std::size_t needed) {
  SLUICE_CHECK(needed <= most_);
  std::size_t capacity = most_;
  if (needed <= kFirstBytes) {
    capacity =
        known_
            ? std::min(most_, kFirstBytes)
            : std::min(
                  {most_, kFirstBytes, std::max({needed, 2 * bytes_.size(), kUnknownFirstBytes})});
  }
  try {
    MutableBuffer larger(capacity);
    if (size_ > 0) {
      std::memcpy(larger.data(), bytes_.data(), size_);
    }
    bytes_ = std::move(larger);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

std::span<std::byte> RequestBody::space(std::size_t wanted) {
  SLUICE_CHECK(wanted >= 1);
  if (size_ == bytes_.size()) {
    const std::size_t at_first = size_ < kFirstBytes ? kFirstBytes - size_ : wanted;
    if (!grow(size_ + std::min({wanted, at_first, most_ - size_}))) {
      return {};
    }
  }
  return bytes_.bytes().subspan(size_, std::min(wanted, bytes_.size() - size_));
}

void RequestBody::filled(std::size_t size) {
  SLUICE_CHECK(size <= bytes_.size() - size_);
  size_ += size;
}

bool RequestBody::append(std::string_view bytes) {
  if (bytes.size() > bytes_.size() - size_ && !grow(size_ + bytes.size())) {
    return false;
  }
  if (!bytes.empty()) {
    std::memcpy(bytes_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  return true;
}

Buffer RequestBody::finish() {
  const std::size_t size = std::exchange(size_, 0);
  if (size == 0) {
    drop();
    return {};
  }
  const bool whole = size == bytes_.size();
  Buffer all = std::move(bytes_).freeze();
  return whole ? all : all.slice(0, size);
}

}  // namespace sluice::gateway
