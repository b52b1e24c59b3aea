// A worker process coming, going, dying, and losing its gateway.

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <unistd.h>

#include "common/process/lifeline.h"
#include "common/process/unique_fd.h"
#include "tests/support/wait_until.h"
#include "tests/unit/worker/serve/worker_fixture.h"
#include "worker/serve/suspects.h"
#include "worker/serve/worker_main.h"

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using link::WorkerState;
using test::ExitStatus;
using test::stub_echo_model;
using testing::HasSubstr;
using testing::StartsWith;

class WorkerLifecycle : public WorkerFixture {
 protected:
  // Attached, serving, and of the attach that is the newest.
  void expect_serving(RequestId id) {
    ASSERT_EQ(gateway_->infer(id, echo({1})), link::Sent::sent);
    EXPECT_EQ(answer_text(id), "y=1");
  }
  static constexpr auto kFiveBeats = 5 * kBeat;
};

TEST_F(WorkerLifecycle, DialsAgainWithANewIdentityWhenTheGatewayFallsSilent) {
  start(stub_echo_model());
  expect_serving(1);
  const std::string before = gateway_->shard().identity;
  const auto attach_before = gateway_->shard().hello.attach;
  // The connection stays open and nothing comes over it: what a half-open link looks like.
  gateway_->set_silent(true);
  const auto silent_since = Clock::now();
  ASSERT_TRUE(gateway_->pump_until([&] { return Clock::now() - silent_since > 4 * kBeat; }));
  gateway_->set_silent(false);
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->shard().identity != before; }));
  EXPECT_GT(gateway_->shard().hello.attach, attach_before);
  EXPECT_EQ(gateway_->shard().hello.pid, static_cast<std::uint32_t>(worker_->pid()));
  expect_serving(2);
}

TEST_F(WorkerLifecycle, KeepsItsLinksWhileTheGatewayIsQuietlyThere) {
  start(stub_echo_model());
  const auto since = Clock::now();
  ASSERT_TRUE(gateway_->pump_until([&] { return Clock::now() - since > 10 * kBeat; }));
  EXPECT_EQ(gateway_->shard().hellos, 1);
  EXPECT_EQ(gateway_->control().hellos, 1);
  EXPECT_GE(gateway_->shard().beats, 7);
  EXPECT_GE(gateway_->control().beats, 7);
}

TEST_F(WorkerLifecycle, AttachesToARestartedGatewayWithinFiveHeartbeats) {
  start(stub_echo_model());
  expect_serving(1);
  for (int life = 2; life <= 4; ++life) {
    gateway_.reset();
    // Down for none, a few and many heartbeats.
    const auto until = Clock::now() + (life - 2) * 5 * kBeat;
    ASSERT_TRUE(test::wait_until([&] { return Clock::now() >= until; }));
    start_gateway(1, "gateway-" + std::to_string(life));
    const auto bound = Clock::now();
    ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->attached(); }));
    EXPECT_LT(Clock::now() - bound, kFiveBeats) << "life " << life;
    expect_serving(static_cast<RequestId>(life));
  }
  EXPECT_TRUE(worker_->running());
}

TEST_F(WorkerLifecycle, StartsBeforeItsGatewayAndDialsForEver) {
  start_worker(stub_echo_model());
  const auto until = Clock::now() + 10 * kBeat;
  ASSERT_TRUE(test::wait_until([&] { return Clock::now() >= until; }));
  start_gateway();
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->attached(); }));
  expect_serving(1);
}

TEST_F(WorkerLifecycle, DrainsWhenTold) {
  start(stub_echo_model(R"("sleep_ms": "input")"));
  ASSERT_EQ(gateway_->infer(1, echo({200})), link::Sent::sent);
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->shard().beat.running == 1; }));
  worker_->signal(SIGTERM);
  // Two sockets, in any order.
  ASSERT_TRUE(gateway_->pump_until(
      [&] { return gateway_->shard().drained && gateway_->control().drained; }));
  // Sent before the shard could know: accepted and answered.
  ASSERT_EQ(gateway_->infer(2, echo({0})), link::Sent::sent);
  EXPECT_EQ(answer_text(1), "y=200");
  EXPECT_EQ(answer_text(2), "y=0");
  EXPECT_TRUE(worker_->running());  // until the bye, or a second
  ASSERT_EQ(gateway_->send_to_shard_peer(link::encode(link::Bye{"done"})), link::Sent::sent);
  EXPECT_TRUE(gateway_->pump_until([&] { return gateway_->control().bye; }, 900ms));
  EXPECT_EQ(worker_->wait(), (ExitStatus{.code = 0}));  // which nobody is in a hurry for
}

TEST_F(WorkerLifecycle, LeavesASecondAfterItsLastAnswerWithoutABye) {
  start(stub_echo_model());
  const auto told = Clock::now();
  ASSERT_EQ(gateway_->send_to_control_peer(link::encode(link::Drain{"unload"})), link::Sent::sent);
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->shard().drained; }));
  ASSERT_TRUE(gateway_->pump_until([&] { return !worker_->running(); }));
  EXPECT_EQ(worker_->wait(), (ExitStatus{.code = 0}));
  EXPECT_GE(Clock::now() - told, 1s);
}

