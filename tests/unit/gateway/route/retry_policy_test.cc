#include "gateway/route/retry_policy.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

struct Case {
  const char* why;
  DeathFacts facts;
  AfterDeath verdict;
};

constexpr Case kCases[] = {
    {"waiting requests are queued again, however often", {false, false, 1, 9}, AfterDeath::requeue},
    {"first death: a suspect", {true, false, 1, 1}, AfterDeath::requeue_alone},
    {"one of several running: a suspect", {true, false, 4, 1}, AfterDeath::requeue_alone},
    {"a first death by itself is no proof", {true, true, 1, 1}, AfterDeath::requeue_alone},
    {"second death while alone", {true, true, 1, 2}, AfterDeath::quarantine},
    {"sent alone, but another shard's was running", {true, true, 2, 2}, AfterDeath::requeue_alone},
    {"second death in company", {true, false, 1, 2}, AfterDeath::requeue_alone},
    {"third death in company: re-run twice already", {true, false, 3, 3}, AfterDeath::give_up},
    {"third death while alone", {true, true, 1, 3}, AfterDeath::quarantine},
    {"killed twice, alone: no proof", {true, true, 1, 2, true}, AfterDeath::requeue_alone},
    {"killed a third time, alone", {true, true, 1, 3, true}, AfterDeath::quarantine},
    {"killed a third time, in company", {true, false, 2, 3, true}, AfterDeath::give_up},
    {"killed while waiting", {false, false, 1, 9, true}, AfterDeath::requeue},
};

TEST(RetryPolicy, DecidesWhatBecomesOfARequestAfterADeath) {
  for (const Case& item : kCases) {
    EXPECT_EQ(after_death(item.facts), item.verdict) << item.why;
  }
}

struct Limit {
  std::size_t alive;
  std::size_t retries;
};

constexpr Limit kLimits[] = {{0, 10}, {1, 10}, {100, 10}, {109, 10}, {110, 11}, {5'000, 500}};

TEST(SuspicionBudget, IsATenthOfTheTrafficAndAtLeastTen) {
  for (const Limit& limit : kLimits) {
    EXPECT_EQ(SuspicionBudget::limit(limit.alive), limit.retries) << limit.alive;
    SuspicionBudget budget;
    for (std::size_t i = 0; i < limit.retries; ++i) {
      EXPECT_TRUE(budget.take(limit.alive)) << limit.alive;
    }
    EXPECT_FALSE(budget.take(limit.alive)) << limit.alive;
  }
}

TEST(SuspicionBudget, IsRefilledByRetriesThatEnd) {
  SuspicionBudget budget;
  while (budget.take(0)) {
  }
  budget.give_back();
  EXPECT_EQ(budget.in_use(), 9U);
  EXPECT_TRUE(budget.take(0));
  EXPECT_FALSE(budget.take(0));
}

}  // namespace
}  // namespace sluice::gateway
