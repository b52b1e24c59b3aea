#include "cluster/prove/rollout_watch.h"

#include <cstdio>
#include <string>

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

TimePoint at(int ms) {
  return TimePoint(std::chrono::milliseconds(ms));
}

RolloutLook look(const std::string& phase, std::uint64_t id, std::int64_t from, std::int64_t to) {
  const auto read =
      read_rollout(R"({"phase":")" + phase + R"(","id":)" + std::to_string(id) + R"(,"from":[")" +
                   std::to_string(from) + R"("],"to":[")" + std::to_string(to) + R"("]})");
  EXPECT_TRUE(read) << phase;
  return read ? *read : RolloutLook{};
}

RolloutLook none() {
  return {};
}

class RolloutWatchTest : public testing::Test {
 protected:
  // What a look means, in letters: b(egan), e(nded), f(orgotten).
  std::string see(const RolloutLook& seen, int sent) {
    const RolloutWatch::News news = watch_.on_look(seen, at(sent), at(sent + 1));
    return std::string(news.began ? "b" : "") + (news.ended ? "e" : "") +
           (news.forgotten ? "f" : "");
  }
  // Whether an answer of this version to a request of that moment is right.
  bool right(std::int64_t version, int ms) {
    const std::uint64_t ok = ledger_.totals().ok;
    const std::uint64_t id = ledger_.on_sent(at(ms), at(ms));
    char hex[17];
    static_cast<void>(
        std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(id)));
    const std::string by = "m/" + std::to_string(version);
    const std::string body = R"({"id":")" + std::string(hex) +
                             R"(","model_name":"m","model_version":")" + std::to_string(version) +
                             R"(","outputs":[]})";
    ledger_.on_answer(
        id, {.status = 200, .last = false, .served_by = by, .json_size = {}, .body = body}, at(ms));
    return ledger_.totals().ok > ok;
  }

  Ledger ledger_{"m", 1, std::chrono::milliseconds(1'000), at(0)};
  RolloutWatch watch_{ledger_, none()};
};

TEST_F(RolloutWatchTest, ARolloutIsSeenFromItsBeginningToItsEnd) {
  EXPECT_EQ(see(none(), 10), "");
  EXPECT_EQ(see(look("starting", 1, 1, 2), 20), "b");
  EXPECT_TRUE(watch_.rolling());
  EXPECT_EQ(see(look("starting", 1, 1, 2), 30), "");
  EXPECT_FALSE(right(2, 29));
  EXPECT_EQ(see(look("switching", 1, 1, 2), 40), "");
  EXPECT_TRUE(right(2, 41));
  EXPECT_TRUE(right(1, 41));
  EXPECT_EQ(ledger_.served(), 1);
  EXPECT_EQ(see(look("done", 1, 1, 2), 50), "e");
  EXPECT_EQ(ledger_.served(), 2);
  EXPECT_FALSE(watch_.rolling());
  EXPECT_EQ(see(look("done", 1, 1, 2), 60), "");
  EXPECT_FALSE(right(1, 59));
}

TEST_F(RolloutWatchTest, AnAbortedOneLeavesTheOldVersion) {
  EXPECT_EQ(see(look("shifting", 1, 1, 2), 20), "b");
  EXPECT_EQ(see(look("restoring", 1, 1, 2), 30), "");
  EXPECT_EQ(see(look("rolled_back", 1, 1, 2), 40), "e");
  EXPECT_EQ(ledger_.served(), 1);
  EXPECT_EQ(see(look("rolled_back", 1, 1, 2), 50), "");
  EXPECT_FALSE(right(2, 49));
}

TEST_F(RolloutWatchTest, OneThatWasQuickerThanTheLooksBeganAndEndedAtOnce) {
  EXPECT_EQ(see(look("done", 1, 1, 2), 20), "be");
  EXPECT_EQ(ledger_.served(), 2);
  // Another one of the same number, as rollouts by policy have.
  EXPECT_EQ(see(look("done", 1, 2, 1), 30), "be");
  EXPECT_EQ(ledger_.served(), 1);
  EXPECT_EQ(see(look("starting", 1, 2, 1), 40), "b");
}

TEST_F(RolloutWatchTest, WhatEscapedTheLooksIsKnownFromTheNextRollout) {
  EXPECT_EQ(see(look("starting", 1, 1, 2), 20), "b");
  EXPECT_FALSE(right(2, 30));  // undecided: nobody answers looks meanwhile
  EXPECT_FALSE(right(3, 35));
  EXPECT_EQ(see(look("done", 0, 2, 3), 40), "be");
  EXPECT_EQ(ledger_.totals().ok, 2U);
  EXPECT_EQ(ledger_.totals().wrong_version, 0U);
  EXPECT_EQ(ledger_.served(), 3);
  EXPECT_FALSE(right(1, 50));
  EXPECT_EQ(see(look("done", 0, 2, 3), 60), "");
  EXPECT_EQ(ledger_.totals().wrong_version, 1U);
}

TEST_F(RolloutWatchTest, WhatEndedBeforeTheWatchBeganIsNoNews) {
  RolloutWatch later(ledger_, look("done", 7, 2, 1));
  const RolloutWatch::News news = later.on_look(look("done", 7, 2, 1), at(20), at(21));
  EXPECT_FALSE(news.began || news.ended || news.forgotten);
  EXPECT_EQ(ledger_.served(), 1);
}

TEST_F(RolloutWatchTest, AfterControlBeganAnewNothingIsDecidedBeforeItIsKnownWhatServes) {
  EXPECT_EQ(see(look("starting", 1, 1, 2), 20), "b");
  EXPECT_EQ(see(none(), 30), "f");
  EXPECT_TRUE(watch_.unsure());
  EXPECT_EQ(see(none(), 40), "");
  EXPECT_FALSE(right(2, 39));  // undecided
  EXPECT_EQ(ledger_.totals().wrong_version, 0U);
  watch_.on_served(2, at(50), at(51));
  EXPECT_FALSE(watch_.unsure());
  EXPECT_EQ(ledger_.totals().ok, 1U);
  EXPECT_EQ(ledger_.served(), 2);
  EXPECT_EQ(see(none(), 60), "");
}

TEST_F(RolloutWatchTest, AfterControlBeganAnewTheNextRolloutSaysWhatServed) {
  EXPECT_EQ(see(look("switching", 1, 1, 2), 20), "b");
  EXPECT_EQ(see(none(), 30), "f");
  EXPECT_EQ(see(look("starting", 0, 2, 3), 40), "b");
  EXPECT_EQ(ledger_.served(), 2);
  EXPECT_FALSE(watch_.unsure());
}

}  // namespace
}  // namespace sluice::cluster
