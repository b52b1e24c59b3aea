// A real node with real workers over the stub engine, told what to run by a control endpoint in the
// test's hands.

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/process.h"
#include "tests/support/stub_model.h"
#include "tests/support/temp_dir.h"
#include "tests/system/node/fake_control.h"

namespace sluice::test {
namespace {

using link::AssignedWorker;
using link::WorkerState;

class NodeTest : public testing::Test {
 protected:
  NodeTest() {
    write("m/1/model.onnx", stub_add_model());
    write("m/2/model.onnx", stub_add_model(R"("sleep_ms": 1)"));
    control = std::make_unique<FakeControl>(dir.path());
  }

  // As if it had lain there for a day: it need not settle.
  void write(const std::string& file, const std::string& text) const {
    const std::string path = dir.write("r/" + file, text);
    namespace fs = std::filesystem;
    const auto then = fs::file_time_type::clock::now() - std::chrono::hours(24);
    fs::last_write_time(path, then);
  }

  void start(std::vector<std::string> more = {}) {
    ProcessSpec spec;
    spec.arguments = {SLUICE_TEST_SLUICE,
                      "node",
                      "--gateway",
                      FakeControl::endpoint(dir.path()),
                      "--node-id",
                      "n",
                      "--models",
                      dir / "r",
                      "--threads",
                      "1",
                      "--engine-library",
                      stub_engine_library()};
    spec.arguments.insert(spec.arguments.end(), more.begin(), more.end());
    node = std::make_unique<Process>(spec);
  }

  [[nodiscard]] AssignedWorker one(std::int64_t version, const std::string& id) const {
    return {
        .worker_id = id, .model = "m", .version = version, .stamp = control->stamp("m", version)};
  }
  bool told_both() {
    return control->pump_until([&] { return control->repository() && control->report(); });
  }
  bool is(const std::string& id, WorkerState state) {
    return control->pump_until([&] { return control->state(id) == state; });
  }
  bool gone(const std::string& id) {
    return control->pump_until([&] { return control->report() && !control->worker(id); });
  }
  [[nodiscard]] std::uint32_t pid(const std::string& id) const {
    const auto worker = control->worker(id);
    return worker ? worker->pid : 0;
  }

  [[nodiscard]] std::vector<link::WorkerDied> deaths(const std::string& id) const {
    std::vector<link::WorkerDied> those;
    std::ranges::copy_if(control->deaths(), std::back_inserter(those), [&](const auto& died) {
      return died.worker_id == id;
    });
    return those;
  }

