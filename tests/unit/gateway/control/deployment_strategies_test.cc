// The ways from one version to the next: by steps, blue-green, recreate.

#include <string>

#include <gtest/gtest.h>

#include "gateway/control/deployment.h"
#include "tests/unit/gateway/control/fleet_stage.h"

namespace sluice::gateway {
namespace {

using link::ModelSettings;
using link::Strategy;

ModelSettings with(Strategy strategy) {
  ModelSettings settings;
  settings.strategy = strategy;
  return settings;
}

TEST(Steps, OfTheConfigurationAreTakenByAChangedFolder) {
  FleetStage stage;
  ModelSettings settings;
  settings.steps = {20, 100};
  settings.hold = std::chrono::seconds(10);
  settings.keep_old = std::chrono::minutes(1);
  stage.serve_first(settings);
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  stage.ready(2);
  EXPECT_EQ(stage.routes(), "1:ready:80 2:ready:20");
  stage.publish();
  stage.apply();
  stage.pass(std::chrono::seconds(10));
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "2:ready:100");
  EXPECT_EQ(stage.stage(1), "standby");
  stage.pass(std::chrono::minutes(1));
  EXPECT_EQ(stage.stage(1), "known");
}

TEST(Steps, AreNotTakenByAVersionThatNoUnversionedRequestIsFor) {
  FleetStage stage;
  ModelSettings settings;
  settings.policy.kind = link::VersionPolicy::Kind::all;
  settings.steps = {20, 100};
  stage.has({{3, "cccccccc"}}, settings);
  stage.ready(3);
  stage.shards_follow();
  stage.has({{1, "aaaaaaaa"}, {3, "cccccccc"}}, settings);
  stage.ready(1);
  EXPECT_EQ(stage.routes(), "1:ready 3:ready:100");
}

TEST(BlueGreen, KeepsTheOldWarmUntilTheNextRollout) {
  FleetStage stage;
  const ModelSettings settings = with(Strategy::blue_green);
  stage.serve_first(settings);
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  stage.ready(2);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "2:ready:100");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  EXPECT_EQ(stage.stage(1), "standby");
  stage.pass(std::chrono::hours(100));
  EXPECT_EQ(stage.stage(1), "standby");
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}, {3, "cccccccc"}}, settings);
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0 n/m/3.cccccc/0");
  stage.ready(3);
  stage.shards_follow();
  EXPECT_EQ(stage.stage(2), "standby");
}

TEST(BlueGreen, AFailureAfterTheSwitchGoesBackToWhatIsWarm) {
  FleetStage stage;
  const ModelSettings settings = with(Strategy::blue_green);
  stage.serve_first(settings);
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  stage.ready(2);
  stage.shards_follow();
  stage.fail(2, "died five times");
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "1:ready:100 2:failed(died five times)");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
}

TEST(Recreate, EndsTheOldBeforeTheNewStartsAndRequestsWait) {
  FleetStage stage;
  const ModelSettings settings = with(Strategy::recreate);
  stage.serve_first(settings);
  stage.lingering["n/m/1.aaaaaa/0"] = true;
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  EXPECT_EQ(stage.phase(), "stopping");
  EXPECT_EQ(stage.routes(), "1:draining 2:expected");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "");
  EXPECT_EQ(stage.routes(), "2:expected");
  EXPECT_EQ(stage.phase(), "stopping");
  stage.lingering.clear();
  stage.follow();
  EXPECT_EQ(stage.phase(), "starting");
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
  stage.ready(2);
  EXPECT_EQ(stage.routes(), "2:ready:100");
  stage.shards_follow();
  EXPECT_EQ(stage.phase(), "done");
}

TEST(Recreate, NothingStartsBesideWhatIsOnItsWayOut) {
  FleetStage stage;
  const ModelSettings settings = with(Strategy::recreate);
  stage.serve_first(settings);
  stage.lingering["n/m/1.aaaaaa/0"] = true;
  stage.has_models({});
  stage.has({{2, "bbbbbbbb"}}, settings);
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0") << "it drains";
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "") << "it ends";
  stage.lingering.clear();
  stage.follow();
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
}

TEST(Recreate, AnotherBuildOfAVersionThatDrainsStartsOnceThatHasEnded) {
  FleetStage stage;
  stage.serve_first(with(Strategy::recreate));
  stage.has_models({});
  stage.publish();
  stage.apply();
  EXPECT_EQ(stage.routes(), "1:draining");  // a request of it still runs
  stage.has({{1, "a2a2a2a2"}}, with(Strategy::recreate));
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
  EXPECT_EQ(stage.routes(), "1:expected");  // nobody will say that it is quiet
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/1.a2a2a2/0");
}

TEST(Recreate, WhatServesIsNotHeldUpByWhatEnds) {
  FleetStage stage;
  ModelSettings settings = with(Strategy::recreate);
  settings.replicas = 2;
  stage.serve_first(settings);
  settings.replicas = 1;
  stage.lingering["n/m/1.aaaaaa/1"] = true;
  stage.has({{1, "aaaaaaaa"}}, settings);
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
}

TEST(Recreate, StartsTheOldAgainWhenTheNewFails) {
  FleetStage stage;
  const ModelSettings settings = with(Strategy::recreate);
  stage.serve_first(settings);
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  stage.shards_follow();
  stage.lingering["n/m/2.bbbbbb/0"] = true;
  stage.fail(2, "out of memory");
  EXPECT_EQ(stage.phase(), "restoring");
  EXPECT_EQ(stage.assigned(), "") << "it does not fit beside the failed one";
  stage.lingering.clear();
  stage.follow();
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
  stage.ready(1);
  stage.shards_follow();
  EXPECT_EQ(stage.phase(), "rolled_back");
  EXPECT_EQ(stage.routes(), "1:ready:100 2:failed(out of memory)");
}

}  // namespace
}  // namespace sluice::gateway
