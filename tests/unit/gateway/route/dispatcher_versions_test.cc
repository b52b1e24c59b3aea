// What a RouteSet says of versions: who is held, what drains, how unversioned requests are shared.

#include <algorithm>
#include <array>

#include "tests/unit/gateway/route/dispatcher_fixture.h"

namespace sluice::gateway {
namespace {

using Held = DispatcherTest;

TEST_F(Held, AWorkerThatIsNotAdmittedIsMetButGetsNoWork) {
  attach(0);
  attach_held(1, "stranger");
  EXPECT_EQ(core_.workers(now_)[1].state, LinkState::held);
  EXPECT_TRUE(core_.beats(1));
  ask_times(3);
  EXPECT_EQ(texts(), (Texts{"send w0 r0/1", "send w0 r1/1"}));
  declared_[1].workers.insert("stranger");
  route();
  EXPECT_EQ(texts(), Texts{"send w1 r2/1"});
  EXPECT_EQ(core_.workers(now_)[1].state, LinkState::ready);
}

TEST_F(Held, AVersionThatNobodyNamedIsNotServedByItsWorkers) {
  attach_held(0, "stranger");
  EXPECT_EQ(ask(), -1);
  EXPECT_EQ(refusal_, (Error{ErrorCode::not_found, "model 'digits' has no version to serve"}));
  EXPECT_EQ(ask(kSecond, 1), -1);
  EXPECT_EQ(refusal_, (Error{ErrorCode::not_found, "model 'digits' has no version 1"}));
}

TEST_F(Held, AWorkerThatIsNoLongerAdmittedFinishesWhatItHas) {
  attach(0, 1);
  ask_times(2);
  static_cast<void>(texts());
  declared_[1].workers = {"worker1"};
  route();
  attach_held(1, "worker1");
  EXPECT_EQ(texts(), Texts{"send w1 r1/1"});
  result(0, 0);
  EXPECT_EQ(texts(), Texts{"deliver r0"});
  ask();
  EXPECT_EQ(texts(), Texts{"send w1 r2/1"});
}

TEST_F(Held, ARestartedWorkerOfAnAdmittedIdIsUsedAtOnce) {
  attach(0);
  ask();
  static_cast<void>(texts());
  died("worker0", {});
  EXPECT_EQ(texts(), Texts{"close w0"});
  attach_held(1, "worker0");
  EXPECT_EQ(texts(), Texts{"send w1 r0/2"});
}

TEST_F(Held, ADrainingHeldWorkerIsLetGo) {
  attach_held(0, "stranger");
  core_.on(WorkerDraining{0}, now_, actions_);
  EXPECT_EQ(texts(), (Texts{"bye w0", "close w0"}));
  attach(1);
  ask();
  EXPECT_EQ(texts(), Texts{"send w1 r0/1"});
}

TEST_F(Held, ASuspectIsNotRunByAHeldWorker) {
  attach(0);
  attach_held(1, "stranger");
  ask();
  static_cast<void>(texts());
  died("worker0", {0});
  EXPECT_EQ(texts(), Texts{"close w0"});
  attach(2);
  EXPECT_EQ(texts(), Texts{"send w2 r0/2 alone"});
}

using Drained = DispatcherTest;

TEST_F(Drained, NewRequestsThatNameItAreNotFound) {
  attach(0);
  attach(1, 2, 2);
  status(VersionState::draining, 1);
  EXPECT_EQ(ask(kSecond, 1), -1);
  EXPECT_EQ(refusal_, (Error{ErrorCode::not_found, "model 'digits' has no version 1"}));
  ask_times(3);
  EXPECT_EQ(texts(), (Texts{"send w1 r0/1", "send w1 r1/1"}));
}

TEST_F(Drained, WhatNamesItIsFinishedEvenAfterADeath) {
  attach(0, 1);
  attach(1, 2, 2);
  ask(kSecond, 1);
  ask(kSecond, 1);
  static_cast<void>(texts());
  status(VersionState::draining, 1);
  EXPECT_FALSE(core_.quiet("digits", 1));
  died("worker0", {});
  EXPECT_EQ(texts(), Texts{"close w0"});
  EXPECT_FALSE(core_.quiet("digits", 1));
  attach_held(2, "worker0", 1);
  EXPECT_EQ(texts(), Texts{"send w2 r0/2"});
  result(2, 0);
  EXPECT_EQ(texts(), (Texts{"deliver r0", "send w2 r1/1"}));
  EXPECT_FALSE(core_.quiet("digits", 1));
  result(2, 1);
  EXPECT_TRUE(core_.quiet("digits", 1));
}

TEST_F(Drained, WhatNamesNoVersionLeavesIt) {
  weights({{1, 100}});
  attach(0, 1);
  ask_times(2);
  static_cast<void>(texts());
  attach(1, 1, 2);  // weighted as well
  static_cast<void>(texts());
  status(VersionState::draining, 1);
  EXPECT_FALSE(core_.quiet("digits", 1));  // r0 runs there
  died("worker0", {});
  result(1, 1);
  EXPECT_EQ(texts(), (Texts{"close w0", "deliver r1", "send w1 r0/2"}));
  EXPECT_TRUE(core_.quiet("digits", 1));
}

TEST_F(Drained, IsQuietOnlyOnceTheLastAnswerIsBack) {
  attach(0);
  EXPECT_TRUE(core_.quiet("digits", 1));
  ask();
  EXPECT_FALSE(core_.quiet("digits", 1));
  static_cast<void>(texts());
  status(VersionState::draining, 1);
  result(0, 0);
  EXPECT_TRUE(core_.quiet("digits", 1));
  EXPECT_TRUE(core_.quiet("digits", 7));
  EXPECT_TRUE(core_.quiet("other", 1));
}

TEST_F(Drained, MayComeBack) {
  attach(0);
  status(VersionState::draining, 1);
  EXPECT_EQ(ask(), -1);
  status(VersionState::expected, 1);
  EXPECT_EQ(ask(kSecond, 1), 0);
  EXPECT_EQ(texts(), Texts{"send w0 r0/1"});
}

TEST_F(Drained, ASnapshotIsTakenOverAsOne) {
  attach(0, 1);
  ask_times(2);
  static_cast<void>(texts());
  // In one step the old version drains and the new one takes its place: nobody is told off between.
  declared_[1].state = VersionState::draining;
  declared_[2] = {.workers = {"worker1"}};
  attach_held(1, "worker1", 2, 2);
  EXPECT_EQ(texts(), Texts{});
  route();
  EXPECT_EQ(texts(), Texts{"send w1 r1/1"});
}

TEST_F(Drained, UnversionedRequestsWaitWhileTheOnlyOtherVersionIsExpected) {
  attach(0, 1);
  declared_[2] = {.weight = 0};
  status(VersionState::draining, 1);
  EXPECT_EQ(ask(), 0);
  EXPECT_EQ(texts(), Texts{});
  weights({{2, 100}});
  attach(1, 2, 2);
  EXPECT_EQ(texts(), Texts{"send w1 r0/1"});
}

// The number of requests of `count` that go to link 1, each answered at once.
class Shares : public DispatcherTest {
 protected:
  std::array<int, 3> serve(int count) {
    std::array<int, 3> sent{};
    for (int i = 0; i < count; ++i) {
      const int request = ask();
      for (const std::string& text : texts()) {
        for (LinkKey link = 0; link < sent.size(); ++link) {
          if (text.starts_with("send w" + std::to_string(link) + " ")) {
            ++sent[link];
            result(link, static_cast<std::size_t>(request));
          }
        }
      }
      static_cast<void>(texts());
    }
    return sent;
  }
};

TEST_F(Shares, FollowTheWeights) {
  struct Case {
    int old_weight;
    int new_weight;
    int asked;
    int to_new;
  };
  constexpr Case kCases[] = {
      {90, 10, 1'000, 100},
      {99, 1, 1'000, 10},
      {50, 50, 1'000, 500},
      {0, 100, 10, 10},
      {100, 0, 10, 0},
      {2, 1, 999, 333},
      {90, 10, 10, 1},
  };
  attach(0);
  attach(1, 2, 2);
  for (const Case& each : kCases) {
    weights({{1, each.old_weight}, {2, each.new_weight}});
    const auto sent = serve(each.asked);
    EXPECT_NEAR(sent[1], each.to_new, 1) << each.new_weight << " of " << each.asked;
    EXPECT_EQ(sent[0] + sent[1], each.asked);
  }
}

TEST_F(Shares, AreKeptOverSnapshotsThatChangeNothing) {
  attach(0);
  attach(1, 2, 2);
  weights({{1, 90}, {2, 10}});
  int to_new = 0;
  for (int i = 0; i < 100; ++i) {
    route();
    to_new += serve(1)[1];
  }
  EXPECT_NEAR(to_new, 10, 1);
}

TEST_F(Shares, OfAVersionWithoutAWorkerGoToTheOthers) {
  attach(0);
  attach(1, 2, 2);
  weights({{1, 50}, {2, 50}});
  died("worker1", {});
  EXPECT_EQ(serve(10)[0], 10);
  attach_held(1, "worker1", 2, 2);
  EXPECT_EQ(serve(10)[1], 5);
}

TEST_F(Shares, WaitForTheirVersionRatherThanFillTheOther) {
  attach(0, 1);
  attach(1, 9, 2);
  weights({{1, 50}, {2, 50}});
  ask_times(4);
  EXPECT_EQ(texts(), (Texts{"send w0 r0/1", "send w1 r1/1", "send w1 r3/1"}));
  EXPECT_EQ(core_.models().front().queued, 1U);
  result(0, 0);
  EXPECT_EQ(texts(), (Texts{"deliver r0", "send w0 r2/1"}));
}

TEST_F(Shares, ThatWaitMoveOnWhenTheirVersionIsGone) {
  attach(0, 1);
  attach(1, 1, 2);
  weights({{1, 50}, {2, 50}});
  ask_times(4);
  EXPECT_EQ(texts(), (Texts{"send w0 r0/1", "send w1 r1/1"}));
  died("worker0", {});
  EXPECT_EQ(texts(), Texts{"close w0"});
  for (const std::size_t done : {1U, 0U, 2U}) {  // oldest first
    result(1, done);
    const Texts seen = texts();
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_TRUE(seen[1].starts_with("send w1 r" + std::to_string(done == 1   ? 0
                                                                 : done == 0 ? 2
                                                                             : 3)))
        << seen[1];
  }
}

TEST_F(Shares, ThatWaitMoveOnWhenTheirVersionIsSilent) {
  attach(0, 1);
  attach(1, 1, 2);
  weights({{1, 50}, {2, 50}});
  ask_times(3);
  static_cast<void>(texts());
  for (int i = 0; i < 3; ++i) {
    pass(200 * kMs);
    beat(1, 1);
  }
  result(1, 1);
  EXPECT_EQ(texts(), (Texts{"deliver r1", "send w1 r2/1"}));
}

TEST_F(Shares, ThatWaitMoveOnWhenTheirWeightIsTaken) {
  attach(0, 1);
  attach(1, 9, 2);
  weights({{1, 50}, {2, 50}});
  ask_times(3);
  static_cast<void>(texts());
  weights({{1, 0}, {2, 100}});
  EXPECT_EQ(texts(), Texts{"send w1 r2/1"});
}

TEST_F(Shares, WaitForAnyWhenNobodyIsThere) {
  weights({{1, 50}, {2, 50}});
  ask_times(2);
  EXPECT_EQ(texts(), Texts{});
  attach(1, 9, 2);
  EXPECT_EQ(texts(), (Texts{"send w1 r0/1", "send w1 r1/1"}));
}

TEST_F(Shares, AreForgottenOnceARequestComesBack) {
  attach(0);
  attach(1, 9, 2);
  weights({{1, 100}, {2, 1}});
  ask();
  EXPECT_EQ(texts(), Texts{"send w0 r0/1"});
  died("worker0", {});
  EXPECT_EQ(texts(), (Texts{"close w0", "send w1 r0/2"}));
}

TEST_F(Shares, EndWithTheirRequests) {
  attach(0, 1);
  attach(1, 1, 2);
  weights({{1, 50}, {2, 50}});
  for (int i = 0; i < 4; ++i) {
    ask(100 * kMs);
  }
  static_cast<void>(texts());
  core_.on(ClientGone{ids_[2]}, now_, actions_);
  pass(100 * kMs);
  const Texts seen = texts();
  EXPECT_EQ(std::ranges::count(seen, "answer r3 deadline_exceeded"), 1);
  EXPECT_EQ(core_.models().front().queued, 0U);
  EXPECT_TRUE(core_.idle());
}

}  // namespace
}  // namespace sluice::gateway