TEST_F(WorkerLifecycle, LeavesAtOnceWhenToldWhileLoading) {
  start_gateway();
  start_worker(stub_echo_model(R"("load_ms": 60000)"));
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->control().hellos == 1; }));
  EXPECT_EQ(gateway_->control().hello.state, WorkerState::loading);
  worker_->signal(SIGTERM);
  EXPECT_EQ(worker_->wait(), (ExitStatus{.code = 0}));
}

TEST_F(WorkerLifecycle, LeavesAlsoWithoutAGateway) {
  start(stub_echo_model());
  gateway_.reset();
  worker_->signal(SIGTERM);
  EXPECT_EQ(worker_->wait(), (ExitStatus{.code = 0}));
}

TEST_F(WorkerLifecycle, SaysWhyItsModelCannotBeLoaded) {
  const struct {
    std::string model;
    std::string expected;
  } rows[] = {
      {stub_echo_model(R"("fail_load": "the weights are missing")"), "the weights are missing"},
      {"{ this is not JSON", "not a stub model"},
      {stub_echo_model(R"("fail_on": 0.5)"), "made-up inputs: the stub fails on this value"},
  };
  for (const auto& row : rows) {
    test::Pipe status;
    start_gateway();
    start_worker(row.model, {"status_fd=9"}, {{status.write, 9}});
    ASSERT_TRUE(gateway_->pump_until([&] { return !worker_->running(); }));
    EXPECT_EQ(worker_->wait(), (ExitStatus{.code = kExitLoadFailed}));
    EXPECT_THAT(worker_->err(), HasSubstr("sluice worker: "));
    EXPECT_THAT(worker_->err(), HasSubstr(row.expected));
    EXPECT_TRUE(gateway_->pump_until([&] {
      const auto& states = gateway_->control().states;
      return !states.empty() && states.back().state == WorkerState::failed;
    }));
    EXPECT_THAT(gateway_->control().states.back().reason, HasSubstr(row.expected));
    char bytes[4'096];
    const ssize_t size = ::read(status.read, bytes, sizeof bytes);
    ASSERT_GT(size, 0);
    const std::string lines(bytes, static_cast<std::size_t>(size));
    EXPECT_THAT(lines, StartsWith("state loading\n"));
    EXPECT_THAT(lines, HasSubstr("failed "));
    EXPECT_THAT(lines, HasSubstr(row.expected));
  }
}

TEST_F(WorkerLifecycle, TellsItsNodeEveryState) {
  test::Pipe status;
  start_gateway();
  start_worker(stub_echo_model(), {"status_fd=9"}, {{status.write, 9}});
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->attached(); }));
  gateway_.reset();
  worker_->signal(SIGTERM);
  ASSERT_EQ(worker_->wait(), (ExitStatus{.code = 0}));
  char bytes[4'096];
  const ssize_t size = ::read(status.read, bytes, sizeof bytes);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string(bytes, static_cast<std::size_t>(size)),
            "state loading\nstate warming\nstate probing\nstate ready\nstate draining\n");
}

TEST_F(WorkerLifecycle, LeavesTheIdsItWasRunningWhenItDies) {
  auto fd = new_suspects_fd();
  ASSERT_TRUE(fd);
  const UniqueFd suspects(*fd);
  start_gateway();
  start_worker(stub_echo_model(R"("abort_on": 13, "sleep_ms": "input")"),
               {"executors=2", "suspects_fd=8"},
               {{suspects.get(), 8}});
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->attached(); }));
  ASSERT_EQ(gateway_->infer(100, echo({1})), link::Sent::sent);
  ASSERT_EQ(answer_text(100), "y=1");
  EXPECT_THAT(*read_suspects(suspects.get()), testing::IsEmpty());
  ASSERT_EQ(gateway_->infer(101, echo({60'000})), link::Sent::sent);
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->shard().beat.running == 1; }));
  ASSERT_EQ(gateway_->infer(102, echo({13})), link::Sent::sent);
  ASSERT_EQ(worker_->wait(), (ExitStatus{.signal = SIGABRT}));
  EXPECT_THAT(*read_suspects(suspects.get()), testing::UnorderedElementsAre(101, 102));
}

TEST_F(WorkerLifecycle, EndsWithItsLifeline) {
  auto pipe = make_lifeline();
  ASSERT_TRUE(pipe);
  start_gateway();
  start_worker(stub_echo_model(), {"lifeline_fd=7"}, {{pipe->give.get(), 7}});
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->attached(); }));
  pipe->keep.reset();
  EXPECT_EQ(worker_->wait(), (ExitStatus{.signal = SIGKILL}));
}

TEST_F(WorkerLifecycle, RefusesOptionsThatMakeNoSense) {
  for (const std::string& option : {std::string("model_name="),
                                    std::string("executors=0"),
                                    std::string("executors=257"),
                                    std::string("heartbeat_ms=0"),
                                    "worker_id=" + std::string(129, 'w'),
                                    std::string("suspects_fd=0"),
                                    std::string("lifeline_fd=0")}) {
    start_worker(stub_echo_model(), {option});
    EXPECT_EQ(worker_->wait(), (ExitStatus{.code = kExitBadOptions})) << option;
    EXPECT_THAT(worker_->err(), StartsWith("sluice worker: ")) << option;
  }
}

}  // namespace
}  // namespace sluice::worker
