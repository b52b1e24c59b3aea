// First starts, swaps and ends of one model's versions.

#include "gateway/control/deployment.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/gateway/control/fleet_stage.h"

namespace sluice::gateway {
namespace {

using link::ModelSettings;
using link::VersionPolicy;
using link::WorkerState;

ModelSettings with(VersionPolicy policy) {
  ModelSettings settings;
  settings.policy = policy;
  return settings;
}
const VersionPolicy kAll{.kind = VersionPolicy::Kind::all};

TEST(FirstStart, StartsTheNewestVersionAndServesItOnceItIsMet) {
  FleetStage stage;
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
  EXPECT_EQ(stage.routes(), "2:expected");
  EXPECT_EQ(stage.admitted(), "n/m/2.bbbbbb/0");
  EXPECT_EQ(stage.stage(1), "known");
  EXPECT_EQ(stage.stage(2), "starting");
  stage.set(2, WorkerState::loading);
  EXPECT_EQ(stage.stage(2), "loading");
  stage.set(2, WorkerState::warming);
  EXPECT_EQ(stage.stage(2), "warming");
  stage.set(2, WorkerState::probing);
  EXPECT_EQ(stage.stage(2), "probing");
  stage.set_one("n/m/2.bbbbbb/0", WorkerState::ready, false);
  EXPECT_EQ(stage.routes(), "2:expected");
  EXPECT_EQ(stage.stage(2), "probing");
  stage.set_one("n/m/2.bbbbbb/0", WorkerState::ready, true);
  EXPECT_EQ(stage.routes(), "2:ready:100");
  EXPECT_EQ(stage.stage(2), "ready");
  EXPECT_EQ(stage.events(), "version_starting 2, version_serving 2");
  EXPECT_EQ(stage.phase(), "none");
}

TEST(FirstStart, ServesWhateverIsReadyAndTheHighestByDefault) {
  FleetStage stage;
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}, {3, "cccccccc"}}, with(kAll));
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0 n/m/3.cccccc/0");
  stage.ready(2);
  EXPECT_EQ(stage.routes(), "1:expected 2:ready:100 3:expected");
  stage.ready(1);
  EXPECT_EQ(stage.routes(), "1:ready 2:ready:100 3:expected");
  stage.ready(3);
  EXPECT_EQ(stage.routes(), "1:ready 2:ready 3:ready:100");
}

TEST(FirstStart, AFailedVersionStandsWithItsReasonAndTheOthersServe) {
  FleetStage stage;
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, with(kAll));
  stage.fail(2, "no such operator");
  stage.ready(1);
  EXPECT_EQ(stage.routes(), "1:ready:100 2:failed(no such operator)");
  EXPECT_EQ(stage.stage(2), "failed(no such operator)");
}

TEST(FirstStart, AFailedVersionIsReplacedByAnotherBuildOfIt) {
  FleetStage stage;
  stage.has({{1, "aaaaaaaa"}});
  stage.fail(1, "truncated");
  EXPECT_EQ(stage.routes(), "1:failed(truncated)");
  stage.has({{1, "a2a2a2a2"}});
  EXPECT_EQ(stage.assigned(), "n/m/1.a2a2a2/0 n/m/1.aaaaaa/0");
  stage.set_one("n/m/1.a2a2a2/0", WorkerState::ready, true);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "1:ready:100");
  EXPECT_EQ(stage.assigned(), "n/m/1.a2a2a2/0");
}

TEST(FirstStart, TheLatestBuildsReasonIsShown) {
  FleetStage stage;
  stage.has({{1, "aaaaaaaa"}});
  stage.fail(1, "truncated");
  stage.has({{1, "a2a2a2a2"}});
  stage.workers.at("n/m/1.a2a2a2/0").reason = "no operator Foo";
  stage.set_one("n/m/1.a2a2a2/0", WorkerState::failed, false);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "1:failed(no operator Foo)");
  EXPECT_EQ(stage.stage(1), "failed(no operator Foo)");
}

TEST(Rolling, StartsTheNewBesideTheOldSwitchesDrainsRetires) {
  FleetStage stage;
  stage.serve_first();
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  EXPECT_EQ(stage.routes(), "1:ready:100");
  EXPECT_EQ(stage.admitted(), "n/m/1.aaaaaa/0");
  EXPECT_EQ(stage.phase(), "starting");
  EXPECT_EQ(stage.status().rollout->waiting_for, "version 2: 0 of 1 workers ready");
  stage.set_one("n/m/2.bbbbbb/0", WorkerState::ready, false);
  EXPECT_EQ(stage.routes(), "1:ready:100");
  stage.set_one("n/m/2.bbbbbb/0", WorkerState::ready, true);
  EXPECT_EQ(stage.routes(), "1:draining 2:ready:100");
  EXPECT_EQ(stage.phase(), "switching");
  stage.publish();
  EXPECT_EQ(stage.phase(), "switching");
  stage.quiet(1);  // not retired before all shards have acknowledged
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  stage.apply();
  EXPECT_EQ(stage.phase(), "done");
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
  EXPECT_EQ(stage.routes(), "2:ready:100");
  EXPECT_EQ(stage.stage(1), "known");
  EXPECT_EQ(stage.events(),
            "rollout_started, version_starting 2, rollout_phase, version_draining 1, "
            "version_serving 2, rollout_phase, command_done, version_retired 1");
}

