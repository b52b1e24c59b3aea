#include "gateway/control/admin_json.h"

#include <chrono>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::gateway {
namespace {

using nlohmann::json;

DeploymentStatus model(std::vector<VersionStatus> versions) {
  DeploymentStatus status;
  status.model = "m";
  status.versions = std::move(versions);
  return status;
}

VersionStatus version(std::int64_t number, VersionStage stage, std::string reason = {}) {
  VersionStatus status;
  status.version = number;
  status.stage = stage;
  status.reason = std::move(reason);
  return status;
}

json index_of(const DeploymentStatus& status, bool ready_only = false) {
  return json::parse(index_json(std::vector{status}, ready_only));
}

TEST(IndexJson, SaysEachStageInTheRepositoryApisWords) {
  const struct {
    VersionStage stage;
    const char* state;
  } cases[] = {{VersionStage::starting, "LOADING"},
               {VersionStage::loading, "LOADING"},
               {VersionStage::warming, "LOADING"},
               {VersionStage::probing, "LOADING"},
               {VersionStage::standby, "UNAVAILABLE"},
               {VersionStage::serving, "READY"},
               {VersionStage::draining, "UNLOADING"},
               {VersionStage::failed, "UNAVAILABLE"}};
  for (const auto& each : cases) {
    const json index = index_of(model({version(3, each.stage)}));
    ASSERT_EQ(index.size(), 1U);
    EXPECT_EQ(index[0]["name"], "m");
    EXPECT_EQ(index[0]["version"], "3");
    EXPECT_EQ(index[0]["state"], each.state) << name_of(each.stage);
  }
}

TEST(IndexJson, HasAReasonWhereThereIsOne) {
  const json index = index_of(model(
      {version(1, VersionStage::serving), version(2, VersionStage::failed, "not an ONNX model")}));
  EXPECT_FALSE(index[0].contains("reason"));
  EXPECT_EQ(index[1]["reason"], "not an ONNX model");
}

TEST(IndexJson, AModelThatWasNeverWantedHasItsNameAlone) {
  EXPECT_EQ(index_of(model({version(1, VersionStage::known)})), json::parse(R"([{"name":"m"}])"));
}

TEST(IndexJson, AnUnloadedModelSaysSo) {
  DeploymentStatus status = model({version(1, VersionStage::known)});
  status.pin.emplace();
  EXPECT_EQ(index_of(status), json::parse(R"([{"name":"m","version":"1","state":"UNAVAILABLE",
                                              "reason":"unloaded"}])"));
}

TEST(IndexJson, AModelWithABadConfigurationSaysWhy) {
  DeploymentStatus status = model({});
  status.problem = "config.pbtxt:3:1: no field 'maxbatch'";
  EXPECT_EQ(index_of(status)[0]["state"], "UNAVAILABLE");
  EXPECT_EQ(index_of(status)[0]["reason"], status.problem);
}

TEST(IndexJson, OnlyWhatServesWhenThatIsAsked) {
  const auto status = model({version(1, VersionStage::serving), version(2, VersionStage::loading)});
  const json index = index_of(status, true);
  ASSERT_EQ(index.size(), 1U);
  EXPECT_EQ(index[0]["version"], "1");
  EXPECT_EQ(index_of(model({}), true), json::array());
}

TEST(RolloutJson, SaysWhereItIsAndForHowLong) {
  using std::chrono::milliseconds;
  const TimePoint now = TimePoint{} + std::chrono::hours(1);
  DeploymentStatus status = model({});
  EXPECT_EQ(json::parse(rollout_json(status, {}, now))["phase"], "none");
  RolloutStatus rollout;
  rollout.id = 4;
  rollout.by_operator = true;
  rollout.from = {1};
  rollout.to = {2};
  rollout.strategy = link::Strategy::blue_green;
  rollout.phase = RolloutPhase::shifting;
  rollout.step = 2;
  rollout.steps = 4;
  rollout.percent = 10;
  rollout.began = now - milliseconds(2500);
  rollout.since = now - milliseconds(40);
  status.rollout = rollout;
  EXPECT_EQ(json::parse(rollout_json(status, {.count = 1, .all = 2}, now)),
            json::parse(R"({"model":"m","id":4,"by":"operator","from":["1"],"to":["2"],
                            "strategy":"blue-green","phase":"shifting","step":2,"steps":4,
                            "percent":10,"paused":false,"waiting_for":"","reason":"",
                            "shards":{"acknowledged":1,"all":2},"since_ms":40.0,
                            "age_ms":2500.0})"));
}

TEST(AdminJson, NamesFilesWithoutThisMachinesFolders) {
  DeploymentStatus status;
  status.model = "m";
  status.problem = "/srv/models/m/config.pbtxt: unknown field 'x'";
  status.notes = {"'/srv/my models/m/old' is no version"};
  status.versions = {
      version(1, VersionStage::failed, "exit code 3: /srv/models/m/1/model.onnx: no such file")};
  status.rollout.emplace();
  status.rollout->reason = "version 1: /srv/models/m/1/model.onnx: no such file";
  EXPECT_EQ(index_of(status)[0]["reason"], "exit code 3: model.onnx: no such file");
  const json model = json::parse(models_json(std::vector{status}, {}, TimePoint()))["models"][0];
  EXPECT_EQ(model["problem"], "config.pbtxt: unknown field 'x'");
  EXPECT_EQ(model["notes"][0], "'old' is no version");
  EXPECT_EQ(model["versions"][0]["reason"], "exit code 3: model.onnx: no such file");
  EXPECT_EQ(model["rollout"]["reason"], "version 1: model.onnx: no such file");
}

}  // namespace
}  // namespace sluice::gateway
