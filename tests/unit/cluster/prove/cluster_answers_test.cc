#include "cluster/prove/cluster_answers.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

using testing::ElementsAre;

std::string models(const std::string& versions, const std::string& more = {}) {
  return R"({"models":[{"name":"other","versions":[]},{"name":"m","versions":[)" + versions + "]" +
         more + "}]}";
}

constexpr const char* kOneServing = R"({"version":"1","state":"ready","weight":100})";
constexpr const char* kTwoKnown = R"({"version":"2","state":"known","weight":0})";

ModelState state_of(const std::string& json) {
  const auto state = read_model(json, "m");
  EXPECT_TRUE(state) << state.error().detail;
  return state ? *state : ModelState{};
}

TEST(ReadModel, KnowsVersionsServedAndPinned) {
  const ModelState state = state_of(
      models(std::string(R"({"version":"2","state":"draining","weight":0},)") + kOneServing,
             R"(,"pin":["1"],"rollout":null)"));
  EXPECT_THAT(state.versions, ElementsAre(1, 2));
  EXPECT_EQ(state.served, 1);
  EXPECT_EQ(state.pin, (std::vector<std::int64_t>{1}));
  EXPECT_THAT(state.draining, ElementsAre(2));
  EXPECT_FALSE(state.rolling);
}

TEST(ReadModel, SaysWhatIsNotThere) {
  EXPECT_EQ(read_model(R"({"models":[]})", "m").error(),
            (Error{ErrorCode::not_found, "the cluster has no model 'm'"}));
  EXPECT_FALSE(read_model("[]", "m"));
  EXPECT_FALSE(read_model("", "m"));
}

TEST(OtherVersion, IsTheHighestThatIsNotServed) {
  const std::string three = std::string(kOneServing) + "," + kTwoKnown +
                            R"(,{"version":"9","state":"failed","weight":0})";
  EXPECT_EQ(*other_version(state_of(models(three)), "m"), 9);
}

TEST(OtherVersion, SaysWhyThereIsNone) {
  struct Case {
    std::string json;
    std::string why;
  };
  const Case cases[] = {
      {models(kOneServing), "m has version 1 alone, and a swap needs two; --swaps 0 is load alone"},
      {models(""), "m has no version, and a swap needs two; --swaps 0 is load alone"},
      {models(std::string(kOneServing) + "," + kTwoKnown, R"(,"rollout":{"phase":"starting"})"),
       "a rollout of m is under way already"},
      {models(std::string(kTwoKnown) + R"(,{"version":"1","state":"failed","reason":"no luck"})"),
       "m is not ready: version 1 has failed: no luck"},
  };
  for (const Case& one : cases) {
    const auto other = other_version(state_of(one.json), "m");
    ASSERT_FALSE(other) << one.json;
    EXPECT_EQ(other.error().detail, one.why);
  }
}

std::optional<RolloutLook::Stage> stage_of(const std::string& phase) {
  const auto look = read_rollout(R"({"phase":")" + phase + R"("})");
  return look ? std::optional(look->stage) : std::nullopt;
}

TEST(ReadRollout, KnowsEveryPhase) {
  using Stage = RolloutLook::Stage;
  const std::pair<const char*, Stage> phases[] = {{"none", Stage::none},
                                                  {"stopping", Stage::before},
                                                  {"starting", Stage::before},
                                                  {"shifting", Stage::between},
                                                  {"switching", Stage::between},
                                                  {"restoring", Stage::between},
                                                  {"done", Stage::done},
                                                  {"rolled_back", Stage::back}};
  for (const auto& [phase, stage] : phases) {
    EXPECT_EQ(stage_of(phase), stage) << phase;
  }
  EXPECT_EQ(stage_of("new"), std::nullopt);
  EXPECT_FALSE(read_rollout("null"));
}

TEST(ReadRollout, TakesWhatItNeeds) {
  const auto look = read_rollout(
      R"({"phase":"done","id":7,"by":"policy","from":["1"],"to":["2",3],"reason":"r"})");
  ASSERT_TRUE(look);
  EXPECT_EQ(look->id, 7U);
  EXPECT_EQ(look->by, "policy");
  EXPECT_THAT(look->from, ElementsAre(1));
  EXPECT_THAT(look->to, ElementsAre(2, 3));
  EXPECT_EQ(look->reason, "r");
}

TEST(ReadWorkerPids, TakesThoseThatAreThere) {
  const auto pids =
      read_worker_pids(R"({"workers":[{"pid":7},{"pid":null},{"pid":0},{"id":"x"},3,{"pid":9}]})");
  ASSERT_TRUE(pids);
  EXPECT_THAT(*pids, ElementsAre(7, 9));
  EXPECT_FALSE(read_worker_pids("3"));
}

}  // namespace
}  // namespace sluice::cluster
