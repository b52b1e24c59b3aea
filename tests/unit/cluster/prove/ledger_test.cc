#include "cluster/prove/ledger.h"

#include <cstdio>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::Pair;

TimePoint at(int ms) {
  return TimePoint(milliseconds(ms));
}

std::string body_of(std::uint64_t id, int version, const std::string& model = "m") {
  char text[64];
  static_cast<void>(
      std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(id)));
  return R"({"id":")" + std::string(text) + R"(","model_name":")" + model +
         R"(","model_version":")" + std::to_string(version) + R"(","outputs":[]})";
}

class LedgerTest : public testing::Test {
 protected:
  void answer(std::uint64_t id, std::uint64_t said_id, int version, int ms) {
    const std::string body = body_of(said_id, version);
    const std::string by = "m/" + std::to_string(version);
    ledger_.on_answer(id, {.status = 200, .served_by = by, .json_size = {}, .body = body}, at(ms));
  }
  void answer(std::uint64_t id, int version, int ms) { answer(id, id, version, ms); }
  void raw(std::uint64_t id, int status, std::string_view body, int ms) {
    ledger_.on_answer(
        id, {.status = status, .served_by = "m/1", .json_size = {}, .body = body}, at(ms));
  }
  const Totals& totals() { return ledger_.totals(); }

