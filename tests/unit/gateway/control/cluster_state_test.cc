#include "gateway/control/cluster_state.h"

#include <string>
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
  ClusterView view() { return state.view(now); }
  VersionView::State version_state() {
    const ClusterView seen = view();
    EXPECT_EQ(seen.versions.size(), 1U);
    return seen.versions.empty() ? VersionView::State::failed : seen.versions[0].state;
  }
  void meet(std::uint32_t pid, bool met = true) {
    state.on_worker_met({0, "w0", pid, met});
    state.on_worker_met({1, "w0", pid, met});
  }
  void node_says(std::vector<link::WorkerReport> workers) {
    state.on_node_report("node", {1, std::move(workers)});
  }

  ClusterState state{{.expected_models = {"add"}, .strict_readiness = true, .shards = 2}};
  TimePoint now{};
};

TEST_F(ClusterStateTest, AVersionIsReadyOnceEveryShardHasMetItsWorker) {
  state.on_worker_hello(hello("w0", 7, WorkerState::ready));
  EXPECT_EQ(version_state(), VersionView::State::expected);
  state.on_worker_met({0, "w0", 7, true});
  EXPECT_EQ(version_state(), VersionView::State::expected);
  EXPECT_FALSE(view().ready);
  state.on_worker_met({1, "w0", 7, true});
  EXPECT_EQ(version_state(), VersionView::State::ready);
  EXPECT_TRUE(view().ready);
}

TEST_F(ClusterStateTest, ALoadingWorkerIsExpectedAndItsNodeIsNotBelievedOverIt) {
  state.on_worker_hello(hello("w0", 7, WorkerState::loading));
  meet(7);
  EXPECT_EQ(version_state(), VersionView::State::expected);
  state.on_worker_state("w0", {WorkerState::ready, "", {}});
  node_says({report("w0", 7, WorkerState::loading)});  // a moment behind
  EXPECT_EQ(version_state(), VersionView::State::ready);
}

TEST_F(ClusterStateTest, AWorkerIsAdmittedOnceItServesAndStaysSoOverRestarts) {
  state.on_worker_hello(hello("w0", 7, WorkerState::ready));
  state.on_worker_met({0, "w0", 7, true});
  EXPECT_TRUE(view().versions[0].workers.empty());
  state.on_worker_met({1, "w0", 7, true});
  const std::vector<std::string> workers = {"w0"};
  EXPECT_EQ(view().versions[0].workers, workers);
  EXPECT_EQ(view().versions[0].weight, 100);
  state.on_worker_died({.worker_id = "w0", .pid = 7});
  EXPECT_EQ(view().versions[0].state, VersionView::State::expected);
  EXPECT_EQ(view().versions[0].workers, workers);
  EXPECT_EQ(view().versions[0].weight, 100);
}

TEST_F(ClusterStateTest, TheNewestReadyVersionTakesWhatNamesNone) {
  const auto weights = [&] {
    std::vector<int> found;
    for (const VersionView& version : view().versions) {
      found.push_back(version.weight);
    }
    return found;
  };
  link::Hello newer = hello("w1", 8, WorkerState::loading);
  newer.model.version = 2;
  state.on_worker_hello(hello("w0", 7, WorkerState::ready));
  state.on_worker_hello(newer);
  meet(7);
  EXPECT_EQ(weights(), (std::vector<int>{100, 0}));
  newer.state = WorkerState::ready;
  state.on_worker_hello(newer);
  state.on_worker_met({0, "w1", 8, true});
  state.on_worker_met({1, "w1", 8, true});
  EXPECT_EQ(weights(), (std::vector<int>{0, 100}));
}

TEST_F(ClusterStateTest,
       AProvenDeathEndsReadinessOfTheVersionAtOnceAndOfTheServerAfterFiveSeconds) {
  state.on_worker_hello(hello("w0", 7, WorkerState::ready));
  meet(7);
  ASSERT_TRUE(view().ready);
  state.on_worker_died({"w0", 7, "killed by signal 9 (SIGKILL)", {}});
  EXPECT_EQ(version_state(), VersionView::State::expected);
  EXPECT_TRUE(view().ready);
  now += seconds(5);
  EXPECT_FALSE(view().ready);
  state.on_worker_hello(hello("w0", 8, WorkerState::ready));
  meet(7, false);  // the old life's links are noticed late
  meet(8);
  EXPECT_TRUE(view().ready);
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
  meet(8);
  state.on_worker_died({"w0", 7, "killed by signal 9 (SIGKILL)", {}});
  EXPECT_EQ(version_state(), VersionView::State::ready);
  meet(7, false);
  EXPECT_EQ(version_state(), VersionView::State::ready);
}

TEST_F(ClusterStateTest, AFailedVersionKeepsItsReason) {
  auto failed = report("w0", 0, WorkerState::failed);
  failed.reason = "model.onnx: operator Foo is not supported";
  node_says({failed});
  const ClusterView seen = view();
  ASSERT_EQ(seen.versions.size(), 1U);
  EXPECT_EQ(seen.versions[0].state, VersionView::State::failed);
  EXPECT_EQ(seen.versions[0].reason, "model.onnx: operator Foo is not supported");
  EXPECT_FALSE(seen.ready);
}

TEST_F(ClusterStateTest, OneReadyWorkerOutweighsAFailedOne) {
  node_says({report("w0", 7, WorkerState::ready), report("w1", 0, WorkerState::failed)});
  meet(7);
  EXPECT_EQ(version_state(), VersionView::State::ready);
}

TEST_F(ClusterStateTest, AWorkerMissingFromItsNodesReportHasLeft) {
  node_says({report("w0", 7, WorkerState::ready)});
  node_says({});
  EXPECT_TRUE(view().versions.empty());
}

TEST_F(ClusterStateTest, AWorkerStartedByHandLeavesWithItsLink) {
  link::Hello by_hand = hello("w0", 7, WorkerState::ready);
  by_hand.node_id.clear();
  state.on_worker_hello(by_hand);
  state.on_worker_link_lost("w0");
  EXPECT_TRUE(state.workers().empty());
}

TEST_F(ClusterStateTest, ADrainingServerIsNotReady) {
  state.on_worker_hello(hello("w0", 7, WorkerState::ready));
  meet(7);
  ASSERT_TRUE(view().ready);
  state.on_drain();
  EXPECT_FALSE(view().ready);
}

TEST(ClusterState, WithoutStrictReadinessAFailedModelDoesNotHoldUpTheOthers) {
  ClusterState state({.expected_models = {"add", "bad"}, .strict_readiness = false, .shards = 1});
  auto failed = report("w1", 0, WorkerState::failed);
  failed.model = "bad";
  state.on_node_report("node", {1, {report("w0", 7, WorkerState::ready), failed}});
  EXPECT_FALSE(state.view(TimePoint{}).ready);
  state.on_worker_met({0, "w0", 7, true});
  EXPECT_TRUE(state.view(TimePoint{}).ready);
}

}  // namespace
}  // namespace sluice::gateway
