#include "cluster/prove/routes.h"

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

using Verdict = Routes::Verdict;

TimePoint at_ms(int ms) {
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
    EXPECT_EQ(static_cast<int>(routes.judge(one.version, at_ms(one.sent), at_ms(one.answered))),
              static_cast<int>(one.verdict))
        << one.version << " sent " << one.sent << " answered " << one.answered;
  }
}

TEST(Routes, UntilALookAnotherVersionIsUndecided) {
  const Routes routes(1, at_ms(100));
  expect(routes,
         {{1, 90, 110, Verdict::right},
          {2, 90, 99, Verdict::wrong},  // answered before the look was sent that said "1"
          {2, 90, 100, Verdict::undecided},
          {0, 90, 101, Verdict::undecided}});
}

TEST(Routes, AnAnswerOfAnotherBeforeALookThatSaysNothingHappenedIsWrong) {
  Routes routes(1, at_ms(100));
  routes.on_same(at_ms(120));
  expect(routes,
         {{2, 101, 119, Verdict::wrong},
          {2, 101, 120, Verdict::undecided},
          {1, 101, 119, Verdict::right}});
  routes.on_switched(2, at_ms(140), at_ms(150));
  expect(routes,
         {{2, 101, 119, Verdict::wrong},
          {2, 101, 121, Verdict::right},
          {2, 151, 152, Verdict::right},
          {3, 130, 139, Verdict::wrong},
          {1, 149, 160, Verdict::right},  // sent while it may have been routed to
          {1, 150, 160, Verdict::right},
          {1, 151, 160, Verdict::undecided}});  // it may be back, for all that is known
  routes.on_same(at_ms(170));
  expect(routes, {{1, 151, 160, Verdict::wrong}});
  EXPECT_EQ(routes.served(), 2);
}

TEST(Routes, BothAreRightWhileBothMayServe) {
  Routes routes(1, at_ms(0));
  routes.on_same(at_ms(100));
  routes.on_joined(2, at_ms(120));
  routes.on_joined(2, at_ms(140));
  expect(routes,
         {{2, 90, 99, Verdict::wrong},
          {2, 90, 100, Verdict::right},
          {2, 150, 160, Verdict::right},
          {1, 150, 160, Verdict::right},
          {3, 120, 139, Verdict::wrong}});
  EXPECT_EQ(routes.served(), 1);
  routes.on_switched(2, at_ms(190), at_ms(200));
  routes.on_same(at_ms(300));
  expect(routes,
         {{2, 90, 100, Verdict::right},
          {1, 200, 210, Verdict::right},
          {1, 201, 210, Verdict::wrong},
          {2, 290, 299, Verdict::right}});
}

TEST(Routes, AVersionThatWentBackWasPerhapsRoutedToForAWhile) {
  for (const bool seen : {true, false}) {
    Routes routes(1, at_ms(100));
    routes.on_same(at_ms(120));
    if (seen) {
      routes.on_joined(2, at_ms(140));
    }
    routes.on_back(2, at_ms(190), at_ms(200));
    routes.on_same(at_ms(300));
    EXPECT_EQ(routes.served(), 1);
    expect(routes,
           {{2, 110, 119, Verdict::wrong},
            {2, 110, 150, Verdict::right},
            {2, 200, 202, Verdict::right},
            {2, 201, 202, Verdict::wrong},
            {1, 201, 202, Verdict::right}});
  }
}

TEST(Routes, SwapsThereAndBackAreRememberedApart) {
  Routes routes(1, at_ms(100));
  routes.on_switched(2, at_ms(105), at_ms(110));
  routes.on_same(at_ms(200));
  routes.on_switched(1, at_ms(205), at_ms(210));
  routes.on_same(at_ms(300));
  expect(routes,
         {{1, 50, 60, Verdict::right},
          {1, 120, 190, Verdict::wrong},
          {2, 120, 190, Verdict::right},
          {1, 120, 205, Verdict::right},
          {2, 211, 220, Verdict::wrong},
          {2, 109, 109, Verdict::right}});
  EXPECT_EQ(routes.served(), 1);
}

TEST(Routes, WhatIsServedAlreadyIsNoSwitch) {
  Routes routes(1, at_ms(0));
  routes.on_switched(1, at_ms(10), at_ms(20));
  routes.on_back(1, at_ms(30), at_ms(40));
  routes.on_joined(1, at_ms(50));
  expect(routes, {{1, 5, 100, Verdict::right}, {2, 5, 49, Verdict::wrong}});
}

}  // namespace
}  // namespace sluice::cluster
