// What a gateway makes of the life before it.

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "gateway/control/fleet.h"
#include "tests/unit/gateway/control/fleet_stage.h"

namespace sluice::gateway {
namespace {

RolloutAsked to_version(std::int64_t version) {
  RolloutAsked asked;
  asked.model = "m";
  asked.to = version;
  return asked;
}

// Version 2 is on the disk and pinned away: version 1 serves.
void pin_first(FleetStage& stage) {
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  stage.ready(2);
  stage.shards_follow();
  ASSERT_TRUE(stage.fleet.rollout(to_version(1), stage.now));
  stage.follow();
  stage.ready(1);
  stage.shards_follow();
  ASSERT_EQ(stage.routes(), "1:ready:100");
}

TEST(Memory, APinHoldsAfterEverythingHasEnded) {
  FleetStage before;
  pin_first(before);
  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  EXPECT_EQ(after.assigned(), "n/m/1.aaaaaa/0");
  EXPECT_EQ(after.status().pin, std::vector<std::int64_t>{1});
  EXPECT_EQ(after.status().previous, std::vector<std::int64_t>{2});
}

TEST(Memory, WhatServedIsExpectedUntilTheFirstNodeHasSpoken) {
  FleetStage before;
  before.serve_first();
  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  EXPECT_EQ(after.routes(), "1:expected:100");
  after.has_models({});
  EXPECT_EQ(after.routes(), "") << "it is not on the disk any more";
}

TEST(Memory, RequestsThatNameNoVersionWaitForTheOneThatHadThem) {
  link::ModelSettings settings;
  settings.policy.kind = link::VersionPolicy::Kind::all;
  FleetStage before;
  before.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  before.ready(1);
  before.ready(2);
  before.shards_follow();
  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  after.ready(1);
  EXPECT_EQ(after.routes(), "1:ready 2:expected:100");
  after.fail(2, "it crashes");
  EXPECT_EQ(after.routes(), "1:ready:100 2:failed(it crashes)");
}

TEST(Memory, BeforeAnyNodeHasSpokenToo) {
  link::ModelSettings settings;
  settings.policy.kind = link::VersionPolicy::Kind::all;
  FleetStage before;
  before.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  before.ready(1);
  before.shards_follow();
  ASSERT_EQ(before.routes(), "1:ready:100 2:expected");
  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  EXPECT_EQ(after.routes(), "1:expected:100 2:expected");
}

TEST(Memory, AnUnloadedModelStaysSo) {
  FleetStage before;
  before.serve_first();
  ASSERT_TRUE(before.fleet.unload({"m"}, before.now));
  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  EXPECT_EQ(after.fleet.memory(), before.fleet.memory()) << "also before a node has told of it";
  after.has({{1, "aaaaaaaa"}});
  EXPECT_EQ(after.assigned(), "");
}

TEST(Memory, WhatRunsYetOfAnUnloadedModelIsNotTakenUpAgain) {
  FleetStage before;
  before.serve_first();
  ASSERT_TRUE(before.fleet.unload({"m"}, before.now));
  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.workers = before.workers;
  after.tell();
  after.has({{1, "aaaaaaaa"}});
  EXPECT_EQ(after.assigned(), "");
  EXPECT_EQ(after.routes(), "");
}

TEST(Memory, WhatIsRolledOutAfterAReturnToNothingIsRemembered) {
  FleetStage before;
  before.serve_first();
  ASSERT_TRUE(before.fleet.unload({"m"}, before.now));
  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.has({{1, "aaaaaaaa"}});
  ASSERT_TRUE(after.fleet.rollout(to_version(1), after.now));
  after.follow();
  after.ready(1);
  after.shards_follow();
  const std::vector<RememberedVersion> serving = {{1, {"n/m/1.aaaaaa"}, {}}};
  EXPECT_EQ(after.fleet.memory().models.at("m").serving, serving);
}

TEST(Memory, ARolloutThatWasCutOffGoesOnFromWhatServed) {
  FleetStage before;
  pin_first(before);
  RolloutAsked asked = to_version(2);
  asked.steps = {10, 50, 100};
  asked.hold = std::chrono::seconds(30);
  ASSERT_TRUE(before.fleet.rollout(asked, before.now));
  before.follow();
  before.ready(2);
  before.publish();
  before.apply();
  before.pass(std::chrono::seconds(30));
  before.publish();
  before.apply();
  ASSERT_EQ(before.routes(), "1:ready:50 2:ready:50");

  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  EXPECT_EQ(after.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  after.ready(2);
  EXPECT_EQ(after.routes(), "1:expected:100") << "the old is waited for";
  after.ready(1);
  EXPECT_EQ(after.routes(), "1:ready:50 2:ready:50") << "at the step it had reached";
  EXPECT_EQ(after.status().rollout->id, before.status().rollout->id);
}

TEST(Memory, RolloutsOfThePolicyHaveNumbersOfTheirOwnThatOutliveTheGateway) {
  FleetStage before;
  before.serve_first();
  before.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  EXPECT_EQ(before.status().rollout->id, 1U);
  EXPECT_FALSE(before.status().rollout->by_operator);
  before.ready(2);
  before.shards_follow();
  EXPECT_FALSE(before.fleet.rollout(to_version(9), before.now)) << "refused: takes no number";
  EXPECT_EQ(*before.fleet.rollout(to_version(1), before.now), 2U);
  before.follow();
  EXPECT_EQ(before.status().rollout->id, 2U);
  EXPECT_TRUE(before.status().rollout->by_operator);
  before.ready(1);
  before.shards_follow();
  RolloutAsked by_policy = to_version(2);
  by_policy.to.reset();
  EXPECT_EQ(*before.fleet.rollout(by_policy, before.now), 3U);
  before.follow();
  before.ready(2);
  before.shards_follow();
  before.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}, {3, "cccccccc"}});
  EXPECT_EQ(before.status().rollout->id, 4U);
  EXPECT_EQ(before.outcomes(), "2 done, 3 done") << "nobody waits for what nobody asked for";

  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}, {3, "cccccccc"}});
  after.ready(2);
  EXPECT_EQ(after.status().rollout->id, 4U) << "it goes on";
  after.ready(3);
  after.shards_follow();
  after.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}, {3, "cccccccc"}, {4, "dddddddd"}});
  EXPECT_EQ(after.status().rollout->id, 5U);
}

