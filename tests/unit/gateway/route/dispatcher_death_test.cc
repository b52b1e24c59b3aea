// Silence, death, retry and quarantine.

#include <algorithm>

#include "gateway/route/dispatcher.h"
#include "tests/unit/gateway/route/dispatcher_fixture.h"

namespace sluice::gateway {
namespace {

using Death = DispatcherTest;

TEST_F(Death, WaitingRequestsGoElsewhereAtOnceAndFirst) {
  attach(0, 3);
  ask_times(4);
  attach(1, 3);
  static_cast<void>(texts());
  died("worker0", {});
  EXPECT_EQ(texts(), (Texts{"close w0", "send w1 r0/2", "send w1 r1/2"}));
  EXPECT_EQ(core_.counters().retries_waiting, 3U);
  EXPECT_EQ(core_.counters().retries_running, 0U);
}

TEST_F(Death, WithoutAnotherWorkerRequestsWaitForTheRestart) {
  attach(0);
  ask();
  static_cast<void>(texts());
  died("worker0", {});
  EXPECT_EQ(texts(), Texts{"close w0"});
  EXPECT_EQ(ask(), 1);
  attach_as(0, "worker0 again");
  EXPECT_EQ(texts(), (Texts{"send w0 r0/2", "send w0 r1/1"}));
}

TEST_F(Death, WhatWasRunningIsReRunAlone) {
  attach(0, 3);
  attach(1, 3);
  ask_times(2);
  const Texts sent = texts();
  const bool first = sent[0].starts_with("send w0");
  ASSERT_NE(sent[0].substr(0, 7), sent[1].substr(0, 7));
  died(first ? "worker0" : "worker1", {0});
  // The other worker is busy with r1: r0 waits until it is idle, and keeps it to itself then.
  ask();
  EXPECT_EQ(texts(), Texts{first ? "close w0" : "close w1"});
  const LinkKey other = first ? 1 : 0;
  const std::string name = "w" + std::to_string(other);
  result(other, 1);
  EXPECT_EQ(texts(), (Texts{"deliver r1", "send " + name + " r0/2 alone"}));
  result(other, 0);
  EXPECT_EQ(texts(), (Texts{"deliver r0", "send " + name + " r2/1"}));
  EXPECT_EQ(core_.counters().retries_running, 1U);
}

TEST_F(Death, ASecondDeathWhileAloneQuarantines) {
  attach(0, 3);
  ask_times(3);
  static_cast<void>(texts());
  died("worker0", {0});
  attach_as(1, "second");
  EXPECT_EQ(texts(), (Texts{"close w0", "send w1 r0/2 alone"}));
  died("second", {0});
  EXPECT_EQ(texts(), (Texts{"answer r0 internal quarantine", "close w1"}));
  attach_as(2, "third", 3);
  EXPECT_EQ(texts(), (Texts{"send w2 r1/2", "send w2 r2/2"}));
  EXPECT_EQ(core_.counters().quarantined, 1U);
}

TEST_F(Death, AQuarantinedRequestIsRefusedAtTheDoor) {
  attach(0);
  const Admit again{.model = "digits", .bytes = 1, .deadline = now_ + kSecond, .fingerprint = 77};
  EXPECT_FALSE(core_.wants_fingerprints());
  core_.on(Quarantined{.model = "digits", .fingerprint = 77}, now_, actions_);
  EXPECT_TRUE(core_.wants_fingerprints());
  EXPECT_EQ(core_.admit(again, now_, actions_).error().code, ErrorCode::internal);
  EXPECT_EQ(core_.counters().quarantine_hits, 1U);
  attach(1, 2, 2);  // a new version may be sound
  EXPECT_FALSE(core_.wants_fingerprints());
  EXPECT_TRUE(core_.admit(again, now_, actions_));
}

TEST_F(Death, ASecondKillFromOutsideIsNoProofAThirdIs) {
  attach(0);
  ask();
  static_cast<void>(texts());
  died("worker0", {0}, true);
  attach_as(1, "second");
  died("second", {0}, true);
  attach_as(2, "third");
  EXPECT_EQ(texts(), (Texts{"close w0", "send w1 r0/2 alone", "close w1", "send w2 r0/3 alone"}));
  died("third", {0}, true);
  EXPECT_EQ(texts(), (Texts{"answer r0 internal quarantine", "close w2"}));
}

TEST_F(Death, ACrashAfterAKillIsProof) {
  attach(0);
  ask();
  static_cast<void>(texts());
  died("worker0", {0}, true);
  attach_as(1, "second");
  died("second", {0});
  EXPECT_EQ(texts(),
            (Texts{"close w0", "send w1 r0/2 alone", "answer r0 internal quarantine", "close w1"}));
}

TEST_F(Death, CompanyOfASuspectIsNeverQuarantined) {
  attach(0, 4);
  ask_times(2);
  died("worker0", {0, 1});
  attach_as(1, "second", 4);
  static_cast<void>(texts());
  // Another shard's request was running beside it: no proof.
  core_.on(WorkerDied{.worker = "second", .running = std::array{ids_[0], RequestId{9} << 56}},
           now_,
           actions_);
  attach_as(2, "third", 4);
  EXPECT_EQ(texts(), (Texts{"close w1", "send w2 r0/3 alone"}));
  result(2, 0);
  EXPECT_EQ(texts(), (Texts{"deliver r0", "send w2 r1/2 alone"}));
  result(2, 1);
  EXPECT_EQ(texts(), Texts{"deliver r1"});
}

TEST_F(Death, WhatWasRunningIsReRunAtMostTwice) {
  attach(0);
  ask();
  static_cast<void>(texts());
  const RequestId stranger = RequestId{9} << 56;
  for (int death = 1; death <= 3; ++death) {
    const std::string worker = death == 1 ? "worker0" : "life" + std::to_string(death);
    if (death > 1) {
      attach_as(0, worker);
    }
    core_.on(
        WorkerDied{.worker = worker, .running = std::array{ids_[0], stranger}}, now_, actions_);
  }
  const Texts seen = texts();
  EXPECT_EQ(seen.back(), "close w0");
  EXPECT_EQ(seen[seen.size() - 2], "answer r0 internal");
  EXPECT_EQ(std::ranges::count_if(seen, [](auto& text) { return text.starts_with("send"); }), 2);
}

TEST_F(Death, AReportAboutAnEarlierLifeOfTheShardIsNobodys) {
  attach(0);
  ask();
  static_cast<void>(texts());
  core_.on(WorkerDied{.worker = "long gone", .running = std::array{ids_[0]}}, now_, actions_);
  EXPECT_EQ(texts(), Texts{});
  result(0, 0);
  EXPECT_EQ(texts(), Texts{"deliver r0"});
}

TEST_F(Death, AResultAfterTheReportIsLate) {
  attach(0);
  ask();
  static_cast<void>(texts());
  died("worker0", {});
  attach(1);
  static_cast<void>(texts());
  result(1, 0, 1);  // the first attempt's
  EXPECT_EQ(texts(), Texts{});
  EXPECT_EQ(core_.counters().late_replies, 1U);
  result(1, 0, 2);
  EXPECT_EQ(texts(), Texts{"deliver r0"});
}

using Silence = DispatcherTest;

TEST_F(Silence, TwoMissedBeatsMeanNoNewWork) {
  attach(0, 9);
  attach(1, 9);
  pass(400 * kMs);
  beat(1, 9);
  pass(120 * kMs);
  for (int i = 0; i < 5; ++i) {
    ask();
  }
  for (const std::string& text : texts()) {
    EXPECT_TRUE(text.starts_with("send w1")) << text;
  }
}

TEST_F(Silence, ThreeMissedBeatsMoveTheWorkWithinTheBudget) {
  attach(0, 30);
  ask_times(25);
  attach(1, 30);
  static_cast<void>(texts());
  for (int beats = 0; beats < 4; ++beats) {
    pass(200 * kMs);
    beat(1, 30);
  }
  pass(100 * kMs);
  const Texts moved = texts();
  EXPECT_EQ(std::ranges::count_if(moved, [](auto& text) { return text.starts_with("cancel w0"); }),
            10);
  EXPECT_EQ(std::ranges::count_if(moved, [](auto& text) { return text.starts_with("send w1"); }),
            10);
  EXPECT_EQ(core_.counters().retries_suspicion, 10U);
  EXPECT_EQ(core_.counters().budget_exhausted, 1U);
  EXPECT_FALSE(core_.beats(0));
  result(1, 0);  // gives a share of the budget back
  EXPECT_EQ(texts(), (Texts{"deliver r0", "cancel w0 r10/1", "send w1 r10/2"}));
  result(0, 11);  // what stayed there may still be answered; and the link is trusted again
  EXPECT_EQ(texts(), Texts{"deliver r11"});
  EXPECT_TRUE(core_.beats(0));
}

TEST_F(Silence, WorkStaysWhereThereIsNobodyElse) {
  attach(0);
  ask();
  static_cast<void>(texts());
  pass(10 * kSecond);
  EXPECT_EQ(texts(), Texts{});
  EXPECT_EQ(core_.workers(now_)[0].state, LinkState::suspected);
  beat(0);
  EXPECT_EQ(core_.workers(now_)[0].state, LinkState::ready);
  result(0, 0);
  EXPECT_EQ(texts(), Texts{"deliver r0"});
}

TEST_F(Silence, ALostLinkWaitsForTheReportBeforeItRetries) {
  attach(0);
  ask();
  attach(1);
  static_cast<void>(texts());
  core_.on(LinkLost{0}, now_, actions_);
  beat(1);
  pass(100 * kMs);
  EXPECT_EQ(texts(), Texts{});
  pass(250 * kMs);
  EXPECT_EQ(texts(), (Texts{"cancel w0 r0/1", "send w1 r0/2"}));
}

TEST_F(Silence, ALostLinkWithoutWorkIsClosed) {
  attach(0);
  core_.on(LinkLost{0}, now_, actions_);
  EXPECT_EQ(texts(), Texts{"close w0"});
  EXPECT_EQ(ask(), 0);  // expected back
}

TEST_F(Silence, AProofAfterASuspicionStillMakesASuspect) {
  attach(0);
  ask();
  attach(1, 1);
  static_cast<void>(texts());
  for (int beats = 0; beats < 4; ++beats) {
    pass(220 * kMs);
    beat(1, 1);
  }
  EXPECT_EQ(texts(), (Texts{"cancel w0 r0/1", "send w1 r0/2"}));
  died("worker0", {0});
  EXPECT_EQ(texts(), Texts{"close w0"});
  died("worker1", {0});  // its second death, but in possible company: alone once more
  attach_as(2, "third");
  EXPECT_EQ(texts(), (Texts{"close w1", "send w2 r0/3 alone"}));
}

TEST_F(Silence, ADeathCountsOnceForARequestThatCameBackToTheLinkItWasTakenFrom) {
  attach(0, 1);
  ask();
  attach(1, 1);
  for (int beats = 0; beats < 4; ++beats) {
    pass(220 * kMs);
    beat(1, 1);
  }
  died("worker1", {0});  // its first
  beat(0, 1);            // trusted again, and the only one left
  EXPECT_EQ(
      texts(),
      (Texts{"send w0 r0/1", "cancel w0 r0/1", "send w1 r0/2", "close w1", "send w0 r0/3 alone"}));
  // The first attempt was still running there, beside another shard's request.
  core_.on(WorkerDied{.worker = "worker0", .running = std::array{ids_[0], RequestId{9} << 56}},
           now_,
           actions_);
  EXPECT_EQ(texts(), Texts{"close w0"});
  attach_as(2, "third", 1);
  EXPECT_EQ(texts(), Texts{"send w2 r0/4 alone"});
}

using Reattach = DispatcherTest;

TEST_F(Reattach, ANewLinkOfAProcessReplacesItsOld) {
  attach_as(0, "same");
  attach_as(1, "same");
  EXPECT_EQ(texts(), Texts{"close w0"});
  ask();
  EXPECT_EQ(texts(), Texts{"send w1 r0/1"});
}

TEST_F(Reattach, WorkOfTheOldLinkIsReRunWithinTheBudget) {
  attach_as(0, "same", 20);
  ask_times(12);
  static_cast<void>(texts());
  attach_as(1, "same", 20);
  const Texts moved = texts();
  EXPECT_EQ(std::ranges::count_if(moved, [](auto& text) { return text.starts_with("send w1"); }),
            10);
  // Cancels reach the process on the link that works.
  EXPECT_EQ(std::ranges::count_if(moved, [](auto& text) { return text.starts_with("cancel w1"); }),
            10);
  result(1, 11, 1);  // the old attempt, answered over the new link, counts
  result(1, 10, 1);
  EXPECT_EQ(texts(), (Texts{"deliver r11", "deliver r10", "close w0"}));
}

TEST_F(Reattach, ADeathTakesBothLinks) {
  attach_as(0, "same", 20);
  ask_times(12);
  attach_as(1, "same", 20);
  static_cast<void>(texts());
  died("same", {});
  EXPECT_EQ(texts(), (Texts{"close w0", "close w1"}));
  attach_as(2, "next", 20);
  EXPECT_EQ(texts().size(), 12U);
}

TEST_F(Reattach, TooManyVersionsAreTurnedAway) {
  for (LinkKey link = 0; link < limits::kVersionsPerModel; ++link) {
    attach(link, 1, link + 1);
  }
  EXPECT_EQ(texts(), Texts{});
  attach(100, 1, 1'000);
  EXPECT_EQ(texts(), (Texts{"bye w100", "close w100"}));
}

}  // namespace
}  // namespace sluice::gateway
