// What operators ask of a model: rollouts with their options, load, unload, pause, abort, rollback.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/gateway/control/fleet_stage.h"

namespace sluice::gateway {
namespace {

using link::ModelSettings;
using link::WorkerState;
using std::chrono::minutes;
using std::chrono::seconds;

RolloutAsked to(std::int64_t version) {
  RolloutAsked asked;
  asked.model = "m";
  asked.to = version;
  return asked;
}

RolloutAsked by_steps(std::int64_t version, std::vector<int> steps, Duration hold = {}) {
  RolloutAsked asked = to(version);
  asked.steps = std::move(steps);
  asked.hold = hold;
  return asked;
}

// Version 2 of two serves, by the policy.
class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
    stage.ready(2);
    stage.shards_follow();
    stage.events();
  }
  // The id, or the error's words.
  std::string ask(const RolloutAsked& asked) {
    return words(stage.fleet.rollout(asked, stage.now));
  }
  std::string load(const std::string& config = {}) {
    return words(stage.fleet.load({"m", config}, stage.now));
  }
  std::string unload() { return words(stage.fleet.unload({"m"}, stage.now)); }
  std::string verb(RolloutVerb verb) { return words(stage.fleet.control({"m", verb}, stage.now)); }
  std::string words(const Result<CommandId>& result) {
    stage.follow();
    return result ? std::to_string(*result)
                  : std::string(name_of(result.error().code)) + ": " + result.error().detail;
  }

  FleetStage stage;
};

TEST_F(CommandTest, ARolloutPinsItsVersionAndIsDoneWhenEveryShardServesIt) {
  EXPECT_EQ(ask(to(1)), "1");
  EXPECT_EQ(stage.status().pin, std::vector<std::int64_t>{1});
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  stage.ready(1);
  EXPECT_EQ(stage.routes(), "1:ready:100 2:draining");
  stage.publish();
  EXPECT_EQ(stage.outcomes(), "");
  stage.apply();
  EXPECT_EQ(stage.outcomes(), "1 done");
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}, {3, "cccccccc"}});
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0") << "the pin holds";
  RolloutAsked policy;
  policy.model = "m";
  EXPECT_EQ(ask(policy), "2");
  EXPECT_EQ(stage.status().pin, std::nullopt);
  stage.ready(3);
  stage.shards_follow();
  EXPECT_EQ(stage.outcomes(), "2 done");
  EXPECT_EQ(stage.routes(), "3:ready:100");
}

TEST_F(CommandTest, WhatCannotBeIsRefusedInWords) {
  EXPECT_EQ(ask(to(2)), "invalid_argument: m: version 2 is served already");
  EXPECT_EQ(ask(to(9)), "not_found: m: version 9 is not in the repository; it has 1, 2");
  RolloutAsked unknown = to(1);
  unknown.model = "x";
  EXPECT_EQ(ask(unknown), "not_found: no model 'x' is in any repository");
  EXPECT_EQ(ask(by_steps(1, {10, 10, 100})),
            "invalid_argument: m: steps are percent from 1 to 100, each above the one before");
  EXPECT_EQ(ask(by_steps(1, {0, 100})),
            "invalid_argument: m: steps are percent from 1 to 100, each above the one before");
  EXPECT_EQ(ask(by_steps(1, {10, 50})), "invalid_argument: m: the last step is 50, not 100");
  EXPECT_EQ(ask(by_steps(1, {}, seconds(1))),
            "invalid_argument: m: a hold goes with steps, and there are none");
  EXPECT_EQ(ask(by_steps(1, {10, 100}, seconds(-1))),
            "invalid_argument: m: a time cannot be negative");
  RolloutAsked recreate = by_steps(1, {10, 100});
  recreate.strategy = RolloutStrategy::recreate;
  EXPECT_EQ(ask(recreate),
            "invalid_argument: m: recreate ends the old version first; it cannot go by steps");
  recreate.steps.clear();
  recreate.keep_old = minutes(1);
  EXPECT_EQ(ask(recreate),
            "invalid_argument: m: recreate ends the old version first; it cannot be kept");
  EXPECT_EQ(verb(RolloutVerb::pause), "invalid_argument: m: no rollout is under way");
  EXPECT_EQ(verb(RolloutVerb::resume), "invalid_argument: m: no rollout is under way");
  EXPECT_EQ(verb(RolloutVerb::abort), "invalid_argument: m: no rollout is under way");
  EXPECT_EQ(verb(RolloutVerb::rollback), "invalid_argument: m: there is nothing to go back to");
  EXPECT_EQ(stage.status().pin, std::nullopt);
  EXPECT_EQ(stage.routes(), "2:ready:100");
}