  Ledger ledger_{"m", 1, milliseconds(1'000), at(0)};
};

TEST_F(LedgerTest, EveryRequestEndsOnce) {
  const std::uint64_t ids[] = {ledger_.on_sent(at(0), at(0)),
                               ledger_.on_sent(at(1), at(1)),
                               ledger_.on_sent(at(2), at(2)),
                               ledger_.on_sent(at(3), at(3)),
                               ledger_.on_sent(at(4), at(4))};
  EXPECT_EQ(totals().outstanding(), 5U);
  answer(ids[0], 1, 10);
  raw(ids[1], 503, R"({"error":"queue full"})", 11);
  raw(ids[2], 500, "oops", 12);
  ledger_.on_lost(ids[3], "closed", at(13));
  answer(ids[4], 7, 14);
  ledger_.on_same(at(20));
  EXPECT_EQ(totals().sent, 5U);
  EXPECT_EQ(totals().ok, 1U);
  EXPECT_THAT(totals().errors, ElementsAre(Pair(500, 1U), Pair(503, 1U)));
  EXPECT_EQ(totals().untyped, 1U);
  EXPECT_EQ(totals().lost, 1U);
  EXPECT_EQ(totals().wrong_version, 1U);
  EXPECT_EQ(totals().outstanding(), 0U);
  EXPECT_FALSE(totals().clean());
  EXPECT_THAT(totals().words,
              ElementsAre(Pair("500 ", 1U),
                          Pair("503 queue full", 1U),
                          Pair("an answer of version 7 when that was not routed to", 1U),
                          Pair("closed", 1U)));
}

TEST_F(LedgerTest, OneCleanAnswerIsClean) {
  answer(ledger_.on_sent(at(0), at(0)), 1, 5);
  EXPECT_TRUE(totals().clean());
  EXPECT_THAT(totals().by_version, ElementsAre(Pair(1, 1U)));
}

TEST_F(LedgerTest, AnotherRequestsAnswerIsWrongAndASecondOneDuplicated) {
  const std::uint64_t first = ledger_.on_sent(at(0), at(0));
  const std::uint64_t second = ledger_.on_sent(at(0), at(0));
  const std::uint64_t third = ledger_.on_sent(at(0), at(0));
  answer(first, third, 1, 5);  // third has no answer yet
  EXPECT_EQ(totals().wrong_id, 1U);
  EXPECT_EQ(totals().duplicated, 0U);
  answer(second, first, 1, 6);  // first has had its own
  EXPECT_EQ(totals().wrong_id, 2U);
  EXPECT_EQ(totals().duplicated, 1U);
  answer(third, 999, 1, 7);  // never sent
  EXPECT_EQ(totals().wrong_id, 3U);
  EXPECT_EQ(totals().duplicated, 1U);
  ledger_.on_unasked(at(8));
  EXPECT_EQ(totals().duplicated, 2U);
  EXPECT_EQ(totals().outstanding(), 0U);
}

TEST_F(LedgerTest, AnAnswerThatDoesNotSayWhoAnsweredIsWrong) {
  for (const std::string& body : {std::string("[]"),
                                  std::string("{}"),
                                  std::string(R"({"id":"0000000000000001"})"),
                                  body_of(1, 1, "other")}) {
    Ledger ledger("m", 1, milliseconds(1'000), at(0));
    const std::uint64_t id = ledger.on_sent(at(0), at(0));
    ledger.on_answer(id, {.status = 200, .served_by = "m/1", .json_size = {}, .body = body}, at(1));
    EXPECT_EQ(ledger.totals().wrong_version, 1U) << body;
    EXPECT_EQ(ledger.totals().outstanding(), 0U) << body;
  }
}

TEST_F(LedgerTest, LatencyCountsFromTheScheduledMomentInItsWindow) {
  ledger_.open_window(WindowKind::quiet_a, at(100));
  const std::uint64_t early = ledger_.on_sent(at(150), at(150));
  ledger_.open_window(WindowKind::swap, at(200));
  const std::uint64_t waited = ledger_.on_sent(at(190), at(260));  // due before the swap
  const std::uint64_t during = ledger_.on_sent(at(250), at(260));
  answer(early, 1, 151);
  answer(waited, 1, 261);
  answer(during, 1, 270);
  const auto quiet = ledger_.latencies_of(WindowKind::quiet_a);
  const auto swap = ledger_.latencies_of(WindowKind::swap);
  ASSERT_EQ(quiet.size(), 1U);
  EXPECT_EQ(quiet[0].count(), 2U);
  EXPECT_EQ(quiet[0].max(), milliseconds(71));
  ASSERT_EQ(swap.size(), 1U);
  EXPECT_EQ(swap[0].count(), 1U);
  EXPECT_EQ(swap[0].max(), milliseconds(20));
  ASSERT_EQ(ledger_.seconds().size(), 1U);
  EXPECT_EQ(ledger_.seconds()[0].sent, 3U);
  EXPECT_EQ(ledger_.seconds()[0].latency_max, milliseconds(71));
}

TEST_F(LedgerTest, AnswersOfTheNewVersionWaitForTheNextLook) {
  ledger_.on_same(at(100));
  const std::uint64_t too_early = ledger_.on_sent(at(101), at(101));
  const std::uint64_t in_time = ledger_.on_sent(at(102), at(102));
  answer(too_early, 2, 110);
  answer(in_time, 2, 130);
  EXPECT_EQ(totals().ok, 0U);
  ledger_.on_same(at(120));
  EXPECT_EQ(totals().wrong_version, 1U);
  EXPECT_EQ(totals().ok, 0U);
  ledger_.on_switched(2, at(135), at(140));
  EXPECT_EQ(totals().ok, 1U);
  EXPECT_EQ(totals().wrong_version, 1U);
  const std::uint64_t late = ledger_.on_sent(at(141), at(141));
  answer(late, 1, 142);
  EXPECT_EQ(totals().outstanding(), 1U);  // undecided
  ledger_.on_same(at(150));
  EXPECT_EQ(totals().wrong_version, 2U);
  EXPECT_EQ(totals().outstanding(), 0U);
  EXPECT_EQ(ledger_.served(), 2);
}

TEST_F(LedgerTest, WhatNoLookHasDecidedIsWrongInTheEnd) {
  answer(ledger_.on_sent(at(0), at(0)), 2, 10);
  EXPECT_EQ(totals().outstanding(), 1U);
  ledger_.close(at(20));
  EXPECT_EQ(totals().outstanding(), 0U);
  EXPECT_EQ(totals().wrong_version, 1U);
  EXPECT_THAT(
      totals().words,
      ElementsAre(Pair(
          "an answer of version 2 when nobody could be asked whether that was routed to", 1U)));
}

TEST_F(LedgerTest, AnAnswerLongAfterItsDeadlineIsLate) {
  const std::uint64_t just = ledger_.on_sent(at(0), at(0));
  const std::uint64_t late = ledger_.on_sent(at(0), at(0));
  raw(just, 504, R"({"error":"deadline"})", 1'050);
  EXPECT_EQ(totals().late, 0U);
  raw(late, 504, R"({"error":"deadline"})", 1'051);
  EXPECT_EQ(totals().late, 1U);
}

TEST_F(LedgerTest, WhatWasNeverSentIsNotClean) {
  ledger_.on_refused("no server");
  EXPECT_FALSE(totals().clean());
  Ledger other("m", 1, milliseconds(1), at(0));
  other.on_unsent(3);
  EXPECT_EQ(other.totals().unsent, 3U);
  EXPECT_FALSE(other.totals().clean());
}

TEST_F(LedgerTest, KnowsWhatWasSaidMost) {
  EXPECT_EQ(totals().most_said(), "");
  for (const char* reason : {"rare", "often", "often"}) {
    ledger_.on_refused(reason);
  }
  EXPECT_EQ(totals().most_said(), "often");
}

TEST_F(LedgerTest, KeepsSixteenSentences) {
  for (int i = 0; i < 40; ++i) {
    ledger_.on_refused("reason " + std::to_string(i));
  }
  EXPECT_EQ(totals().words.size(), 16U);
  EXPECT_EQ(totals().refused, 40U);
}

}  // namespace
}  // namespace sluice::cluster
