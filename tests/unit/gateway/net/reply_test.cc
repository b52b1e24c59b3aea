#include <array>
#include <string>

#include <gtest/gtest.h>

#include "gateway/net/reply_head.h"
#include "gateway/net/reply_queue.h"

namespace sluice::gateway {
namespace {

std::string head_of(const ClientReply& reply, const ReplyHeadFacts& facts) {
  std::string out;
  append_reply_head(out, reply, facts);
  return out;
}

TEST(HttpReplyHead, HasWhatTheReplySays) {
  const ClientReply reply{.status = 503,
                          .content_type = "application/json",
                          .headers = {{"Retry-After", "1"}, {"Sluice-Model", "add/1"}},
                          .body = {},
                          .close = false};
  EXPECT_EQ(head_of(reply, {.body_size = 12, .date = "now"}),
            "HTTP/1.1 503 Service Unavailable\r\nDate: now\r\nContent-Type: application/json\r\n"
            "Content-Length: 12\r\nRetry-After: 1\r\nSluice-Model: add/1\r\n\r\n");
}

TEST(HttpReplyHead, SaysHowTheConnectionGoesOn) {
  const ClientReply reply;
  EXPECT_EQ(head_of(reply, {.keep_alive = false}),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(head_of(reply, {.http_1_0 = true}),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
}

TEST(HttpReplyHead, NoContentHasNoLength) {
  ClientReply reply;
  reply.status = 204;
  EXPECT_EQ(head_of(reply, {}), "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST(HttpReplyHead, CannotBeSplitByAHeader) {
  ClientReply reply;
  reply.headers.emplace_back("Sluice-Model", "a\r\nSet-Cookie: b\x7f");
  EXPECT_EQ(head_of(reply, {}),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSluice-Model: a  Set-Cookie: b \r\n\r\n");
}

TEST(HttpReplyHead, ARefusalIsJson) {
  const ClientReply reply = reply_of(bad_request(R"(a "quoted" \ thing)"));
  EXPECT_EQ(reply.body[0].text(), R"({"error":"a \"quoted\" \\ thing"})");
  EXPECT_TRUE(reply.close);
}

struct Queue {
  HttpCounters counters;
  BufferBudget budget{1'000'000'000, counters.buffered_bytes};
  ReplyQueue replies{budget, 16};

  std::string written(std::size_t room, std::size_t pieces = 8) {
    std::array<iovec, 8> out;
    const std::size_t count = replies.gather(std::span(out).first(pieces));
    std::string bytes;
    for (std::size_t i = 0; i < count; ++i) {
      bytes.append(static_cast<const char*>(out[i].iov_base), out[i].iov_len);
    }
    bytes.resize(std::min(room, bytes.size()));
    last = replies.written(bytes.size());
    return bytes;
  }
  ReplyQueue::Written last;
};

ClientReply with_body(std::vector<std::string> parts) {
  ClientReply reply;
  for (std::string& part : parts) {
    reply.body.push_back(Buffer::from_string(std::move(part)));
  }
  return reply;
}

TEST(HttpReplyQueue, WritesTheSameBytesInPiecesOfAnySize) {
  const std::string large(10'000, 'L');
  std::string want;
  for (const std::size_t room : {std::size_t{1'000'000}, std::size_t{1}, std::size_t{7}}) {
    Queue queue;
    for (int i = 0; i < 5; ++i) {
      const auto sequence = queue.replies.begin({});
      queue.replies.answer(
          sequence, with_body({"<", i % 2 == 0 ? large : "small", "", ">"}), true, "");
    }
    std::string all;
    std::uint32_t started = 0;
    while (queue.replies.has_output()) {
      all += queue.written(room, room == 7 ? 2 : 8);
      EXPECT_EQ(queue.last.started_first, started);
      started = queue.last.started_last;
    }
    EXPECT_EQ(started, 5U);
    EXPECT_TRUE(queue.replies.empty());
    EXPECT_EQ(queue.counters.buffered_bytes.value(), 0U);
    if (want.empty()) {
      want = all;
    }
    EXPECT_TRUE(all == want) << room;
  }
}

TEST(HttpReplyQueue, ALargeBodyIsNotCopied) {
  Queue queue;
  ClientReply reply = with_body({std::string(100'000, 'x')});
  const void* data = reply.body[0].data();
  queue.replies.answer(queue.replies.begin({}), std::move(reply), true, "");
  std::array<iovec, 4> out;
  ASSERT_EQ(queue.replies.gather(out), 2U);
  EXPECT_EQ(out[1].iov_base, data);
}

TEST(HttpReplyQueue, ASmallAnswerIsOnePieceAndPipelinedOnesGoTogether) {
  Queue queue;
  queue.replies.answer(queue.replies.begin({}), with_body({"one"}), true, "");
  queue.replies.answer(queue.replies.begin({}), with_body({"two"}), true, "");
  std::array<iovec, 4> out;
  EXPECT_EQ(queue.replies.gather(out), 2U);
}

TEST(HttpReplyQueue, SequenceNumbersWrapAround) {
  Queue queue;
  for (int i = 0; i < 1000; ++i) {
    const auto first = queue.replies.begin({});
    const auto second = queue.replies.begin({});
    queue.replies.answer(second, with_body({"b"}), true, "");
    EXPECT_FALSE(queue.replies.has_output());
    EXPECT_TRUE(queue.replies.waiting(first));
    EXPECT_FALSE(queue.replies.waiting(second));
    EXPECT_FALSE(queue.replies.waiting(second + 1));
    EXPECT_FALSE(queue.replies.waiting(first - 1));
    queue.replies.answer(first, with_body({"a"}), true, "");
    EXPECT_TRUE(queue.written(SIZE_MAX).ends_with("b"));
  }
}

TEST(HttpReplyQueue, AnInterimAnswerDoesNotCutAnother) {
  Queue queue;
  queue.replies.answer(queue.replies.begin({}), with_body({"one"}), true, "");
  EXPECT_EQ(queue.written(5), "HTTP/");
  EXPECT_FALSE(queue.replies.interim("interim"));
  (void)queue.written(SIZE_MAX);
  EXPECT_TRUE(queue.replies.interim("interim"));
  EXPECT_EQ(queue.written(3), "int");
  EXPECT_EQ(queue.written(SIZE_MAX), "erim");
}

TEST(HttpReplyQueue, GivesBackWhatWasChargedWhenItIsDropped) {
  Queue queue;
  ASSERT_TRUE(queue.budget.take(500));
  (void)queue.replies.begin({.charged = 500});
  queue.replies.answer(queue.replies.begin({}), with_body({"x"}), true, "");
  EXPECT_GT(queue.counters.buffered_bytes.value(), 500U);
  queue.replies.drop_all();
  EXPECT_EQ(queue.counters.buffered_bytes.value(), 0U);
  EXPECT_EQ(queue.replies.waiting_count(), 0U);
}

}  // namespace
}  // namespace sluice::gateway
