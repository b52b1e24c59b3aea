#include "gateway/protocol/admin_requests.h"

#include <string>
#include <variant>

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;

std::string refusal(const Result<AdminRequest>& request) {
  return request ? "taken"
                 : std::string(name_of(request.error().code)) + ": " + request.error().detail;
}

TEST(AdminRequests, a_rollout_has_all_its_options) {
  const auto request = rollout_request("m", R"({"to": 3, "strategy": "blue-green",
      "steps": [1, 10, 50, 100], "hold_ms": 30000, "keep_old_ms": 600000,
      "allow_signature_change": true})");
  ASSERT_TRUE(request) << request.error().detail;
  const auto& asked = std::get<RolloutAsked>(*request);
  EXPECT_EQ(asked.model, "m");
  EXPECT_EQ(asked.to, 3);
  EXPECT_EQ(asked.strategy, RolloutStrategy::blue_green);
  EXPECT_EQ(asked.steps, (std::vector<int>{1, 10, 50, 100}));
  EXPECT_EQ(asked.hold, 30s);
  EXPECT_EQ(asked.keep_old, 10min);
  EXPECT_TRUE(asked.allow_signature_change);
}

TEST(AdminRequests, a_rollout_leaves_what_is_not_said_to_the_configuration) {
  const auto request = rollout_request("m", R"({"to": "12"})");
  ASSERT_TRUE(request) << request.error().detail;
  const auto& asked = std::get<RolloutAsked>(*request);
  EXPECT_EQ(asked.to, 12);
  EXPECT_EQ(asked.strategy, std::nullopt);
  EXPECT_TRUE(asked.steps.empty());
  EXPECT_EQ(asked.keep_old, std::nullopt);
  EXPECT_FALSE(asked.allow_signature_change);
  EXPECT_EQ(std::get<RolloutAsked>(*rollout_request("m", R"({"to":"policy"})")).to, std::nullopt);
  EXPECT_EQ(std::get<RolloutAsked>(*rollout_request("m", R"({"to":1,"keep_old_ms":0})")).keep_old,
            Duration(0));
}

