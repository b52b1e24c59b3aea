#include "cluster/node/worker_process.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

TEST(ThreadShares, never_add_up_to_more_than_the_budget) {
  const struct {
    int threads;
    std::uint32_t instances;
    ThreadShares expected;
  } rows[] = {
      {1, 0, {1, 1}},
      {4, 0, {4, 1}},
      {4, 1, {1, 4}},
      {4, 2, {2, 2}},
      {4, 3, {3, 1}},
      {4, 4, {4, 1}},
      {4, 9, {4, 1}},
      {2, 4'000'000'000, {2, 1}},
      {512, 0, {256, 2}},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(shares_of(row.threads, row.instances), row.expected)
        << row.threads << " threads, " << row.instances << " instances";
  }
}

TEST(WorkerArguments, say_what_the_command_line_of_a_worker_takes) {
  const WorkerCommand command{.program = "/bin/sluice",
                              .gateway = "ipc:///r/control.sock",
                              .node_id = "n",
                              .threads = 4,
                              .engine_library = "/e.so",
                              .test_operators = true};
  const worker::ServingPlan plan{
      .model_path = "/m/2/model.onnx", .model_name = "m", .version = 2, .instance_count = 2};
  EXPECT_EQ(worker_arguments(command, "n/m/2.0a1b2c/0", plan),
            (std::vector<std::string>{"worker",
                                      "/m/2/model.onnx",
                                      "--name",
                                      "m",
                                      "--model-version",
                                      "2",
                                      "--gateway",
                                      "ipc:///r/control.sock",
                                      "--id",
                                      "n/m/2.0a1b2c/0",
                                      "--node",
                                      "n",
                                      "--executors",
                                      "2",
                                      "--threads",
                                      "2",
                                      "--engine-library",
                                      "/e.so",
                                      "--test-operators"}));
}

}  // namespace
}  // namespace sluice::cluster
