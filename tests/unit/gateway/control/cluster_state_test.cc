#include "gateway/control/cluster_state.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using link::WorkerState;
using std::chrono::seconds;

link::Hello hello(const std::string& id, std::uint32_t pid, WorkerState state) {
  link::Hello hello;
  hello.worker_id = id;
  hello.node_id = "node";
  hello.pid = pid;
  hello.state = state;
  hello.model.name = "add";
  hello.model.version = 1;
  return hello;
}

link::WorkerReport report(const std::string& id, std::uint32_t pid, WorkerState state) {
  link::WorkerReport report;
  report.worker_id = id;
  report.model = "add";
  report.version = 1;
  report.pid = pid;
  report.state = state;
  return report;
}

// A cluster of one expected model "add" and two shards.
class ClusterStateTest : public ::testing::Test {
 protected:
  WorkerFact fact(const std::string& id = "w0") {
    facts = state.facts();
    for (const WorkerFact& fact : facts) {
      if (fact.id == id) {
        return fact;
      }
    }
    ADD_FAILURE() << "no worker " << id;
    return {};
  }
  bool server_ready(RoutedVersion::State version) {
    Routes routes;
    routes.versions.push_back({.model = "add", .version = 1, .state = version});
    return state.view(std::move(routes), now).ready;
  }
  void meet(std::uint32_t pid, bool met = true) {
    state.on_worker_met({0, "w0", pid, met});
    state.on_worker_met({1, "w0", pid, met});
  }
  void node_says(std::vector<link::WorkerReport> workers) {
    state.on_node_report("node", {.sequence = 1, .workers = std::move(workers)});
  }

  ClusterState state{{.expected_models = {"add"}, .strict_readiness = true, .shards = 2}};
  std::vector<WorkerFact> facts;
  TimePoint now{};
};

TEST_F(ClusterStateTest, AWorkerIsMetOnceEveryShardHasMetThisLifeOfIt) {
  state.on_worker_hello(hello("w0", 7, WorkerState::ready));
  node_says({report("w0", 7, WorkerState::ready)});
  EXPECT_FALSE(fact().met_by_all);
  state.on_worker_met({0, "w0", 7, true});
  EXPECT_FALSE(fact().met_by_all);
  state.on_worker_met({1, "w0", 7, true});
  EXPECT_TRUE(fact().met_by_all);
  state.on_worker_met({1, "w0", 7, false});
  EXPECT_FALSE(fact().met_by_all);
}

TEST_F(ClusterStateTest, AWorkerIsMetOnceItsNodeHasLetThisLifeOfItPass) {
  state.on_worker_hello(hello("w0", 7, WorkerState::ready));
  meet(7);
  EXPECT_FALSE(fact().met_by_all);
  node_says({report("w0", 7, WorkerState::probing)});
  EXPECT_FALSE(fact().met_by_all) << "it may yet take more memory than there is";
  node_says({report("w0", 7, WorkerState::ready)});
  EXPECT_TRUE(fact().met_by_all);
  state.on_node_link_lost("node");
  EXPECT_TRUE(fact().met_by_all);
  state.on_worker_hello(hello("w0", 8, WorkerState::ready));
  meet(8);
  EXPECT_FALSE(fact().met_by_all) << "another life";
  link::Hello by_hand = hello("w1", 9, WorkerState::ready);
  by_hand.node_id.clear();
  state.on_worker_hello(by_hand);
  state.on_worker_met({0, "w1", 9, true});
  state.on_worker_met({1, "w1", 9, true});
  EXPECT_TRUE(fact("w1").met_by_all);
}

TEST_F(ClusterStateTest, ANodesMemoryIsThatOfItsLastReport) {
  link::WorkerReport one = report("w0", 7, WorkerState::ready);
  one.memory = 30;
  link::WorkerReport two = report("w1", 8, WorkerState::loading);
  two.memory = 12;
  state.on_node_report("node", {.sequence = 1, .workers = {one, two}, .memory_limit = 100});
  EXPECT_EQ(state.nodes().at("node").memory_limit, 100U);
  EXPECT_EQ(state.nodes().at("node").memory_taken, 42U);
  EXPECT_EQ(state.workers().at("w1").memory, 12U);
  node_says({one});
  EXPECT_EQ(state.nodes().at("node").memory_taken, 30U);
  state.on_node_link_lost("node");
  EXPECT_TRUE(state.nodes().empty());
}

