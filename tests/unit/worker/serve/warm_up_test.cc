#include "worker/serve/warm_up.h"

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::worker {
namespace {

class Recorder final : public engine::Execution {
 public:
  Result<void> run(const engine::RunArguments& arguments) override {
    for (const engine::InputView& input : arguments.inputs) {
      shapes.emplace_back(input.shape.begin(), input.shape.end());
      bytes.emplace_back(input.data.begin(), input.data.end());
    }
    outputs = arguments.outputs.size();
    EXPECT_TRUE(arguments.allocator->allocate(0, DataType::float32, {2}, 8));
    if (throws) {
      throw std::runtime_error("oops");
    }
    return failure.empty() ? Result<void>()
                           : Result<void>(Error{ErrorCode::invalid_argument, failure});
  }

  std::vector<Shape> shapes;
  std::vector<std::vector<std::byte>> bytes;
  std::size_t outputs = 0;
  std::string failure;
  bool throws = false;
};

ModelInfo model() {
  return {.name = "m",
          .version = 1,
          .platform = {},
          .description = {},
          .inputs = {{"image", DataType::float32, {-1, 2}, false},
                     {"input_ids", DataType::int64, {-1, -1}, false},
                     {"attention_mask", DataType::int64, {-1, 2}, false},
                     {"words", DataType::string, {3}, false},
                     {"half", DataType::float16, {}, false}},
          .outputs = {{"y", DataType::float32, {-1}, false}}};
}

template <class Value>
std::vector<Value> as(const std::vector<std::byte>& bytes) {
  std::vector<Value> values(bytes.size() / sizeof(Value));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(Value));
  return values;
}

TEST(WarmUp, RunsTheModelOnceWithInputsOfItsShapes) {
  Recorder recorder;
  auto took = warm_up(recorder, model(), SystemClock());
  ASSERT_TRUE(took) << took.error().detail;
  EXPECT_GE(*took, Duration{});
  EXPECT_EQ(recorder.outputs, 1U);
  EXPECT_EQ(recorder.shapes, (std::vector<Shape>{{1, 2}, {1, 1}, {1, 2}, {3}, {}}));
  EXPECT_EQ(as<float>(recorder.bytes[0]), (std::vector<float>{0.5F, 0.5F}));
  EXPECT_EQ(as<std::int64_t>(recorder.bytes[1]), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(as<std::int64_t>(recorder.bytes[2]), (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(recorder.bytes[3], std::vector<std::byte>(12));  // three empty strings
  EXPECT_EQ(as<std::uint16_t>(recorder.bytes[4]), (std::vector<std::uint16_t>{0x3800}));
}

TEST(WarmUp, SaysWhatWentWrong) {
  Recorder recorder;
  recorder.failure = "batch must be 8";
  EXPECT_EQ(warm_up(recorder, model(), SystemClock()).error(),
            (Error{ErrorCode::invalid_argument, "batch must be 8"}));
  recorder.throws = true;
  EXPECT_EQ(warm_up(recorder, model(), SystemClock()).error(),
            (Error{ErrorCode::internal, "the engine threw: oops"}));
}

}  // namespace
}  // namespace sluice::worker
