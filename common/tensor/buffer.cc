#include "common/tensor/buffer.h"

#include <cstring>
#include <limits>
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

namespace {

// What keeps count of a frozen buffer's owners lies in the same allocation, before the bytes.
constexpr std::size_t kCountBytes = kBufferAlignment;

// The allocator of a shared_ptr's own block: it gives out that place and frees the whole.
template <class T>
struct BeforeBytes {
  using value_type = T;

  explicit BeforeBytes(void* start) noexcept : place(start) {}
  template <class Other>
  BeforeBytes(const BeforeBytes<Other>& other) noexcept : place(other.place) {}

  T* allocate(std::size_t count) {
    static_assert(sizeof(T) <= kCountBytes && alignof(T) <= kBufferAlignment);
    SLUICE_CHECK(count == 1);
    return static_cast<T*>(place);
  }
  void deallocate(T* /*object*/, std::size_t /*count*/) noexcept {
    ::operator delete (place, std::align_val_t{kBufferAlignment});
  }
  template <class Other>
  bool operator==(const BeforeBytes<Other>& other) const noexcept {
    return place == other.place;
  }

  void* place;
};

}  // namespace

MutableBuffer::MutableBuffer(std::size_t size) : size_(size) {
  if (size > 0) {
    if (size > std::numeric_limits<std::size_t>::max() - kCountBytes) {
      throw std::bad_alloc();
    }
    auto* start = static_cast<std::byte*>(
        ::operator new (kCountBytes + size, std::align_val_t{kBufferAlignment}));
    data_.reset(start + kCountBytes);
  }
}

void MutableBuffer::Free::operator()(std::byte* data) const noexcept {
  ::operator delete (data - kCountBytes, std::align_val_t{kBufferAlignment});
}

Buffer MutableBuffer::freeze() && {
  if (size_ == 0) {
    return {};
  }
  const std::span<const std::byte> bytes(data_.get(), std::exchange(size_, 0));
  std::byte* const data = data_.release();
  std::shared_ptr<std::byte> owner(
      data, [](std::byte* /*freed with the count*/) {}, BeforeBytes<std::byte>(data - kCountBytes));
  return {std::move(owner), bytes};
}

}  // namespace sluice
