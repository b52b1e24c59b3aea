// Answers that come bit by bit.

#include <gtest/gtest.h>

#include "tests/unit/gateway/net/core_driver.h"

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kGetEvents = "GET /events HTTP/1.1\r\nHost: x\r\n\r\n";

class Streams : public ::testing::Test {
 protected:
  void begin(std::string_view request = kGetEvents) {
    ASSERT_TRUE(driver.send(request));
    ClientReply reply;
    reply.content_type = "text/event-stream";
    reply.streams = true;
    ASSERT_TRUE(driver.core.reply(driver.sequences.back(), std::move(reply), driver.now));
    driver.settle();
  }
  bool stream(std::string_view bytes) {
    const bool taken = driver.core.stream(driver.sequences.back(), bytes, driver.now);
    driver.settle();
    return taken;
  }
  bool end() {
    const bool taken = driver.core.end_stream(driver.sequences.back(), driver.now);
    driver.settle();
    return taken;
  }
  // What was written since the last call.
  std::string written() { return std::exchange(driver.output, {}); }
  std::vector<std::uint32_t> abandoned() {
    std::vector<std::uint32_t> sequences;
    driver.core.abandon([&](std::uint32_t sequence) { sequences.push_back(sequence); });
    return sequences;
  }

  CoreDriver driver{{.stream_backlog = 100}};
};

TEST_F(Streams, GoOutInChunksAsTheyCome) {
  begin();
  EXPECT_EQ(written(),
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(stream("data: one\n\n"));
  EXPECT_EQ(written(), "b\r\ndata: one\n\n\r\n");
  EXPECT_TRUE(stream(""));
  EXPECT_EQ(written(), "") << "an empty chunk would be the end";
  EXPECT_TRUE(stream(std::string(17, 'x')));
  EXPECT_EQ(written(), "11\r\n" + std::string(17, 'x') + "\r\n");
  EXPECT_FALSE(driver.write_shut);
  EXPECT_TRUE(end());
  EXPECT_EQ(written(), "0\r\n\r\n");
  EXPECT_TRUE(driver.write_shut);
  EXPECT_FALSE(stream("more"));
  EXPECT_FALSE(end());
  EXPECT_EQ(driver.shared.counters.buffered_bytes.value(), 0U);
}

TEST_F(Streams, AreBareForHttp10AndEndWithTheConnection) {
  begin("GET /events HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(written(),
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(stream("data\n\n"));
  EXPECT_EQ(written(), "data\n\n");
  EXPECT_TRUE(end());
  EXPECT_EQ(written(), "");
  EXPECT_TRUE(driver.write_shut);
}

TEST_F(Streams, WaitForTheAnswersBeforeThem) {
  ASSERT_TRUE(driver.send("GET /first HTTP/1.1\r\nHost: x\r\n\r\n"));
  begin();
  EXPECT_TRUE(stream("a"));
  EXPECT_EQ(written(), "");
  driver.answer(driver.sequences.front(), "first");
  EXPECT_NE(written().find("first"
                           "HTTP/1.1 200 OK\r\n"),
            std::string::npos);
  EXPECT_TRUE(stream("b"));
  EXPECT_EQ(written(), "1\r\nb\r\n");
}

TEST_F(Streams, LetNoFurtherRequestIn) {
  begin();
  const std::size_t before = driver.requests.size();
  EXPECT_TRUE(driver.send(kGetEvents));
  EXPECT_EQ(driver.requests.size(), before);
}

TEST_F(Streams, MayBeQuietForAsLongAsTheyLike) {
  begin();
  EXPECT_EQ(driver.core.deadline(), TimePoint::max());
  driver.wait(1h);
  static_cast<void>(written());
  EXPECT_TRUE(stream("x"));
  EXPECT_EQ(written(), "1\r\nx\r\n");
}

TEST_F(Streams, ACutOffReaderLosesTheConnection) {
  begin();
  driver.room = 5;
  EXPECT_TRUE(stream(std::string(60, 'x')));
  EXPECT_FALSE(driver.closed());
  EXPECT_TRUE(stream(std::string(60, 'x')));
  EXPECT_TRUE(driver.closed());
  EXPECT_EQ(driver.shared.counters.refused_for(HttpRefusal::write_timeout), 1U);
  EXPECT_EQ(abandoned(), std::vector<std::uint32_t>{driver.sequences.back()});
  EXPECT_EQ(driver.shared.counters.buffered_bytes.value(), 0U);
}

TEST_F(Streams, WhatASlowReaderHasTakenDoesNotCount) {
  begin();
  static_cast<void>(written());
  std::string sent;
  for (int i = 0; i < 100; ++i) {
    sent += "a\r\n0123456789\r\n";
    driver.room = i == 0 ? 14 : 15;  // always one byte behind
    ASSERT_TRUE(stream("0123456789"));
    ASSERT_FALSE(driver.closed()) << i;
  }
  driver.room = SIZE_MAX;
  driver.settle();
  EXPECT_EQ(written(), sent);
  EXPECT_EQ(driver.shared.counters.buffered_bytes.value(), 0U);
}

TEST_F(Streams, AReaderThatStopsIsCutOffInTime) {
  begin();
  driver.room = 3;
  EXPECT_TRUE(stream("0123456789"));
  driver.wait(30s - 1ns);
  EXPECT_FALSE(driver.closed());
  driver.wait(1ns);
  EXPECT_TRUE(driver.closed());
}

TEST_F(Streams, AClientThatHasShutItsSideStillReads) {
  begin();
  static_cast<void>(written());
  driver.end_input();
  driver.wait(1min);
  EXPECT_EQ(written(), "") << "no interim answer inside another";
  EXPECT_TRUE(stream("x"));
  EXPECT_EQ(written(), "1\r\nx\r\n");
  EXPECT_TRUE(end());
  EXPECT_TRUE(driver.closed());
}

TEST_F(Streams, AnAbortIsTold) {
  begin();
  driver.core.abort();
  EXPECT_TRUE(driver.closed());
  EXPECT_EQ(abandoned(), std::vector<std::uint32_t>{driver.sequences.back()});
}

}  // namespace
}  // namespace sluice::gateway
