#include "cluster/node/attach.h"

#include <chrono>

#include <gtest/gtest.h>

#include "cluster/node/output_relay.h"

namespace sluice::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kOpened{seconds(100)};

TEST(Attach, without_a_welcome_for_three_intervals_a_new_socket_is_due) {
  Attach attach;
  attach.on_opened(kOpened);
  EXPECT_FALSE(attach.attached());
  EXPECT_EQ(attach.next_due(), kOpened + milliseconds(750));
  EXPECT_FALSE(attach.lost(kOpened + milliseconds(749)));
  EXPECT_TRUE(attach.lost(kOpened + milliseconds(750)));
  EXPECT_FALSE(attach.beat_due(kOpened + milliseconds(750)));
}

TEST(Attach, the_welcome_sets_the_interval_and_silence_is_counted_from_the_last_word) {
  Attach attach;
  attach.on_opened(kOpened);
  attach.on_welcome(seconds(1), kOpened);
  EXPECT_TRUE(attach.attached());
  EXPECT_FALSE(attach.lost(kOpened + milliseconds(2'999)));
  attach.on_heard(kOpened + seconds(2));
  EXPECT_FALSE(attach.lost(kOpened + milliseconds(4'999)));
  EXPECT_TRUE(attach.lost(kOpened + seconds(5)));
}

TEST(Attach, beats_are_an_interval_apart_and_the_next_one_is_due_first) {
  Attach attach;
  attach.on_opened(kOpened);
  attach.on_welcome(milliseconds(250), kOpened);
  EXPECT_TRUE(attach.beat_due(kOpened));
  EXPECT_FALSE(attach.beat_due(kOpened + milliseconds(249)));
  EXPECT_EQ(attach.next_due(), kOpened + milliseconds(250));
  EXPECT_TRUE(attach.beat_due(kOpened + milliseconds(250)));
}

TEST(Attach, a_refusal_makes_a_new_socket_due_at_once_and_only_once) {
  Attach attach;
  attach.on_opened(kOpened);
  attach.on_welcome(milliseconds(250), kOpened);
  attach.on_refused();
  EXPECT_TRUE(attach.lost(kOpened));
  EXPECT_LE(attach.next_due(), kOpened);
  attach.on_opened(kOpened);
  EXPECT_FALSE(attach.lost(kOpened));
}

TEST(LineBudget, a_burst_passes_and_then_so_many_a_second) {
  LineBudget budget;
  int passed = 0;
  for (int line = 0; line < 5'000; ++line) {
    passed += budget.take(kOpened) ? 1 : 0;
  }
  EXPECT_EQ(passed, static_cast<int>(limits::kWorkerLinesBurst));
  EXPECT_EQ(budget.take_dropped(), 4'000U);
  EXPECT_EQ(budget.take_dropped(), 0U);
  passed = 0;
  for (int line = 0; line < 5'000; ++line) {
    passed += budget.take(kOpened + seconds(1)) ? 1 : 0;
  }
  EXPECT_EQ(passed, static_cast<int>(limits::kWorkerLinesPerSecond));
}

}  // namespace
}  // namespace sluice::cluster
