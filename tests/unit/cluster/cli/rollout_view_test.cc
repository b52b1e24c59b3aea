#include "cluster/cli/rollout_view.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

RolloutState state(const std::string& json) {
  const auto parsed = parse_rollout(json);
  EXPECT_TRUE(parsed) << json;
  return parsed ? *parsed : RolloutState{};
}

// What docs/protocols/admin.md shows, with one member changed or added.
std::string rollout(const std::string& more) {
  return R"({"model": "digits", "id": 3, "from": ["1"], "to": ["2"], "strategy": "rolling",)" +
         more + R"("shards": {"acknowledged": 1, "all": 2}})";
}

TEST(RolloutView, a_state_is_one_line_of_words) {
  const struct {
    const char* more;
    const char* words;
  } rows[] = {
      {R"("phase": "starting", "waiting_for": "a worker of 2",)",
       "1 -> 2, rolling: starting, waiting for a worker of 2"},
      {R"("phase": "shifting", "step": 2, "steps": 4, "percent": 10,)",
       "1 -> 2, rolling: step 2 of 4, 10 % of the requests"},
      {R"("phase": "shifting", "step": 2, "steps": 4, "percent": 10, "paused": true,)",
       "1 -> 2, rolling: step 2 of 4, 10 % of the requests, paused"},
      {R"("phase": "switching",)", "1 -> 2, rolling: switching, 1 of 2 shards have it"},
      {R"("phase": "stopping",)", "1 -> 2, rolling: stopping"},
      {R"("phase": "restoring", "reason": "version 2 answers NaN",)",
       "1 -> 2, rolling: going back: version 2 answers NaN"},
      {R"("phase": "rolled_back", "reason": "model.onnx:\nbad", "paused": true,)",
       "1 -> 2, rolling: rolled back: model.onnx: bad"},
      {R"("phase": "done", "age_ms": 12345.6, "since_ms": 0.1, "waiting_for": "nobody",)",
       "1 -> 2, rolling: done in 12.3 s"},
      {R"("phase": "done", "age_ms": 3612345.6, "since_ms": 3600000.0,)",
       "1 -> 2, rolling: done in 12.3 s"},
      {R"("phase": "a later one",)", "1 -> 2, rolling: a later one"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(rollout_words(state(rollout(row.more))), row.words);
  }
  EXPECT_EQ(rollout_words(state(R"({"model":"m","phase":"starting","to":["2","3"]})")),
            "nothing -> 2,3: starting");
}

TEST(RolloutView, a_line_is_printed_when_it_says_something_new) {
  RolloutLines lines;
  const auto seen = [&](const char* more) { return lines.on(state(rollout(more))); };
  EXPECT_EQ(seen(R"("phase": "starting", "age_ms": 1,)"), "digits: 1 -> 2, rolling: starting\n");
  EXPECT_EQ(seen(R"("phase": "starting", "age_ms": 200,)"), "");
  EXPECT_EQ(seen(R"("phase": "starting", "paused": true,)"),
            "digits: 1 -> 2, rolling: starting, paused\n");
  EXPECT_EQ(seen(R"("phase": "starting",)"), "digits: 1 -> 2, rolling: starting\n");
  EXPECT_EQ(seen(R"("phase": "done", "age_ms": 900,)"), "digits: 1 -> 2, rolling: done in 0.9 s\n");
}

TEST(RolloutView, a_bar_shows_the_share_of_the_new_version) {
  const auto bar = [](const char* more) { return rollout_bar(state(rollout(more)), 10); };
  EXPECT_EQ(bar(R"("phase": "starting", "percent": 50,)"),
            "digits [..........] 1 -> 2, rolling: starting");
  EXPECT_EQ(bar(R"("phase": "shifting", "step": 3, "steps": 4, "percent": 50,)"),
            "digits [#####.....] 1 -> 2, rolling: step 3 of 4, 50 % of the requests");
  EXPECT_EQ(bar(R"("phase": "switching", "percent": 100,)"),
            "digits [#########.] 1 -> 2, rolling: switching, 1 of 2 shards have it");
  EXPECT_EQ(bar(R"("phase": "done", "age_ms": 100,)"),
            "digits [##########] 1 -> 2, rolling: done in 0.1 s");
  EXPECT_EQ(bar(R"("phase": "rolled_back", "percent": 100,)"),
            "digits [..........] 1 -> 2, rolling: rolled back");
  EXPECT_EQ(bar(R"("phase": "shifting", "percent": -5,)"),
            "digits [..........] 1 -> 2, rolling: step 0 of 0, -5 % of the requests");
}

TEST(RolloutView, it_ends_as_done_rolled_back_or_none) {
  EXPECT_TRUE(state(R"({"model":"m","phase":"none"})").ended());
  EXPECT_TRUE(state(rollout(R"("phase": "done",)")).ended());
  EXPECT_TRUE(state(rollout(R"("phase": "rolled_back",)")).ended());
  EXPECT_FALSE(state(rollout(R"("phase": "restoring",)")).ended());
  EXPECT_FALSE(state(rollout(R"("phase": "a later one",)")).ended());
}

TEST(RolloutView, a_change_is_told_in_one_line) {
  EXPECT_EQ(*change_words(R"({"model":"m","version":"2","event":"version_serving","detail":""})"),
            "m 2: version_serving");
  EXPECT_EQ(*change_words(R"({"model":"m","version":null,"event":"pinned","detail":"2, 3"})"),
            "m: pinned: 2, 3");
  EXPECT_FALSE(change_words("[]"));
}

TEST(RolloutView, strange_json_is_refused) {
  for (const char* json : {"", "[]", "{", R"({"phase":3})", R"({"id":"x"})", R"({"shards":[]})"}) {
    EXPECT_FALSE(parse_rollout(json)) << json;
  }
  EXPECT_TRUE(parse_rollout("{}"));
  EXPECT_TRUE(parse_rollout(R"({"from":3,"to":[1,null,{}]})"));
}

}  // namespace
}  // namespace sluice::cluster
