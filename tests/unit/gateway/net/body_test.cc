#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "gateway/net/receive_buffer.h"
#include "gateway/net/request_body.h"

namespace sluice::gateway {
namespace {

TEST(RequestBody, OfKnownSizeUpToAMegabyteIsNeverMoved) {
  RequestBody body;
  body.start_known(RequestBody::kFirstBytes);
  const std::span<std::byte> space = body.space(SIZE_MAX);
  EXPECT_EQ(space.size(), RequestBody::kFirstBytes);
  std::memset(space.data(), 'x', space.size());
  body.filled(space.size());
  EXPECT_EQ(body.finish().data(), space.data());
  EXPECT_EQ(body.size(), 0U);
}

TEST(RequestBody, HasRoomForAMegabyteAtFirstWhateverWasAnnounced) {
  RequestBody known;
  known.start_known(200 * limits::kMiB);
  EXPECT_EQ(known.space(SIZE_MAX).size(), RequestBody::kFirstBytes);
  RequestBody unknown;
  unknown.start_unknown(200 * limits::kMiB);
  EXPECT_LE(unknown.space(100 * limits::kMiB).size(), RequestBody::kFirstBytes);
}

TEST(RequestBody, KeepsItsBytesWhileItGrows) {
  std::string want;
  RequestBody body;
  body.start_unknown(5 * limits::kMiB);
  for (std::size_t i = 1; want.size() < 3 * limits::kMiB; ++i) {
    const std::string piece(i * 37, static_cast<char>('a' + i % 26));
    if (i % 3 == 0) {
      const std::span<std::byte> space = body.space(piece.size());
      std::memcpy(space.data(), piece.data(), space.size());
      body.filled(space.size());
      want += piece.substr(0, space.size());
    } else {
      ASSERT_TRUE(body.append(piece));
      want += piece;
    }
  }
  EXPECT_EQ(body.size(), want.size());
  EXPECT_TRUE(body.finish().text() == want);
}

TEST(RequestBody, OfNothingIsEmpty) {
  RequestBody body;
  body.start_unknown(100);
  EXPECT_TRUE(body.append(""));
  EXPECT_TRUE(body.finish().empty());
}

void fill(ReceiveBuffer& buffer, std::string_view bytes) {
  const std::span<std::byte> space = buffer.space();
  ASSERT_GE(space.size(), bytes.size());
  std::memcpy(space.data(), bytes.data(), bytes.size());
  buffer.filled(bytes.size());
}

TEST(ReceiveBuffer, UsingBytesDoesNotMoveTheOthers) {
  ReceiveBuffer buffer(32 * limits::kKiB);
  fill(buffer, "one two");
  const char* two = buffer.unread().data() + 4;
  buffer.consume(4);
  EXPECT_EQ(buffer.unread(), "two");
  EXPECT_EQ(buffer.unread().data(), two);
}

TEST(ReceiveBuffer, GrowsToItsMostAndIsFullThen) {
  ReceiveBuffer buffer(32 * limits::kKiB);
  fill(buffer, std::string(16 * limits::kKiB, 'a'));
  fill(buffer, std::string(16 * limits::kKiB, 'b'));
  EXPECT_TRUE(buffer.space().empty());
  EXPECT_EQ(buffer.unread().size(), 32 * limits::kKiB);
  buffer.consume(32 * limits::kKiB);
  EXPECT_EQ(buffer.space().size(), ReceiveBuffer::kUsualBytes);
}

TEST(ReceiveBuffer, MakesRoomByMovingWhatIsLeft) {
  ReceiveBuffer buffer(ReceiveBuffer::kUsualBytes);
  fill(buffer, std::string(15'000, 'a') + "rest");
  buffer.consume(15'000);
  EXPECT_GE(buffer.space().size(), 16'000U);
  EXPECT_EQ(buffer.unread(), "rest");
}

}  // namespace
}  // namespace sluice::gateway
