#include "gateway/route/balancer.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

struct Pair {
  const char* why;
  Candidate a;
  Candidate b;
  bool a_first;
};

constexpr Pair kPairs[] = {
    {"less outstanding work", {0, 1, 1, 1ms}, {1, 4, 1, 1ms}, true},
    {"a faster worker with a longer queue", {0, 3, 1, 1ms}, {1, 1, 1, 10ms}, true},
    {"a slow idle worker loses to a quick busy one", {0, 0, 1, 10ms}, {1, 2, 1, 1ms}, false},
    {"executors share the queue", {0, 4, 4, 1ms}, {1, 2, 1, 1ms}, true},
    {"an unknown estimate is taken as equal", {0, 1, 1, 0ms}, {1, 2, 1, 50ms}, true},
    {"a tie in rounds goes to the emptier one", {0, 1, 4, 1ms}, {1, 3, 4, 1ms}, true},
    {"equal ones are not sooner", {0, 1, 1, 1ms}, {1, 1, 1, 1ms}, false},
};

TEST(Balancer, PrefersTheEarlierExpectedCompletion) {
  for (const Pair& pair : kPairs) {
    EXPECT_EQ(sooner(pair.a, pair.b), pair.a_first) << pair.why;
    if (pair.a_first) {
      EXPECT_FALSE(sooner(pair.b, pair.a)) << pair.why;
    }
  }
}

TEST(Balancer, TakesTheOnlyCandidate) {
  Balancer balancer(1);
  const std::array one{Candidate{.key = 7, .outstanding = 99}};
  EXPECT_EQ(balancer.choose(one), 7U);
}

TEST(Balancer, TakesTheBetterOfTwo) {
  Balancer balancer(1);
  const std::array two{Candidate{.key = 3, .outstanding = 5, .estimate = 1ms},
                       Candidate{.key = 4, .outstanding = 1, .estimate = 1ms}};
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(balancer.choose(two), 4U);
  }
}

TEST(Balancer, NeverPicksTheWorstOfMany) {
  Balancer balancer(2);
  const std::array three{Candidate{.key = 0, .outstanding = 1, .estimate = 1ms},
                         Candidate{.key = 1, .outstanding = 1, .estimate = 1ms},
                         Candidate{.key = 2, .outstanding = 9, .estimate = 1ms}};
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_NE(balancer.choose(three), 2U);
  }
}

TEST(Balancer, SpreadsOverEqualCandidates) {
  Balancer balancer(3);
  std::vector<Candidate> equal(4);
  for (std::uint32_t key = 0; key < 4; ++key) {
    equal[key].key = key;
  }
  std::array<int, 4> chosen{};
  for (int i = 0; i < 4'000; ++i) {
    ++chosen[balancer.choose(equal)];
  }
  for (const int count : chosen) {
    EXPECT_GT(count, 850);
    EXPECT_LT(count, 1'150);
  }
}

TEST(Balancer, RepeatsItsChoicesForOneSeed) {
  const std::array equal{Candidate{.key = 0}, Candidate{.key = 1}, Candidate{.key = 2}};
  Balancer first(42);
  Balancer second(42);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(first.choose(equal), second.choose(equal));
  }
}

}  // namespace
}  // namespace sluice::gateway