TEST(Memory, AGatewayThatReturnsInTheMiddleSwitchesNothingByIt) {
  FleetStage before;
  pin_first(before);
  ASSERT_TRUE(before.fleet.rollout(to_version(2), before.now));
  before.follow();
  ASSERT_TRUE(before.fleet.control({"m", RolloutVerb::pause}, before.now));
  before.ready(2);
  ASSERT_EQ(before.routes(), "1:ready:100");

  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.workers = before.workers;
  after.tell();
  after.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  EXPECT_EQ(after.routes(), "1:ready:100") << "2 runs, but nothing has decided for it";
  EXPECT_EQ(after.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  EXPECT_TRUE(after.status().rollout->paused);
  ASSERT_TRUE(after.fleet.control({"m", RolloutVerb::resume}, after.now));
  after.shards_follow();
  EXPECT_EQ(after.routes(), "2:ready:100");
}

TEST(Memory, ARolloutThatFailsAfterTheReturnGivesThePinBack) {
  FleetStage before;
  pin_first(before);
  ASSERT_TRUE(before.fleet.rollout(to_version(2), before.now));
  before.follow();

  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  after.ready(1);
  after.fail(2, "model.onnx: truncated");
  after.shards_follow();
  EXPECT_EQ(after.status().pin, std::vector<std::int64_t>{1});
  EXPECT_EQ(after.routes(), "1:ready:100");
}

TEST(Memory, AnotherRolloutTakesThePlaceOfTheOneThatWasCutOff) {
  FleetStage before;
  pin_first(before);
  RolloutAsked asked = to_version(2);
  asked.allow_signature_change = true;
  ASSERT_TRUE(before.fleet.rollout(asked, before.now));

  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.infos[1].inputs = after.infos[3].inputs = {{"x", DataType::float32, {-1, 64}, false}};
  after.infos[2].inputs = {{"x", DataType::float32, {-1, 32}, false}};
  after.has({{1, "aaaaaaaa"}, {3, "cccccccc"}});  // 2 is not there yet
  after.ready(1);
  after.shards_follow();
  ASSERT_TRUE(after.fleet.rollout(to_version(3), after.now));
  after.follow();
  after.ready(3);
  after.shards_follow();
  ASSERT_EQ(after.routes(), "3:ready:100");
  RolloutAsked by_policy;
  by_policy.model = "m";
  ASSERT_TRUE(after.fleet.rollout(by_policy, after.now));
  after.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  after.ready(2);
  after.shards_follow();
  EXPECT_EQ(after.stage(2), "failed(signature: input 'x': shape [-1,64] became [-1,32])")
      << "what was allowed for the one before is not allowed for this";
  EXPECT_EQ(after.routes().substr(after.routes().find("3:")), "3:ready:100");
}

TEST(Memory, WhatHadFailedIsNotTriedAgain) {
  FleetStage before;
  before.serve_first();
  before.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  before.fail(2, "model.onnx: truncated");
  before.shards_follow();

  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  EXPECT_EQ(after.assigned(), "n/m/1.aaaaaa/0");
  after.has({{1, "aaaaaaaa"}, {2, "cccccccc"}});
  EXPECT_EQ(after.assigned(), "n/m/1.aaaaaa/0 n/m/2.cccccc/0") << "another build";
}

TEST(Memory, ABuildThatIsGoneIsNotMissed) {
  FleetStage before;
  pin_first(before);
  ASSERT_TRUE(before.fleet.load({"m", {}}, before.now));
  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.has({{1, "dddddddd"}, {2, "bbbbbbbb"}});
  EXPECT_EQ(after.assigned(), "n/m/2.bbbbbb/0") << "nothing that served is there: as wanted";
}

TEST(Memory, ARecreateThatWasCutOffStartsNothingBesideWhatItHadStarted) {
  link::ModelSettings settings;
  settings.strategy = link::Strategy::recreate;
  FleetStage before;
  before.serve_first();
  before.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  before.shards_follow();
  before.quiet(1);
  before.follow();
  ASSERT_EQ(before.assigned(), "n/m/2.bbbbbb/0");

  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.workers = before.workers;
  after.set(2, link::WorkerState::loading);
  after.lingering["n/m/2.bbbbbb/0"] = true;
  after.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}, {3, "cccccccc"}}, settings);
  EXPECT_EQ(after.assigned(), "") << "version 2 of the life before has not ended";
  after.lingering.clear();
  after.follow();
  after.shards_follow();
  EXPECT_EQ(after.assigned(), "n/m/3.cccccc/0");
}

