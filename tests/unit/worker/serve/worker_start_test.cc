// A worker process on its way to ready: warm-up, probe, and every version that must not get there.

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/process/unique_fd.h"
#include "tests/unit/worker/serve/worker_fixture.h"
#include "worker/model/tensor_file.h"
#include "worker/serve/serving_plan.h"
#include "worker/serve/worker_main.h"

namespace sluice::worker {
namespace {

using namespace std::chrono_literals;
using link::ProbeKind;
using link::WorkerState;
using test::ExitStatus;
using test::stub_echo_model;
using testing::ElementsAre;
using testing::HasSubstr;

class WorkerStart : public WorkerFixture {
 protected:
  void record(const std::vector<float>& x, const std::vector<float>& y) {
    const auto extent = [](const auto& values) { return static_cast<std::int64_t>(values.size()); };
    std::filesystem::create_directories(dir_.path() + "/test_data_set_0");
    static_cast<void>(dir_.write("test_data_set_0/input_0.pb",
                                 *model::write_tensor(floats("x", x, {extent(x)}))));
    static_cast<void>(dir_.write("test_data_set_0/output_0.pb",
                                 *model::write_tensor(floats("y", y, {extent(y)}))));
  }

  void start_with_plan(const std::string& model, const ServingPlan& plan) {
    auto fd = write_plan(plan);
    ASSERT_TRUE(fd) << fd.error().detail;
    start_gateway();
    start_worker(model, {"plan_fd=9", "first_run_ms=300"}, {{fd->get(), 9}});
  }

  // What the worker said to control, in order.
  std::vector<WorkerState> states() {
    std::vector<WorkerState> states;
    for (const link::StateChange& change : gateway_->control().states) {
      states.push_back(change.state);
    }
    return states;
  }

  ServingPlan plan_ = {.model_path = "/set/by/the/command/line", .model_name = "m", .version = 3};
};

TEST_F(WorkerStart, AnswersItselfBeforeItIsReadyAndSaysWhatItFound) {
  start(stub_echo_model());
  EXPECT_THAT(states(),
              ElementsAre(WorkerState::warming, WorkerState::probing, WorkerState::ready));
  const link::Findings found = gateway_->control().states.back().findings;
  EXPECT_EQ(found.probe_kind, ProbeKind::generated);
  EXPECT_TRUE(found.probe_finite);
  EXPECT_GT(found.memory_bytes, 1U << 20);
  EXPECT_GE(found.memory_peak_bytes, found.memory_bytes);
  EXPECT_EQ(gateway_->shard().hello.findings, found) << "a gateway of a later life learns it too";
}

TEST_F(WorkerStart, ReportsThatItsAnswersAreNotFinite) {
  start(R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1]}],
            "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1]}], "op": "nan"})");
  EXPECT_FALSE(gateway_->shard().hello.findings.probe_finite);
}

TEST_F(WorkerStart, GivesItsKnownAnswersFirst) {
  record({1, 2, 3}, {1, 2, 3});
  start(stub_echo_model());
  EXPECT_EQ(gateway_->shard().hello.findings.probe_kind, ProbeKind::known_answer);
}

TEST_F(WorkerStart, WarmsUpEveryExecutorWithEachSample) {
  plan_.max_batch_size = 4;
  plan_.config_json = R"({"name": "m", "max_batch_size": 4})";
  plan_.warm_ups = {{.name = "four",
                     .batch_size = 4,
                     .count = 2,
                     .inputs = {{"a", DataType::float32, {4}, WarmUpInput::Kind::random, {}},
                                {"b", DataType::float32, {4}, WarmUpInput::Kind::zero, {}}}}};
  start_with_plan(test::stub_add_model(), plan_);
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->attached(); }));
  EXPECT_EQ(gateway_->shard().hello.model.inputs.at(0).shape, (Shape{-1, 4}));
}

TEST_F(WorkerStart, TellsShardsTheLabelsOfItsPlan) {
  plan_.labels = {{"y", "cat\ndog"}};
  start_with_plan(stub_echo_model(), plan_);
  ASSERT_TRUE(gateway_->pump_until([&] { return gateway_->attached(); }));
  EXPECT_EQ(gateway_->shard().hello.labels, plan_.labels);
  EXPECT_EQ(gateway_->control().hello.labels, std::vector<OutputLabels>{})
      << "it has no use for them";
}

