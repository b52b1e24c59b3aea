#include "worker/model/bench_inputs.h"

#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::model {
namespace {

using testing::HasSubstr;

std::vector<std::int64_t> integers(const NamedTensor& tensor) {
  std::vector<std::int64_t> values(tensor.data.size() / sizeof(std::int64_t));
  std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

ModelInfo model_of(std::vector<ValueInfo> inputs, std::vector<ValueInfo> outputs = {}) {
  ModelInfo info;
  info.inputs = std::move(inputs);
  info.outputs = std::move(outputs);
  return info;
}

TEST(BenchInputs, OptionsAreReadOrRefusedInTheirWords) {
  const struct {
    const char* text;
    const char* name;
    Shape shape;
  } shapes[] = {{"x=1x3x224", "x", {1, 3, 224}}, {"a=b=7", "a=b", {7}}, {"s=", "s", {}}};
  for (const auto& each : shapes) {
    const auto parsed = parse_shape_option(each.text);
    ASSERT_TRUE(parsed) << each.text;
    EXPECT_EQ(parsed->first, each.name);
    EXPECT_EQ(parsed->second, each.shape);
  }
  for (const char* text : {"x", "=1", "x=1x", "x=x1", "x=1,2", "x=-1"}) {
    const auto parsed = parse_shape_option(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().detail, HasSubstr(std::string("--shape ") + text));
  }
  const auto sweep = parse_sweep_option("sequence=1..128");
  ASSERT_TRUE(sweep);
  EXPECT_EQ(sweep->symbol, "sequence");
  EXPECT_EQ(sweep->first, 1);
  EXPECT_EQ(sweep->last, 128);
  for (const char* text : {"s", "s=1", "s=1..", "s=..2", "=1..2", "s=2..1", "s=a..b"}) {
    EXPECT_FALSE(parse_sweep_option(text)) << text;
  }
}

TEST(BenchInputs, MasksAreOneTypesZeroAndTheRestASequence) {
  const ModelInfo info = model_of({{"input_ids", DataType::int64, {1, -1}},
                                   {"attention_mask", DataType::int64, {-1, 2}},
                                   {"token_type_ids", DataType::int64, {3}}});
  const auto set = bench_inputs(info, {{"input_ids", {1, 4}}});
  ASSERT_TRUE(set) << set.error().detail;
  EXPECT_EQ((*set)[0].shape, (Shape{1, 4}));
  for (const std::int64_t id : integers((*set)[0])) {
    EXPECT_TRUE(id >= 0 && id < 100) << id;
  }
  EXPECT_EQ((*set)[1].shape, (Shape{1, 2}));
  EXPECT_EQ(integers((*set)[1]), (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(integers((*set)[2]), (std::vector<std::int64_t>{0, 0, 0}));
  EXPECT_THAT(bench_inputs(info, {{"ids", {1}}}).error().detail, HasSubstr("no input 'ids'"));
}

TEST(BenchInputs, ASweepTakesEachValueWhereverTheSymbolStands) {
  const ModelInfo info =
      model_of({{"ids", DataType::int64, {-1, -1}}, {"mask", DataType::int64, {-1, -1}}});
  const std::vector<std::vector<std::string>> symbols = {{"batch", "n"}, {"batch", "n"}};
  BenchFeed feed;
  feed.sweep = Sweep{"n", 3, 5};
  const auto sets = bench_sets(info, symbols, feed);
  ASSERT_TRUE(sets) << sets.error().detail;
  ASSERT_EQ(sets->size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*sets)[i][0].shape, (Shape{1, static_cast<std::int64_t>(3 + i)}));
    EXPECT_EQ((*sets)[i][1].shape, (*sets)[i][0].shape);
  }
  feed.sweep->symbol = "length";
  EXPECT_THAT(bench_sets(info, symbols, feed).error().detail, HasSubstr("called 'length'"));
}

TEST(BenchInputs, ADecodeHasOneTokenAStepAndItsPositionAndMask) {
  const ModelInfo info = model_of({{"input_ids", DataType::int64, {-1, -1}},
                                   {"attention_mask", DataType::int64, {-1, -1}},
                                   {"position_ids", DataType::int64, {-1, -1}},
                                   {"past_key_values.0.key", DataType::float32, {-1, 4, -1, 8}}},
                                  {{"logits", DataType::float32, {-1, -1, 9}},
                                   {"present.0.key", DataType::float32, {-1, 4, -1, 8}}});
  const std::vector<std::vector<std::string>> symbols = {{"batch", "sequence"},
                                                         {"batch", "total_sequence"},
                                                         {"batch", "sequence"},
                                                         {"batch", "", "past_sequence", ""}};
  const auto feedback = feedback_of(info);
  ASSERT_EQ(feedback.size(), 1U);
  EXPECT_EQ(feedback[0].output, 1U);
  EXPECT_EQ(feedback[0].input, 3U);
  BenchFeed feed;
  feed.decode = 3;
  const auto sets = bench_sets(info, symbols, feed);
  ASSERT_TRUE(sets) << sets.error().detail;
  ASSERT_EQ(sets->size(), 3U);
  EXPECT_EQ((*sets)[0][3].shape, (Shape{1, 4, 0, 8}));
  EXPECT_EQ((*sets)[2][0].shape, (Shape{1, 1}));
  EXPECT_EQ(integers((*sets)[2][1]), (std::vector<std::int64_t>{1, 1, 1}));
  EXPECT_EQ(integers((*sets)[2][2]), (std::vector<std::int64_t>{2}));
  const ModelInfo other = model_of({{"x", DataType::float32, {1}}});
  EXPECT_THAT(bench_sets(other, {{""}}, feed).error().detail, HasSubstr("--decode"));
}

TEST(BenchInputs, NamesOfGptExportsAreFedBackToo) {
  const ModelInfo info = model_of({{"past_0", DataType::float32, {2}}, {"past_1", {}, {2}}},
                                  {{"last_state", DataType::float32, {2}},
                                   {"present_1", DataType::float32, {2}},
                                   {"present_0", DataType::float32, {2}}});
  const auto feedback = feedback_of(info);
  ASSERT_EQ(feedback.size(), 2U);
  EXPECT_EQ(feedback[0].input, 1U);
  EXPECT_EQ(feedback[1].input, 0U);
}

}  // namespace
}  // namespace sluice::model
