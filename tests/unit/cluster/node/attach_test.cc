#include "cluster/node/attach.h"

#include <chrono>

#include <gtest/gtest.h>

#include "cluster/node/output_relay.h"

namespace sluice::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kStart{seconds(100)};

TEST(Attach, without_a_welcome_for_three_intervals_a_new_socket_is_due) {
  Attach attach;
  attach.on_opened(kStart);
  EXPECT_FALSE(attach.attached());
  EXPECT_EQ(attach.next_due(), kStart + milliseconds(750));
  EXPECT_FALSE(attach.lost(kStart + milliseconds(749)));
  EXPECT_TRUE(attach.lost(kStart + milliseconds(750)));
  EXPECT_FALSE(attach.beat_due(kStart + milliseconds(750)));
}

TEST(Attach, the_welcome_sets_the_interval_and_silence_is_counted_from_the_last_word) {
  Attach attach;
  attach.on_opened(kStart);
  attach.on_welcome(seconds(1), kStart);
  EXPECT_TRUE(attach.attached());
  EXPECT_FALSE(attach.lost(kStart + milliseconds(2'999)));
  attach.on_heard(kStart + seconds(2));
  EXPECT_FALSE(attach.lost(kStart + milliseconds(4'999)));
  EXPECT_TRUE(attach.lost(kStart + seconds(5)));
}

TEST(Attach, beats_are_an_interval_apart_and_the_next_one_is_due_first) {
  Attach attach;
  attach.on_opened(kStart);
  attach.on_welcome(milliseconds(250), kStart);
  EXPECT_TRUE(attach.beat_due(kStart));
  EXPECT_FALSE(attach.beat_due(kStart + milliseconds(249)));
  EXPECT_EQ(attach.next_due(), kStart + milliseconds(250));
  EXPECT_TRUE(attach.beat_due(kStart + milliseconds(250)));
}

TEST(Attach, a_refusal_makes_a_new_socket_due_at_once_and_only_once) {
  Attach attach;
  attach.on_opened(kStart);
  attach.on_welcome(milliseconds(250), kStart);
  attach.on_refused();
  EXPECT_TRUE(attach.lost(kStart));
  EXPECT_LE(attach.next_due(), kStart);
  attach.on_opened(kStart);
  EXPECT_FALSE(attach.lost(kStart));
}

TEST(LineBudget, a_burst_passes_and_then_so_many_a_second) {
  LineBudget budget;
  int passed = 0;
  for (int line = 0; line < 5'000; ++line) {
    passed += budget.take(kStart) ? 1 : 0;
  }
  EXPECT_EQ(passed, static_cast<int>(limits::kWorkerLinesBurst));
  EXPECT_EQ(budget.take_dropped(), 4'000U);
  EXPECT_EQ(budget.take_dropped(), 0U);
  passed = 0;
  for (int line = 0; line < 5'000; ++line) {
    passed += budget.take(kStart + seconds(1)) ? 1 : 0;
  }
  EXPECT_EQ(passed, static_cast<int>(limits::kWorkerLinesPerSecond));
}

}  // namespace
}  // namespace sluice::cluster
