#include "worker/model/step_profile.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::model {
namespace {

using engine::StepReport;

struct Value {
  DataType datatype;
  Shape shape;
};

// Holds what a report only points to.
class Step {
 public:
  Step(std::string op_type, std::vector<Value> inputs, Value output)
      : op_type_(std::move(op_type)), inputs_(std::move(inputs)), output_(std::move(output)) {
    for (const Value& value : inputs_) {
      in_.push_back({value.datatype, value.shape});
    }
    out_.push_back({output_.datatype, output_.shape});
  }
  [[nodiscard]] StepReport report(int begin_us = 0, int end_us = 0) const {
    const std::chrono::steady_clock::time_point start{std::chrono::hours(1)};
    return {.node = "node",
            .op_type = op_type_,
            .implementation = "brg",
            .inputs = in_,
            .outputs = out_,
            .begin = start + std::chrono::microseconds(begin_us),
            .end = start + std::chrono::microseconds(end_us)};
  }

 private:
  std::string op_type_;
  std::vector<Value> inputs_;
  Value output_;
  std::vector<StepReport::Operand> in_;
  std::vector<StepReport::Operand> out_;
};

constexpr DataType kF32 = DataType::float32;
constexpr DataType kI8 = DataType::int8;
const Value kNone{DataType::undefined, {}};

TEST(StepProfile, CountsMultiplicationsAndAdditions) {
  const Value scale{kF32, {}};
  const Value zero{kI8, {}};
  const struct {
    const char* op_type;
    std::vector<Value> inputs;
    Value output;
    double operations;
  } steps[] = {
      {"MatMul", {{kF32, {2, 3}}, {kF32, {3, 5}}}, {kF32, {2, 5}}, 60},
      {"MatMul", {{kF32, {7, 2, 3}}, {kF32, {3, 5}}}, {kF32, {7, 2, 5}}, 420},
      {"MatMul", {{kF32, {2, 3}}, {kF32, {7, 3, 5}}}, {kF32, {7, 2, 5}}, 420},
      {"MatMul", {{kF32, {3}}, {kF32, {3, 5}}}, {kF32, {5}}, 30},
      {"MatMul", {{kF32, {4, 2, 3}}, {kF32, {3}}}, {kF32, {4, 2}}, 48},
      {"Gemm", {{kF32, {3, 2}}, {kF32, {3, 5}}}, {kF32, {2, 5}}, 60},  // transA
      {"QLinearMatMul",
       {{kI8, {2, 3}}, scale, zero, {kI8, {3, 5}}, scale, zero, scale, zero},
       {kI8, {2, 5}},
       60},
      {"Conv", {{kF32, {1, 4, 8, 8}}, {kF32, {6, 2, 3, 3}}}, {kF32, {1, 6, 8, 8}}, 13824},
      {"QLinearConv",
       {{kI8, {1, 4, 8}}, scale, zero, {kI8, {6, 4, 3}}, scale, zero, scale, zero},
       {kI8, {1, 6, 8}},
       1152},
      {"GRU",
       {{kF32, {10, 2, 3}}, {kF32, {1, 12, 3}}, {kF32, {1, 12, 4}}},
       {kF32, {10, 1, 2, 4}},
       3360},
      {"Add", {{kF32, {2}}, {kF32, {2}}}, {kF32, {2}}, 0},
      {"MatMul", {{kF32, {0, 3}}, {kF32, {3, 5}}}, {kF32, {0, 5}}, 0},
      {"Conv", {{kF32, {1, 4, 8, 8}}, kNone}, {kF32, {1, 6, 8, 8}}, 0},
  };
  for (const auto& [op_type, inputs, output, operations] : steps) {
    EXPECT_EQ(operations_of(Step(op_type, inputs, output).report()), operations)
        << op_type << " of " << to_string(inputs[0].shape);
  }
}

TEST(StepProfile, AddsUpRunsAndKeepsTheLastOnesTimes) {
  const Step add("Add", {{kF32, {2, 3}}, kNone}, {kF32, {2, 3}});
  const Step gather("Gather", {{kF32, {1000, 4}}, {DataType::int64, {2}}}, {kF32, {2, 4}});
  StepProfile profile;
  for (const int late : {0, 100}) {
    profile.begin_run();
    profile.on_step(add.report(10 + late, 15 + late));
    profile.on_step(gather.report(17 + late, 20 + late));
  }
  EXPECT_EQ(profile.runs(), 2);
  ASSERT_EQ(profile.steps().size(), 2U);
  const ProfiledStep& first = profile.steps()[0];
  EXPECT_EQ(first.node, "node");
  EXPECT_EQ(first.implementation, "brg");
  EXPECT_EQ(first.shapes, "FP32[2,3] - -> FP32[2,3]");
  EXPECT_EQ(first.bytes, 48);
  EXPECT_EQ(first.total, std::chrono::microseconds(10));
  const ProfiledStep& second = profile.steps()[1];
  EXPECT_EQ(second.bytes, 32 + 16 + 32) << "of the table what is taken from it";
  EXPECT_EQ(second.begin, std::chrono::microseconds(7));
  EXPECT_EQ(second.end, std::chrono::microseconds(10));
}

}  // namespace
}  // namespace sluice::model