TEST_F(CommandTest, ThereIsOneRolloutAtATime) {
  ask(to(1));
  EXPECT_EQ(ask(to(2)),
            "invalid_argument: m: a rollout to 1 is under way (starting); wait for its end or "
            "abort it");
}

TEST_F(CommandTest, AFailureRollsBackAndTakesThePinBack) {
  ask(to(1));
  stage.fail(1, "exit code 3");
  stage.shards_follow();
  EXPECT_EQ(stage.outcomes(), "1 failed: version 1: exit code 3");
  EXPECT_EQ(stage.status().pin, std::nullopt);
  EXPECT_EQ(stage.routes(), "2:ready:100");
  EXPECT_EQ(ask(to(1)), "2") << "an operator may ask again";
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
}

TEST_F(CommandTest, AbortGoesBack) {
  EXPECT_EQ(ask(to(1)), "1");
  EXPECT_EQ(verb(RolloutVerb::abort), "2");
  stage.shards_follow();
  EXPECT_EQ(stage.outcomes(), "1 failed: aborted, 2 done");
  EXPECT_EQ(stage.routes(), "2:ready:100");
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
}

TEST_F(CommandTest, AnAbortedRolloutOfThePolicyIsNotBegunAgain) {
  stage.has({{2, "bbbbbbbb"}, {3, "cccccccc"}});
  verb(RolloutVerb::abort);
  stage.shards_follow();
  EXPECT_EQ(stage.phase(), "rolled_back");
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
  EXPECT_EQ(stage.stage(3), "failed(aborted)");
}

TEST_F(CommandTest, PauseHoldsTheSwitchBack) {
  ask(to(1));
  EXPECT_EQ(verb(RolloutVerb::pause), "0");
  EXPECT_EQ(verb(RolloutVerb::pause), "invalid_argument: m: the rollout is paused already");
  stage.ready(1);
  EXPECT_EQ(stage.routes(), "2:ready:100");
  EXPECT_EQ(stage.stage(1), "standby");
  EXPECT_EQ(verb(RolloutVerb::resume), "0");
  EXPECT_EQ(stage.routes(), "1:ready:100 2:draining");
  EXPECT_EQ(verb(RolloutVerb::pause),
            "invalid_argument: m: the rollout is switching; it is too late for a pause");
}

TEST_F(CommandTest, StepsShiftTheWeightAndHold) {
  EXPECT_EQ(ask(by_steps(1, {1, 50, 100}, seconds(30))), "1");
  stage.ready(1);
  EXPECT_EQ(stage.routes(), "1:ready:1 2:ready:99");
  EXPECT_EQ(stage.phase(), "shifting");
  stage.pass(minutes(5));
  EXPECT_EQ(stage.routes(), "1:ready:1 2:ready:99") << "holds from the acknowledgement on";
  stage.publish();
  stage.apply();
  EXPECT_EQ(stage.fleet.next_due(), stage.now + seconds(30));
  stage.pass(seconds(29));
  EXPECT_EQ(stage.routes(), "1:ready:1 2:ready:99");
  stage.pass(seconds(1));
  EXPECT_EQ(stage.routes(), "1:ready:50 2:ready:50");
  EXPECT_EQ(stage.status().rollout->step, 2U);
  EXPECT_EQ(stage.status().rollout->percent, 50);
  stage.publish();
  stage.apply();
  verb(RolloutVerb::pause);
  stage.pass(minutes(5));
  EXPECT_EQ(stage.routes(), "1:ready:50 2:ready:50");
  verb(RolloutVerb::resume);
  EXPECT_EQ(stage.routes(), "1:ready:100 2:draining");
  stage.shards_follow();
  EXPECT_EQ(stage.outcomes(), "1 done");
}

TEST_F(CommandTest, StepsOfTheConfigurationHoldUnlessOthersAreAsked) {
  ModelSettings settings;
  settings.steps = {20, 100};
  settings.hold = seconds(10);
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  RolloutAsked asked = to(1);
  asked.hold = seconds(60);
  EXPECT_EQ(ask(asked), "1");
  stage.ready(1);
  EXPECT_EQ(stage.routes(), "1:ready:20 2:ready:80");
  stage.publish();
  stage.apply();
  EXPECT_EQ(stage.fleet.next_due(), stage.now + seconds(60));
  verb(RolloutVerb::abort);
  stage.shards_follow();
  EXPECT_EQ(ask(by_steps(1, {100})), "3");
  stage.ready(1);
  EXPECT_EQ(stage.routes(), "1:ready:100 2:draining");
}

