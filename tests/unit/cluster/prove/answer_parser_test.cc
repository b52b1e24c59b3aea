#include "cluster/prove/answer_parser.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

void give(AnswerParser& parser, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::span<char> room = parser.room();
    const std::size_t count = std::min(room.size(), bytes.size());
    std::copy_n(bytes.begin(), count, room.begin());
    parser.received(count);
    bytes.remove_prefix(count);
  }
}

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nSluice-Model:  m/2 \r\n"
    "Inference-Header-Content-Length: 3\r\n\r\nhello";

void expect_read_when_cut_at(std::size_t cut) {
  AnswerParser parser;
  give(parser, kAnswer.substr(0, cut));
  if (cut < kAnswer.size()) {
    const auto early = parser.next();
    EXPECT_TRUE(early && !*early) << cut;
  }
  give(parser, kAnswer.substr(cut));
  const auto answer = parser.next();
  ASSERT_TRUE(answer && *answer) << cut;
  EXPECT_EQ((*answer)->status, 200);
  EXPECT_FALSE((*answer)->last);
  EXPECT_EQ((*answer)->served_by, "m/2");
  EXPECT_EQ((*answer)->json_size, 3U);
  EXPECT_EQ((*answer)->body, "hello");
  EXPECT_TRUE(parser.empty());
}

TEST(AnswerParser, ReadsAnAnswerCutAnywhere) {
  for (std::size_t cut = 0; cut <= kAnswer.size(); ++cut) {
    expect_read_when_cut_at(cut);
  }
}

TEST(AnswerParser, ReadsAnswersBehindEachOther) {
  AnswerParser parser;
  give(parser,
       "HTTP/1.1 100 Continue\r\n\r\n"
       "HTTP/1.1 503 Busy\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
       "HTTP/1.1 204 Nothing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
  auto answer = parser.next();
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->status, 503);
  EXPECT_TRUE((*answer)->last);
  EXPECT_EQ((*answer)->body, "{}");
  EXPECT_FALSE(parser.empty());
  answer = parser.next();
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->status, 204);
  answer = parser.next();
  ASSERT_TRUE(answer);
  EXPECT_FALSE(*answer);
  give(parser, "x");
  answer = parser.next();
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->body, "x");
}

TEST(AnswerParser, ReadsABodyLargerThanItsFirstMemory) {
  const std::string body(1'000'000, 'b');
  AnswerParser parser;
  give(parser, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  ASSERT_FALSE(*parser.next());
  EXPECT_GE(parser.room().size(), body.size());
  give(parser, body);
  const auto answer = parser.next();
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->body, body);
}

TEST(AnswerParser, RefusesWhatItCannotRead) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "not HTTP/1.1"},
      {"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", "not HTTP/1.1"},
      {"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", "not HTTP/1.1"},
      {"SSH-2.0\r\n\r\n", "not HTTP/1.1"},
      {"HTTP/1.1 200 OK\r\n\r\n", "neither body nor Content-Length"},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length '-1'"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "Content-Length '99999999999'"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
       "Transfer-Encoding, where Content-Length was expected"},
      {"HTTP/1.1 200 OK\r\nbroken\r\n\r\n", "a header line without ':'"},
      {"HTTP/1.1 200 OK\r\nInference-Header-Content-Length: x\r\nContent-Length: 0\r\n\r\n",
       "Inference-Header-Content-Length 'x'"},
      {std::string(40'000, 'x'), "a head of more than 32 KiB"},
  };
  for (const auto& [bytes, why] : cases) {
    AnswerParser parser;
    give(parser, bytes);
    const auto answer = parser.next();
    ASSERT_FALSE(answer) << bytes.substr(0, 60);
    EXPECT_EQ(answer.error(), (Error{ErrorCode::data_corrupt, "the server's answer: " + why}));
  }
}

}  // namespace
}  // namespace sluice::cluster
