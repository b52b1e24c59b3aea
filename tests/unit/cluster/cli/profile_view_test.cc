#include "cluster/cli/profile_view.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sluice::cluster {
namespace {

using std::chrono::microseconds;
using testing::HasSubstr;

constexpr std::int64_t kSquare[] = {64, 64};

// A product of 64 x 64 x 64 for 100 us, then a change of layout for 50.
class ProfileView : public testing::Test {
 protected:
  ProfileView() {
    const engine::StepReport::Operand square{DataType::float32, kSquare};
    const engine::StepReport::Operand two[] = {square, square};
    const std::span<const engine::StepReport::Operand> one = std::span(two).first(1);
    profile_.begin_run();
    const std::chrono::steady_clock::time_point start{std::chrono::hours(1)};
    profile_.on_step({.node = "fc",
                      .op_type = "MatMul",
                      .implementation = "brg:avx2",
                      .inputs = two,
                      .outputs = one,
                      .begin = start,
                      .end = start + microseconds(100)});
    profile_.on_step({.op_type = "Reorder",
                      .inputs = one,
                      .outputs = one,
                      .begin = start + microseconds(110),
                      .end = start + microseconds(160)});
  }

  model::StepProfile profile_;
};

TEST_F(ProfileView, ShowsOperatorsAndStepsByTime) {
  EXPECT_EQ(profile_text(profile_, {.gflops = 52.4288, .gb_per_s = 10}),
            "2 steps, 1 runs, 0.1500 ms of a run in steps; one core: 52.4 GFLOP/s of float32, 10.0 "
            "GB/s\n\n"
            "OPERATOR  STEPS  MS      %     GFLOP/S  GB/S  OF PEAK\n"
            "MatMul    1      0.1000  66.7  5.2      0.5   10 %\n"
            "Reorder   1      0.0500  33.3  -        0.7   7 %\n"
            "\n"
            "NODE            OPERATOR  MS      %     GFLOP/S  GB/S  OF PEAK  BY        SHAPES\n"
            "fc              MatMul    0.1000  66.7  5.2      0.5   10 %     brg:avx2  FP32[64,64] "
            "FP32[64,64] -> FP32[64,64]\n"
            "(the engine's)  Reorder   0.0500  33.3  -        0.7   7 %      -         FP32[64,64] "
            "-> FP32[64,64]\n");
  EXPECT_THAT(profile_text(profile_, {}), HasSubstr("0.7   -"));
}

TEST_F(ProfileView, HasAllStepsAsJson) {
  const nlohmann::json profile =
      nlohmann::json::parse(profile_json(profile_, {.gflops = 50, .gb_per_s = 10}));
  EXPECT_EQ(profile["peak"]["gflops"], 50);
  ASSERT_EQ(profile["steps"].size(), 2U);
  EXPECT_EQ(profile["steps"][0]["implementation"], "brg:avx2");
  EXPECT_EQ(profile["steps"][0]["operations"], 2 * 64 * 64 * 64);
  EXPECT_EQ(profile["steps"][1]["ms"], 0.05);
}

TEST_F(ProfileView, TracesTheLastRun) {
  const nlohmann::json trace = nlohmann::json::parse(trace_json(profile_));
  ASSERT_EQ(trace["traceEvents"].size(), 2U);
  const nlohmann::json& second = trace["traceEvents"][1];
  EXPECT_EQ(second["name"], "(the engine's)");
  EXPECT_EQ(second["ph"], "X");
  EXPECT_EQ(second["ts"], 110);
  EXPECT_EQ(second["dur"], 50);
  EXPECT_EQ(second["args"]["operator"], "Reorder");
}

}  // namespace
}  // namespace sluice::cluster