TEST(Rolling, WaitsForQuietAfterTheAcknowledgement) {
  FleetStage stage;
  stage.serve_first();
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  stage.ready(2);
  stage.publish();
  stage.apply();
  EXPECT_EQ(stage.phase(), "done");
  EXPECT_EQ(stage.stage(1), "draining");
  EXPECT_EQ(stage.routes(), "1:draining 2:ready:100");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  stage.fleet.on_quiet("m", 1, stage.number - 1, stage.now);  // of an earlier snapshot
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  stage.quiet(1);
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
}

TEST(Rolling, AnEndingVersionIsShownUntilItsNodeNamesItNoMore) {
  FleetStage stage;
  stage.serve_first();
  stage.lingering["n/m/1.aaaaaa/0"] = true;
  stage.has({{2, "bbbbbbbb"}});
  stage.ready(2);
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
  EXPECT_EQ(stage.stage(1), "draining");
  stage.lingering.clear();
  stage.follow();
  EXPECT_EQ(stage.stage(1), "unknown");
}

TEST(Rolling, ANewStampOfAVersionIsAnotherBuildBesideTheOld) {
  FleetStage stage;
  stage.serve_first();
  stage.has({{1, "a2a2a2a2"}});
  EXPECT_EQ(stage.assigned(), "n/m/1.a2a2a2/0 n/m/1.aaaaaa/0");
  EXPECT_EQ(stage.routes(), "1:ready:100");
  EXPECT_EQ(stage.admitted(), "n/m/1.aaaaaa/0");
  stage.set_one("n/m/1.a2a2a2/0", WorkerState::ready, true);
  EXPECT_EQ(stage.routes(), "1:ready:100");
  EXPECT_EQ(stage.admitted(), "n/m/1.a2a2a2/0");
  EXPECT_EQ(stage.assigned(), "n/m/1.a2a2a2/0 n/m/1.aaaaaa/0");
  stage.publish();
  stage.apply();  // there is no draining version to be quiet
  EXPECT_EQ(stage.assigned(), "n/m/1.a2a2a2/0");
}

TEST(Rolling, WaitsForAllReplicas) {
  FleetStage stage;
  ModelSettings settings;
  settings.replicas = 2;
  stage.serve_first(settings);
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/1.aaaaaa/1");
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  stage.set_one("n/m/2.bbbbbb/1", WorkerState::ready, true);
  EXPECT_EQ(stage.routes(), "1:ready:100");
  EXPECT_EQ(stage.status().rollout->waiting_for, "version 2: 1 of 2 workers ready");
  stage.set_one("n/m/2.bbbbbb/0", WorkerState::ready, true);
  EXPECT_EQ(stage.routes(), "1:draining 2:ready:100");
}

TEST(Rolling, AFailureBeforeTheSwitchLeavesTheOldUntouched) {
  FleetStage stage;
  stage.serve_first();
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  const Routes before = stage.fleet.routes();
  stage.fail(2, "model.onnx: truncated");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
  EXPECT_EQ(stage.routes(), "1:ready:100 2:failed(model.onnx: truncated)");
  EXPECT_EQ(stage.fleet.routes().versions[0], before.versions[0]);
  stage.shards_follow();
  EXPECT_EQ(stage.phase(), "rolled_back");
  EXPECT_EQ(stage.status().rollout->reason, "version 2: model.onnx: truncated");
  EXPECT_EQ(stage.stage(2), "failed(model.onnx: truncated)");
  stage.pass(std::chrono::hours(1));
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0") << "not tried again";
  stage.has({{1, "aaaaaaaa"}, {2, "b2b2b2b2"}});
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.b2b2b2/0") << "another build is";
}

TEST(Rolling, AFailureWhileTheSwitchIsUnderWayGoesBack) {
  FleetStage stage;
  stage.serve_first();
  stage.has({{2, "bbbbbbbb"}});
  stage.ready(2);
  stage.publish();
  EXPECT_EQ(stage.phase(), "switching");
  stage.fail(2, "died five times");
  EXPECT_EQ(stage.routes(), "1:ready:100 2:draining");
  stage.shards_follow();
  EXPECT_EQ(stage.phase(), "rolled_back");
  EXPECT_EQ(stage.routes(), "1:ready:100 2:failed(died five times)");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
}

TEST(Rolling, AFailureAfterTheSwitchIsShownWhenNothingIsKept) {
  FleetStage stage;
  stage.serve_first();
  stage.has({{2, "bbbbbbbb"}});
  stage.ready(2);
  stage.shards_follow();
  stage.fail(2, "died five times");
  EXPECT_EQ(stage.routes(), "2:failed(died five times)");
}

