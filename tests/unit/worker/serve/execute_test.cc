#include "worker/serve/execute.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "common/link/tensor_codec.h"

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;

class TestClock final : public Clock {
 public:
  [[nodiscard]] TimePoint now() const override { return TimePoint(now_ += 1us); }

 private:
  mutable Duration now_ = 1000s;
};

class TestExecution final : public engine::Execution {
 public:
  using Body = std::function<Result<void>(const engine::RunArguments&)>;
  explicit TestExecution(Body body) : body_(std::move(body)) {}
  Result<void> run(const engine::RunArguments& arguments) override { return body_(arguments); }

 private:
  Body body_;
};

ModelInfo model() {
  return {.name = "m",
          .version = 2,
          .platform = {},
          .description = {},
          .inputs = {{"a", DataType::uint8, {-1}, false}, {"b", DataType::uint8, {-1}, true}},
          .outputs = {{"y", DataType::uint8, {-1}, false}, {"z", DataType::uint8, {-1}, false}}};
}

InferRequest request(std::vector<std::string> outputs = {}) {
  InferRequest request;
  request.model = "m";
  request.inputs = {{"a", DataType::uint8, {3}, Buffer::copy_of("abc")}};
  request.outputs = std::move(outputs);
  return request;
}

Job job_of(const InferRequest& wanted) {
  return {.id = 5,
          .attempt = 2,
          .from = {},
          .deadline = TimePoint::max(),
          .received = TimePoint(999s),
          .body = *link::encode_infer(wanted)};
}

Executed run(const Job& job, TestExecution::Body body, bool stopped = false) {
  TestExecution execution(std::move(body));
  const std::atomic<bool> stop{stopped};
  ServingPlan plan;
  plan.model_name = "m";
  plan.version = 2;
  link::Encoder encoder;
  return execute(job, as_declared(plan, model()), execution, stop, TestClock(), encoder);
}

std::string failure(const Executed& executed) {
  EXPECT_EQ(executed.answer.header,
            (link::Header{.kind = link::Kind::failure, .id = 5, .attempt = 2}));
  const auto decoded = link::decode_failure(executed.answer.body);
  return std::string(name_of(decoded->error.code)) + ": " + decoded->error.detail;
}

Result<void> write(const engine::RunArguments& arguments,
                   std::size_t index,
                   std::string_view text) {
  SLUICE_TRY_ASSIGN(
      const auto bytes,
      arguments.allocator->allocate(
          index, DataType::uint8, {static_cast<std::int64_t>(text.size())}, text.size()));
  std::ranges::copy(std::as_bytes(std::span(text)), bytes.begin());
  return {};
}

TEST(Execute, GivesTheEngineItsInputsInTheModelsOrderAndReturnsItsOutputs) {
  const Executed executed =
      run(job_of(request()), [](const engine::RunArguments& arguments) -> Result<void> {
        EXPECT_EQ(arguments.inputs.size(), 2U);
        EXPECT_EQ(arguments.inputs[0].datatype, DataType::uint8);
        EXPECT_EQ(arguments.inputs[0].data.size(), 3U);
        EXPECT_EQ(arguments.inputs[1].datatype, DataType::undefined);  // optional, left out
        EXPECT_EQ(arguments.outputs.size(), 2U);
        SLUICE_TRY(write(arguments, 1, "zz"));
        return write(arguments, 0, "yyyy");
      });
  EXPECT_EQ(executed.outcome, Outcome::executed);
  EXPECT_EQ(executed.service, 1us);
  EXPECT_EQ(executed.answer.header,
            (link::Header{.kind = link::Kind::result, .id = 5, .attempt = 2}));
  const auto response = link::decode_result(executed.answer.body);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->model, "m");
  EXPECT_EQ(response->version, 2);
  EXPECT_EQ(response->timing.compute, 1us);
  EXPECT_EQ(response->timing.queue, 1s + 1us);
  ASSERT_EQ(response->outputs.size(), 2U);
  EXPECT_EQ(response->outputs[0].name, "y");
  EXPECT_EQ(response->outputs[0].data.text(), "yyyy");
  EXPECT_EQ(response->outputs[1].shape, (Shape{2}));
}

TEST(Execute, AsksForTheWantedOutputsInTheirOrder) {
  const Executed executed =
      run(job_of(request({"z", "y"})), [](const engine::RunArguments& arguments) -> Result<void> {
        EXPECT_EQ(std::vector<std::size_t>(arguments.outputs.begin(), arguments.outputs.end()),
                  (std::vector<std::size_t>{1, 0}));
        SLUICE_TRY(write(arguments, 0, "zz"));
        return write(arguments, 1, "");
      });
  const auto response = link::decode_result(executed.answer.body);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->outputs[0].name, "z");
  EXPECT_EQ(response->outputs[1].name, "y");
  EXPECT_TRUE(response->outputs[1].data.empty());
}

TEST(Execute, RefusesBeforeTheEngineSeesIt) {
  const auto never = [](const engine::RunArguments&) -> Result<void> {
    ADD_FAILURE() << "the engine was run";
    return {};
  };
  InferRequest wrong = request();
  wrong.inputs[0].datatype = DataType::int8;
  Executed executed = run(job_of(wrong), never);
  EXPECT_EQ(executed.outcome, Outcome::refused);
  EXPECT_FALSE(executed.service);
  EXPECT_EQ(
      failure(executed),
      "invalid_argument: inference input 'a' data-type is 'INT8', but model 'm' expects 'UINT8'");
  Job garbage = job_of(request());
  garbage.body.front() = Buffer::copy_of("garbage");
  EXPECT_EQ(run(garbage, never).outcome, Outcome::refused);
}

TEST(Execute, TurnsWhateverTheEngineDoesIntoThisRequestsFailure) {
  const struct {
    TestExecution::Body body;
    std::string expected;
  } rows[] = {
      {[](const engine::RunArguments&) -> Result<void> {
         return Error{ErrorCode::invalid_argument, "no"};
       },
       "invalid_argument: no"},
      {[](const engine::RunArguments&) -> Result<void> { throw std::runtime_error("oops"); },
       "internal: the engine threw: oops"},
      {[](const engine::RunArguments&) -> Result<void> { throw std::bad_alloc(); },
       "resource_exhausted: not enough memory to run the model"},
      {[](const engine::RunArguments& arguments) -> Result<void> {
         return write(arguments, 0, "only one");
       },
       "internal: the engine gave no output 'z'"},
      {[](const engine::RunArguments& arguments) -> Result<void> {
         SLUICE_TRY(arguments.allocator->allocate(0, DataType::uint8, {}, std::size_t{1} << 40));
         return {};
       },
       "resource_exhausted: the outputs are larger than 536870912 bytes"},
  };
  for (const auto& row : rows) {
    const Executed executed = run(job_of(request()), row.body);
    EXPECT_EQ(executed.outcome, Outcome::executed);
    EXPECT_EQ(failure(executed), row.expected);
  }
}

TEST(Execute, AStoppedRunIsCancelledAndSaysNothingOfTheServiceTime) {
  const auto stop = [](const engine::RunArguments& arguments) -> Result<void> {
    return arguments.stop->load() ? Result<void>(Error{ErrorCode::cancelled, "stopped"})
                                  : Result<void>();
  };
  const Executed executed = run(job_of(request()), stop, true);
  EXPECT_EQ(executed.outcome, Outcome::cancelled);
  EXPECT_FALSE(executed.service);
  EXPECT_EQ(failure(executed), "cancelled: stopped");
}

}  // namespace
}  // namespace sluice::worker
