// The process tree: whatever is killed, nothing is left behind and what shall live comes back.

#include <csignal>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/http_client.h"
#include "tests/support/wait_until.h"
#include "tests/system/process_tree/tree.h"

namespace sluice::test {
namespace {

using std::chrono::seconds;

const std::string kFake = SLUICE_BINARY_DIR "/tests/fake_sluice";

class ProcessTree : public testing::Test {
 protected:
  void is_ready() {
    tree.serve();
    ASSERT_TRUE(tree.becomes_ready()) << tree.said();
  }
  [[nodiscard]] bool answers() const {
    HttpClient client(tree.port());
    const auto reply = client.get("/v2/health/ready");
    return reply && reply->status == 200;
  }
  [[nodiscard]] bool says(const std::string& text) const {
    return wait_until([&] { return tree.said().find(text) != std::string::npos; }, seconds(20));
  }

  Tree tree{kFake};
};

TEST_F(ProcessTree, sigterm_ends_all_and_leaves_no_file) {
  is_ready();
  tree.head().signal(SIGTERM);
  EXPECT_EQ(tree.head().wait(seconds(20)), (ExitStatus{.code = 0, .signal = 0})) << tree.said();
  EXPECT_TRUE(tree.ends());
  EXPECT_FALSE(std::filesystem::exists(tree.run_dir()));
}

TEST_F(ProcessTree, kill_of_the_head_ends_all_and_the_lock_is_free) {
  is_ready();
  tree.head().signal(SIGKILL);
  EXPECT_TRUE(tree.ends());
  is_ready();
}

TEST_F(ProcessTree, kill_of_the_head_ends_a_stopped_worker_too) {
  is_ready();
  ASSERT_TRUE(says("holds its lifeline")) << tree.said();
  const pid_t worker = tree.one("worker");
  ASSERT_GT(worker, 0);
  ASSERT_EQ(::kill(worker, SIGSTOP), 0);
  tree.head().signal(SIGKILL);
  EXPECT_TRUE(tree.ends());
}

TEST_F(ProcessTree, a_killed_gateway_comes_back_on_the_same_port_and_workers_stay) {
  is_ready();
  const pid_t gateway = tree.one("gateway");
  const pid_t worker = tree.one("worker");
  ASSERT_EQ(::kill(gateway, SIGKILL), 0);
  EXPECT_GT(tree.successor("gateway", gateway), 0) << tree.said();
  EXPECT_TRUE(answers());
  EXPECT_EQ(tree.one("worker"), worker);
}

TEST_F(ProcessTree, a_killed_node_comes_back_with_new_workers) {
  is_ready();
  const pid_t node = tree.one("node");
  const pid_t worker = tree.one("worker");
  ASSERT_EQ(::kill(node, SIGKILL), 0);
  EXPECT_GT(tree.successor("node", node), 0) << tree.said();
  EXPECT_GT(tree.successor("worker", worker), 0) << tree.said();
  tree.head().signal(SIGTERM);
  EXPECT_EQ(tree.head().wait(seconds(20)), (ExitStatus{.code = 0, .signal = 0}));
  EXPECT_TRUE(tree.ends());
}

TEST_F(ProcessTree, a_killed_worker_comes_back_and_its_death_is_told_with_the_reason) {
  is_ready();
  const pid_t worker = tree.one("worker");
  ASSERT_EQ(::kill(worker, SIGKILL), 0);
  EXPECT_GT(tree.successor("worker", worker), 0) << tree.said();
  EXPECT_TRUE(says("model add/1: its worker died: killed by signal 9 (SIGKILL)")) << tree.said();
}

TEST_F(ProcessTree, a_second_instance_is_refused_with_the_first_ones_pid) {
  is_ready();
  const auto second = tree.second();
  EXPECT_EQ(second->wait(seconds(20)), (ExitStatus{.code = 1, .signal = 0}));
  EXPECT_NE(second->err().find("(process " + std::to_string(tree.head().pid()) + ")"),
            std::string::npos)
      << second->err();
  EXPECT_TRUE(answers());
}

TEST_F(ProcessTree, a_taken_port_is_refused_by_name) {
  is_ready();
  Tree other(kFake);
  const std::string taken = "127.0.0.1:" + std::to_string(tree.port());
  other.serve({"--http", taken});
  EXPECT_EQ(other.head().wait(seconds(20)), (ExitStatus{.code = 1, .signal = 0}));
  EXPECT_NE(other.said().find("port " + std::to_string(tree.port()) + " on 127.0.0.1 is taken"),
            std::string::npos)
      << other.said();
  EXPECT_FALSE(std::filesystem::exists(other.run_dir() + "/control.sock"));
}

TEST_F(ProcessTree, a_single_model_that_cannot_be_loaded_ends_it_with_the_reason) {
  tree.set("SLUICE_FAKE_WORKER", "load_fails");
  tree.serve();
  EXPECT_EQ(tree.head().wait(seconds(20)), (ExitStatus{.code = 1, .signal = 0})) << tree.said();
  EXPECT_TRUE(says("not an ONNX file")) << tree.said();
  EXPECT_TRUE(tree.ends());
}

TEST_F(ProcessTree, a_gateway_that_ends_by_itself_before_it_worked_ends_it) {
  tree.set("SLUICE_FAKE_GATEWAY", "exits");
  tree.serve();
  EXPECT_EQ(tree.head().wait(seconds(20)), (ExitStatus{.code = 1, .signal = 0})) << tree.said();
  EXPECT_TRUE(says("the gateway ended (exit code 9): giving up")) << tree.said();
  EXPECT_TRUE(tree.ends());
}

TEST_F(ProcessTree, a_crash_loop_backs_off_and_says_why) {
  tree.set("SLUICE_FAKE_WORKER", "crashes");
  tree.set("SLUICE_FAKE_GATEWAY", "unready");
  tree.serve();
  EXPECT_TRUE(says("model add/1: its worker died: killed by signal 6 (SIGABRT)")) << tree.said();
  // Between the first two lives a second passes: most of the time there is no worker.
  EXPECT_TRUE(wait_until([&] { return tree.all("worker").empty(); }));
  // Told every few seconds: sooner or later while it waits.
  EXPECT_TRUE(says("s: add/1 backing_off")) << tree.said();
  tree.head().signal(SIGTERM);
  EXPECT_EQ(tree.head().wait(seconds(20)), (ExitStatus{.code = 0, .signal = 0})) << tree.said();
  EXPECT_TRUE(tree.ends());
}

TEST_F(ProcessTree, a_second_signal_kills_what_does_not_end) {
  tree.set("SLUICE_FAKE_WORKER", "deaf");
  is_ready();
  ASSERT_TRUE(says("deaf from now on"));
  tree.head().signal(SIGTERM);
  ASSERT_TRUE(says("draining"));
  // Until it is heard: at first it counts as an echo of the first.
  EXPECT_TRUE(wait_until(
      [&] {
        tree.head().signal(SIGTERM);
        return tree.head().wait(std::chrono::milliseconds(50)).has_value();
      },
      seconds(2)));
  EXPECT_EQ(tree.head().wait(seconds(2)), (ExitStatus{.code = 1, .signal = 0})) << tree.said();
  EXPECT_TRUE(tree.ends());
}

TEST_F(ProcessTree, a_deaf_worker_is_killed_at_the_limit) {
  tree.set("SLUICE_FAKE_WORKER", "deaf");
  is_ready();
  ASSERT_TRUE(says("deaf from now on"));
  tree.head().signal(SIGTERM);
  EXPECT_EQ(tree.head().wait(seconds(20)), (ExitStatus{.code = 0, .signal = 0})) << tree.said();
  EXPECT_NE(tree.said().find("killed by signal 9 (SIGKILL)"), std::string::npos) << tree.said();
  EXPECT_TRUE(tree.ends());
}

TEST_F(ProcessTree, a_worker_that_floods_stderr_is_cut_short_and_serves) {
  tree.set("SLUICE_FAKE_WORKER", "floods");
  is_ready();
  EXPECT_TRUE(says("/add/1] line "));
  EXPECT_GT(tree.one("worker"), 0);
  EXPECT_LT(tree.said().size(), 1U << 20U);
}

TEST_F(ProcessTree, a_run_directory_that_leaves_no_room_for_sockets_is_refused) {
  const std::string deep = "/tmp/" + std::string(120, 'd');
  tree.serve({"--run-dir", deep});
  EXPECT_EQ(tree.head().wait(seconds(20)), (ExitStatus{.code = 1, .signal = 0}));
  EXPECT_NE(tree.said().find("choose a shorter --run-dir"), std::string::npos) << tree.said();
}

}  // namespace
}  // namespace sluice::test
