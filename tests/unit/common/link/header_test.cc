#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/link/message.h"

namespace sluice::link {
namespace {

using namespace std::chrono_literals;

std::vector<std::byte> bytes_of(const std::vector<int>& values) {
  std::vector<std::byte> bytes;
  for (const int value : values) {
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

const std::vector<int> kInferBytes = {
    'S',  'U',  'C',  '1',                           // magic
    1,                                               // protocol version
    1,                                               // kind: infer
    1,    0,                                         // flags: the deadline is valid
    0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x01,  // id
    2,    0,    0,    0,                             // attempt
    0,    0,    0,    0,                             // credit
    0x40, 0x42, 0x0f, 0,    0,    0,    0,    0,     // 1,000,000 us remaining
    0,    0x28, 0x6b, 0xee, 0,    0,    0,    0,     // deadline: 4 s = 0xee6b2800 ns
};

const Header kFullInfer{.kind = Kind::infer,
                        .id = 0x0122334455667788,
                        .attempt = 2,
                        .credit = 0,
                        .remaining = 1s,
                        .deadline = TimePoint(4s)};

TEST(Header, IsTheDocumentedBytes) {
  const auto encoded = encode_header(kFullInfer);
  EXPECT_EQ(std::vector<std::byte>(encoded.begin(), encoded.end()), bytes_of(kInferBytes));
  auto decoded = decode_header(bytes_of(kInferBytes));
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(*decoded, kFullInfer);
}

TEST(Header, WithoutDeadlineSaysMinusOneAndZero) {
  const Header result{.kind = Kind::result, .id = 7, .attempt = 1, .credit = 64};
  const std::vector<int> expected = {'S', 'U', 'C', '1', 1, 2, 0,  0, 7, 0, 0,   0,   0,   0,
                                     0,   0,   1,   0,   0, 0, 64, 0, 0, 0, 255, 255, 255, 255,
                                     255, 255, 255, 255, 0, 0, 0,  0, 0, 0, 0,   0};
  const auto encoded = encode_header(result);
  EXPECT_EQ(std::vector<std::byte>(encoded.begin(), encoded.end()), bytes_of(expected));
  auto decoded = decode_header(encoded);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, result);
}

TEST(Header, ThatARequestRunsAloneIsTheSecondFlag) {
  Header header = infer_header(1, 1, TimePoint(5s), TimePoint(2s), true);
  header.alone = true;
  const auto bytes = encode_header(header);
  EXPECT_EQ(bytes[6], std::byte{3});
  EXPECT_EQ(*decode_header(bytes), header);
}

TEST(Header, RefusesEveryFieldThatIsWrong) {
  const struct {
    std::size_t at;
    int value;
    std::string expected;
  } rows[] = {
      {0, 'X', "link header: wrong magic: the peer does not speak this protocol"},
      {4, 2, "link header: protocol version 2, this side speaks 1"},
      {5, 0, "link header: unknown kind 0"},
      {5, 99, "link header: unknown kind 99"},
      {6, 4, "link header: unknown flags 4"},
      {7, 1, "link header: unknown flags 257"},
      {16, 0, "link header: infer without a request id or attempt"},
      {31, 128, "link header: a remaining time of -9223372036853775808 us"},
      {31, 127, "link header: a remaining time of 9151314442817847872 us"},
      {39, 255, "link header: a negative deadline"},
  };
  for (const auto& row : rows) {
    auto bytes = bytes_of(kInferBytes);
    bytes[row.at] = static_cast<std::byte>(row.value);
    auto decoded = decode_header(bytes);
    ASSERT_FALSE(decoded) << "byte " << row.at;
    EXPECT_EQ(decoded.error().code, ErrorCode::data_corrupt);
    EXPECT_EQ(decoded.error().detail, row.expected);
  }
}

TEST(Header, RefusesEveryOtherLength) {
  auto bytes = bytes_of(kInferBytes);
  bytes.push_back(std::byte{0});
  EXPECT_EQ(decode_header(bytes).error().detail, "link header: 41 bytes, a header has 40");
  for (std::size_t size = 0; size < kHeaderBytes; ++size) {
    EXPECT_FALSE(decode_header(std::span(bytes).first(size)));
  }
}

TEST(Header, EveryKindHasANameAndSurvivesTheWire) {
  for (int number = 0; number < 256; ++number) {
    const auto kind = static_cast<Kind>(number);
    Header header{.kind = kind, .id = 1, .attempt = 1};
    auto decoded = decode_header(encode_header(header));
    EXPECT_EQ(decoded.has_value(), name_of(kind) != "unknown") << number;
    if (decoded) {
      EXPECT_EQ(*decoded, header);
    }
  }
}

TEST(Header, TheClockReadingWinsOverTheRemainingTime) {
  const TimePoint sent(100s);
  const TimePoint deadline = sent + 2s;
  const TimePoint received = sent + 5s;
  // On one host the 5 s on the way count.
  EXPECT_EQ(deadline_of(infer_header(1, 1, deadline, sent, true), received), deadline);
  // Between hosts only the remaining time is known.
  EXPECT_EQ(deadline_of(infer_header(1, 1, deadline, sent, false), received), received + 2s);
  // Late already when it was sent.
  EXPECT_EQ(deadline_of(infer_header(1, 1, sent - 1s, sent, false), received), received);
  EXPECT_EQ(deadline_of(Header{.kind = Kind::infer, .id = 1, .attempt = 1}, received),
            TimePoint::max());
}

RawMessage raw_with(std::size_t frames, std::size_t dropped = 0) {
  RawMessage raw;
  raw.frames_dropped = dropped;
  for (std::size_t i = 0; i < frames; ++i) {
    raw.frames.push_back(
        i == 0 ? Buffer::copy_of(std::span<const std::byte>(encode_header({.kind = Kind::bye})))
               : Buffer::copy_of("body"));
  }
  return raw;
}

TEST(Message, IsAHeaderAndItsBody) {
  auto message = parse(raw_with(3));
  ASSERT_TRUE(message) << message.error().detail;
  EXPECT_EQ(message->header.kind, Kind::bye);
  ASSERT_EQ(message->body.size(), 2U);
  EXPECT_EQ(message->body[0].text(), "body");
}

TEST(Message, MayHave64FramesAndNoMore) {
  EXPECT_TRUE(parse(raw_with(64)));
  EXPECT_EQ(parse(raw_with(64, 3)).error().detail, "link message: 67 frames, at most 64");
  EXPECT_EQ(parse(raw_with(0)).error().detail, "link message: no frame");
}

}  // namespace
}  // namespace sluice::link
