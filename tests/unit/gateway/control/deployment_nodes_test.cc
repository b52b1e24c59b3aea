// Nodes: their silence, and what is done when their disks are not alike.

#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "gateway/control/deployment.h"
#include "tests/unit/gateway/control/fleet_stage.h"

namespace sluice::gateway {
namespace {

TEST(Nodes, ASilentNodeRetiresNothing) {
  FleetStage stage;
  stage.serve_first();
  stage.fleet.on_node_lost("n", stage.now);
  EXPECT_EQ(stage.routes(), "1:ready:100");
  stage.workers.clear();  // and its workers cannot be seen either
  stage.tell();
  EXPECT_EQ(stage.routes(), "1:expected");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
}

TEST(Nodes, OneThatIsSilentForAnHourWithoutWorkersIsForgotten) {
  FleetStage stage;
  stage.serve_first();
  stage.workers.clear();
  stage.tell();
  stage.fleet.on_node_lost("n", stage.now);
  EXPECT_EQ(stage.fleet.next_due(), stage.now + std::chrono::hours(1));
  stage.now += std::chrono::hours(1);
  stage.fleet.tick(stage.now);
  EXPECT_EQ(stage.assigned(), "as it is");
  stage.publish();
  stage.apply();
  stage.events();
  EXPECT_FALSE(stage.fleet.status("m").has_value());
}

TEST(Nodes, AVersionRunsOnEachNodeThatHasIt) {
  FleetStage stage;
  stage.has({{1, "aaaaaaaa"}}, {}, "n");
  stage.has({{1, "0000aaaa"}}, {}, "o");  // stamps of two nodes may differ
  EXPECT_EQ(stage.assigned("n"), "n/m/1.aaaaaa/0");
  EXPECT_EQ(stage.assigned("o"), "o/m/1.0000aa/0");
  EXPECT_EQ(stage.admitted(), "n/m/1.aaaaaa/0 o/m/1.0000aa/0");
}

TEST(Nodes, ARolloutWaitsUntilEachNodeThatServesHasTheNewVersion) {
  FleetStage stage;
  stage.update_one_of_two_nodes();
  EXPECT_EQ(stage.routes(), "1:ready:100");
  EXPECT_EQ(stage.status().rollout->waiting_for,
            "node 'o' has none of the versions that shall serve");
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, {}, "o");
  EXPECT_EQ(stage.assigned("o"), "o/m/1.aaaaaa/0 o/m/2.bbbbbb/0");
  stage.ready(2);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "2:ready:100");
  EXPECT_EQ(stage.assigned("o"), "o/m/2.bbbbbb/0");
}

TEST(Nodes, WhatIsReadyStaysUntilTheRestOfItsVersionIs) {
  FleetStage stage;
  stage.has({{1, "aaaaaaaa"}}, {}, "n");
  stage.ready(1);
  stage.has({{1, "aaaaaaaa"}}, {}, "o");
  stage.has_models({}, "n");
  EXPECT_EQ(stage.routes(), "1:ready:100");
  EXPECT_EQ(stage.admitted(), "n/m/1.aaaaaa/0 o/m/1.aaaaaa/0");
  stage.ready(1);
  EXPECT_EQ(stage.admitted(), "o/m/1.aaaaaa/0");
  stage.shards_follow();
  EXPECT_EQ(stage.assigned("n"), "");
}

TEST(Nodes, TwoBuildsOfAVersionShareWhatRunsOnTheNodeThatIsNotYetChanged) {
  FleetStage stage;
  stage.has({{1, "aaaaaaaa"}}, {}, "n");
  stage.has({{1, "aaaaaaaa"}}, {}, "o");
  stage.ready(1);
  stage.shards_follow();
  stage.has({{1, "a2a2a2a2"}}, {}, "n");
  EXPECT_EQ(stage.assigned("n"), "n/m/1.a2a2a2/0 n/m/1.aaaaaa/0");
  EXPECT_EQ(stage.assigned("o"), "o/m/1.aaaaaa/0");
  stage.set_one("n/m/1.a2a2a2/0", link::WorkerState::ready, true);
  EXPECT_EQ(stage.admitted(), "n/m/1.a2a2a2/0 o/m/1.aaaaaa/0");
  stage.shards_follow();
  EXPECT_EQ(stage.assigned("n"), "n/m/1.a2a2a2/0");
  EXPECT_EQ(stage.assigned("o"), "o/m/1.aaaaaa/0") << "it serves the new build's unit on";
  EXPECT_EQ(stage.phase(), "done");
}