TEST_F(ClusterStateTest, ALoadingWorkersNodeIsNotBelievedOverItsOwnWord) {
  state.on_worker_hello(hello("w0", 7, WorkerState::loading));
  EXPECT_EQ(fact().state, WorkerState::loading);
  state.on_worker_state("w0", {WorkerState::ready, "", {}});
  node_says({report("w0", 7, WorkerState::loading)});  // a moment behind
  EXPECT_EQ(fact().state, WorkerState::ready);
}

TEST_F(ClusterStateTest, WhatAWorkerSaidOfItsFailureStandsUntilItsNodeSaysMore) {
  state.on_worker_hello(hello("w0", 7, WorkerState::loading));
  state.on_worker_state("w0", {WorkerState::failed, "known answer 'a': off by 3", {}});
  for (const bool linked : {true, false}) {
    if (!linked) {
      state.on_worker_link_lost("w0");
    }
    node_says({report("w0", 7, WorkerState::loading)});  // a moment behind
    EXPECT_EQ(fact().state, WorkerState::failed);
    EXPECT_EQ(fact().reason, "known answer 'a': off by 3");
  }
  link::WorkerReport ended = report("w0", 0, WorkerState::failed);
  ended.reason = "exit code 3: known answer 'a': off by 3";
  node_says({ended});
  EXPECT_EQ(fact().reason, "exit code 3: known answer 'a': off by 3");
  node_says({report("w0", 8, WorkerState::loading)});  // another life
  EXPECT_EQ(fact().state, WorkerState::loading);
  EXPECT_EQ(fact().reason, "");
}

TEST_F(ClusterStateTest, AProvenDeathIsBelievedAtOnceAndTheNextLifeHasToBeMetAgain) {
  state.on_worker_hello(hello("w0", 7, WorkerState::ready));
  node_says({report("w0", 7, WorkerState::ready)});
  meet(7);
  state.on_worker_died({"w0", 7, "killed by signal 9 (SIGKILL)", {}});
  EXPECT_EQ(fact().state, WorkerState::unknown);
  EXPECT_FALSE(fact().met_by_all);
  EXPECT_EQ(fact().reason, "killed by signal 9 (SIGKILL)");
  state.on_worker_hello(hello("w0", 8, WorkerState::ready));
  node_says({report("w0", 8, WorkerState::ready)});
  meet(7, false);  // the old life's links are noticed late
  EXPECT_FALSE(fact().met_by_all);
  meet(8);
  EXPECT_TRUE(fact().met_by_all);
}

TEST_F(ClusterStateTest, WhatFollowsADeathIsTheNodesToSay) {
  node_says({report("w0", 7, WorkerState::ready)});
  state.on_worker_hello(hello("w0", 7, WorkerState::ready));
  for (const WorkerState next : {WorkerState::starting, WorkerState::backing_off}) {
    state.on_worker_beat("w0", {.running = 1});
    state.on_worker_died({"w0", 7, "killed by signal 9 (SIGKILL)", {}});
    EXPECT_EQ(state.workers().at("w0").state, WorkerState::unknown);  // not a back-off that is none
    node_says({report("w0", 0, next)});
    EXPECT_EQ(state.workers().at("w0").state, next);
    EXPECT_EQ(state.workers().at("w0").beat.running, 0U);  // nor what the dead one was doing
    node_says({report("w0", 7, WorkerState::ready)});
  }
}

TEST_F(ClusterStateTest, TheDeathOfAnOlderLifeChangesNothing) {
  state.on_worker_hello(hello("w0", 8, WorkerState::ready));
  node_says({report("w0", 8, WorkerState::ready)});
  meet(8);
  state.on_worker_died({"w0", 7, "killed by signal 9 (SIGKILL)", {}});
  meet(7, false);
  EXPECT_EQ(fact().state, WorkerState::ready);
  EXPECT_TRUE(fact().met_by_all);
}

TEST_F(ClusterStateTest, TheStampIsTheNodesToSayAndTheSignatureTheWorkers) {
  auto seen = report("w0", 7, WorkerState::loading);
  seen.stamp = "a1b2c3";
  node_says({seen});
  EXPECT_EQ(fact().stamp, "a1b2c3");
  EXPECT_EQ(fact().info, nullptr);
  link::Hello loaded = hello("w0", 7, WorkerState::ready);
  loaded.model.inputs.push_back({"x", DataType::float32, {4}, false});
  state.on_worker_hello(loaded);
  ASSERT_NE(fact().info, nullptr);
  EXPECT_EQ(fact().info->inputs[0].name, "x");
  EXPECT_EQ(fact().stamp, "a1b2c3");
}

