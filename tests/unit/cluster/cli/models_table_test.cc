#include "cluster/cli/models_table.h"

#include <string>

#include <gtest/gtest.h>

#include "cluster/cli/status_table.h"

namespace sluice::cluster {
namespace {

constexpr const char* kDigits = R"json({"name": "digits", "problem": "", "notes": [
    "instance_group: kind GPU has no effect"], "pin": ["2"], "previous": ["1"],
  "versions": [
    {"version": "1", "state": "standby", "reason": "", "weight": 0,
     "workers": {"ready": 1, "wanted": 1}},
    {"version": "2", "state": "serving", "reason": "", "weight": 100,
     "workers": {"ready": 2, "wanted": 2}},
    {"version": "3", "state": "failed", "reason": "model.onnx:\nbad", "weight": 0,
     "workers": {"ready": 0, "wanted": 2}}],
  "labels": [
    {"label": "canary", "wants": "3", "version": null, "reason": "version 3 is not served"},
    {"label": "new", "wants": "2", "version": "2", "reason": ""},
    {"label": "stable", "wants": "2", "version": "2", "reason": ""}],
  "rollout": {"model": "digits", "id": 1, "from": ["1"], "to": ["2"], "strategy": "blue-green",
              "phase": "done", "age_ms": 93000, "since_ms": 90000}})json";

constexpr const char* kNotes =
    "digits: pinned to 2 by an operator (sluice rollout digits --to policy lifts it)\n"
    "digits: label new is version 2, stable is version 2\n"
    "digits: label canary should be version 3: version 3 is not served\n"
    "digits: last rollout: 1 -> 2, blue-green: done in 3.0 s\n"
    "digits: note: instance_group: kind GPU has no effect\n";

TEST(ModelsTable, has_a_row_for_each_version_and_words_for_the_rest) {
  const auto table =
      models_table(R"({"models": [{"name": "add", "versions": [], "pin": [], "rollout": null}, )" +
                   std::string(kDigits) + "]}");
  ASSERT_TRUE(table) << table.error().detail;
  EXPECT_EQ(*table,
            "MODEL   VERSION  STATE    REQUESTS  WORKERS  LABELS       REASON\n"
            "add     -        -        -         -        -            -\n"
            "digits  1        standby  -         1/1      -            -\n"
            "digits  2        serving  100 %     2/2      new, stable  -\n"
            "digits  3        failed   -         0/2      -            model.onnx: bad\n"
            "\n"
            "add: not loaded (sluice load add loads it)\n" +
                std::string(kNotes));
}

TEST(ModelsTable, a_problem_and_a_rollout_under_way_are_told) {
  const auto table = models_table(R"({"models":[{"name":"m","problem":"config.pbtxt: line 3",
      "versions":[{"version":"1"}],
      "rollout":{"model":"m","to":["2"],"phase":"starting"}}]})");
  ASSERT_TRUE(table);
  EXPECT_NE(table->find("\nm: cannot be used: config.pbtxt: line 3\n"
                        "m: rollout: nothing -> 2: starting\n"),
            std::string::npos)
      << *table;
}

TEST(ModelsTable, of_nothing_says_so) {
  EXPECT_EQ(*models_table(R"({"models":[]})"), "no models\n");
  for (const char* json : {"", "[]", "{}", "{\"models\":"}) {
    EXPECT_EQ(models_table(json).error().code, ErrorCode::data_corrupt) << json;
  }
}

TEST(ModelsTable, strange_json_does_not_hurt) {
  EXPECT_TRUE(models_table(R"({"models":[1,null,{"versions":3,"pin":4,"labels":[2],"notes":[[]],
      "rollout":[]},{"name":5,"versions":[6,{"weight":[],"workers":7}],"rollout":{"phase":8}}]})"));
}

TEST(StatusTable, tells_of_each_deployment_below_the_models) {
  const auto table = status_table(R"({"models":[{"name":"digits","version":"2"}],"deployments":[)" +
                                  std::string(kDigits) + "]}");
  ASSERT_TRUE(table) << table.error().detail;
  EXPECT_NE(table->find(kNotes), std::string::npos) << *table;
}

}  // namespace
}  // namespace sluice::cluster
