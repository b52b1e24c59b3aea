#include <gtest/gtest.h>

#include "gateway/net/http_core.h"
#include "tests/unit/gateway/net/core_driver.h"

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;
using Statuses = std::vector<int>;

constexpr std::string_view kGet = "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n";

std::string post(std::string_view body) {
  return "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

std::string head_of_post(std::size_t size, std::string_view more = "") {
  return "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n" +
         std::string(more) + "\r\n";
}

TEST(HttpCore, HandsOutARequestWithItsParts) {
  CoreDriver driver;
  driver.send("POST /v2/x?y=1 HTTP/1.1\r\nHost: h\r\nX-Two:  2 \r\nContent-Length: 3\r\n\r\nabc");
  ASSERT_EQ(driver.requests.size(), 1U);
  EXPECT_EQ(driver.requests[0], "POST /v2/x?y=1 [Host=h;X-Two=2;Content-Length=3;] abc");
}

TEST(HttpCore, TheBodyIsAlignedWhateverItsSize) {
  for (const std::size_t size : {1U, 100U, 20'000U, 1'500'000U, 3'000'000U}) {
    CoreDriver driver;
    driver.send(head_of_post(size));
    const std::string body(size, 'x');
    std::string_view rest = body;
    bool seen = false;
    while (!seen && !rest.empty()) {
      const std::span<std::byte> space = driver.core.read_space();
      const std::size_t piece = std::min({rest.size(), space.size(), std::size_t{70'000}});
      std::memcpy(space.data(), rest.data(), piece);
      rest.remove_prefix(piece);
      driver.core.on_read(piece, driver.now);
      if (const HttpCore::Request* request = driver.core.next_request(driver.now)) {
        seen = true;
        EXPECT_EQ(request->message.body.size(), size);
        EXPECT_TRUE(request->message.body.text() == body);
        // NOLINTNEXTLINE: the address is what is tested.
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(request->message.body.data()) % kBufferAlignment,
                  0U);
      }
    }
    EXPECT_TRUE(seen) << size;
  }
}

TEST(HttpCore, KeepsTheFactsOfTime) {
  CoreDriver driver;
  const TimePoint first = driver.now;
  driver.send(head_of_post(4));
  driver.now += 2s;
  const std::span<std::byte> space = driver.core.read_space();
  std::memcpy(space.data(), "body", 4);
  driver.core.on_read(4, driver.now);
  const HttpCore::Request* request = driver.core.next_request(driver.now);
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->first_byte, first);
  EXPECT_EQ(request->last_body_byte, first + 2s);
}

TEST(HttpCore, AnswersInTheOrderOfTheRequests) {
  CoreDriver driver;
  driver.send(std::string(kGet) + std::string(kGet) + std::string(kGet));
  ASSERT_EQ(driver.sequences.size(), 3U);
  driver.answer(driver.sequences[2], "three");
  driver.answer(driver.sequences[1], "two");
  EXPECT_EQ(driver.output, "");
  driver.answer(driver.sequences[0], "one");
  EXPECT_LT(driver.output.find("one"), driver.output.find("two"));
  EXPECT_LT(driver.output.find("two"), driver.output.find("three"));
}

TEST(HttpCore, ARequestIsAnsweredOnce) {
  CoreDriver driver;
  driver.send(kGet);
  driver.answer(driver.sequences[0], "one");
  EXPECT_TRUE(driver.replied);
  driver.answer(driver.sequences[0], "again");
  EXPECT_FALSE(driver.replied);
  driver.answer(driver.sequences[0] + 1, "not asked yet");
  EXPECT_FALSE(driver.replied);
  EXPECT_EQ(driver.statuses(), Statuses{200});
}

TEST(HttpCore, StopsReadingWhenItsPlacesAndItsBufferAreFull) {
  CoreDriver driver;
  std::string all;
  for (int i = 0; i < 2000; ++i) {
    all += kGet;
  }
  EXPECT_FALSE(driver.send(all));
  EXPECT_EQ(driver.requests.size(), limits::kPipelinedRequests);
  for (std::size_t i = 0; i < driver.sequences.size() && i < 100; ++i) {
    driver.answer(driver.sequences[i], "");
  }
  EXPECT_EQ(driver.requests.size(), 116U);  // 100 places were freed, one at a time
}

TEST(HttpCore, PipelinedRequestsOnOneReadAreAllServed) {
  CoreDriver driver;
  driver.echo = true;
  driver.send(post("one") + post("two") + std::string(kGet) + post("four"));
  EXPECT_EQ(driver.requests.size(), 4U);
  EXPECT_EQ(driver.statuses(), (Statuses{200, 200, 200, 200}));
}

TEST(HttpCore, ContinueIsSentOnceAndOnlyWhenTheClientWaits) {
  CoreDriver driver;
  driver.echo = true;
  driver.send(head_of_post(4, "Expect: 100-continue\r\n"));
  EXPECT_EQ(driver.output, "HTTP/1.1 100 Continue\r\n\r\n");
  driver.send("body");
  EXPECT_EQ(driver.statuses(), (Statuses{100, 200}));
  driver.output.clear();
  driver.send(head_of_post(4, "Expect: 100-continue\r\n") + "body");
  EXPECT_EQ(driver.statuses(), Statuses{200});
}

TEST(HttpCore, ContinueIsNotSentToHttp10) {
  CoreDriver driver;
  driver.send("POST / HTTP/1.0\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(driver.output, "");
}

TEST(HttpCore, TheBodysTimeDoesNotRunWhileContinueIsHeldBack) {
  CoreDriver driver;
  driver.send(std::string(kGet) + head_of_post(4, "Expect: 100-continue\r\n"));
  driver.wait(60s);  // the first request is still being worked on
  EXPECT_EQ(driver.output, "");
  driver.answer(driver.sequences[0], "");
  EXPECT_EQ(driver.statuses(), (Statuses{200, 100}));
  driver.wait(29s);
  EXPECT_EQ(driver.statuses(), (Statuses{200, 100}));
  driver.wait(1s);
  EXPECT_EQ(driver.statuses(), (Statuses{200, 100, 408}));
}

TEST(HttpCore, ARefusalWaitsForTheAnswersBeforeIt) {
  CoreDriver driver;
  driver.send(std::string(kGet) + "bad request\r\n\r\n");
  EXPECT_EQ(driver.output, "");
  driver.answer(driver.sequences[0], "good");
  EXPECT_EQ(driver.statuses(), (Statuses{200, 400}));
  EXPECT_TRUE(driver.write_shut);
}

TEST(HttpCore, NothingIsServedAfterARefusal) {
  CoreDriver driver;
  driver.echo = true;
  driver.send("bad request\r\n\r\n" + std::string(kGet));
  EXPECT_TRUE(driver.requests.empty());
  EXPECT_EQ(driver.statuses(), Statuses{400});
}

TEST(HttpCore, NothingIsServedAfterConnectionClose) {
  CoreDriver driver;
  driver.echo = true;
  driver.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\n" + std::string(kGet));
  EXPECT_EQ(driver.requests.size(), 1U);
  EXPECT_NE(driver.output.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(driver.write_shut);
}

TEST(HttpCore, AReplyThatClosesLeavesLaterRequestsUnanswered) {
  CoreDriver driver;
  driver.send(std::string(kGet) + std::string(kGet));
  driver.answer(driver.sequences[1], "two");
  driver.answer(driver.sequences[0], "one", true);
  EXPECT_EQ(driver.statuses(), Statuses{200});
  EXPECT_TRUE(driver.write_shut);
}

TEST(HttpCore, LingersUntilTheClientEnds) {
  CoreDriver driver;
  driver.send("bad\r\n\r\n");
  ASSERT_TRUE(driver.write_shut);
  EXPECT_TRUE(driver.send("what was under way"));
  EXPECT_FALSE(driver.closed());
  driver.end_input();
  EXPECT_TRUE(driver.closed());
}

TEST(HttpCore, LingersForASecondAtMost) {
  CoreDriver driver;
  driver.send("bad\r\n\r\n");
  driver.wait(999ms);
  EXPECT_FALSE(driver.closed());
  driver.wait(1ms);
  EXPECT_TRUE(driver.closed());
}

TEST(HttpCore, LingersForAMegabyteAtMost) {
  CoreDriver driver;
  driver.send("bad\r\n\r\n");
  EXPECT_TRUE(driver.send(std::string(limits::kLingerBytes, 'x')));
  EXPECT_FALSE(driver.send("x"));
  EXPECT_FALSE(driver.closed());  // the client may still be reading its answer
}

TEST(HttpCore, AnEndOfInputAtRestClosesAndInsideARequestIsRefused) {
  CoreDriver at_rest;
  at_rest.end_input();
  EXPECT_TRUE(at_rest.closed());
  EXPECT_EQ(at_rest.output, "");
  for (const std::string& part : {std::string("G"), std::string("\r"), head_of_post(5) + "ab"}) {
    CoreDriver inside;
    inside.send(part);
    inside.end_input();
    EXPECT_EQ(inside.statuses(), Statuses{400}) << part;
    EXPECT_TRUE(inside.closed());
  }
}

TEST(HttpCore, TheBudgetIsHeldUntilTheAnswerIsOutAndThenGivenBack) {
  CoreDriver driver({.buffered_bytes = 10'000});
  const auto held = [&] { return driver.shared.counters.buffered_bytes.value(); };
  driver.send(head_of_post(6'000) + std::string(2'500, 'x'));
  EXPECT_EQ(held(), 2'500U);
  driver.send(std::string(3'500, 'x'));
  EXPECT_EQ(held(), 6'000U);
  driver.send(post(std::string(4'001, 'y')));
  EXPECT_GE(held(), 6'000U);  // and the refusal's text
  EXPECT_LT(held(), 6'500U);
  driver.answer(driver.sequences[0], "");
  EXPECT_EQ(driver.statuses(), (Statuses{200, 503}));
  EXPECT_NE(driver.output.find("Retry-After: 1\r\n"), std::string::npos);
  EXPECT_EQ(held(), 0U);
}

TEST(HttpCore, ABodyThatOutgrowsTheBudgetIsRefusedInItsMiddle) {
  CoreDriver driver({.buffered_bytes = 10'000});
  driver.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2ee0\r\n");
  driver.send(std::string(12'000, 'x'), 1'000);
  EXPECT_EQ(driver.statuses(), Statuses{503});
  EXPECT_EQ(driver.shared.counters.buffered_bytes.value(), 0U);
}

TEST(HttpCore, ATimeOutWhileABodyIsBeingReadStraightLeavesTheReadAPlaceToEnd) {
  CoreDriver driver;
  driver.send(head_of_post(100'000));
  const std::span<std::byte> space = driver.core.read_space();
  ASSERT_GT(space.size(), 50'000U);
  driver.wait(30s);
  EXPECT_EQ(driver.statuses(), Statuses{408});
  std::memset(space.data(), 'x', 50'000);  // the read that was under way
  driver.core.on_read(50'000, driver.now);
  driver.settle();
  driver.end_input();
  EXPECT_TRUE(driver.closed());
}

TEST(HttpCore, ADrainClosesWithTheNewestAnswer) {
  CoreDriver driver;
  driver.send(std::string(kGet) + std::string(kGet));
  driver.shared.draining = true;
  driver.answer(driver.sequences[0], "one");
  EXPECT_EQ(driver.output.find("Connection: close"), std::string::npos);
  driver.answer(driver.sequences[1], "two");
  EXPECT_NE(driver.output.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(driver.write_shut);
}

TEST(HttpCore, ADrainServesARequestThatHasBegunToArrive) {
  CoreDriver driver;
  driver.send(std::string(kGet) + "GET /late HTT");
  driver.shared.draining = true;
  driver.answer(driver.sequences[0], "one");
  EXPECT_EQ(driver.output.find("Connection: close"), std::string::npos);
  driver.send("P/1.1\r\nHost: x\r\n\r\n");
  driver.answer(driver.sequences.back(), "late");
  EXPECT_EQ(driver.statuses(), (Statuses{200, 200}));
  EXPECT_TRUE(driver.write_shut);
}

TEST(HttpCore, ATooManyConnectionIsToldSoAndLingers) {
  CoreDriver driver;
  driver.core.refuse_connection(driver.now);
  driver.settle();
  EXPECT_EQ(driver.statuses(), Statuses{503});
  EXPECT_TRUE(driver.send(kGet));
  EXPECT_TRUE(driver.requests.empty());
}

TEST(HttpCore, ARefusalOfHeadHasNoBody) {
  CoreDriver driver;
  driver.send("HEAD / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n");
  EXPECT_EQ(driver.statuses(), Statuses{400});
  EXPECT_TRUE(driver.output.ends_with("\r\n\r\n"));
}

TEST(HttpCore, AHeadLargerThanTheUsualBufferFits) {
  CoreDriver driver;
  driver.echo = true;
  std::string lines;
  for (int i = 0; i < 60; ++i) {
    lines += "X-" + std::to_string(i) + ": " + std::string(500, 'v') + "\r\n";
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(driver.send("GET / HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n" + post("next")));
  }
  EXPECT_EQ(driver.requests.size(), 6U);
  EXPECT_EQ(driver.requests[5], "POST /p? [Host=x;Content-Length=4;] next");
}

}  // namespace
}  // namespace sluice::gateway
