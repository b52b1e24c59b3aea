#include "common/link/bundle.h"

#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/limits.h"

namespace sluice::link {
namespace {

const Header kInfer{.kind = Kind::infer, .id = 7, .attempt = 1};
const Header kCancel{.kind = Kind::cancel, .id = 7, .attempt = 1};

Buffer frame_of(const Bundle& bundle) {
  return Buffer::copy_of(bundle.bytes());
}

// "kind:frame,frame" of each message; an error's sentence.
std::vector<std::string> read_all(const Buffer& frame) {
  std::vector<std::string> seen;
  RawMessage raw;
  raw.frames.push_back(frame);
  for_each_message(std::move(raw), [&](const Result<Message>& message) {
    if (!message) {
      EXPECT_EQ(message.error().code, ErrorCode::data_corrupt);
      seen.push_back(message.error().detail);
      return;
    }
    std::string text = std::string(name_of(message->header.kind)) + ":";
    for (const Buffer& part : message->body) {
      text += std::string(part.text()) + ",";
    }
    seen.push_back(text);
  });
  return seen;
}

std::string patched(const Bundle& bundle, std::size_t at, char value) {
  std::string bytes(Buffer::copy_of(bundle.bytes()).text());
  bytes[at] = value;
  return bytes;
}

TEST(Bundle, IsTheDocumentedBytes) {
  Bundle bundle;
  ASSERT_TRUE(
      bundle.add(kInfer, std::vector{Buffer::copy_of("description"), Buffer::copy_of("t")}));
  ASSERT_TRUE(bundle.add(kCancel, {}));
  const std::string bytes(frame_of(bundle).text());
  EXPECT_EQ(bytes.substr(0, 8), std::string("SUB1\1\0\0\0", 8));
  EXPECT_EQ(bytes.substr(8, 6), "SUC1\1\1");                     // the header of infer
  EXPECT_EQ(bytes.substr(48, 4), std::string("\2\0\0\0", 4));    // two frames
  EXPECT_EQ(bytes.substr(52, 4), std::string("\x0b\0\0\0", 4));  // of 11 bytes
  EXPECT_EQ(bytes.substr(56, 4), std::string("\1\0\0\0", 4));    // and of 1
  EXPECT_EQ(bytes.substr(60, 4), std::string(4, '\0'));          // the gap
  EXPECT_EQ(bytes.substr(64, 11), "description");                // at multiples of 64
  EXPECT_EQ(bytes.substr(128, 1), "t");
  EXPECT_EQ(bytes.substr(136, 6), "SUC1\1\x13");          // the next, at one of 8: cancel
  EXPECT_EQ(bytes.substr(176, 4), std::string(4, '\0'));  // no frames
  EXPECT_EQ(bytes.size(), 180U);
}

TEST(Bundle, HandsItsMessagesOutInOrder) {
  Bundle bundle;
  EXPECT_TRUE(bundle.empty());
  ASSERT_TRUE(bundle.add(kInfer, std::vector{Buffer::copy_of("one"), Buffer{}}));
  ASSERT_TRUE(bundle.add(kCancel, {}));
  ASSERT_TRUE(bundle.add({.kind = Kind::heartbeat}, std::vector{Buffer{}}));
  ASSERT_TRUE(bundle.add(kInfer, std::vector{Buffer::copy_of("two")}));
  EXPECT_EQ(bundle.count(), 4U);
  EXPECT_EQ(read_all(frame_of(bundle)),
            (std::vector<std::string>{"infer:one,,", "cancel:", "heartbeat:,", "infer:two,"}));
  bundle.clear();
  EXPECT_TRUE(bundle.empty());
  ASSERT_TRUE(bundle.add(kInfer, std::vector{Buffer::copy_of("again")}));
  EXPECT_EQ(read_all(frame_of(bundle)), std::vector<std::string>{"infer:again,"});
}

TEST(Bundle, FramesAreSlicesAtMultiplesOf64) {
  Bundle bundle;
  for (std::size_t size = 1; size < 200; size += 37) {
    ASSERT_TRUE(bundle.add(kInfer, std::vector{Buffer::copy_of(std::string(size, 'x'))}));
  }
  const Buffer frame = frame_of(bundle);
  BundleReader reader(frame);
  while (auto message = reader.next()) {
    ASSERT_TRUE(*message);
    const auto offset = static_cast<std::size_t>((*message)->body[0].data() - frame.data());
    EXPECT_EQ(offset % kBufferAlignment, 0U);
    EXPECT_LT(offset, frame.size());
  }
}

TEST(Bundle, CopiesWhatCameAtNoMultipleOf64ToOne) {
  Bundle bundle;
  ASSERT_TRUE(bundle.add(kInfer, std::vector{Buffer::copy_of("one"), Buffer::copy_of("1")}));
  ASSERT_TRUE(bundle.add(kInfer, std::vector{Buffer::copy_of("two")}));
  const Buffer shifted = Buffer::copy_of("12345678" + std::string(frame_of(bundle).text()));
  const Buffer frame = shifted.slice(8, shifted.size() - 8);
  EXPECT_EQ(read_all(frame), (std::vector<std::string>{"infer:one,1,", "infer:two,"}));
  BundleReader reader(frame);
  while (auto message = reader.next()) {
    ASSERT_TRUE(*message);
    for (const Buffer& part : (*message)->body) {
      EXPECT_EQ(std::bit_cast<std::uintptr_t>(part.data()) % kBufferAlignment, 0U);
    }
  }
}

TEST(Bundle, TakesNoMoreThanItsLimit) {
  constexpr std::size_t kMost = kPlainBundleBytes - 64;
  Bundle bundle;
  EXPECT_FALSE(bundle.add(kInfer, std::vector{Buffer::copy_of(std::string(kMost + 1, 'x'))}));
  EXPECT_FALSE(bundle.add(kInfer, std::vector<Buffer>(limits::kLinkFrames, Buffer{})));
  EXPECT_TRUE(bundle.empty());
  ASSERT_TRUE(bundle.add(kInfer, std::vector{Buffer::copy_of(std::string(kMost, 'x'))}));
  EXPECT_EQ(bundle.bytes().size(), kPlainBundleBytes);
  EXPECT_FALSE(bundle.add(kCancel, {}));
  EXPECT_EQ(bundle.count(), 1U);
}

TEST(Bundle, GrowsAsFarAsThePeerHasSaidAndNoMessageInItIsLarge) {
  const std::vector whole{Buffer::copy_of(std::string(kPlainBundleBytes - 64, 'x'))};
  const struct {
    std::uint64_t said;
    std::size_t count;
  } rows[] = {
      {0, 1},
      {1, 1},
      {kPlainBundleBytes, 1},
      {2 * kPlainBundleBytes - 1, 1},
      {2 * kPlainBundleBytes, 2},
      {limits::kBundleBytes, limits::kBundleBytes / kPlainBundleBytes},
      {UINT64_MAX, limits::kBundleBytes / kPlainBundleBytes},
  };
  for (const auto& row : rows) {
    Bundle bundle;
    bundle.allow(row.said);
    EXPECT_FALSE(
        bundle.add(kInfer, std::vector{Buffer::copy_of(std::string(kPlainBundleBytes - 63, 'x'))}));
    std::size_t count = 0;
    while (bundle.add(kInfer, whole)) {
      ++count;
    }
    EXPECT_EQ(count, row.count) << row.said;
    EXPECT_EQ(read_all(frame_of(bundle)).size(), count) << row.said;
    bundle.clear();
    bundle.allow(0);  // another peer
    EXPECT_TRUE(bundle.add(kInfer, whole));
    EXPECT_FALSE(bundle.add(kCancel, {})) << row.said;
  }
}

TEST(Bundle, AMessageByItselfIsNoBundle) {
  RawMessage raw;
  raw.frames.push_back(
      Buffer::copy_of(std::span<const std::byte>(encode_header({.kind = Kind::bye}))));
  int count = 0;
  for_each_message(raw, [&](const Result<Message>& message) {
    ASSERT_TRUE(message);
    EXPECT_EQ(message->header.kind, Kind::bye);
    ++count;
  });
  EXPECT_EQ(count, 1);
  // Nor is one with further frames.
  Bundle bundle;
  ASSERT_TRUE(bundle.add(kCancel, {}));
  raw.frames = {frame_of(bundle), Buffer::copy_of("more")};
  for_each_message(raw, [](const Result<Message>& message) { EXPECT_FALSE(message); });
}

TEST(Bundle, RefusesWhatIsWrongAndKeepsWhatCameBefore) {
  Bundle bundle;
  ASSERT_TRUE(bundle.add(kInfer, std::vector{Buffer::copy_of("one")}));  // at 8, its frame at 64
  ASSERT_TRUE(bundle.add(kInfer, std::vector{Buffer::copy_of("two")}));  // at 72, at 128
  ASSERT_EQ(bundle.bytes().size(), 131U);
  const std::string one = "infer:one,";
  const struct {
    std::size_t at;
    char value;
    std::vector<std::string> expected;
  } rows[] = {
      {4, 2, {"link bundle: protocol version 2, this side speaks 1"}},
      {8, 'X', {"link header: wrong magic: the peer does not speak this protocol"}},
      {48, 64, {"link bundle: a message of 64 frames"}},
      {48, 30, {"link bundle: a message of 30 frames"}},
      {52, 68, {"link bundle: a frame of 68 bytes at 64 of 131"}},
      {77, 99, {one, "link header: unknown kind 99"}},
      {115, 1, {one, "link bundle: a message of 16777217 frames"}},
      {119, '\xff', {one, "link bundle: a frame of 4278190083 bytes at 128 of 131"}},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(read_all(Buffer::copy_of(patched(bundle, row.at, row.value))), row.expected)
        << "byte " << row.at;
  }
  const std::string tail(frame_of(bundle).text());
  EXPECT_EQ(read_all(Buffer::copy_of(tail + "x")),  // before the next multiple of 8: a gap
            (std::vector<std::string>{one, "infer:two,"}));
  EXPECT_EQ(read_all(Buffer::copy_of(tail + "xxxxxx")),
            (std::vector<std::string>{one, "infer:two,", "link bundle: it ends inside a header"}));
  EXPECT_EQ(read_all(Buffer::copy_of(tail.substr(0, 8))),
            std::vector<std::string>{"link bundle: it ends inside a header"});
  EXPECT_EQ(read_all(Buffer::copy_of(tail + std::string(limits::kBundleBytes, 'x'))),
            std::vector<std::string>{"link bundle: " + std::to_string(131 + limits::kBundleBytes) +
                                     " bytes, at most " + std::to_string(limits::kBundleBytes)});
}

TEST(Bundle, TruncationsNeverReadPastTheEnd) {
  Bundle bundle;
  ASSERT_TRUE(bundle.add(kInfer, std::vector{Buffer::copy_of("one"), Buffer::copy_of("1")}));
  ASSERT_TRUE(bundle.add(kInfer, std::vector{Buffer::copy_of("two")}));
  const std::string whole(frame_of(bundle).text());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy, so that the address sanitizer sees any read past its end.
    const auto seen = read_all(Buffer::copy_of(whole.substr(0, size)));
    ASSERT_FALSE(seen.empty());
    EXPECT_TRUE(seen.back().starts_with("link ") || seen.size() == 1) << size;
  }
}

}  // namespace
}  // namespace sluice::link