TEST_F(CommandTest, AStepThatFailsGoesBackByASnapshot) {
  ask(by_steps(1, {10, 100}, seconds(30)));
  stage.ready(1);
  stage.publish();
  stage.apply();
  stage.fail(1, "died five times");
  EXPECT_EQ(stage.routes(), "1:draining 2:ready:100");
  EXPECT_EQ(stage.outcomes(), "");
  stage.shards_follow();
  EXPECT_EQ(stage.outcomes(), "1 failed: version 1: died five times");
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
}

TEST_F(CommandTest, ServerErrorsOfTheNewVersionGoBack) {
  stage.fleet.on_counts("m", 1, {0, 100}, stage.now);  // of an earlier life of it
  ask(by_steps(1, {10, 100}, seconds(30)));
  stage.ready(1);
  stage.publish();
  stage.apply();
  stage.fleet.on_counts("m", 2, {1'000, 1}, stage.now);
  stage.fleet.on_counts("m", 1, {60, 104}, stage.now);
  EXPECT_EQ(stage.routes(), "1:ready:10 2:ready:90");
  stage.fleet.on_counts("m", 1, {60, 105}, stage.now);
  EXPECT_EQ(stage.routes(), "1:draining 2:ready:100");
  stage.shards_follow();
  EXPECT_EQ(stage.outcomes(),
            "1 failed: version 1: server errors: the new version answered 5 of 65 requests with a "
            "server error or not in time, the old one 1 of 1001");
}

TEST_F(CommandTest, TheOldIsKeptWarmForItsTimeAndRollbackIsASwitch) {
  RolloutAsked asked = to(1);
  asked.keep_old = minutes(10);
  ask(asked);
  stage.ready(1);
  stage.shards_follow();
  EXPECT_EQ(stage.stage(2), "standby");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  EXPECT_EQ(stage.outcomes(), "1 done");
  EXPECT_EQ(verb(RolloutVerb::rollback), "2");
  EXPECT_EQ(stage.routes(), "1:draining 2:ready:100");
  stage.shards_follow();
  EXPECT_EQ(stage.outcomes(), "2 done");
  EXPECT_EQ(stage.status().pin, std::vector<std::int64_t>{2});
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
}

TEST_F(CommandTest, WhatIsKeptEndsWhenItsTimeIsOver) {
  RolloutAsked asked = to(1);
  asked.keep_old = minutes(10);
  ask(asked);
  stage.ready(1);
  stage.shards_follow();
  EXPECT_EQ(stage.fleet.next_due(), stage.now + minutes(10));
  stage.pass(minutes(10));
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
}

TEST_F(CommandTest, RollbackToWhatIsNoLongerWarmIsARollout) {
  ask(to(1));
  stage.ready(1);
  stage.shards_follow();
  EXPECT_EQ(verb(RolloutVerb::rollback), "2");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  EXPECT_EQ(stage.routes(), "1:ready:100");
  stage.ready(2);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "2:ready:100");
}

TEST_F(CommandTest, RollbackOfANewStampGoesBackToTheBuildThatIsWarm) {
  ModelSettings settings;
  settings.strategy = link::Strategy::blue_green;
  stage.has({{2, "b2b2b2b2"}}, settings);
  stage.set_one("n/m/2.b2b2b2/0", WorkerState::ready, true);
  stage.shards_follow();
  EXPECT_EQ(stage.admitted(), "n/m/2.b2b2b2/0");
  verb(RolloutVerb::rollback);
  EXPECT_EQ(stage.admitted(), "n/m/2.bbbbbb/0");
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0") << "and does not roll forward again";
}

TEST_F(CommandTest, RollbackToAWarmBuildWaitsForNoNodeThatCannotHaveIt) {
  ModelSettings settings;
  settings.strategy = link::Strategy::blue_green;
  stage.has({{2, "bbbbbbbb"}, {3, "cccccccc"}}, settings);
  stage.ready(3);
  stage.shards_follow();
  stage.has({{2, "b2b2b2b2"}, {3, "cccccccc"}}, settings);  // what is warm is on no disk any more
  stage.has({{2, "b2b2b2b2"}, {3, "cccccccc"}}, settings, "o");
  stage.ready(3);
  stage.shards_follow();
  EXPECT_EQ(stage.admitted(), "n/m/3.cccccc/0 o/m/3.cccccc/0");
  verb(RolloutVerb::rollback);
  stage.shards_follow();
  EXPECT_EQ(stage.phase(), "done");
  EXPECT_EQ(stage.admitted(), "n/m/2.bbbbbb/0");
}

// Seed 23314 of the simulation: only what a rollout had brought in was remembered as failed.
TEST_F(CommandTest, WhatServedAndFailedIsNotTriedAgainWhenSomethingElseServes) {
  stage.has({{3, "cccccccc"}});
  stage.ready(3);
  stage.shards_follow();
  stage.fail(3, "truncated");
  stage.has({{2, "bbbbbbbb"}, {3, "cccccccc"}});
  EXPECT_EQ(ask(to(2)), "2");
  EXPECT_EQ(load(), "3");  // lifts the pin, and tries 3 again
  stage.fail(3, "still truncated");
  stage.ready(2);
  stage.shards_follow();
  EXPECT_EQ(stage.phase(), "done");
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
  EXPECT_EQ(stage.stage(3), "failed(still truncated)");
  EXPECT_EQ(load(), "4");
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0 n/m/3.cccccc/0") << "an operator has asked";
}

TEST_F(CommandTest, UnloadDrainsEverythingAndHolds) {
  EXPECT_EQ(unload(), "1");
  EXPECT_EQ(stage.routes(), "2:draining");
  EXPECT_EQ(stage.outcomes(), "");
  stage.shards_follow();
  EXPECT_EQ(stage.outcomes(), "1 done");
  EXPECT_EQ(stage.assigned(), "");
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}, {3, "cccccccc"}});
  EXPECT_EQ(stage.assigned(), "") << "the pin holds";
  EXPECT_EQ(load(), "2");
  EXPECT_EQ(stage.assigned(), "n/m/3.cccccc/0");
  stage.ready(3);
  EXPECT_EQ(stage.outcomes(), "2 done");
}

