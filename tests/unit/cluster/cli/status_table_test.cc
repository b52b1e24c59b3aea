#include "cluster/cli/status_table.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

TEST(StatusTable, models_and_workers_stand_in_columns) {
  const auto table = status_table(R"json({
    "gateway": {"uptime_s": 12.75, "shards": 2, "draining": true},
    "nodes": [{"id": "h", "cpus": 8, "memory_limit": 16777216000, "memory_taken": 125829120},
              {"id": "i", "memory_taken": 1048576}],
    "models": [{"name": "digits", "version": "1", "state": "ready", "reason": "",
                "queue_depth": 3, "in_flight": 1}],
    "workers": [{"id": "h/digits/1", "node": "h", "model": "digits", "version": "1",
                 "state": "ready", "pid": 7, "executors": 3, "threads": 1, "restarts": 1,
                 "reason": "killed by signal 9 (SIGKILL)", "in_flight": 1,
                 "executed": 100}]})json");
  ASSERT_TRUE(table) << table.error().detail;
  EXPECT_EQ(
      *table,
      "gateway  up 12 s, shards 2, draining\n"
      "node     h, CPUs 8, memory 120 of 16000 MB\n"
      "node     i, CPUs -, memory 1 MB\n"
      "\n"
      "MODEL   VERSION  STATE  QUEUED  IN FLIGHT  REASON\n"
      "digits  1        ready  3       1          -\n"
      "\n"
      "WORKER      NODE  MODEL   VERSION  STATE  PID  EXECUTORS  THREADS  RESTARTS  IN FLIGHT  "
      "EXECUTED  REASON\n"
      "h/digits/1  h     digits  1        ready  7    3          1        1         1          "
      "100       "
      "killed by signal 9 (SIGKILL)\n");
}

TEST(StatusTable, an_empty_cluster_says_so) {
  EXPECT_EQ(*status_table("{}"), "gateway  -\n\nno models\n\nno workers\n");
}

TEST(StatusTable, a_reason_with_line_breaks_stays_in_its_row) {
  const auto table = status_table(R"({"models":[{"name":"m","reason":"a\nb\tc"}]})");
  ASSERT_TRUE(table);
  EXPECT_NE(table->find("a b c\n"), std::string::npos);
}

TEST(StatusTable, strange_json_does_not_hurt) {
  EXPECT_TRUE(status_table(R"({"gateway":3,"nodes":[1,{"memory_limit":-1}]})"));
  EXPECT_TRUE(status_table(R"({"models":{},"workers":[1,null,{"id":[1,2]}]})"));
  EXPECT_EQ(status_table("[1]").error().code, ErrorCode::data_corrupt);
  EXPECT_EQ(status_table("{").error().code, ErrorCode::data_corrupt);
}

}  // namespace
}  // namespace sluice::cluster