// Version 2 has a fifth of the requests of node n; then node o comes with a build of its own.
class InTheMiddleOfSteps : public testing::Test {
 protected:
  InTheMiddleOfSteps() {
    stage.infos[1].inputs = {{"x", DataType::float32, {-1, 64}, false}};
    stage.infos[2] = stage.infos[1];
    stage.serve_first();
    settings.steps = {20, 100};
    settings.hold = std::chrono::seconds(30);
    stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
    stage.ready(2);
    stage.publish();
    stage.apply();
    EXPECT_EQ(stage.routes(), "1:ready:80 2:ready:20");
  }
  void bring_other_node() { stage.has({{1, "aaaaaaaa"}, {2, "cccccccc"}}, settings, "o"); }

  FleetStage stage;
  link::ModelSettings settings;
};

TEST_F(InTheMiddleOfSteps, ABuildThatComesGetsNoRequestsBeforeItIsJudged) {
  const ModelInfo info = stage.infos.at(2);
  stage.infos.erase(2);
  bring_other_node();
  ASSERT_EQ(stage.assigned("o"), "o/m/2.cccccc/0");
  EXPECT_EQ(stage.admitted(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  stage.infos[2] = info;
  stage.tell();
  EXPECT_EQ(stage.admitted(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0 o/m/2.cccccc/0");
}

TEST_F(InTheMiddleOfSteps, ABuildThatComesAndFailsAGuardEndsTheRollout) {
  stage.other_infos["o/m/2.cccccc/0"].inputs = {{"x", DataType::float32, {-1, 32}, false}};
  bring_other_node();
  EXPECT_EQ(stage.phase(), "restoring");
  EXPECT_EQ(stage.status().rollout->reason,
            "version 2: signature: input 'x': shape [-1,64] became [-1,32]");
}

TEST(Nodes, WhereNothingServedABuildThatComesIsHeldAgainstWhatHasTheRequests) {
  FleetStage stage;
  stage.infos[2].inputs = {{"x", DataType::float32, {-1, 64}, false}};
  stage.other_infos["o/m/2.cccccc/0"].inputs = {{"x", DataType::float32, {-1, 32}, false}};
  stage.has({{1, "aaaaaaaa"}});
  stage.fail(1, "model.onnx: truncated");
  link::ModelSettings settings;
  settings.steps = {20, 100};
  settings.hold = std::chrono::seconds(30);
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  stage.ready(2);
  stage.publish();
  stage.apply();
  ASSERT_EQ(stage.phase(), "shifting");
  stage.has({{1, "aaaaaaaa"}, {2, "cccccccc"}}, settings, "o");
  EXPECT_EQ(stage.status().rollout->reason,
            "version 2: signature: input 'x': shape [-1,64] became [-1,32]");
}

TEST(Nodes, SettingsOfTheFirstHoldAndAnotherIsNamed) {
  FleetStage stage;
  link::ModelSettings two;
  two.replicas = 2;
  stage.has({{1, "aaaaaaaa"}}, {}, "n");
  stage.has({{1, "aaaaaaaa"}}, two, "o");
  EXPECT_EQ(stage.assigned("o"), "o/m/1.aaaaaa/0");
  ASSERT_EQ(stage.status().notes.size(), 1U);
  EXPECT_EQ(stage.status().notes[0],
            "the configuration on node 'o' is not that on node 'n', which holds");
}

TEST(Nodes, ANodeThatNeverGetsTheNewVersionEndsTheRolloutByName) {
  FleetStage stage;
  stage.update_one_of_two_nodes();
  stage.shards_follow();
  EXPECT_EQ(stage.status().rollout->waiting_for,
            "node 'o' has none of the versions that shall serve");
  EXPECT_EQ(stage.fleet.next_due(), stage.now + limits::kNodeWithoutVersion);
  stage.pass(limits::kNodeWithoutVersion);
  stage.shards_follow();
  EXPECT_EQ(stage.phase(), "rolled_back");
  EXPECT_EQ(stage.status().rollout->reason,
            "version 2: it is not on node 'o', which serves what it replaces");
  EXPECT_EQ(stage.routes(),
            "1:ready:100 2:failed(it is not on node 'o', which serves what it "
            "replaces)");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0") << "and it is not begun again";
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, {}, "o");
  EXPECT_EQ(stage.assigned("o"), "o/m/1.aaaaaa/0 o/m/2.bbbbbb/0") << "until it is there";
  stage.ready(2);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "2:ready:100");
}

TEST(Nodes, AnOperatorIsToldAtOnceWhichNodeLacksTheVersion) {
  link::ModelSettings settings;
  settings.policy = {.kind = link::VersionPolicy::Kind::specific, .versions = {1}};
  FleetStage stage;
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings, "n");
  stage.has({{1, "aaaaaaaa"}}, settings, "o");
  stage.ready(1);
  stage.shards_follow();
  RolloutAsked asked;
  asked.model = "m";
  asked.to = 2;
  const auto refused = stage.fleet.rollout(asked, stage.now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail,
            "m: version 2 is not on node 'o', which serves version 1; put it there first");
  EXPECT_FALSE(stage.status().pin);
}

TEST(Nodes, AWorkerEndsOnlyOnceEveryShardKnowsWhateverRolloutsDo) {
  FleetStage stage;
  stage.has({{1, "aaaaaaaa"}}, {}, "n");
  stage.has({{1, "aaaaaaaa"}}, {}, "o");
  stage.ready(1);
  stage.shards_follow();
  stage.has_models({}, "o");
  stage.publish();  // and no shard has it yet
  stage.has({{1, "a2a2a2a2"}}, {}, "n");
  EXPECT_EQ(stage.assigned("n"), "n/m/1.a2a2a2/0 n/m/1.aaaaaa/0");
  stage.set_one("n/m/1.a2a2a2/0", link::WorkerState::failed, false);
  EXPECT_EQ(stage.assigned("n"), "n/m/1.aaaaaa/0");
  EXPECT_EQ(stage.assigned("o"), "o/m/1.aaaaaa/0");
  stage.shards_follow();
  EXPECT_EQ(stage.assigned("o"), "");
}

TEST(Nodes, ANodeThatComesInTheMiddleOfARecreateHasOneBuildInTheEnd) {
  link::ModelSettings settings;
  settings.strategy = link::Strategy::recreate;
  FleetStage stage;
  for (const std::string id : {"n/m/1.a2a2a2/0", "o/m/1.aaaaaa/0"}) {
    WorkerFact& worker = stage.workers[id];
    worker.id = id;
    worker.node = id.substr(0, 1);
    worker.model = "m";
    worker.version = 1;
    worker.stamp = id.find("a2") == std::string::npos ? "aaaaaaaa" : "a2a2a2a2";
    worker.state = link::WorkerState::ready;
    worker.met_by_all = true;
  }
  stage.tell();
  stage.has({{1, "a2a2a2a2"}}, settings, "o");
  EXPECT_EQ(stage.phase(), "stopping");
  stage.has({{1, "a2a2a2a2"}}, settings, "n");
  EXPECT_EQ(stage.assigned("n"), "") << "it has yet to pass";
  stage.shards_follow();
  EXPECT_EQ(stage.assigned("n"), "n/m/1.a2a2a2/0");
  EXPECT_EQ(stage.assigned("o"), "o/m/1.a2a2a2/0");
  stage.set_one("o/m/1.a2a2a2/0", link::WorkerState::failed, false);
  stage.shards_follow();
  EXPECT_EQ(stage.assigned("o"), "o/m/1.aaaaaa/0");
}

TEST(Nodes, WhatIsWrongWithANodesListIsNotedAndTold) {
  FleetStage stage;
  stage.serve_first();
  const auto on_list = [&](const std::string& problem) {
    link::ModelFound model{.name = "m", .versions = {{1, "aaaaaaaa", 1}}};
    stage.fleet.on_repository(
        "n", {.sequence = 2, .problem = problem, .models = {model}}, stage.now);
  };
  on_list("models.list 3:1: expected a name");
  EXPECT_EQ(stage.status().notes, std::vector<std::string>{"models.list 3:1: expected a name"});
  EXPECT_EQ(stage.fleet.load({"new", {}}, stage.now).error().detail,
            "no model 'new' is in any repository; models.list 3:1: expected a name");
  EXPECT_EQ(stage.routes(), "1:ready:100");
  on_list("");
  EXPECT_TRUE(stage.status().notes.empty());
}

}  // namespace
}  // namespace sluice::gateway