TEST_F(CommandTest, UnloadEndsARolloutUnderWay) {
  ask(to(1));
  EXPECT_EQ(unload(), "2");
  EXPECT_EQ(stage.outcomes(), "1 failed: unloaded");
  stage.shards_follow();
  EXPECT_EQ(stage.outcomes(), "2 done");
  EXPECT_EQ(stage.status().pin, std::vector<std::int64_t>{});
  EXPECT_EQ(stage.routes(), "");
}

TEST_F(CommandTest, LoadOfWhatIsServedIsDoneAtOnce) {
  EXPECT_EQ(load(), "1");
  EXPECT_EQ(stage.outcomes(), "1 done");
}

TEST_F(CommandTest, LoadTriesAgainWhatHasFailed) {
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}, {3, "cccccccc"}});
  stage.fail(3, "truncated");
  stage.shards_follow();
  stage.events();
  EXPECT_EQ(load(), "2");
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0 n/m/3.cccccc/0");
  stage.fail(3, "truncated again");
  stage.shards_follow();
  EXPECT_EQ(stage.outcomes(), "2 failed: version 3: truncated again");
}

TEST_F(CommandTest, LoadStartsAFailedWorkerOfWhatServesAgain) {
  stage.fail(2, "died five times");
  EXPECT_EQ(load(), "1");
  EXPECT_EQ(stage.outcomes(), "");
  EXPECT_EQ(stage.stage(2), "starting");
  EXPECT_EQ(stage.routes(), "2:expected");
  stage.ready(2);
  EXPECT_EQ(stage.outcomes(), "1 done");
}

TEST_F(CommandTest, LoadWithAConfigurationRunsItBesideTheOldOne) {
  EXPECT_EQ(load("two"), "1");
  const auto assigned = stage.fleet.assignment("n").value();
  ASSERT_EQ(assigned.size(), 3U);
  int with_config = 0;
  for (const link::AssignedWorker& worker : assigned) {
    with_config += worker.config == "two" ? 1 : 0;
    EXPECT_EQ(worker.stamp, "bbbbbbbb");
  }
  EXPECT_EQ(with_config, 2);
  stage.ready(2);
  stage.shards_follow();
  EXPECT_EQ(stage.outcomes(), "1 done");
  EXPECT_EQ(stage.fleet.assignment("n").value().size(), 2U);
  EXPECT_EQ(stage.fleet.assignment("n").value()[0].config, "two");
}

TEST_F(CommandTest, StepsNeedSomethingToShiftFrom) {
  unload();
  stage.shards_follow();
  EXPECT_EQ(ask(by_steps(1, {10, 100})),
            "invalid_argument: m: nothing serves that steps could take requests from");
  EXPECT_EQ(ask(to(1)), "2");
  EXPECT_EQ(stage.routes(), "1:expected") << "requests may wait for it";
  stage.ready(1);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "1:ready:100");
}

}  // namespace
}  // namespace sluice::gateway
