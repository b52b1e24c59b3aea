// Adoption, models on demand, labels, signatures, workers started by hand.

#include "gateway/control/fleet.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/gateway/control/fleet_stage.h"

namespace sluice::gateway {
namespace {

using link::ModelSettings;
using link::VersionPolicy;
using link::WorkerState;

WorkerFact running(const std::string& id,
                   std::int64_t version,
                   const std::string& stamp,
                   WorkerState state = WorkerState::ready) {
  WorkerFact fact;
  fact.id = id;
  fact.node = id.substr(0, id.find('/'));
  fact.model = "m";
  fact.version = version;
  fact.stamp = stamp;
  fact.state = state;
  fact.met_by_all = state == WorkerState::ready;
  return fact;
}

WorkerFact by_hand(const std::string& id, std::int64_t version, WorkerState state) {
  WorkerFact fact = running(id, version, "", state);
  fact.node.clear();
  return fact;
}

ModelInfo info_of(Shape shape) {
  ModelInfo info;
  info.name = "m";
  info.inputs = {{"x", DataType::float32, std::move(shape), false}};
  info.outputs = {{"y", DataType::float32, {-1, 10}, false}};
  return info;
}

TEST(Adoption, NothingIsAssignedBeforeTheNodeHasSaidWhatItRuns) {
  FleetStage stage;
  link::ModelFound model;
  model.name = "m";
  model.versions = {{1, "aaaaaaaa", 1}};
  stage.fleet.on_repository("n", {.sequence = 1, .models = {model}}, stage.now);
  EXPECT_EQ(stage.assigned(), "as it is");
  EXPECT_EQ(stage.routes(), "");
  stage.fleet.on_node_reported("n", 0, stage.now);
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
}

TEST(Unheard, WhatItsNodeMayNotHaveHeardOfYetIsNotGone) {
  FleetStage stage;
  link::ModelFound model;
  model.name = "m";
  model.versions = {{1, "aaaaaaaa", 1}};
  stage.fleet.on_repository("n", {.sequence = 1, .models = {model}}, stage.now);
  stage.fleet.on_node_reported("n", 0, stage.now);
  stage.fleet.on_assigned("n", 1, *stage.fleet.assignment("n"));
  ASSERT_TRUE(stage.fleet.unload({"m"}, stage.now));  // no report has shown its worker
  stage.shards_follow();
  stage.fleet.on_assigned("n", 2, {});
  EXPECT_EQ(stage.outcomes(), "") << "it may just be starting";
  stage.fleet.on_node_reported("n", 1, stage.now);
  EXPECT_EQ(stage.outcomes(), "1 done");
}

TEST(Unheard, IsForgottenWithTheFirstReportByANewLink) {
  FleetStage stage;
  link::ModelFound model;
  model.name = "m";
  model.versions = {{1, "aaaaaaaa", 1}};
  stage.fleet.on_repository("n", {.sequence = 1, .models = {model}}, stage.now);
  stage.fleet.on_node_reported("n", 0, stage.now);
  stage.fleet.on_assigned("n", 7, *stage.fleet.assignment("n"));
  ASSERT_TRUE(stage.fleet.unload({"m"}, stage.now));
  stage.shards_follow();
  stage.fleet.on_node_attached("n");
  stage.fleet.on_node_reported("n", 0, stage.now);
  EXPECT_EQ(stage.outcomes(), "1 done");
}

TEST(Adoption, ARestartedGatewayChangesNothing) {
  FleetStage stage;
  stage.workers["n/m/2.bbbbbb/0"] = running("n/m/2.bbbbbb/0", 2, "bbbbbbbb");
  stage.tell();
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
  EXPECT_EQ(stage.routes(), "2:ready:100");
  EXPECT_EQ(stage.phase(), "none");
}

TEST(Adoption, ARolloutUnderWayGoesOn) {
  FleetStage stage;
  stage.workers["n/m/1.aaaaaa/0"] = running("n/m/1.aaaaaa/0", 1, "aaaaaaaa");
  stage.workers["n/m/2.bbbbbb/0"] = running("n/m/2.bbbbbb/0", 2, "bbbbbbbb", WorkerState::loading);
  stage.tell();
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0");
  EXPECT_EQ(stage.routes(), "1:ready:100");
  EXPECT_EQ(stage.phase(), "starting");
  stage.ready(2);
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/2.bbbbbb/0");
}

TEST(Adoption, ABuildThatIsNoLongerOnTheDiskServesUntilItsSuccessorDoes) {
  FleetStage stage;
  stage.workers["n/m/1.0ld0ld/0"] = running("n/m/1.0ld0ld/0", 1, "0ld0ld0ld");
  stage.tell();
  stage.has({{1, "aaaaaaaa"}});
  EXPECT_EQ(stage.assigned(), "n/m/1.0ld0ld/0 n/m/1.aaaaaa/0");
  EXPECT_EQ(stage.admitted(), "n/m/1.0ld0ld/0");
  stage.set_one("n/m/1.aaaaaa/0", WorkerState::ready, true);
  stage.shards_follow();
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
}

TEST(Problems, AModelThatHasNothingUsableIsRoutedAsFailed) {
  FleetStage stage;
  link::ModelFound broken;
  broken.name = "m";
  broken.problem = "config.pbtxt: backend 'x' is not offered here";
  stage.has_models({broken});
  EXPECT_EQ(stage.routes(), "0:failed(config.pbtxt: backend 'x' is not offered here)");
  stage.has({{1, "aaaaaaaa"}});
  EXPECT_EQ(stage.routes(), "1:expected");
  stage.has_models({broken});
  EXPECT_EQ(stage.routes(), "1:expected") << "what is known goes on";
}

TEST(OnDemand, AModelWaitsUntilItIsAskedFor) {
  FleetStage stage({}, {.on_demand = true, .models = {"other"}});
  stage.has({{1, "aaaaaaaa"}});
  EXPECT_EQ(stage.assigned(), "");
  EXPECT_EQ(stage.stage(1), "known");
  ASSERT_TRUE(stage.fleet.load({"m", {}}, stage.now));
  stage.follow();
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
  stage.ready(1);
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0 n/m/2.bbbbbb/0") << "from then on it is followed";
}

TEST(OnDemand, ModelsOfTheStartAreServed) {
  for (const char* name : {"m", "*"}) {
    FleetStage stage({}, {.on_demand = true, .models = {name}});
    stage.has({{1, "aaaaaaaa"}});
    EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0") << name;
  }
}

TEST(OnDemand, WhatRunsAlreadyWasAskedForBeforeTheGatewayStarted) {
  FleetStage stage({}, {.on_demand = true});
  const WorkerFact fact = running("o/m/1.aaaaaa/0", 1, "aaaaaaaa");
  stage.workers.emplace(fact.id, fact);
  stage.tell();
  stage.has({{1, "aaaaaaaa"}});
  EXPECT_EQ(stage.assigned(), "");
  stage.has({{1, "aaaaaaaa"}}, {}, "o");
  EXPECT_EQ(stage.assigned("o"), "o/m/1.aaaaaa/0");
  EXPECT_EQ(stage.assigned("n"), "n/m/1.aaaaaa/0");
}

TEST(OnDemand, AModelThatIsGoneLeavesNothing) {
  FleetStage stage({}, {.on_demand = true});
  stage.has({{1, "aaaaaaaa"}});
  stage.has_models({});
  stage.events();
  EXPECT_FALSE(stage.fleet.status("m"));
}

TEST(Adoption, WhatNoRepositoryHasIsNotKept) {
  FleetStage stage;
  stage.workers["n/m/7.777777/0"] = running("n/m/7.777777/0", 7, "77777777");
  stage.tell();
  stage.has({{1, "aaaaaaaa"}});
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
}

TEST(Labels, MoveInTheSnapshotThatMakesTheirVersionServe) {
  FleetStage stage;
  ModelSettings settings;
  settings.labels = {{"stable", 1}};
  stage.serve_first(settings);
  EXPECT_EQ(stage.labels(), "stable=1");
  settings.labels = {{"stable", 2}, {"canary", 9}};
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  EXPECT_EQ(stage.labels(), "stable=1");
  ASSERT_EQ(stage.status().labels.size(), 2U);
  EXPECT_EQ(stage.status().labels[0].label, "canary");
  EXPECT_EQ(stage.status().labels[0].at, std::nullopt);
  EXPECT_EQ(stage.status().labels[0].reason, "version 9 is known, not serving");
  EXPECT_EQ(stage.status().labels[1].at, 1);
  EXPECT_EQ(stage.status().labels[1].reason, "version 2 is starting, not serving");
  stage.ready(2);
  EXPECT_EQ(stage.routes(), "1:draining 2:ready:100");
  EXPECT_EQ(stage.labels(), "stable=2");
}

TEST(Signature, AChangeIsRefusedUnlessItIsAllowed) {
  FleetStage stage;
  stage.infos[1] = info_of({-1, 64});
  stage.infos[2] = info_of({-1, 32});
  stage.serve_first();
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  stage.set(2, WorkerState::warming);
  stage.shards_follow();
  EXPECT_EQ(stage.phase(), "rolled_back");
  EXPECT_EQ(stage.stage(2), "failed(signature: input 'x': shape [-1,64] became [-1,32])");
  EXPECT_EQ(stage.routes(),
            "1:ready:100 2:failed(signature: input 'x': shape [-1,64] became [-1,32])");
  RolloutAsked asked;
  asked.model = "m";
  asked.to = 2;
  asked.allow_signature_change = true;
  ASSERT_TRUE(stage.fleet.rollout(asked, stage.now));
  stage.follow();
  stage.ready(2);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "2:ready:100");
}

TEST(Signature, OfTheOldOneMayBecomeKnownWhileTheNewOneStarts) {
  FleetStage stage;
  stage.infos[1] = info_of({-1, 64});
  stage.infos[2] = info_of({-1, 32});
  stage.has({{1, "aaaaaaaa"}});
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  EXPECT_EQ(stage.phase(), "starting");
  stage.ready(1);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(),
            "1:ready:100 2:failed(signature: input 'x': shape [-1,64] became "
            "[-1,32])");
}

