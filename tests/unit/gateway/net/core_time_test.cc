// The connection core's clock.

#include <gtest/gtest.h>

#include "gateway/net/http_core.h"
#include "tests/unit/gateway/net/core_driver.h"

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;
using Statuses = std::vector<int>;

constexpr std::string_view kTimedGet = "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n";

std::string post_of(std::size_t size, std::string_view more = "") {
  return "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n" +
         std::string(more) + "\r\n";
}

struct TimeOutCase {
  const char* name;
  std::string sent;
  Duration limit;
  HttpRefusal reason;
  Statuses statuses;
};

TEST(HttpCoreTime, EachTimeOutComesAtItsTimeAndNotBefore) {
  const std::vector<TimeOutCase> cases = {
      {"nothing sent", "", 120s, HttpRefusal::idle_timeout, {}},
      {"half a head", "GET / HT", 10s, HttpRefusal::head_timeout, {408}},
      {"half a line end", "\r", 120s, HttpRefusal::idle_timeout, {}},
      {"no body", post_of(4), 30s, HttpRefusal::body_timeout, {408}},
      {"half a body", post_of(4) + "ab", 30s, HttpRefusal::body_timeout, {408}},
      {"half a large body", post_of(9'000) + "ab", 30s, HttpRefusal::body_timeout, {408}},
      {"half a chunk",
       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
       30s,
       HttpRefusal::body_timeout,
       {408}},
  };
  for (const TimeOutCase& each : cases) {
    CoreDriver driver;
    driver.send(each.sent);
    EXPECT_EQ(driver.core.deadline(), driver.now + each.limit) << each.name;
    driver.wait(each.limit - 1ns);
    EXPECT_EQ(driver.shared.counters.refused_for(each.reason), 0U) << each.name;
    driver.wait(1ns);
    EXPECT_EQ(driver.shared.counters.refused_for(each.reason), 1U) << each.name;
    EXPECT_EQ(driver.statuses(), each.statuses) << each.name;
    EXPECT_TRUE(driver.write_shut) << each.name;
    EXPECT_EQ(driver.shared.counters.buffered_bytes.value(), 0U) << each.name;
  }
}

TEST(HttpCoreTime, TheHeadsTimeIsCountedFromItsFirstByte) {
  CoreDriver driver;
  driver.send("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 9; ++i) {
    driver.wait(1s);
    driver.send("H");
  }
  EXPECT_TRUE(driver.statuses().empty());
  driver.wait(1s);
  EXPECT_EQ(driver.statuses(), Statuses{408});
}

TEST(HttpCoreTime, ABodyThatMovesHasAllTheTimeItNeeds) {
  CoreDriver driver;
  driver.echo = true;
  driver.send(post_of(10));
  for (int i = 0; i < 10; ++i) {
    driver.wait(29s);
    driver.send("x");
  }
  EXPECT_EQ(driver.statuses(), Statuses{200});
}

TEST(HttpCoreTime, AnAnswerThatIsNotReadEndsTheConnection) {
  CoreDriver driver;
  driver.room = 100;
  driver.send(kTimedGet);
  driver.answer(driver.sequences[0], std::string(100'000, 'x'));
  driver.wait(20s);
  driver.room = 100;
  driver.settle();
  driver.wait(29s);
  EXPECT_FALSE(driver.closed());
  driver.wait(1s);
  EXPECT_TRUE(driver.closed());
  EXPECT_EQ(driver.shared.counters.refused_for(HttpRefusal::write_timeout), 1U);
}

TEST(HttpCoreTime, ARequestBeingWorkedOnHasNoTimeOutHere) {
  CoreDriver driver;
  driver.send(kTimedGet);
  EXPECT_EQ(driver.core.deadline(), TimePoint::max());
}

TEST(HttpCoreTime, AnEndOfInputIsProbedAfterAWhile) {
  CoreDriver driver;
  driver.send(kTimedGet);
  driver.end_input();
  driver.wait(99ms);
  EXPECT_EQ(driver.output, "");
  driver.wait(1ms);
  EXPECT_EQ(driver.statuses(), Statuses{100});
  driver.wait(10s);
  EXPECT_EQ(driver.statuses(), Statuses{100});
  driver.answer(driver.sequences[0], "done");
  EXPECT_EQ(driver.statuses(), (Statuses{100, 200}));
  EXPECT_TRUE(driver.closed());
}

TEST(HttpCoreTime, AClientOfHttp10IsNotProbed) {
  CoreDriver driver;
  driver.send("GET / HTTP/1.0\r\n\r\n");
  driver.end_input();
  driver.wait(1s);
  EXPECT_EQ(driver.output, "");
  driver.answer(driver.sequences[0], "done");
  EXPECT_EQ(driver.statuses(), Statuses{200});
}

}  // namespace
}  // namespace sluice::gateway
