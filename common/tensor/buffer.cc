#include "common/tensor/buffer.h"

#include <cstring>
#include <new>
#include <utility>

#include "common/base/check.h"

namespace sluice {

Buffer Buffer::copy_of(std::span<const std::byte> bytes) {
  MutableBuffer copy(bytes.size());
  if (!bytes.empty()) {
    std::memcpy(copy.data(), bytes.data(), bytes.size());
  }
  return std::move(copy).freeze();
}

Buffer Buffer::copy_of(std::string_view text) {
  return copy_of(std::as_bytes(std::span(text)));
}

Buffer Buffer::from_string(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  const auto bytes = std::as_bytes(std::span<const char>(*owner));
  return {std::move(owner), bytes};
}

std::string_view Buffer::text() const noexcept {
  // NOLINTNEXTLINE: bytes seen as characters is what every text protocol does.
  return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
}

Buffer Buffer::slice(std::size_t offset, std::size_t size) const {
  SLUICE_CHECK(offset <= bytes_.size() && size <= bytes_.size() - offset);
  return {owner_, bytes_.subspan(offset, size)};
}

MutableBuffer::MutableBuffer(std::size_t size) : size_(size) {
  if (size > 0) {
    data_.reset(static_cast<std::byte*>(::operator new (size, std::align_val_t{kBufferAlignment})));
  }
}

void MutableBuffer::Free::operator()(std::byte* data) const noexcept {
  ::operator delete (data, std::align_val_t{kBufferAlignment});
}

Buffer MutableBuffer::freeze() && {
  const std::span<const std::byte> bytes(data_.get(), size_);
  std::shared_ptr<std::byte> owner(data_.release(), Free{});
  size_ = 0;
  return {std::move(owner), bytes};
}

}  // namespace sluice
