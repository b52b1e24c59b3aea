#include "gateway/route/dispatcher.h"

#include <algorithm>

#include "tests/unit/gateway/route/dispatcher_fixture.h"

namespace sluice::gateway {
namespace {

using Door = DispatcherTest;

TEST_F(Door, UnknownModelsAndVersionsAreNotFound) {
  EXPECT_EQ(ask(), -1);
  EXPECT_EQ(refusal_, (Error{ErrorCode::not_found, "no model 'digits'"}));
  attach(0);
  EXPECT_EQ(ask(kSecond, 7), -1);
  EXPECT_EQ(refusal_, (Error{ErrorCode::not_found, "model 'digits' has no version 7"}));
}

TEST_F(Door, ARequestGoesToAReadyWorkerAtOnce) {
  attach(0);
  EXPECT_EQ(ask(), 0);
  EXPECT_EQ(texts(), Texts{"send w0 r0/1"});
  result(0, 0);
  EXPECT_EQ(texts(), Texts{"deliver r0"});
  EXPECT_TRUE(core_.idle());
  EXPECT_EQ(core_.counters().admitted, 1U);
  EXPECT_EQ(core_.counters().delivered, 1U);
}

TEST_F(Door, ADeadlineInThePastIsRefused) {
  attach(0);
  EXPECT_EQ(ask(Duration(0)), -1);
  EXPECT_EQ(refusal_.code, ErrorCode::deadline_exceeded);
  EXPECT_EQ(core_.counters().expired, 1U);
}

TEST_F(Door, AnExpectedVersionMakesRequestsWait) {
  status(VersionState::expected);
  EXPECT_EQ(ask(), 0);
  EXPECT_EQ(texts(), Texts{});
  attach(0);
  EXPECT_EQ(texts(), Texts{"send w0 r0/1"});
}

TEST_F(Door, AFailedVersionIsUnavailableWithItsReason) {
  status(VersionState::expected);
  EXPECT_EQ(ask(), 0);
  status(VersionState::failed, 1, "no kernel for Foo");
  EXPECT_EQ(texts(), Texts{"answer r0 unavailable"});
  EXPECT_EQ(ask(), -1);
  EXPECT_EQ(
      refusal_,
      (Error{ErrorCode::unavailable, "version 1 of model 'digits' has failed: no kernel for Foo"}));
  attach(0);
  EXPECT_EQ(ask(), 1);
}

TEST_F(Door, ARetiredVersionIsNotFoundAndTakesNothingUnversioned) {
  attach(0, 2, 1);
  attach(1, 2, 2);
  retire(1);
  for (int i = 0; i < 2; ++i) {
    ask();
  }
  EXPECT_EQ(texts(), (Texts{"send w1 r0/1", "send w1 r1/1"}));
  EXPECT_EQ(ask(kSecond, 1), -1);
  EXPECT_EQ(refusal_.code, ErrorCode::not_found);
}

TEST_F(Door, WeightsBindUnversionedRequests) {
  attach(0, 9, 1);
  attach(1, 9, 2);
  weights({{1, 0}, {2, 100}});
  ask();
  ask(kSecond, 1);
  EXPECT_EQ(texts(), (Texts{"send w1 r0/1", "send w0 r1/1"}));
}

TEST_F(Door, ADrainingGatewayRefusesAndFinishes) {
  attach(0, 1);
  ask_times(2);
  core_.on(GatewayDraining{}, now_, actions_);
  EXPECT_EQ(ask(), -1);
  EXPECT_EQ(refusal_.code, ErrorCode::unavailable);
  static_cast<void>(texts());
  result(0, 0);
  EXPECT_EQ(texts(), (Texts{"deliver r0", "send w0 r1/1"}));
  EXPECT_FALSE(core_.idle());
}

class SmallQueue : public DispatcherTest {
 protected:
  SmallQueue() : DispatcherTest({.queue_requests = 2, .queue_bytes = 25, .requests = 4}) {}
};

TEST_F(SmallQueue, IsBoundedInCountAndSaysSo) {
  attach(0, 1);
  ask_times(3);
  EXPECT_EQ(ask(), -1);
  EXPECT_EQ(refusal_,
            (Error{ErrorCode::resource_exhausted,
                   "the queue of model 'digits' is full: 2 requests wait"}));
  EXPECT_EQ(core_.counters().queue_full, 1U);
  EXPECT_EQ(core_.models().front().queued, 2U);
  EXPECT_EQ(core_.models().front().queued_bytes, 20U);
  ASSERT_EQ(core_.models().front().versions.size(), 1U);
  EXPECT_EQ(core_.models().front().versions[0].in_flight, 1U);
}

TEST_F(SmallQueue, IsBoundedInBytes) {
  attach(0, 0);
  ask_times(2);
  pass(30 * kSecond);
  static_cast<void>(texts());
  beat(0, 0);
  const auto big = core_.admit(
      Admit{.model = "digits", .bytes = 26, .deadline = now_ + kSecond}, now_, actions_);
  EXPECT_EQ(big.error().code, ErrorCode::resource_exhausted);
}

TEST_F(SmallQueue, AllModelsTogetherAreBounded) {
  attach(0, 9);
  ask_times(4);
  EXPECT_EQ(ask(), -1);
  EXPECT_EQ(refusal_.code, ErrorCode::resource_exhausted);
}

using Routing = DispatcherTest;

TEST_F(Routing, CreditIsNeverExceededAndFreedByAnswers) {
  attach(0, 2);
  ask_times(4);
  EXPECT_EQ(texts(), (Texts{"send w0 r0/1", "send w0 r1/1"}));
  result(0, 1);
  EXPECT_EQ(texts(), (Texts{"deliver r1", "send w0 r2/1"}));
  beat(0, 3);
  EXPECT_EQ(texts(), Texts{"send w0 r3/1"});
}

TEST_F(Routing, CreditMayComeWithAnAnswer) {
  attach(0, 1);
  ask_times(3);
  static_cast<void>(texts());
  core_.on(ResultArrived{.link = 0, .id = ids_[0], .attempt = 1, .credit = 2}, now_, actions_);
  EXPECT_EQ(texts(), (Texts{"deliver r0", "send w0 r1/1", "send w0 r2/1"}));
}

TEST_F(Routing, NamedVersionsDoNotHoldUpOthers) {
  attach(0, 1, 1);
  attach(1, 1, 2);
  ask(kSecond, 1);
  ask(kSecond, 1);  // waits for version 1
  ask(kSecond, 2);
  EXPECT_EQ(texts(), (Texts{"send w0 r0/1", "send w1 r2/1"}));
}

TEST_F(Routing, TheOldestOfTheLanesThatFitIsNext) {
  attach(0, 1, 1);
  ask();
  ask(kSecond, 1);
  ask();
  static_cast<void>(texts());
  result(0, 0);
  EXPECT_EQ(texts(), (Texts{"deliver r0", "send w0 r1/1"}));
  result(0, 1);
  EXPECT_EQ(texts(), (Texts{"deliver r1", "send w0 r2/1"}));
}

TEST_F(Routing, ADrainingWorkerGetsNoNewWorkAndIsLetGo) {
  attach(0, 2);
  attach(1, 2);
  status(VersionState::expected);
  ask_times(4);
  static_cast<void>(texts());
  core_.on(WorkerDraining{0}, now_, actions_);
  EXPECT_EQ(texts(), Texts{});
  const auto views = core_.workers(now_);
  EXPECT_EQ(views[0].state, LinkState::draining);
  for (std::size_t request = 0; request < 4; ++request) {
    result(0, request);
    result(1, request);
  }
  const Texts seen = texts();
  EXPECT_EQ(std::ranges::count(seen, "bye w0"), 1);
  EXPECT_EQ(std::ranges::count(seen, "close w0"), 1);
  ask();
  EXPECT_EQ(texts(), Texts{"send w1 r4/1"});
}

TEST_F(Routing, WhoWaitsForTheLastWorkerThatLeavesIsTold) {
  attach(0, 1);
  ask_times(2);
  static_cast<void>(texts());
  core_.on(WorkerDraining{0}, now_, actions_);
  EXPECT_EQ(texts(), Texts{});  // its version is expected still
  retire(1);
  EXPECT_EQ(texts(), Texts{"answer r1 not_found"});
  result(0, 0);
  EXPECT_EQ(texts(), (Texts{"deliver r0", "bye w0", "close w0"}));
  EXPECT_EQ(ask(), -1);
  EXPECT_EQ(refusal_, (Error{ErrorCode::not_found, "model 'digits' has no version to serve"}));
}

TEST_F(Routing, ARefusalOfTheWorkerIsTriedAgainAfterItsNextBeat) {
  attach(0);
  ask();
  static_cast<void>(texts());
  failure(0, 0, ErrorCode::unavailable);
  EXPECT_EQ(texts(), Texts{});
  EXPECT_EQ(core_.counters().retries_waiting, 1U);
  beat(0);
  EXPECT_EQ(texts(), Texts{"send w0 r0/2"});
}

TEST_F(Routing, FailuresAreDeliveredAsTheyAre) {
  attach(0);
  ask();
  static_cast<void>(texts());
  failure(0, 0, ErrorCode::invalid_argument);
  EXPECT_EQ(texts(), Texts{"deliver r0"});
}

TEST_F(Routing, AFailingWorkerIsEjectedUnlessItIsTheLast) {
  attach(0, 1);
  for (std::size_t i = 0; i < 6; ++i) {
    ask();
    static_cast<void>(texts());
    failure(0, i, ErrorCode::internal);
  }
  EXPECT_EQ(core_.counters().ejections, 0U);
  attach(1, 1);
  for (std::size_t i = 6; core_.counters().ejections == 0 && i < 100; ++i) {
    ask();
    const bool to_bad = texts().back().starts_with("send w0");
    to_bad ? failure(0, i, ErrorCode::internal) : result(1, i);
  }
  EXPECT_EQ(core_.counters().ejections, 1U);
  static_cast<void>(texts());
  EXPECT_TRUE(core_.workers(now_)[0].ejected);
  ask();
  EXPECT_TRUE(texts().back().starts_with("send w1"));
  pass(500 * kMs);
  beat(0, 1);
  beat(1, 1);
  pass(499 * kMs);
  ask();
  EXPECT_EQ(texts(), Texts{});  // the other one is at its credit: an ejected one stays idle
  pass(1 * kMs);
  beat(1, 1);
  beat(0, 1);
  pass(200 * kMs);
  const Texts later = texts();
  ASSERT_EQ(later.size(), 1U);
  EXPECT_TRUE(later[0].starts_with("send w0"));
}

TEST_F(Routing, AnEjectedWorkerServesWhenItIsTheOnlyOneLeft) {
  attach(0, 1);
  attach(1, 1);
  std::size_t next = 0;
  while (core_.counters().ejections == 0 && next < 200) {
    ask();
    const bool to_bad = texts().back().starts_with("send w0");
    to_bad ? failure(0, next, ErrorCode::internal) : result(1, next);
    ++next;
  }
  ASSERT_EQ(core_.counters().ejections, 1U);
  died("worker1", {});
  static_cast<void>(texts());
  ask();
  EXPECT_EQ(texts().back(), "send w0 r" + std::to_string(next) + "/1");
}

TEST_F(Routing, ASlowWorkerIsEjected) {
  attach(0, 1);
  attach(1, 1);
  for (std::size_t i = 0; i < 200 && core_.counters().ejections == 0; ++i) {
    ask();
    const LinkKey link = texts().back().starts_with("send w0") ? 0 : 1;
    // Both idle: without estimates both are taken; then only the second choice of two falls on it.
    ask();
    const LinkKey other = 1 - link;
    static_cast<void>(texts());
    result(link, 2 * i, 1, link == 0 ? 100 * kMs : 2 * kMs);
    result(other, 2 * i + 1, 1, other == 0 ? 100 * kMs : 2 * kMs);
    beat(0, 1);
    beat(1, 1);
  }
  EXPECT_EQ(core_.counters().ejections, 1U);
  EXPECT_TRUE(core_.workers(now_)[0].ejected);
  EXPECT_FALSE(core_.workers(now_)[1].ejected);
}

TEST_F(Routing, AWorkerWhoseExecutorIsStuckIsEjected) {
  attach(0, 9);
  attach(1, 9);
  ask_times(4);
  for (int beats = 0; beats < 8; ++beats) {
    pass(200 * kMs);
    core_.on(
        HeartbeatArrived{.link = 0, .credit = 9, .progress = 5, .running = true}, now_, actions_);
    core_.on(
        HeartbeatArrived{
            .link = 1, .credit = 9, .progress = static_cast<std::uint64_t>(beats), .running = true},
        now_,
        actions_);
  }
  EXPECT_TRUE(core_.workers(now_)[0].ejected);
  EXPECT_FALSE(core_.workers(now_)[1].ejected);
}

using Deadlines = DispatcherTest;

TEST_F(Deadlines, PassInTheQueue) {
  attach(0, 0);
  ask(100 * kMs);
  EXPECT_LE(core_.next_due(), now_ + 100 * kMs);
  pass(99 * kMs);
  EXPECT_EQ(texts(), Texts{});
  pass(kMs);
  EXPECT_EQ(texts(), Texts{"answer r0 deadline_exceeded"});
}

TEST_F(Deadlines, PassInTheWorkerWhichIsToldToCancel) {
  attach(0);
  ask(100 * kMs);
  static_cast<void>(texts());
  pass(100 * kMs);
  EXPECT_EQ(texts(), (Texts{"cancel w0 r0/1", "answer r0 deadline_exceeded"}));
  result(0, 0);
  EXPECT_EQ(texts(), Texts{});
  EXPECT_EQ(core_.counters().late_replies, 1U);
  EXPECT_EQ(core_.counters().expired, 1U);
}

TEST_F(Deadlines, AreOfTheVersionWhoseWorkerHadTheRequest) {
  attach(0, 1, 7);
  ask(100 * kMs);
  ask(100 * kMs);     // waits
  ask(100 * kMs, 7);  // so does this one, by the version's name
  pass(100 * kMs);
  std::map<std::size_t, std::int64_t> versions;
  for (const Action& action : actions_) {
    if (const auto* answer = std::get_if<Answer>(&action)) {
      versions[index_of(answer->id)] = answer->version;
    }
  }
  EXPECT_EQ(versions, (std::map<std::size_t, std::int64_t>{{0, 7}, {1, 0}, {2, 0}}));
}

TEST_F(Deadlines, AreCheckedAtDispatchEvenBeforeTheTick) {
  attach(0, 1);
  ask();
  ask(100 * kMs);
  static_cast<void>(texts());
  now_ += 150 * kMs;
  result(0, 0);
  EXPECT_EQ(texts(), (Texts{"deliver r0", "answer r1 deadline_exceeded"}));
}

TEST_F(Deadlines, AnExpiredRequestGivesItsRoomToTheNext) {
  attach(0, 1);
  ask(100 * kMs);
  ask();
  static_cast<void>(texts());
  pass(100 * kMs);
  EXPECT_EQ(texts(), (Texts{"cancel w0 r0/1", "answer r0 deadline_exceeded", "send w0 r1/1"}));
}

TEST_F(Deadlines, AClientThatGoesAwayCancels) {
  attach(0, 1);
  ask_times(2);
  static_cast<void>(texts());
  core_.on(ClientGone{ids_[1]}, now_, actions_);
  EXPECT_EQ(texts(), Texts{});  // it was still here
  core_.on(ClientGone{ids_[0]}, now_, actions_);
  EXPECT_EQ(texts(), Texts{"cancel w0 r0/1"});
  core_.on(ClientGone{ids_[0]}, now_, actions_);
  EXPECT_EQ(texts(), Texts{});
  EXPECT_EQ(core_.counters().cancelled, 2U);
  EXPECT_TRUE(core_.idle());
}

TEST_F(Deadlines, ConfirmationsOfCancelsAreNotLateReplies) {
  attach(0, 1);
  ask();
  static_cast<void>(texts());
  core_.on(ClientGone{ids_[0]}, now_, actions_);
  failure(0, 0, ErrorCode::cancelled);
  EXPECT_EQ(core_.counters().late_replies, 0U);
}

}  // namespace
}  // namespace sluice::gateway
