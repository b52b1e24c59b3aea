#include "worker/serve/trial_inputs.h"

#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace sluice::worker {
namespace {

ModelInfo model() {
  return {.name = "m",
          .version = 1,
          .platform = {},
          .description = {},
          .inputs = {{"image", DataType::float32, {-1, 2}, false},
                     {"input_ids", DataType::int64, {-1, -1}, false},
                     {"attention_mask", DataType::int64, {-1, 2}, false},
                     {"words", DataType::string, {3}, false},
                     {"bias", DataType::float32, {4}, true},
                     {"half", DataType::float16, {}, false}},
          .outputs = {{"y", DataType::float32, {-1}, false}}};
}

template <class Value>
std::vector<Value> as(const NamedTensor& tensor) {
  std::vector<Value> values(tensor.data.size() / sizeof(Value));
  std::memcpy(values.data(), tensor.data.data(), values.size() * sizeof(Value));
  return values;
}

TEST(TrialInputs, AreMadeUpForTheModelsShapes) {
  const auto inputs = made_up_inputs(model());
  ASSERT_TRUE(inputs) << inputs.error().detail;
  std::vector<std::string> names;
  std::vector<Shape> shapes;
  for (const NamedTensor& input : *inputs) {
    names.push_back(input.name);
    shapes.push_back(input.shape);
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"image", "input_ids", "attention_mask", "words", "half"}));
  EXPECT_EQ(shapes, (std::vector<Shape>{{1, 2}, {1, 1}, {1, 2}, {3}, {}}));
  EXPECT_EQ(as<float>((*inputs)[0]), (std::vector<float>{0.5F, 0.5F}));
  EXPECT_EQ(as<std::int64_t>((*inputs)[1]), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(as<std::int64_t>((*inputs)[2]), (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(as<char>((*inputs)[3]), std::vector<char>(12)) << "three empty strings";
  EXPECT_EQ(as<std::uint16_t>((*inputs)[4]), (std::vector<std::uint16_t>{0x3800}));
}

TEST(TrialInputs, AHugeDeclaredInputIsRefusedBeforeItIsMade) {
  ModelInfo info = model();
  info.inputs = {{"x", DataType::float32, {-1, 1'000'000, 1'000'000}, false}};
  EXPECT_EQ(made_up_inputs(info).error(),
            (Error{ErrorCode::resource_exhausted,
                   "input 'x' of shape [1,1000000,1000000] needs more bytes than a request may "
                   "have, 536870912"}));
  info.inputs[0].shape = {1'000'000'000'000, 1'000'000'000'000};
  EXPECT_EQ(made_up_inputs(info).error().code, ErrorCode::invalid_argument);
}

WarmUpSample sample(const WarmUpInput& input, std::uint32_t batch_size = 0) {
  return {.name = "s", .batch_size = batch_size, .count = 1, .inputs = {input}};
}

TEST(TrialInputs, ASampleIsOneRowForEachOfTheBatch) {
  test::TempDir dir;
  const std::string file = dir.write("row", "abcdefgh");
  auto inputs =
      sample_inputs(sample({"x", DataType::uint8, {2, 4}, WarmUpInput::Kind::file, file}, 2));
  ASSERT_TRUE(inputs) << inputs.error().detail;
  EXPECT_EQ((*inputs)[0].name, "x");
  EXPECT_EQ((*inputs)[0].shape, (Shape{2, 2, 4}));
  EXPECT_EQ((*inputs)[0].data.text(), "abcdefghabcdefgh");
  inputs = sample_inputs(sample({"x", DataType::int32, {3}, WarmUpInput::Kind::zero, {}}));
  ASSERT_TRUE(inputs);
  EXPECT_EQ((*inputs)[0].shape, (Shape{3}));
  EXPECT_EQ(as<std::int32_t>((*inputs)[0]), (std::vector<std::int32_t>{0, 0, 0}));
}

TEST(TrialInputs, RandomNumbersAreTheSameInEveryLifeAndSmall) {
  const auto once =
      sample_inputs(sample({"x", DataType::float32, {100}, WarmUpInput::Kind::random, {}}));
  const auto again =
      sample_inputs(sample({"x", DataType::float32, {100}, WarmUpInput::Kind::random, {}}));
  ASSERT_TRUE(once && again);
  EXPECT_EQ(once->front().data.text(), again->front().data.text());
  float least = 1;
  float most = 0;
  for (const float value : as<float>(once->front())) {
    EXPECT_GE(value, 0.0F);
    EXPECT_LT(value, 1.0F);
    least = std::min(least, value);
    most = std::max(most, value);
  }
  EXPECT_LT(least, 0.1F);
  EXPECT_GT(most, 0.9F);
  const auto integers =
      sample_inputs(sample({"x", DataType::int16, {100}, WarmUpInput::Kind::random, {}}));
  ASSERT_TRUE(integers);
  int ones = 0;
  for (const std::int16_t value : as<std::int16_t>(integers->front())) {
    EXPECT_TRUE(value == 0 || value == 1) << value;
    ones += value;
  }
  EXPECT_GT(ones, 20);
  EXPECT_LT(ones, 80);
  const auto strings =
      sample_inputs(sample({"x", DataType::string, {2}, WarmUpInput::Kind::random, {}}));
  ASSERT_TRUE(strings);
  EXPECT_EQ(strings->front().data.size(), 24U);
  EXPECT_EQ(strings->front().data.text().substr(0, 4), std::string("\x08\0\0\0", 4));
}

TEST(TrialInputs, AFileMustBeThereAndFit) {
  test::TempDir dir;
  EXPECT_EQ(sample_inputs(
                sample({"x", DataType::uint8, {2}, WarmUpInput::Kind::file, dir.path() + "/no"}))
                .error(),
            (Error{ErrorCode::not_found, "file 'no': No such file or directory"}));
  const std::string file = dir.write("row", "abc");
  EXPECT_EQ(
      sample_inputs(sample({"x", DataType::uint8, {2}, WarmUpInput::Kind::file, file})).error(),
      (Error{ErrorCode::invalid_argument, "input 'x': its file has 3 bytes, [2] needs 2"}));
}

}  // namespace
}  // namespace sluice::worker