TEST_F(WorkerStart, ABadVersionIsNeverReadyAndSaysWhy) {
  const struct {
    std::string name;
    std::string model;
    std::function<void(ServingPlan&)> change;
    std::string reason;
  } rows[] = {
      {"runs for ever, deaf",
       stub_echo_model(R"("spin_ms": 3600000)"),
       {},
       "made-up inputs: no answer within 0.3 s"},
      {"sleeps for ever", stub_echo_model(R"("sleep_ms": 3600000)"), {}, "no answer within 0.3 s"},
      {"throws", stub_echo_model(R"("throw_on": 0.5)"), {}, "the stub throws on this value"},
      {"a sample it cannot take",
       stub_echo_model(R"("fail_on": 0)"),
       [](ServingPlan& plan) {
         plan.warm_ups = {{.name = "zeros",
                           .inputs = {{"x", DataType::float32, {3}, WarmUpInput::Kind::zero, {}}}}};
       },
       "warm-up sample 'zeros': the stub fails on this value"},
      {"an input that is not there",
       stub_echo_model(),
       [](ServingPlan& plan) {
         plan.inputs = {{"image", DataType::float32, {-1}, false}};
       },
       "the configuration: input 'image' is not in the model, which has 'x'"},
      {"another datatype",
       stub_echo_model(),
       [](ServingPlan& plan) {
         plan.inputs = {{"x", DataType::int32, {-1}, false}};
       },
       "the configuration: input 'x': data_type INT32, the model has FP32"},
      {"another rank",
       stub_echo_model(),
       [](ServingPlan& plan) {
         plan.outputs = {{"y", DataType::float32, {-1, 10}, false}};
       },
       "do not fit the model's [-1]"},
      {"an input that no request could bring",
       R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1000000, 1000000]}],
           "outputs": [{"name": "y", "datatype": "FP32", "shape": [1]}], "op": "echo"})",
       {},
       "input 'x' of shape [1000000,1000000] needs more bytes than a request may have"},
  };
  for (const auto& row : rows) {
    ServingPlan plan = plan_;
    if (row.change) {
      row.change(plan);
    }
    start_with_plan(row.model, plan);
    ASSERT_TRUE(gateway_->pump_until([&] { return !worker_->running(); })) << row.name;
    EXPECT_EQ(worker_->wait(), (ExitStatus{.code = kExitLoadFailed})) << row.name;
    EXPECT_TRUE(gateway_->pump_until([&] {
      return !states().empty() && states().back() == WorkerState::failed;
    })) << row.name;
    EXPECT_THAT(states(), testing::Not(testing::Contains(WorkerState::ready))) << row.name;
    EXPECT_THAT(gateway_->control().states.back().reason, HasSubstr(row.reason)) << row.name;
    EXPECT_EQ(gateway_->shard().hellos, 0) << row.name;
  }
}

TEST_F(WorkerStart, AWrongAnswerIsNeverReady) {
  record({1, 2, 3}, {1, 2, 4});
  start_gateway();
  start_worker(stub_echo_model());
  ASSERT_TRUE(gateway_->pump_until([&] { return !worker_->running(); }));
  EXPECT_EQ(worker_->wait(), (ExitStatus{.code = kExitLoadFailed}));
  EXPECT_THAT(worker_->err(),
              HasSubstr("known answer 'test_data_set_0': output 'y': 1 of 3 elements differ, most "
                        "element 2: 3, wanted 4"));
}

TEST_F(WorkerStart, ACrashAtTheFirstRunIsADeathBeforeReady) {
  start_gateway();
  start_worker(stub_echo_model(R"("abort_on": 0.5)"));
  ASSERT_TRUE(gateway_->pump_until([&] { return !worker_->running(); }));
  EXPECT_EQ(worker_->wait(), (ExitStatus{.signal = SIGABRT}));
  EXPECT_EQ(gateway_->shard().hellos, 0);
}

TEST_F(WorkerStart, LeavesAtOnceWhenToldWhileItsModelRuns) {
  start_gateway();
  start_worker(stub_echo_model(R"("spin_ms": 3600000)"));
  ASSERT_TRUE(gateway_->pump_until(
      [&] { return !states().empty() && states().back() == WorkerState::warming; }));
  worker_->signal(SIGTERM);
  EXPECT_EQ(worker_->wait(), (ExitStatus{.code = 0}));
}

}  // namespace
}  // namespace sluice::worker