TEST(Signature, OfABuildThatNeverServedReplacesNothing) {
  ModelSettings settings;
  settings.policy.kind = VersionPolicy::Kind::all;
  FleetStage stage;
  stage.infos[1] = info_of({-1, 64});
  stage.infos[2] = info_of({-1, 32});
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}}, settings);
  stage.ready(1);
  stage.fail(2, "it crashes");
  stage.shards_follow();
  stage.has({{1, "aaaaaaaa"}, {2, "b2b2b2b2"}}, settings);
  stage.shards_follow();
  EXPECT_EQ(stage.phase(), "rolled_back");
  EXPECT_EQ(stage.status().rollout->reason,
            "version 2: signature: input 'x': shape [-1,64] became [-1,32]");
}

TEST(Signature, IsHeldAgainstEachNodesBuild) {
  FleetStage stage;
  stage.infos[1] = info_of({-1, 64});
  stage.has({{1, "aaaaaaaa"}}, {}, "n");
  stage.has({{1, "aaaaaaaa"}}, {}, "o");
  stage.ready(1);
  stage.shards_follow();
  stage.has({{1, "a2a2a2a2"}}, {}, "n");
  stage.other_infos["n/m/1.a2a2a2/0"] = info_of({-1, 32});
  stage.set_one("n/m/1.a2a2a2/0", WorkerState::ready, true);
  stage.shards_follow();
  EXPECT_EQ(stage.phase(), "rolled_back");
  EXPECT_EQ(stage.admitted(), "n/m/1.aaaaaa/0 o/m/1.aaaaaa/0");
}

