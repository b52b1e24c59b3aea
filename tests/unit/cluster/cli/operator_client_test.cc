#include "cluster/cli/operator_client.h"

#include <variant>

#include <gtest/gtest.h>

#include "gateway/protocol/admin_requests.h"

namespace sluice::cluster {
namespace {

using namespace std::chrono_literals;

TEST(OperatorClient, a_rollout_is_asked_for_as_the_server_reads_it) {
  const RolloutWish wish{.model = "digits",
                         .to = "2",
                         .strategy = "blue-green",
                         .steps = {1, 100},
                         .hold = 30s,
                         .keep_old = 10min,
                         .allow_signature_change = true};
  const auto read = gateway::rollout_request("digits", rollout_body(wish));
  ASSERT_TRUE(read) << read.error().detail;
  const auto& asked = std::get<gateway::RolloutAsked>(*read);
  EXPECT_EQ(asked.to, 2);
  EXPECT_EQ(asked.strategy, gateway::RolloutStrategy::blue_green);
  EXPECT_EQ(asked.steps, (std::vector<int>{1, 100}));
  EXPECT_EQ(asked.hold, 30s);
  EXPECT_EQ(asked.keep_old, 10min);
  EXPECT_TRUE(asked.allow_signature_change);
}

TEST(OperatorClient, what_was_not_said_is_not_sent) {
  EXPECT_EQ(rollout_body({.model = "digits", .to = "policy"}), R"({"to":"policy"})");
  EXPECT_EQ(load_body({}), "");
  EXPECT_EQ(load_body("{\"a\": 1}"), R"({"parameters":{"config":"{\"a\": 1}"}})");
}

TEST(OperatorClient, names_are_encoded_in_paths) {
  EXPECT_EQ(sluice_path("a b/c", "/rollout"), "/sluice/models/a%20b%2Fc/rollout");
  EXPECT_EQ(repository_path("digits", "/load"), "/v2/repository/models/digits/load");
}

}  // namespace
}  // namespace sluice::cluster
