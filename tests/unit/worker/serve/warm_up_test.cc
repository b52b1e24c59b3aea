#include "worker/serve/warm_up.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include "common/actor/thread.h"
#include "common/process/quiet.h"

namespace sluice::worker {
namespace {

// Answers with its input, or with what it is given to say instead.
class Echo final : public engine::Execution {
 public:
  Echo(std::atomic<int>& runs, std::string fault) : runs_(&runs), fault_(std::move(fault)) {}
  Result<void> run(const engine::RunArguments& arguments) override {
    ++*runs_;
    policy = ::sched_getscheduler(0);
    if (!fault_.empty()) {
      return Error{ErrorCode::internal, fault_};
    }
    const engine::InputView& x = arguments.inputs[0];
    SLUICE_TRY_ASSIGN(const auto y,
                      arguments.allocator->allocate(0, x.datatype, {1, 2}, x.data.size()));
    std::memcpy(y.data(), x.data.data(), x.data.size());
    return {};
  }

  int policy = -1;

 private:
  std::atomic<int>* runs_;
  std::string fault_;
};

class WarmUp : public testing::Test {
 protected:
  void SetUp() override {
    ServingPlan plan;
    plan.model_path = "/none/model.onnx";
    plan.model_name = "m";
    plan.version = 1;
    plan.warm_ups = {{.name = "zeros",
                      .batch_size = 0,
                      .count = 3,
                      .inputs = {{"x", DataType::float32, {1, 2}, WarmUpInput::Kind::zero, {}}}}};
    auto served = serve_as(plan,
                           {.name = "m",
                            .version = 1,
                            .platform = "onnx_onnxv1",
                            .description = {},
                            .inputs = {{"x", DataType::float32, {1, 2}, false}},
                            .outputs = {{"y", DataType::float32, {1, 2}, false}}},
                           false);
    ASSERT_TRUE(served) << served.error().detail;
    auto trials = make_trials(plan, *std::move(served));
    ASSERT_TRUE(trials) << trials.error().detail;
    trials_ = *std::move(trials);
  }

  // An execution for each, that says so.
  Result<Duration> warm(const std::vector<std::string>& faults) {
    executions_.clear();
    for (const std::string& fault : faults) {
      executions_.push_back(std::make_unique<Echo>(runs_, fault));
    }
    boards_ = std::vector<StartBoard>(faults.size());
    return warm_up(trials_, executions_, boards_);
  }

  Trials trials_;
  std::atomic<int> runs_ = 0;
  std::vector<std::unique_ptr<engine::Execution>> executions_;
  std::vector<StartBoard> boards_;
};

TEST_F(WarmUp, RunsEverySampleOnEveryExecutionAndShowsIt) {
  const auto service = warm({"", "", ""});
  ASSERT_TRUE(service) << service.error().detail;
  EXPECT_GT(service->count(), 0);
  EXPECT_EQ(runs_, 9);
  for (const StartBoard& board : boards_) {
    EXPECT_EQ(board.runs, 3U);
    EXPECT_FALSE(board.busy);
    EXPECT_NE(board.thread, 0);
  }
  EXPECT_NE(boards_[1].thread, boards_[2].thread);
}

TEST_F(WarmUp, AModelThatIsBrokenIsFoundOutOnOneThread) {
  const auto service = warm({"broken", "broken", "broken"});
  ASSERT_FALSE(service);
  EXPECT_EQ(service.error().detail, "warm-up sample 'zeros': broken");
  EXPECT_EQ(runs_, 1);
}

TEST_F(WarmUp, AFaultOfAnyExecutionIsTheModels) {
  const auto service = warm({"", "", "late"});
  ASSERT_FALSE(service);
  EXPECT_EQ(service.error().detail, "warm-up sample 'zeros': late");
  EXPECT_EQ(runs_, 7);
}

TEST_F(WarmUp, IsAsQuietAsItsCallerAndNobodyElseIs) {
  actor::Thread("caller", [&] {
    be_quiet(Quiet::idle);
    ASSERT_TRUE(warm({"", ""}));
  });
  for (const auto& execution : executions_) {
    EXPECT_EQ(static_cast<const Echo&>(*execution).policy, SCHED_IDLE);
  }
  EXPECT_EQ(::sched_getscheduler(0), SCHED_OTHER);
}

TEST(Quiet, LowIsANiceValueOfThisThreadAlone) {
  const int before = ::getpriority(PRIO_PROCESS, 0);
  int seen = 0;
  actor::Thread("low", [&] {
    be_quiet(Quiet::low);
    seen = ::getpriority(PRIO_PROCESS, 0);
  });
  EXPECT_EQ(seen, 10);
  EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), before);
}

TEST(Quiet, LowMakesNobodyLouder) {
  int seen = 0;
  actor::Thread("nice", [&] {
    ASSERT_EQ(::setpriority(PRIO_PROCESS, 0, 15), 0);
    be_quiet(Quiet::low);
    seen = ::getpriority(PRIO_PROCESS, 0);
  });
  EXPECT_EQ(seen, 15);
}

}  // namespace
}  // namespace sluice::worker