TEST(ByHand, AVersionIsServedOnceItsWorkerIsReadyAndGoesWithIt) {
  FleetStage stage;
  stage.workers["mine"] = by_hand("mine", 3, WorkerState::loading);
  stage.tell();
  EXPECT_EQ(stage.routes(), "3:expected");
  stage.set_one("mine", WorkerState::ready, true);
  EXPECT_EQ(stage.routes(), "3:ready:100");
  EXPECT_EQ(stage.admitted(), "mine");
  stage.workers.clear();
  stage.tell();
  EXPECT_EQ(stage.routes(), "");
  stage.events();
  EXPECT_FALSE(stage.fleet.status("m").has_value());
}

TEST(ByHand, ItServesBesideTheRepositorysVersions) {
  FleetStage stage;
  stage.serve_first();
  stage.workers["mine"] = by_hand("mine", 3, WorkerState::ready);
  stage.tell();
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "1:ready 3:ready:100");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0");
  stage.workers.erase("mine");
  stage.tell();
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "1:ready:100");
}

TEST(ByHand, APinLeavesItOut) {
  FleetStage stage;
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  stage.ready(2);
  stage.workers["mine"] = by_hand("mine", 3, WorkerState::ready);
  stage.tell();
  stage.shards_follow();
  RolloutAsked asked;
  asked.model = "m";
  asked.to = 1;
  ASSERT_TRUE(stage.fleet.rollout(asked, stage.now));
  stage.follow();
  stage.ready(1);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "1:ready:100");
  EXPECT_EQ(stage.admitted(), "n/m/1.aaaaaa/0");
}

