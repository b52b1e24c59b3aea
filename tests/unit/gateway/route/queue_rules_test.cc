#include "gateway/route/queue_rules.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow{1h};
constexpr TimePoint kNever = TimePoint::max();

TEST(QueueRules, ALevelOutOfRangeIsTheDefault) {
  const QueueRules rules{.levels = 3, .default_level = 2};
  const std::pair<std::uint32_t, std::uint32_t> cases[] = {
      {0, 2}, {1, 1}, {2, 2}, {3, 3}, {4, 2}, {UINT32_MAX, 2}};
  for (const auto& [wish, level] : cases) {
    EXPECT_EQ(rules.level_of(wish), level) << wish;
    EXPECT_EQ(QueueRules{}.level_of(wish), 0U) << wish;
  }
}

TEST(QueueRules, ALevelWithoutAPolicyHasTheDefaultOne) {
  const QueueRules rules = queue_rules_of({.priority_levels = 2,
                                           .default_priority = 1,
                                           .queue = {.max_queue_size = 9},
                                           .priorities = {{2, {.max_queue_size = 4}}}});
  EXPECT_EQ(rules.levels, 2U);
  EXPECT_EQ(rules.default_level, 1U);
  EXPECT_EQ(rules.policy_of(0).max_queue_size, 9U);
  EXPECT_EQ(rules.policy_of(1).max_queue_size, 9U);
  EXPECT_EQ(rules.policy_of(2).max_queue_size, 4U);
}

TEST(QueueRules, ATimeOutOfTheRequestIsADeadlineUnlessThePolicyTakesIt) {
  struct Case {
    const char* what;
    link::QueuePolicy policy;
    Duration deadline;
    std::optional<Duration> wish;
    Patience wanted;
  };
  const link::QueuePolicy none{};
  const link::QueuePolicy only_override{.allow_timeout_override = true};
  const link::QueuePolicy fixed{.default_timeout = 2s};
  const link::QueuePolicy open{.default_timeout = 2s, .allow_timeout_override = true};
  const Case cases[] = {
      {"nothing said", none, 30s, {}, {kNow + 30s, kNever}},
      {"a shorter deadline", none, 30s, 5s, {kNow + 5s, kNever}},
      {"a longer one", none, 30s, 60s, {kNow + 30s, kNever}},
      {"nothing to override", only_override, 30s, 1s, {kNow + 1s, kNever}},
      {"the policy's", fixed, 30s, {}, {kNow + 30s, kNow + 2s}},
      {"the policy's beside a deadline", fixed, 30s, 1s, {kNow + 1s, kNow + 2s}},
      {"the policy's, unless overridden", open, 30s, {}, {kNow + 30s, kNow + 2s}},
      {"overridden", open, 30s, 1s, {kNow + 30s, kNow + 1s}},
      {"by no more than there is", open, 30s, 3s, {kNow + 30s, kNow + 2s}},
  };
  for (const Case& each : cases) {
    const std::optional<TimePoint> wish =
        each.wish ? std::optional(kNow + *each.wish) : std::nullopt;
    EXPECT_EQ(patience_of(each.policy, kNow, kNow + each.deadline, wish), each.wanted) << each.what;
  }
}

}  // namespace
}  // namespace sluice::gateway
