#include "worker/threads/rest_rule.h"

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(RestRule, calls_a_helper_late_when_the_caller_would_have_been_quicker) {
  const struct {
    int parts;
    microseconds took, pace;
    bool late;
  } cases[] = {
      {1, microseconds(100), microseconds(100), false},
      {1, microseconds(400), microseconds(100), false},  // twice as slow, and 200 us
      {1, microseconds(401), microseconds(100), true},
      {3, microseconds(800), microseconds(100), false},  // the same for each part
      {3, microseconds(801), microseconds(100), true},
      {1, microseconds(9'000), microseconds(5'000), false},
      {1, microseconds(9'000), microseconds(0), false},  // nobody waits
      {0, microseconds(100), microseconds(100), false},
  };
  for (const auto& [parts, took, pace, late] : cases) {
    EXPECT_EQ(RestRule::late(parts, took, pace), late)
        << parts << " parts in " << took.count() << " us";
  }
}

TEST(RestRule, rests_for_longer_each_time_until_it_has_helped_for_a_while) {
  auto now = RestRule::Clock::time_point(std::chrono::hours(1));
  RestRule rule;
  EXPECT_FALSE(rule.resting(now));
  std::vector<milliseconds> rests;
  // How long it helps before it is sent away again.
  for (const int helped : {100, 2, 1, 60, 10, 10, 511, 513, 1}) {
    now += milliseconds(helped);
    rule.on_no_core(now);
    rests.push_back(std::chrono::duration_cast<milliseconds>(rule.until() - now));
    EXPECT_TRUE(rule.resting(rule.until() - microseconds(1)));
    EXPECT_FALSE(rule.resting(rule.until()));
    now = rule.until();
  }
  EXPECT_EQ(rests,
            (std::vector<milliseconds>{milliseconds(4),
                                       milliseconds(8),
                                       milliseconds(16),
                                       milliseconds(32),
                                       milliseconds(64),
                                       milliseconds(64),
                                       milliseconds(64),
                                       milliseconds(4),
                                       milliseconds(8)}));
}

TEST(RestRule, stays_awake_for_a_while_where_it_was_needed) {
  const auto start = RestRule::Clock::time_point(std::chrono::hours(1));
  RestRule rule;
  rule.on_no_core(start);
  rule.on_needed(start + milliseconds(1));
  EXPECT_FALSE(rule.resting(start + milliseconds(1)));
  rule.on_no_core(start + milliseconds(1'000));
  EXPECT_FALSE(rule.resting(start + milliseconds(1'000)));
  rule.on_no_core(start + milliseconds(1'001));
  EXPECT_TRUE(rule.resting(start + milliseconds(1'001)));
}

}  // namespace
}  // namespace sluice::engine
