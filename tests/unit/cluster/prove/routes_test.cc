#include "cluster/prove/routes.h"

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

using Verdict = Routes::Verdict;

TimePoint at(int ms) {
  return TimePoint(std::chrono::milliseconds(ms));
}

struct Case {
  std::int64_t version;
  int sent;
  int answered;
  Verdict verdict;
};

void expect(const Routes& routes, std::initializer_list<Case> cases) {
  for (const Case& one : cases) {
    EXPECT_EQ(static_cast<int>(routes.judge(one.version, at(one.sent), at(one.answered))),
              static_cast<int>(one.verdict))
        << one.version << " sent " << one.sent << " answered " << one.answered;
  }
}

TEST(Routes, WithoutASwapOneVersionIsRight) {
  const Routes routes(1);
  expect(routes, {{1, 0, 1, Verdict::right}, {2, 0, 1, Verdict::wrong}, {0, 0, 1, Verdict::wrong}});
}

TEST(Routes, UntilALookTheNewVersionIsUndecided) {
  Routes routes(1);
  routes.on_order(2, at(100));
  expect(routes,
         {{1, 90, 110, Verdict::right},
          {2, 90, 99, Verdict::wrong},  // answered before anybody asked for it
          {2, 90, 101, Verdict::undecided},
          {3, 90, 101, Verdict::wrong}});
}

TEST(Routes, AnAnswerOfTheNewBeforeALookThatSaysNotYetIsWrong) {
  Routes routes(1);
  routes.on_order(2, at(100));
  routes.on_not_switched(at(120));
  expect(routes,
         {{2, 101, 119, Verdict::wrong},
          {2, 101, 120, Verdict::undecided},
          {1, 101, 119, Verdict::right}});
  routes.on_switched(at(150));
  expect(routes,
         {{2, 101, 119, Verdict::wrong},
          {2, 101, 121, Verdict::right},
          {2, 151, 152, Verdict::right},
          {1, 149, 160, Verdict::right},  // sent while it may have been routed to
          {1, 150, 160, Verdict::right},
          {1, 151, 160, Verdict::wrong}});
  EXPECT_EQ(routes.served(), 2);
}

TEST(Routes, ARolledBackVersionWasPerhapsRoutedToForAWhile) {
  Routes routes(1);
  routes.on_order(2, at(100));
  routes.on_not_switched(at(120));
  routes.on_rolled_back(at(200));
  EXPECT_EQ(routes.served(), 1);
  EXPECT_FALSE(routes.swapping());
  expect(routes,
         {{2, 110, 119, Verdict::wrong},
          {2, 110, 150, Verdict::right},
          {2, 201, 202, Verdict::wrong},
          {1, 201, 202, Verdict::right}});
}

TEST(Routes, SwapsThereAndBackAreRememberedApart) {
  Routes routes(1);
  routes.on_order(2, at(100));
  routes.on_switched(at(110));
  routes.on_order(1, at(200));
  routes.on_switched(at(210));
  expect(routes,
         {{1, 50, 60, Verdict::right},
          {1, 120, 190, Verdict::wrong},
          {2, 120, 190, Verdict::right},
          {1, 120, 205, Verdict::right},
          {2, 211, 220, Verdict::wrong},
          {2, 109, 109, Verdict::right}});
  EXPECT_EQ(routes.served(), 1);
}

}  // namespace
}  // namespace sluice::cluster