  TempDir dir;
  std::unique_ptr<FakeControl> control;
  std::unique_ptr<Process> node;
};

TEST_F(NodeTest, tells_what_it_has_and_what_it_runs) {
  write("bad/config.pbtxt", "no_such_field: 1");
  write("bad/1/model.onnx", stub_add_model());
  start();
  ASSERT_TRUE(told_both()) << node->err();
  const link::Repository& told = *control->repository();
  ASSERT_EQ(told.models.size(), 2U);
  EXPECT_NE(told.models[0].problem.find("no_such_field"), std::string::npos);
  EXPECT_EQ(told.models[1].versions.size(), 2U);
  EXPECT_EQ(told.sequence, 1U);
  EXPECT_EQ(told.looked, 0U);
}

TEST_F(NodeTest, starts_replaces_and_retires_as_it_is_assigned) {
  start();
  ASSERT_TRUE(told_both()) << node->err();
  control->assign(1, {one(1, "n/m/v1")});
  ASSERT_TRUE(is("n/m/v1", WorkerState::ready)) << node->err();
  EXPECT_EQ(control->worker("n/m/v1")->stamp, control->stamp("m", 1));
  const std::uint32_t first = pid("n/m/v1");

  control->assign(2, {one(1, "n/m/v1"), one(2, "n/m/v2")});
  ASSERT_TRUE(is("n/m/v2", WorkerState::ready)) << node->err();
  EXPECT_EQ(pid("n/m/v1"), first);

  control->assign(3, {one(2, "n/m/v2")});
  ASSERT_TRUE(gone("n/m/v1")) << node->err();
  const auto states = control->states("n/m/v1");
  EXPECT_NE(std::ranges::find(states, WorkerState::draining), states.end());
  EXPECT_EQ(states.back(), WorkerState::draining);
  EXPECT_EQ(control->state("n/m/v2"), WorkerState::ready);
  ASSERT_EQ(deaths("n/m/v1").size(), 1U);
  EXPECT_EQ(deaths("n/m/v1").front().pid, first);

  control->assign(4, {});
  EXPECT_TRUE(gone("n/m/v2"));
}

TEST_F(NodeTest, ignores_an_assignment_that_is_older_or_the_same_again) {
  start();
  ASSERT_TRUE(told_both()) << node->err();
  control->assign(5, {one(1, "n/m/v1")});
  ASSERT_TRUE(is("n/m/v1", WorkerState::ready)) << node->err();
  control->assign(4, {});
  control->assign(5, {});
  control->assign(6, {one(1, "n/m/v1"), one(2, "n/m/v2")});
  ASSERT_TRUE(is("n/m/v2", WorkerState::ready)) << node->err();
  EXPECT_TRUE(deaths("n/m/v1").empty());
}

TEST_F(NodeTest, a_new_gateway_finds_the_workers_that_the_old_one_left) {
  start();
  ASSERT_TRUE(told_both()) << node->err();
  control->assign(7, {one(1, "n/m/v1")});
  ASSERT_TRUE(is("n/m/v1", WorkerState::ready)) << node->err();
  const std::uint32_t first = pid("n/m/v1");

  control.reset();
  control = std::make_unique<FakeControl>(dir.path());
  ASSERT_TRUE(told_both()) << node->err();
  EXPECT_EQ(control->repository()->sequence, 1U);
  ASSERT_TRUE(is("n/m/v1", WorkerState::ready)) << node->err();
  EXPECT_EQ(pid("n/m/v1"), first);
  // Its sequences begin anew.
  control->assign(1, {one(1, "n/m/v1"), one(2, "n/m/v2")});
  ASSERT_TRUE(is("n/m/v2", WorkerState::ready)) << node->err();
  EXPECT_EQ(pid("n/m/v1"), first);
  EXPECT_TRUE(deaths("n/m/v1").empty());
}

TEST_F(NodeTest, a_worker_that_dies_without_a_gateway_is_started_again) {
  start();
  ASSERT_TRUE(told_both()) << node->err();
  control->assign(1, {one(1, "n/m/v1")});
  ASSERT_TRUE(is("n/m/v1", WorkerState::ready)) << node->err();
  const std::uint32_t first = pid("n/m/v1");
  control.reset();
  ASSERT_EQ(::kill(static_cast<pid_t>(first), SIGKILL), 0);
  control = std::make_unique<FakeControl>(dir.path());
  ASSERT_TRUE(control->pump_until([&] {
    return control->state("n/m/v1") == WorkerState::ready && pid("n/m/v1") != first;
  })) << node->err();
  EXPECT_EQ(control->worker("n/m/v1")->restarts, 1U);
}

TEST_F(NodeTest, asked_for_again_while_it_drains_a_worker_lives_again_after_its_end) {
  start();
  ASSERT_TRUE(told_both()) << node->err();
  control->assign(1, {one(1, "n/m/v1")});
  ASSERT_TRUE(is("n/m/v1", WorkerState::ready)) << node->err();
  const std::uint32_t first = pid("n/m/v1");
  control->assign(2, {});
  control->assign(3, {one(1, "n/m/v1")});
  ASSERT_TRUE(control->pump_until([&] {
    return control->state("n/m/v1") == WorkerState::ready && pid("n/m/v1") != first;
  })) << node->err();
  EXPECT_EQ(control->worker("n/m/v1")->restarts, 0U);
}

TEST_F(NodeTest, a_stamp_that_it_has_not_is_reported_failed_and_started_once_it_is_there) {
  start();
  ASSERT_TRUE(told_both()) << node->err();
  AssignedWorker worker = one(1, "n/m/v1");
  worker.stamp = "0123456789abcdef";
  AssignedWorker absent = one(9, "n/m/v9");
  absent.stamp.clear();
  control->assign(1, {worker, absent});
  ASSERT_TRUE(is("n/m/v1", WorkerState::failed));
  ASSERT_TRUE(is("n/m/v9", WorkerState::failed));
  EXPECT_EQ(control->worker("n/m/v1")->reason,
            "version 1 of model 'm' has changed on disk since it was to be served");
  EXPECT_EQ(control->worker("n/m/v9")->reason, "version 9 of model 'm' is not in the repository");
  write("m/9/model.onnx", stub_add_model());
  ASSERT_TRUE(is("n/m/v9", WorkerState::ready)) << node->err();
  EXPECT_EQ(control->state("n/m/v1"), WorkerState::failed);
  control->assign(2, {});
  EXPECT_TRUE(gone("n/m/v1"));
}

TEST_F(NodeTest, a_version_that_comes_is_told_by_itself) {
  start();
  ASSERT_TRUE(told_both()) << node->err();
  write("m/3/model.onnx", stub_add_model());
  ASSERT_TRUE(control->pump_until([&] { return !control->stamp("m", 3).empty(); })) << node->err();
  EXPECT_EQ(control->repository()->looked, 0U);
}

TEST_F(NodeTest, in_explicit_mode_it_looks_only_when_it_is_asked) {
  start({"--model-control", "explicit"});
  ASSERT_TRUE(told_both()) << node->err();
  write("m/3/model.onnx", stub_add_model());
  control->look(11);
  ASSERT_TRUE(control->pump_until([&] { return control->repository()->looked == 11; }))
      << node->err();
  EXPECT_NE(control->stamp("m", 3), "");
  EXPECT_EQ(control->repositories(), 2);  // the first and the answer: nothing by itself
  control->look(12);
  ASSERT_TRUE(control->pump_until([&] { return control->repository()->looked == 12; }));
}

TEST_F(NodeTest, at_its_end_the_workers_end_with_it) {
  start();
  ASSERT_TRUE(told_both()) << node->err();
  control->assign(1, {one(1, "n/m/v1"), one(2, "n/m/v2")});
  ASSERT_TRUE(is("n/m/v1", WorkerState::ready)) << node->err();
  ASSERT_TRUE(is("n/m/v2", WorkerState::ready)) << node->err();
  node->signal(SIGTERM);
  std::optional<ExitStatus> end;
  ASSERT_TRUE(control->pump_until([&] {
    end = node->wait(std::chrono::milliseconds(1));
    return end.has_value();
  })) << node->err();
  EXPECT_EQ(*end, (ExitStatus{.code = 0, .signal = 0}));
  EXPECT_EQ(deaths("n/m/v1").size(), 1U);
  EXPECT_EQ(deaths("n/m/v2").size(), 1U);
}

}  // namespace
}  // namespace sluice::test