TEST(Rolling, AChangeOfTheFolderMeanwhileWaitsForItsEnd) {
  FleetStage stage;
  stage.serve_first();
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}, {3, "cccccccc"}});
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  stage.ready(2);
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0 n/m/3.cccccc/0");
  stage.ready(3);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "3:ready:100");
  EXPECT_EQ(stage.assigned(), "n/m/3.cccccc/0");
}

TEST(Rolling, ANewVersionThatLeavesTheRepositoryBeforeItIsReadyIsGivenUp) {
  FleetStage stage;
  stage.serve_first();
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  stage.has({{1, "aaaaaaaa"}});
  stage.shards_follow();
  EXPECT_EQ(stage.phase(), "rolled_back");
  EXPECT_EQ(stage.status().rollout->reason, "version 2: it has left the repository");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0") << "it may come back";
}

TEST(Rolling, WithSeveralWantedOnlyTheGoneOneDrains) {
  FleetStage stage;
  VersionPolicy two;
  two.count = 2;
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, with(two));
  stage.ready(1);
  stage.ready(2);
  stage.shards_follow();
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}, {3, "cccccccc"}}, with(two));
  EXPECT_EQ(stage.routes(), "1:ready 2:ready:100");
  stage.ready(3);
  EXPECT_EQ(stage.routes(), "1:draining 2:ready 3:ready:100");
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0 n/m/3.cccccc/0");
}

TEST(Rolling, OfTwoNewVersionsTheGoodOneIsTriedAgainWithoutTheBadOne) {
  FleetStage stage;
  stage.has({{1, "aaaaaaaa"}}, with(kAll));
  stage.ready(1);
  stage.shards_follow();
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}, {3, "cccccccc"}}, with(kAll));
  stage.fail(2, "truncated");
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/3.cccccc/0");
  stage.ready(3);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "1:ready 2:failed(truncated) 3:ready:100");
}

TEST(Rolling, AVersionThatReturnsWhileItDrainsIsTakenBack) {
  FleetStage stage;
  stage.serve_first();
  stage.has({{2, "bbbbbbbb"}});
  stage.ready(2);
  stage.publish();
  stage.apply();
  EXPECT_EQ(stage.stage(1), "draining");
  stage.has({{1, "aaaaaaaa"}});
  EXPECT_EQ(stage.routes(), "1:ready:100 2:draining");
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
}

TEST(Rolling, AnIdReturnsOnlyOnceItsProcessHasEnded) {
  FleetStage stage;
  stage.serve_first();
  stage.lingering["n/m/1.aaaaaa/0"] = true;
  stage.has({{2, "bbbbbbbb"}});
  stage.ready(2);
  stage.shards_follow();
  stage.has({{1, "aaaaaaaa"}});
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
  EXPECT_EQ(stage.phase(), "starting");
  stage.workers.erase("n/m/1.aaaaaa/0");
  stage.lingering.clear();
  stage.follow();
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
}

TEST(Ends, AModelThatLeavesDrainsRetiresAndIsForgotten) {
  FleetStage stage;
  stage.serve_first();
  stage.has_models({});
  EXPECT_EQ(stage.routes(), "1:draining");
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "");
  EXPECT_EQ(stage.routes(), "");
  stage.events();
  EXPECT_FALSE(stage.fleet.status("m").has_value());
}

TEST(Ends, AModelWhoseConfigurationBreaksServesOn) {
  FleetStage stage;
  stage.serve_first();
  link::ModelFound broken;
  broken.name = "m";
  broken.problem = "config.pbtxt: line 3: expected '}'";
  stage.has_models({broken});
  EXPECT_EQ(stage.routes(), "1:ready:100");
  EXPECT_EQ(stage.status().problem, "config.pbtxt: line 3: expected '}'");
}

TEST(Serving, ARestartOfItsWorkerMovesNothing) {
  FleetStage stage;
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, with(kAll));
  stage.ready(1);
  stage.ready(2);
  stage.set(2, WorkerState::backing_off, "killed by signal 9");
  EXPECT_EQ(stage.routes(), "1:ready 2:expected:100");
  stage.fail(2, "died five times");
  EXPECT_EQ(stage.routes(), "1:ready:100 2:failed(died five times)");
  stage.ready(2);
  EXPECT_EQ(stage.routes(), "1:ready 2:ready:100");
}

TEST(Serving, MoreAndFewerReplicasNeedNoRollout) {
  FleetStage stage;
  stage.serve_first();
  ModelSettings settings;
  settings.replicas = 2;
  stage.has({{1, "aaaaaaaa"}}, settings);
  EXPECT_EQ(stage.admitted(), "n/m/1.aaaaaa/0 n/m/1.aaaaaa/1");
  stage.ready(1);
  settings.replicas = 1;
  stage.has({{1, "aaaaaaaa"}}, settings);
  EXPECT_EQ(stage.admitted(), "n/m/1.aaaaaa/0");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/1.aaaaaa/1");
  stage.publish();
  stage.apply();
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
  EXPECT_EQ(stage.phase(), "none");
}

}  // namespace
}  // namespace sluice::gateway