TEST(Ids, NameNodeModelVersionBuildAndFitTheirLimit) {
  EXPECT_EQ(build_name("n", "m", 2, "a1b2c3d4", ""), "n/m/2.a1b2c3");
  EXPECT_NE(build_name("n", "m", 2, "a1b2c3d4", "{}"), "n/m/2.a1b2c3");
  EXPECT_NE(build_name("n", "m", 2, "a1b2c3d4", "{}"), build_name("n", "m", 2, "a1b2c3d4", "{ }"));
  const std::string node(40, 'n');
  const std::string model(64, 'm');
  const std::string one = build_name(node, model + "1", INT64_MAX, "a1b2c3d4", "");
  EXPECT_LE(one.size() + 5, 128U);
  EXPECT_NE(one, build_name(node, model + "2", INT64_MAX, "a1b2c3d4", ""));
}

// "WORKER share/shares", of all that are assigned.
std::string shares(const FleetStage& stage) {
  std::string text;
  const auto assigned = stage.fleet.assignment("n");
  for (const link::AssignedWorker& worker : *assigned) {
    text += (text.empty() ? "" : " ") + worker.worker_id + " " + std::to_string(worker.share) +
            "/" + std::to_string(worker.shares);
  }
  return text;
}

TEST(Shares, AreOfThoseThatLastAndARolloutTakesNobodys) {
  FleetStage stage;
  link::ModelFound one;
  one.name = "a";
  one.settings.replicas = 2;
  one.versions = {{1, "aaaaaaaa", 1}};
  link::ModelFound two;
  two.name = "m";
  two.versions = {{1, "bbbbbbbb", 1}};
  stage.has_models({one, two});
  EXPECT_EQ(shares(stage), "n/a/1.aaaaaa/0 0/3 n/a/1.aaaaaa/1 1/3 n/m/1.bbbbbb/0 2/3");
  stage.ready(1);
  stage.shards_follow();
  two.versions.push_back({2, "cccccccc", 1});
  stage.has_models({one, two});
  EXPECT_EQ(shares(stage),
            "n/a/1.aaaaaa/0 0/3 n/a/1.aaaaaa/1 1/3 n/m/1.bbbbbb/0 2/3 n/m/2.cccccc/0 2/3");
  ASSERT_TRUE(stage.fleet.unload({"a"}, stage.now));
  EXPECT_EQ(shares(stage).substr(shares(stage).rfind(' ') + 1), "0/1");
}

TEST(Failures, WhatHasFailedStaysKnownWhenAnOlderBuildOfItFailsToo) {
  FleetStage stage;
  stage.serve_first();
  stage.has({{1, "aaaaaaaa"}, {2, "bbbbbbbb"}});
  stage.ready(2);
  stage.publish();
  stage.apply();
  EXPECT_EQ(stage.stage(1), "draining");
  stage.has({{1, "aaaaaaaa"}, {2, "cccccccc"}});
  stage.workers.at("n/m/2.cccccc/0").reason = "truncated";
  stage.set_one("n/m/2.cccccc/0", link::WorkerState::failed, false);
  stage.publish();
  stage.apply();
  EXPECT_EQ(stage.phase(), "rolled_back");
  stage.workers.at("n/m/2.bbbbbb/0").reason = "died five times";
  stage.set_one("n/m/2.bbbbbb/0", link::WorkerState::failed, false);
  stage.shards_follow();
  EXPECT_EQ(stage.routes(), "1:ready:100 2:failed(died five times)");
  EXPECT_EQ(stage.assigned(), "n/m/1.aaaaaa/0") << "2.cccccc is not tried again";
}

TEST(Noted, IsOnlyWhatConcernsVersionsThatAreThere) {
  CommandIds ids;
  Deployment deployment("m", {}, ids);
  const TimePoint now{std::chrono::hours(1)};
  ModelFacts facts;
  facts.found = true;
  facts.versions = {{7, {{"n", "aaaaaaaa"}}}};
  deployment.on_model(facts, now);
  for (std::int64_t version = 1; version <= 100; ++version) {
    deployment.on_quiet(version, static_cast<std::uint64_t>(version), now);
    deployment.on_counts(version, {.ok = 1}, now);
  }
  EXPECT_EQ(deployment.noted(), 1U);
}

}  // namespace
}  // namespace sluice::gateway
