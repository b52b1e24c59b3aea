#include "cluster/node/worker_process.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

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

TEST(ThreadShares, of_all_workers_add_up_to_the_cpus) {
  const struct {
    int cpus;
    std::uint32_t instances;
    std::vector<int> expected;
  } rows[] = {
      {8, 0, {8}},
      {8, 0, {4, 4}},
      {8, 0, {3, 3, 2}},
      {2, 0, {1, 1, 1}},     // at least one each
      {8, 3, {3, 3, 3, 3}},  // who asks for more gets it
      {2, 9, {2, 2}},        // as far as there is
  };
  for (const auto& row : rows) {
    const auto shares = static_cast<std::uint32_t>(row.expected.size());
    for (std::uint32_t share = 0; share < shares; ++share) {
      EXPECT_EQ(threads_of_share(row.cpus, share, shares, row.instances), row.expected[share])
          << row.cpus << " CPUs, " << row.instances << " instances, share " << share << " of "
          << shares;
    }
  }
  EXPECT_EQ(threads_of_share(8, 0, 0, 0), 8) << "nobody has said how to share";
  EXPECT_EQ(threads_of_share(8, 4'000'000'000, 3, 4'000'000'000), 8);
}

TEST(WorkerProgram, is_sluice_worker_where_that_lies_beside_the_executable) {
  const std::string folder = testing::TempDir() + "worker_program_" + std::to_string(::getpid());
  std::filesystem::create_directory(folder);
  EXPECT_EQ(worker_program_beside(folder + "/sluice"), folder + "/sluice");
  std::ofstream(folder + "/sluice-worker") << "";
  EXPECT_EQ(worker_program_beside(folder + "/sluice"), folder + "/sluice-worker");
  std::filesystem::remove_all(folder);
  EXPECT_EQ(worker_program_beside("/proc/self/exe"), "/proc/self/exe")
      << "of an executable that was replaced no neighbour is known";
}

TEST(WorkerArguments, say_what_the_command_line_of_a_worker_takes) {
  const WorkerCommand command{.program = "/bin/sluice",
                              .gateway = "ipc:///r/control.sock",
                              .node_id = "n",
                              .threads = 4,
                              .memory = 1'000'000,
                              .engine_library = "/e.so",
                              .test_operators = true,
                              .urgent = true};
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
                                      "--memory",
                                      "1000000",
                                      "--engine-library",
                                      "/e.so",
                                      "--test-operators",
                                      "--urgent"}));
}

}  // namespace
}  // namespace sluice::cluster
