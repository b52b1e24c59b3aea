// The fixtures themselves.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/stub_model.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"
#include "worker/engine/engine.h"

namespace sluice::test {
namespace {

using std::chrono::milliseconds;

TEST(TempDir, IsGoneWithItsObject) {
  std::string path;
  {
    const TempDir dir;
    path = dir.path();
    EXPECT_EQ(read_file(dir.write("a/b.txt", "hello")), "hello");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Process, GivesOutputEnvironmentAndExitCode) {
  Process child({.arguments = {"/bin/sh", "-c", "echo $WORD; echo oops >&2; exit 3"},
                 .environment = {{"WORD", "hello"}},
                 .descriptors = {}});
  EXPECT_EQ(child.wait(), (ExitStatus{.code = 3}));
  EXPECT_EQ(child.out(), "hello\n");
  EXPECT_EQ(child.err(), "oops\n");
}

TEST(Process, CanBeKilledAndSaysBySignal) {
  Process child({.arguments = {"/bin/sleep", "100"}, .environment = {}, .descriptors = {}});
  EXPECT_TRUE(child.running());
  child.signal(SIGKILL);
  EXPECT_EQ(child.wait(), (ExitStatus{.signal = SIGKILL}));
}

TEST(Process, PassesDescriptorsAndHearsTheEndOfAPipe) {
  Pipe pipe;
  Process child({.arguments = {"/bin/sh", "-c", "cat <&7; echo end"},
                 .environment = {},
                 .descriptors = {{pipe.read, 7}}});
  EXPECT_TRUE(child.running());
  pipe.close_write();
  EXPECT_EQ(child.wait(), (ExitStatus{.code = 0}));
  EXPECT_EQ(child.out(), "end\n");
}

TEST(WaitUntil, SaysWhetherItBecameTrue) {
  int asked = 0;
  EXPECT_TRUE(wait_until([&] { return ++asked == 3; }));
  EXPECT_FALSE(wait_until([] { return false; }, milliseconds(5)));
}

TEST(HttpClient, HasNoAnswerWhereNobodyListens) {
  HttpClient client(1);
  client.set_limit(milliseconds(100));
  EXPECT_FALSE(client.get("/"));
}

class Outputs final : public engine::OutputAllocator {
 public:
  Result<std::span<std::byte>> allocate(std::size_t index,
                                        DataType,
                                        const Shape&,
                                        std::size_t size) override {
    bytes.resize(std::max(bytes.size(), index + 1));
    bytes[index].resize(size);
    return std::span(bytes[index]);
  }
  std::vector<std::vector<std::byte>> bytes;
};

Result<std::vector<float>> run_stub(const std::string& model, std::vector<std::vector<float>> in) {
  const TempDir dir;
  SLUICE_TRY_ASSIGN(const auto engine, engine::open_engine(stub_engine_library()));
  SLUICE_TRY_ASSIGN(const auto session,
                    engine->load({.path = dir.write("model.json", model), .threads = 1}));
  const auto execution = session->new_execution();
  std::vector<engine::InputView> views;
  std::vector<Shape> shapes;
  for (const auto& values : in) {
    shapes.push_back({1, static_cast<std::int64_t>(values.size())});
  }
  for (std::size_t i = 0; i < in.size(); ++i) {
    views.push_back({DataType::float32, shapes[i], std::as_bytes(std::span(in[i]))});
  }
  Outputs outputs;
  const std::size_t wanted[] = {0};
  SLUICE_TRY(execution->run({.inputs = views, .outputs = wanted, .allocator = &outputs}));
  std::vector<float> result(outputs.bytes[0].size() / sizeof(float));
  std::memcpy(result.data(), outputs.bytes[0].data(), outputs.bytes[0].size());
  return result;
}

TEST(StubEngine, AddsAndEchoes) {
  auto sum = run_stub(stub_add_model(), {{1, 2, 3, 4}, {10, 20, 30, 40}});
  ASSERT_TRUE(sum) << sum.error().detail;
  EXPECT_EQ(*sum, (std::vector<float>{11, 22, 33, 44}));
  auto echo = run_stub(stub_echo_model(), {{7, 8}});
  ASSERT_TRUE(echo) << echo.error().detail;
  EXPECT_EQ(*echo, (std::vector<float>{7, 8}));
}

TEST(StubEngine, MisbehavesOnDemand) {
  EXPECT_TRUE(run_stub(stub_echo_model(R"("fail_on": 5)"), {{4}}));
  EXPECT_EQ(run_stub(stub_echo_model(R"("fail_on": 5)"), {{5}}).error().code, ErrorCode::internal);
  EXPECT_THROW(static_cast<void>(run_stub(stub_echo_model(R"("throw_on": 5)"), {{5}})),
               std::runtime_error);
  EXPECT_THAT(run_stub(stub_echo_model(R"("fail_load": "no luck")"), {{5}}).error().detail,
              testing::EndsWith("model.json: no luck"));
  EXPECT_EQ(run_stub("{", {{5}}).error().code, ErrorCode::data_corrupt);
  EXPECT_DEATH(static_cast<void>(run_stub(stub_echo_model(R"("abort_on": 5)"), {{5}})), "");
  EXPECT_DEATH(static_cast<void>(run_stub(stub_echo_model(R"("abort_run": true)"), {{5}})), "");
}

}  // namespace
}  // namespace sluice::test
