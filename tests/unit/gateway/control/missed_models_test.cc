// Which expected models nobody waits for any more.

#include <string>

#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "gateway/control/fleet.h"
#include "tests/unit/gateway/control/fleet_stage.h"

namespace sluice::gateway {
namespace {

class Missed : public ::testing::Test {
 protected:
  static std::string unloaded(const Fleet& fleet) {
    std::string text;
    for (const std::string& model : fleet.routes().unloaded) {
      text += (text.empty() ? "" : " ") + model;
    }
    return text;
  }
  static StartOptions expected() { return {.expected = {"m", "never"}}; }

  FleetStage stage{{}, expected()};
};

TEST_F(Missed, IsNotWhatWasTakenOutOfTheRepositoryUntilItIsThereAgain) {
  stage.has_models({});
  EXPECT_EQ(unloaded(stage.fleet), "") << "it has yet to come";
  stage.serve_first();
  EXPECT_EQ(unloaded(stage.fleet), "");
  stage.has_models({});
  EXPECT_EQ(unloaded(stage.fleet), "m");
  stage.shards_follow();
  FleetStage after({}, expected());
  after.fleet.remember(stage.fleet.memory());
  for (FleetStage* at : {&stage, &after}) {
    EXPECT_EQ(unloaded(at->fleet), "m");
    at->has_models({});
    EXPECT_EQ(unloaded(at->fleet), "m");
    at->has({{1, "aaaaaaaa"}});
    EXPECT_EQ(unloaded(at->fleet), "");
  }
}

TEST_F(Missed, IsNotWhatWasTakenAwayWhileTheGatewayWasNotThere) {
  stage.serve_first();
  FleetStage after({}, expected());
  after.fleet.remember(stage.fleet.memory());
  after.has_models({}, "o");
  EXPECT_EQ(unloaded(after.fleet), "") << "node n may have it";
  after.has_models({}, "n");
  EXPECT_EQ(unloaded(after.fleet), "m");
}

TEST_F(Missed, IsWhatANodeHasThatIsSilentOrOneOfTwoStillHas) {
  stage.has({{1, "aaaaaaaa"}}, {}, "n");
  stage.has({{1, "aaaaaaaa"}}, {}, "o");
  stage.has_models({}, "n");
  EXPECT_EQ(unloaded(stage.fleet), "");
  stage.fleet.on_node_lost("o", stage.now);
  stage.workers.clear();
  stage.pass(limits::kSilentNode + std::chrono::seconds(1));
  EXPECT_EQ(unloaded(stage.fleet), "");
}

TEST_F(Missed, IsNotWhatWasUnloadedThoughItsFolderWentToo) {
  stage.serve_first();
  ASSERT_TRUE(stage.fleet.unload({"m"}, stage.now));
  FleetStage after({}, expected());
  after.fleet.remember(stage.fleet.memory());
  after.has_models({});
  EXPECT_EQ(unloaded(after.fleet), "m");
}

}  // namespace
}  // namespace sluice::gateway