// Version 2 serves, and version 1 is kept warm for ten minutes; then the gateway's next life, which
// has met the workers again.
class KeptWarm : public testing::Test {
 protected:
  KeptWarm() {
    link::ModelSettings settings;
    settings.keep_old = std::chrono::minutes(10);
    before.serve_first(settings);
    before.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
    before.ready(2);
    before.shards_follow();
    EXPECT_EQ(before.stage(1), "standby");
    after.fleet.remember(before.fleet.memory());
    after.workers = before.workers;
    after.tell();
    after.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
    EXPECT_EQ(after.stage(1), "standby");
  }

  FleetStage before;
  FleetStage after;
};

TEST_F(KeptWarm, StaysSoAndRollbackIsASwitch) {
  EXPECT_EQ(after.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  EXPECT_EQ(after.routes(), "2:ready:100");
  EXPECT_EQ(after.fleet.memory(), before.fleet.memory());
  after.pass(std::chrono::minutes(9));
  ASSERT_TRUE(after.fleet.control({"m", RolloutVerb::rollback}, after.now));
  after.publish();
  EXPECT_EQ(after.routes(), "1:ready:100 2:draining") << "at once";
}

TEST_F(KeptWarm, EndsWhenItsTimeHasPassedAnew) {
  after.shards_follow();
  EXPECT_EQ(after.stage(1), "standby");
  after.pass(std::chrono::minutes(10));
  EXPECT_EQ(after.assigned(), "n/m/2.bbbbbb/0");
}

TEST(Memory, WhatIsWarmDoesNotServeInPlaceOfABuildThatIsBeingStartedAgain) {
  link::ModelSettings settings;
  settings.keep_old = std::chrono::minutes(10);
  FleetStage before;
  before.serve_first(settings);
  before.has({{1, "bbbbbbbb"}}, settings);
  before.set_one("n/m/1.bbbbbb/0", link::WorkerState::ready, true);
  before.shards_follow();
  ASSERT_EQ(before.assigned(), "n/m/1.aaaaaa/0 n/m/1.bbbbbb/0");
  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.workers = before.workers;
  after.workers.at("n/m/1.bbbbbb/0").state = link::WorkerState::loading;
  after.workers.at("n/m/1.bbbbbb/0").met_by_all = false;
  after.tell();
  after.has({{1, "bbbbbbbb"}}, settings);
  EXPECT_EQ(after.assigned(), "n/m/1.aaaaaa/0 n/m/1.bbbbbb/0");
  EXPECT_EQ(after.admitted(), "n/m/1.bbbbbb/0");
  EXPECT_EQ(after.phase(), "none");
}

TEST(Memory, WhatIsWarmStaysWhileAVersionThatServedIsBroughtBack) {
  link::ModelSettings settings;
  settings.policy.kind = link::VersionPolicy::Kind::all;
  settings.keep_old = std::chrono::minutes(10);
  FleetStage before;
  for (const auto& [first, second] :
       {std::pair{"aaaaaaaa", "bbbbbbbb"}, {"cccccccc", "dddddddd"}}) {
    before.has({{1, first}, {2, second}}, settings);
    before.ready(1);
    before.ready(2);
    before.shards_follow();
  }
  const std::string all = "n/m/1.aaaaaa/0 n/m/1.cccccc/0 n/m/2.bbbbbb/0 n/m/2.dddddd/0";
  ASSERT_EQ(before.assigned(), all);
  FleetStage after;
  after.fleet.remember(before.fleet.memory());
  after.workers = before.workers;
  after.workers.erase("n/m/2.dddddd/0");  // it died meanwhile
  after.tell();
  after.has({{1, "cccccccc"}, {2, "dddddddd"}}, settings);
  EXPECT_EQ(after.assigned(), all);
}

TEST(Memory, WhatIsWarmOnANodeThatHasYetToSpeakIsKeptOverTwoReturns) {
  link::ModelSettings settings;
  settings.keep_old = std::chrono::minutes(10);
  FleetStage first;
  for (const std::string node : {"n", "o"}) {
    first.has({{1, "aaaaaaaa"}}, settings, node);
  }
  first.ready(1);
  first.shards_follow();
  for (const std::string node : {"n", "o"}) {
    first.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings, node);
  }
  first.ready(2);
  first.shards_follow();
  ASSERT_EQ(first.assigned("o"), "o/m/1.aaaaaa/0 o/m/2.bbbbbb/0");
  FleetStage second;
  FleetStage third;
  for (const auto& [before, after] : {std::pair{&first, &second}, std::pair{&second, &third}}) {
    after->fleet.remember(before->fleet.memory());
    after->workers = first.workers;
    after->tell();
    after->has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings, "n");
  }
  third.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings, "o");
  EXPECT_EQ(third.assigned("n"), first.assigned("n"));
  EXPECT_EQ(third.assigned("o"), first.assigned("o"));
}

}  // namespace
}  // namespace sluice::gateway