TEST_F(ClusterStateTest, AWorkerMissingFromItsNodesReportHasLeft) {
  node_says({report("w0", 7, WorkerState::ready)});
  node_says({});
  EXPECT_TRUE(state.facts().empty());
}

TEST_F(ClusterStateTest, AWorkerStartedByHandLeavesWithItsLink) {
  link::Hello by_hand = hello("w0", 7, WorkerState::ready);
  by_hand.node_id.clear();
  state.on_worker_hello(by_hand);
  state.on_worker_link_lost("w0");
  EXPECT_TRUE(state.workers().empty());
}

TEST_F(ClusterStateTest, TheServerIsReadyWithItsModelsAndUnreadyFiveSecondsAfterTheLast) {
  EXPECT_FALSE(server_ready(RoutedVersion::State::expected));
  EXPECT_TRUE(server_ready(RoutedVersion::State::ready));
  EXPECT_TRUE(server_ready(RoutedVersion::State::expected));
  now += seconds(5) - std::chrono::nanoseconds(1);
  EXPECT_TRUE(server_ready(RoutedVersion::State::expected));
  now += std::chrono::nanoseconds(1);
  EXPECT_FALSE(server_ready(RoutedVersion::State::expected));
  EXPECT_TRUE(server_ready(RoutedVersion::State::ready));
}

TEST_F(ClusterStateTest, ADrainingServerIsNotReady) {
  ASSERT_TRUE(server_ready(RoutedVersion::State::ready));
  state.on_drain();
  EXPECT_FALSE(server_ready(RoutedVersion::State::ready));
}

TEST_F(ClusterStateTest, HowOftenAWorkerDiedIsItsNodesToSay) {
  link::WorkerReport worker = report("w0", 7, WorkerState::ready);
  worker.crashes = 2;
  worker.kills = 1;
  node_says({worker});
  EXPECT_EQ(fact().deaths, (Deaths{.crashes = 2, .kills = 1}));
  state.on_worker_hello(hello("w0", 8, WorkerState::ready));
  EXPECT_EQ(fact().deaths, (Deaths{.crashes = 2, .kills = 1}));
}

TEST_F(ClusterStateTest, RoutesBecomeTheShardsViewWithNoPathInAReason) {
  Routes routes;
  routes.versions.push_back({.model = "add",
                             .version = 2,
                             .state = RoutedVersion::State::draining,
                             .weight = 0,
                             .workers = {"w0"}});
  routes.versions.push_back({.model = "bad",
                             .version = 1,
                             .state = RoutedVersion::State::failed,
                             .reason = "/srv/models/bad/1/model.onnx: not an ONNX model"});
  routes.labels.push_back({"add", "stable", 2});
  routes.settings.push_back({"add", "{}", {.levels = 2, .default_level = 1}});
  const ClusterView seen = state.view(std::move(routes), now);
  ASSERT_EQ(seen.versions.size(), 2U);
  EXPECT_EQ(seen.versions[0].state, VersionView::State::draining);
  EXPECT_EQ(seen.versions[0].workers, std::vector<std::string>{"w0"});
  EXPECT_EQ(seen.versions[1].reason, "model.onnx: not an ONNX model");
  ASSERT_EQ(seen.models.size(), 1U);
  EXPECT_EQ(seen.models[0].model, "add");
  EXPECT_EQ(seen.models[0].labels.at("stable"), 2);
  EXPECT_EQ(seen.models[0].config, "{}");
  EXPECT_EQ(seen.models[0].queue, (QueueRules{.levels = 2, .default_level = 1}));
}

TEST(ClusterState, WithoutStrictReadinessAFailedModelDoesNotHoldUpTheOthers) {
  Routes routes;
  routes.versions.push_back({.model = "add", .version = 1, .state = RoutedVersion::State::ready});
  routes.versions.push_back({.model = "bad", .version = 1, .state = RoutedVersion::State::failed});
  ClusterState strict({.expected_models = {"add", "bad"}, .strict_readiness = true, .shards = 1});
  EXPECT_FALSE(strict.view(routes, TimePoint{}).ready);
  ClusterState lenient({.expected_models = {"add", "bad"}, .strict_readiness = false, .shards = 1});
  EXPECT_TRUE(lenient.view(routes, TimePoint{}).ready);
}

}  // namespace
}  // namespace sluice::gateway
