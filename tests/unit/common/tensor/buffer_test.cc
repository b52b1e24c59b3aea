#include "common/tensor/buffer.h"

#include <cstdint>
#include <utility>

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Buffer, ASliceKeepsTheWholeAlive) {
  Buffer slice;
  {
    const Buffer whole = Buffer::copy_of("hello, world");
    slice = whole.slice(7, 5);
  }
  EXPECT_EQ(slice.text(), "world");
}

TEST(Buffer, CopiesAreAligned) {
  const Buffer copy = Buffer::copy_of("x");
  // NOLINTNEXTLINE: the address is what is tested.
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(copy.data()) % kBufferAlignment, 0U);
}

TEST(Buffer, FreezingMovesTheBytes) {
  MutableBuffer writing(3);
  const std::byte* before = writing.data();
  writing.bytes()[0] = std::byte{'a'};
  const Buffer frozen = std::move(writing).freeze();
  EXPECT_EQ(frozen.data(), before);
  EXPECT_EQ(frozen.size(), 3U);
}

TEST(Buffer, OfNothingIsEmpty) {
  EXPECT_TRUE(Buffer().empty());
  EXPECT_TRUE(Buffer::copy_of("").empty());
  EXPECT_TRUE(Buffer::copy_of("abc").slice(3, 0).empty());
}

}  // namespace
}  // namespace sluice