TEST(AdminRequests, a_rollout_is_refused_with_the_members_name) {
  const struct {
    const char* body;
    const char* refusal;
  } rows[] = {
      {"",
       "invalid_argument: a rollout needs 'to': a version, or \"policy\" to follow the policy "
       "again"},
      {"{}",
       "invalid_argument: a rollout needs 'to': a version, or \"policy\" to follow the policy "
       "again"},
      {R"({"to":"newest"})",
       "invalid_argument: 'to' must be a version or \"policy\", not 'newest' (before byte 14)"},
      {R"({"to":"9223372036854775808"})",
       "invalid_argument: 'to' must be a version or \"policy\", not '9223372036854775808' "
       "(before byte 27)"},
      {R"({"to":9223372036854775808})",
       "invalid_argument: 'to' is not a version: 9223372036854775808 (before byte 25)"},
      {R"({"to":1,"to":2})", "invalid_argument: member 'to' is given twice (before byte 13)"},
      {R"({"to":1,"step":[100]})",
       "invalid_argument: member 'step' (before byte 15) is not known here; a rollout has 'to', "
       "'strategy', 'steps', 'hold_ms', 'keep_old_ms' and 'allow_signature_change'"},
      {R"({"to":1,"strategy":"bluegreen"})",
       "invalid_argument: 'strategy' must be \"rolling\", \"blue-green\" or \"recreate\", not "
       "'bluegreen' (before byte 30)"},
      {R"({"to":1,"steps":[10,10,100]})",
       "invalid_argument: 'steps' must rise from 1 to 100, not go from 10 to 10 (before byte 22)"},
      {R"({"to":1,"steps":[0,100]})",
       "invalid_argument: 'steps' must rise from 1 to 100, not go from 0 to 0 (before byte 18)"},
      {R"({"to":1,"steps":[10,101]})",
       "invalid_argument: 'steps' must rise from 1 to 100, not go from 10 to 101 (before byte 23)"},
      {R"({"to":1,"steps":[10,50]})",
       "invalid_argument: the last of 'steps' must be 100 (before byte 23)"},
      {R"({"to":1,"steps":[]})",
       "invalid_argument: the last of 'steps' must be 100 (before byte 18)"},
      {R"({"to":1,"hold_ms":2592000001})",
       "invalid_argument: 'hold_ms' is 2592000001, at most 2592000000 is allowed (before byte 28)"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(refusal(rollout_request("m", row.body)), row.refusal) << row.body;
  }
  for (const char* body : {R"({"to":1.5})",
                           R"({"to":-1})",
                           R"({"to":null})",
                           R"({"to":1,"hold_ms":"30s"})",
                           R"({"to":1,"hold_ms":-1})",
                           R"({"to":1,"allow_signature_change":1})",
                           R"({"to":1,"steps":100})",
                           R"({"to":1} x)",
                           R"({"to":1,})",
                           R"([{"to":1}])",
                           "to=1"}) {
    EXPECT_TRUE(
        refusal(rollout_request("m", body)).starts_with("invalid_argument: JSON error at byte"))
        << body << ": " << refusal(rollout_request("m", body));
  }
}

TEST(AdminRequests, a_load_takes_a_configuration_and_no_files) {
  EXPECT_EQ(std::get<LoadAsked>(*load_request("m", "")).config, "");
  EXPECT_EQ(std::get<LoadAsked>(*load_request("m", R"({"parameters":null})")).config, "");
  EXPECT_EQ(
      std::get<LoadAsked>(*load_request("m", R"({"parameters":{"config":"{\"a\":1}"}})")).config,
      R"({"a":1})");
  EXPECT_EQ(refusal(load_request("m", R"({"parameters":{"file:1/model.onnx":"AAAA"}})")),
            "unsupported: load parameter 'file:1/model.onnx': files of a model are read from its "
            "repository alone");
  EXPECT_EQ(refusal(load_request("m", R"({"parameters":{"priority":"1"}})")),
            "invalid_argument: unrecognized load parameter 'priority' (before byte 26)");
  EXPECT_NE(refusal(load_request("m", R"({"parameters":{"config":{}}})")), "taken");
  EXPECT_EQ(refusal(load_request("m", R"({"config":"{}"})")),
            "invalid_argument: member 'config' (before byte 10) is not known "
            "here; a load has 'parameters', and in these 'config'");
}

TEST(AdminRequests, an_unload_takes_unload_dependents) {
  EXPECT_EQ(refusal(unload_request("m", "")), "taken");
  EXPECT_EQ(refusal(unload_request("m", R"({"parameters":{"unload_dependents":true}})")), "taken");
  EXPECT_EQ(refusal(unload_request("m", R"({"parameters":{"dependents":true}})")),
            "invalid_argument: unrecognized unload parameter 'dependents' (before byte 28)");
  EXPECT_NE(refusal(unload_request("m", R"({"parameters":{"unload_dependents":"yes"}})")), "taken");
  EXPECT_NE(refusal(unload_request("m", R"({"unload_dependents":true})")), "taken");
}

TEST(AdminRequests, an_index_may_be_of_what_is_ready) {
  EXPECT_FALSE(std::get<IndexAsked>(*index_request("")).ready_only);
  EXPECT_FALSE(std::get<IndexAsked>(*index_request("{}")).ready_only);
  EXPECT_NE(refusal(index_request(R"({"redy":true})")), "taken");
  EXPECT_TRUE(std::get<IndexAsked>(*index_request(R"({"ready":true})")).ready_only);
  EXPECT_NE(refusal(index_request(R"({"ready":"true"})")), "taken");
  EXPECT_NE(refusal(index_request(R"({"ready":true,"ready":false})")), "taken");
}

TEST(AdminRequests, nesting_is_bounded) {
  const std::string deep(1'000'000, '[');
  EXPECT_NE(refusal(index_request("{\"x\":" + deep)), "taken");
}

}  // namespace
}  // namespace sluice::gateway
