// A worker process that joins requests.

#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/process/unique_fd.h"
#include "tests/unit/worker/serve/worker_fixture.h"
#include "worker/serve/serving_plan.h"
#include "worker/serve/suspects.h"

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using test::ExitStatus;
using testing::HasSubstr;

class WorkerBatch : public WorkerFixture {
 protected:
  // An echo of [-1] whose requests join up to eight rows.
  void start_joining(const std::string& more,
                     std::vector<std::string> arguments = {},
                     std::vector<std::pair<int, int>> descriptors = {}) {
    plan_.model_path = "/set/by/the/command/line";
    plan_.model_name = "m";
    plan_.version = 3;
    plan_.max_batch_size = 8;
    plan_.config_json = R"({"name": "m", "max_batch_size": 8, "dynamic_batching": {},
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [1],
                   "reshape": {"shape": []}}],
        "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [1],
                    "reshape": {"shape": []}}]})";
    const auto fd = write_plan(plan_);
    ASSERT_TRUE(fd) << fd.error().detail;
    arguments.emplace_back("plan_fd=9");
    descriptors.emplace_back(fd->get(), 9);
    start_gateway();
    start_worker(test::stub_echo_model(R"("rows_independent": true, )" + more),
                 std::move(arguments),
                 std::move(descriptors));
    ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->attached(); })) << worker_->err();
    // What it did on its way to ready is not counted.
    ASSERT_EQ(gateway_->shard().beat.executed, 0U);
  }

  static InferRequest rows(const std::vector<float>& values) {
    InferRequest request = echo(values);
    request.inputs[0].shape.push_back(1);
    return request;
  }

  // Sends one that keeps the executor for `ms`, and waits until it does.
  void occupy(RequestId id, float ms) {
    ASSERT_EQ(gateway_->infer(id, rows({ms})), link::Sent::sent);
    ASSERT_TRUE(runs());
  }

  // A heartbeat says so that came after now: the last one may speak of the run before.
  bool runs() {
    const int beats = gateway_->shard().beats;
    return gateway_->pump_until(
        [&] { return gateway_->shard().beats > beats && gateway_->shard().beat.running == 1; });
  }

  ServingPlan plan_;
};

TEST_F(WorkerBatch, WhatWaitsForAnExecutorSharesARun) {
  start_joining(R"("sleep_ms": "input")");
  EXPECT_GE(gateway_->shard().hello.credit, 16U) << "two batches";
  occupy(1, 300);
  for (RequestId id = 2; id <= 6; ++id) {
    const auto value = static_cast<float>(id) / 100;
    ASSERT_EQ(gateway_->infer(id, rows({value, value + 1})), link::Sent::sent);
  }
  EXPECT_EQ(answer_text(1), "y=300");
  EXPECT_EQ(answer_text(2), "y=0.02,1.02");
  EXPECT_EQ(answer_text(3), "y=0.03,1.03");
  EXPECT_EQ(answer_text(4), "y=0.04,1.04");
  EXPECT_EQ(answer_text(5), "y=0.05,1.05");
  EXPECT_EQ(answer_text(6), "y=0.06,1.06");
  EXPECT_EQ(gateway_->answer(6)->response->outputs[0].shape, (Shape{2, 1}));
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->shard().beat.requests == 6; }));
  // The first; four of two rows; the one that was left.
  EXPECT_EQ(gateway_->shard().beat.executed, 3U);
}

TEST_F(WorkerBatch, AFailingMemberDoesNotFailItsCompany) {
  start_joining(R"("sleep_ms": "input", "fail_on": 13)");
  occupy(1, 300);
  ASSERT_EQ(gateway_->infer(2, rows({13})), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(3, rows({1})), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(4, rows({2})), link::Sent::sent);
  EXPECT_EQ(answer_text(2), "internal: the stub fails on this value");
  EXPECT_EQ(answer_text(3), "y=1");
  EXPECT_EQ(answer_text(4), "y=2");
}

