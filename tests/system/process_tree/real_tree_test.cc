// The same promises with the real gateway and workers; only the engine is the stub.

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/http_client.h"
#include "tests/support/stub_model.h"
#include "tests/support/wait_until.h"
#include "tests/system/process_tree/tree.h"

namespace sluice::test {
namespace {

using std::chrono::seconds;

const std::string kSluice = SLUICE_BINARY_DIR "/sluice";
constexpr const char* kRequest =
    R"({"inputs":[{"name":"a","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]},)"
    R"({"name":"b","shape":[1,4],"datatype":"FP32","data":[1,1,1,1]}]})";

class RealTree : public testing::Test {
 protected:
  RealTree() { tree.set("SLUICE_ENGINE_LIBRARY", stub_engine_library()); }

  void is_ready() {
    tree.serve();
    ASSERT_TRUE(tree.becomes_ready()) << tree.said();
    ASSERT_TRUE(adds()) << tree.said();
  }
  [[nodiscard]] bool adds() const {
    HttpClient client(tree.port());
    const auto reply = client.post("/v2/models/add/infer", kRequest);
    return reply && reply->status == 200 &&
           reply->body.find("[2.0,3.0,4.0,5.0]") != std::string::npos;
  }
  [[nodiscard]] bool adds_again() const {
    return wait_until([&] { return adds(); }, seconds(20));
  }
  // The output of `sluice status`.
  [[nodiscard]] std::string status(std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {
        kSluice, "status", "--url", "http://127.0.0.1:" + std::to_string(tree.port())};
    words.insert(words.end(), more.begin(), more.end());
    Process process(ProcessSpec{.arguments = words, .environment = {}, .descriptors = {}});
    EXPECT_EQ(process.wait(), (ExitStatus{.code = 0, .signal = 0})) << process.err();
    return process.out();
  }

  Tree tree{kSluice, stub_add_model()};
};

TEST_F(RealTree, sigterm_drains_and_leaves_nothing) {
  is_ready();
  tree.head().signal(SIGTERM);
  EXPECT_EQ(tree.head().wait(seconds(20)), (ExitStatus{.code = 0, .signal = 0})) << tree.said();
  EXPECT_TRUE(tree.ends());
}

TEST_F(RealTree, kill_of_the_head_leaves_nothing_and_the_next_one_starts) {
  is_ready();
  tree.head().signal(SIGKILL);
  EXPECT_TRUE(tree.ends());
  is_ready();
}

TEST_F(RealTree, a_killed_gateway_is_replaced_and_the_workers_attach_to_it) {
  is_ready();
  const pid_t gateway = tree.one("gateway");
  const pid_t worker = tree.one("worker");
  ASSERT_EQ(::kill(gateway, SIGKILL), 0);
  EXPECT_GT(tree.successor("gateway", gateway), 0);
  EXPECT_TRUE(adds_again()) << tree.said();
  EXPECT_EQ(tree.one("worker"), worker);
}

TEST_F(RealTree, a_killed_node_is_replaced_with_its_workers) {
  is_ready();
  const pid_t worker = tree.one("worker");
  ASSERT_EQ(::kill(tree.one("node"), SIGKILL), 0);
  EXPECT_GT(tree.successor("worker", worker), 0) << tree.said();
  EXPECT_TRUE(adds_again()) << tree.said();
}

TEST_F(RealTree, a_killed_worker_is_replaced_and_status_says_why_it_died) {
  is_ready();
  const pid_t worker = tree.one("worker");
  ASSERT_EQ(::kill(worker, SIGKILL), 0);
  EXPECT_GT(tree.successor("worker", worker), 0) << tree.said();
  EXPECT_TRUE(adds_again()) << tree.said();
  EXPECT_TRUE(wait_until([&] {
    const std::string table = status();
    return table.find("killed by signal 9 (SIGKILL)") != std::string::npos &&
           table.find("WORKER") != std::string::npos;
  })) << status();
  EXPECT_EQ(status({"--json"}).front(), '{');
}

TEST_F(RealTree, a_model_that_cannot_be_loaded_ends_a_server_of_one_file) {
  Tree broken(kSluice, "this is no model");
  broken.set("SLUICE_ENGINE_LIBRARY", stub_engine_library());
  broken.serve();
  EXPECT_EQ(broken.head().wait(seconds(20)), (ExitStatus{.code = 1, .signal = 0})) << broken.said();
  EXPECT_NE(broken.said().find("model add/1 cannot be served: exit code 3: "), std::string::npos)
      << broken.said();
  EXPECT_TRUE(broken.ends());
}

TEST(Usage, wrong_command_lines_are_answered_by_one_line) {
  struct Case {
    std::vector<std::string> words;
    int code;
    const char* line;
  };
  const Case cases[] = {
      {{"frobnicate"}, 2, "sluice: there is no command 'frobnicate' (see sluice --help)\n"},
      {{"serve", "--shards", "0"}, 2, "sluice serve: --shards: "},
      {{"serve", "--bogus"}, 2, "sluice serve: The following argument was not expected: --bogus"},
      {{"serve", "/nonexistent/m.onnx"}, 1, "sluice serve: /nonexistent/m.onnx: no such file\n"},
      {{"serve", "--config", "/nonexistent/c"}, 1, "sluice serve: /nonexistent/c: No such file"},
      {{"node", "--gateway", "x://y", "--model", "m"}, 2, "sluice node: 'm' is not of the form"},
      {{"gateway", "--graphpipe", "127.0.0.1:0"},
       2,
       "sluice gateway: --graphpipe requires --model"},
      {{"status", "--url", "nowhere"}, 1, "sluice status: 'nowhere' is not of the form"},
  };
  for (const Case& each : cases) {
    std::vector<std::string> words = {kSluice};
    words.insert(words.end(), each.words.begin(), each.words.end());
    Process process(ProcessSpec{.arguments = words, .environment = {}, .descriptors = {}});
    EXPECT_EQ(process.wait(), (ExitStatus{.code = each.code, .signal = 0})) << each.line;
    const std::string said = process.err();
    EXPECT_EQ(said.substr(0, std::string(each.line).size()), each.line);
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  }
}

}  // namespace
}  // namespace sluice::test