TEST_F(WorkerBatch, ABatchThatKillsTheWorkerMakesAllItsMembersSuspects) {
  auto made = new_suspects_fd();
  ASSERT_TRUE(made);
  const UniqueFd suspects(*made);
  start_joining(R"("sleep_ms": "input", "abort_on": 13)", {"suspects_fd=8"}, {{suspects.get(), 8}});
  occupy(1, 300);
  ASSERT_EQ(gateway_->infer(2, rows({13})), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(3, rows({1})), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(4, rows({2})), link::Sent::sent);
  // The answer to 1 leaves beside the run that kills, and may not get away.
  ASSERT_TRUE(gateway_->pump_until([&] { return !worker_->running(); }));
  ASSERT_EQ(worker_->wait(), (ExitStatus{.signal = SIGABRT}));
  EXPECT_THAT(*read_suspects(suspects.get()), testing::UnorderedElementsAre(2, 3, 4));
}

TEST_F(WorkerBatch, AnExpiredMemberIsLeftOutBeforeTheRunBegins) {
  start_joining(R"("sleep_ms": "input")");
  occupy(1, 300);
  ASSERT_EQ(gateway_->infer(2, rows({1})), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(3, rows({2}), 50ms), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(4, rows({3})), link::Sent::sent);
  EXPECT_THAT(answer_text(3), HasSubstr("deadline_exceeded"));
  EXPECT_EQ(answer_text(2), "y=1");
  EXPECT_EQ(answer_text(4), "y=3");
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->shard().beat.requests == 3; }));
}

TEST_F(WorkerBatch, ACancelledMemberDoesNotStopTheOthersAndAllOfThemDo) {
  start_joining(R"("sleep_ms": "input")");
  occupy(1, 300);
  const auto cancel = [&](RequestId id) {
    ASSERT_EQ(gateway_->send_to_shard_peer(link::cancel_message(id, 1)), link::Sent::sent);
  };
  ASSERT_EQ(gateway_->infer(2, rows({400})), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(3, rows({1})), link::Sent::sent);
  EXPECT_EQ(answer_text(1), "y=300");
  ASSERT_TRUE(runs());
  cancel(2);
  EXPECT_EQ(answer_text(3), "y=1");
  occupy(4, 300);
  ASSERT_EQ(gateway_->infer(5, rows({3'600'000})), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(6, rows({1})), link::Sent::sent);
  EXPECT_EQ(answer_text(4), "y=300");
  ASSERT_TRUE(runs());
  cancel(5);
  cancel(6);
  EXPECT_THAT(answer_text(5), HasSubstr("cancelled"));
  EXPECT_THAT(answer_text(6), HasSubstr("cancelled"));
}

TEST_F(WorkerBatch, CompanyIsWaitedForAsLongAsConfigured) {
  plan_.max_queue_delay = 200ms;
  start_joining(R"("sleep_ms": 0)");
  const auto sent = Clock::now();
  ASSERT_EQ(gateway_->infer(1, rows({1})), link::Sent::sent);
  EXPECT_EQ(answer_text(1), "y=1");
  EXPECT_GE(Clock::now() - sent, 200ms);
  ASSERT_EQ(gateway_->infer(2, rows({1})), link::Sent::sent);
  ASSERT_EQ(gateway_->infer(3, rows({2})), link::Sent::sent);
  EXPECT_EQ(answer_text(2), "y=1");
  EXPECT_EQ(answer_text(3), "y=2");
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->shard().beat.requests == 3; }));
  EXPECT_EQ(gateway_->shard().beat.executed, 2U);
}

TEST_F(WorkerBatch, AnswersLeaveInTheOrderOfTheirRequestsWhereThatIsAskedFor) {
  plan_.preserve_ordering = true;
  start_joining(R"("sleep_ms": "input")", {"executors=2"});
  occupy(1, 300);
  ASSERT_EQ(gateway_->infer(2, rows({0})), link::Sent::sent);
  EXPECT_EQ(answer_text(2), "y=0");
  EXPECT_TRUE(gateway_->answers().contains(1)) << "the second overtook the first";
}

}  // namespace
}  // namespace sluice::worker
