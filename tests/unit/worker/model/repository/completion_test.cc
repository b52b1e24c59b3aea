#include "worker/model/repository/completion.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker/model/repository/config_parser.h"

namespace sluice::repository {
namespace {

using testing::HasSubstr;

ModelConfig config_of(const std::string& text) {
  auto parsed = parse_model_config(text, "m");
  EXPECT_TRUE(parsed) << parsed.error().detail;
  return parsed ? parsed->config : ModelConfig{};
}

// [-1,4] and an optional [-1] in, [-1,10] and [-1,2] out.
ModelInfo batching() {
  return {.name = "m",
          .platform = "onnx_onnxv1",
          .description = {},
          .inputs = {{"x", DataType::float32, {-1, 4}}, {"s", DataType::float32, {-1}, true}},
          .outputs = {{"y", DataType::float32, {-1, 10}}, {"z", DataType::int64, {-1, 2}}}};
}

ModelInfo fixed() {
  return {.name = "m",
          .platform = "onnx_onnxv1",
          .description = {},
          .inputs = {{"x", DataType::float32, {1, -1}}},
          .outputs = {{"y", DataType::float32, {1, 10}}}};
}

TEST(Completion, a_silent_config_takes_the_models_whole_shapes) {
  const auto config = complete(config_of(""), batching(), {.instances = 3});
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->max_batch_size, 0);
  EXPECT_EQ(config->dynamic_batching, std::nullopt);
  EXPECT_EQ(config->platform, "onnx_onnxv1");
  EXPECT_EQ(config->backend, "onnxruntime");
  EXPECT_EQ(config->version_policy, VersionPolicy{});
  EXPECT_EQ(config->instances, 3);
  ASSERT_EQ(config->inputs.size(), 2U);
  EXPECT_EQ(config->inputs[0].dims, (Shape{-1, 4}));
  EXPECT_EQ(config->inputs[1].dims, (Shape{-1}));
  EXPECT_TRUE(config->inputs[1].optional);
  EXPECT_EQ(config->outputs[1].datatype, DataType::int64);
  EXPECT_EQ(served_info(*config, batching()), batching());
}

TEST(Completion, with_a_default_batch_size_the_first_extent_is_the_batch) {
  const auto config = complete(config_of(""), batching(), {.max_batch_size = 4});
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->max_batch_size, 4);
  EXPECT_TRUE(config->dynamic_batching);
  EXPECT_EQ(config->inputs[0].dims, (Shape{4}));
  EXPECT_EQ(config->inputs[1].dims, (Shape{1}));
  EXPECT_EQ(config->inputs[1].reshape, Shape{});
  EXPECT_EQ(complete(config_of(""), fixed(), {.max_batch_size = 4})->max_batch_size, 0);
}

TEST(Completion, a_batch_size_in_the_config_completes_dims_without_the_batch) {
  const auto config = complete(config_of("max_batch_size: 8"), batching(), {});
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->inputs[0].dims, (Shape{4}));
  EXPECT_EQ(config->outputs[0].dims, (Shape{10}));
  EXPECT_EQ(config->dynamic_batching, std::nullopt);
}

TEST(Completion, what_the_config_says_stays) {
  const auto config =
      complete(config_of("platform: \"onnxruntime_onnx\" backend: \"sluice\" "
                         "version_policy { all { } } instance_group { count: 5 } "
                         "output { name: \"z\" data_type: TYPE_INT64 dims: [ -1, 2 ] }"),
               batching(),
               {.instances = 1});
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->platform, "onnxruntime_onnx");
  EXPECT_EQ(config->backend, "sluice");
  EXPECT_EQ(config->version_policy->kind, VersionPolicy::Kind::all);
  EXPECT_EQ(config->instances, 5);
  EXPECT_EQ(config->inputs.size(), 2U);
  ASSERT_EQ(config->outputs.size(), 1U);
  EXPECT_EQ(config->outputs[0].name, "z");
}

TEST(Completion, a_config_that_contradicts_the_model_is_refused) {
  struct Case {
    const char* text;
    ModelInfo facts;
    const char* words;
  };
  const Case cases[] = {
      {"input { name: \"w\" data_type: TYPE_FP32 dims: [ -1, 4 ] }",
       batching(),
       "input 'w' is not in the model, which has 'x', 's'"},
      {"output { name: \"w\" data_type: TYPE_FP32 dims: 1 }",
       batching(),
       "output 'w' is not in the model, which has 'y', 'z'"},
      {"input { name: \"x\" data_type: TYPE_FP64 dims: [ -1, 4 ] }",
       batching(),
       "input 'x': data_type FP64, the model has FP32"},
      {"input { name: \"x\" data_type: TYPE_FP32 dims: [ -1, 5 ] }",
       batching(),
       "input 'x': dims [-1,5] do not fit the model's [-1,4]"},
      {"input { name: \"x\" data_type: TYPE_FP32 dims: 4 }",
       batching(),
       "input 'x': dims [4] do not fit the model's [-1,4]"},
      {"max_batch_size: 2 input { name: \"x\" data_type: TYPE_FP32 dims: [ -1, 4 ] }",
       batching(),
       "input 'x': dims [-1,4] behind the batch do not fit the model's [-1,4]"},
      {"max_batch_size: 2 input { name: \"x\" data_type: TYPE_FP32 dims: 6 "
       "reshape { shape: [ 2, 3 ] } }",
       batching(),
       "input 'x': reshape [2,3] behind the batch do not fit the model's [-1,4]"},
      {"input { name: \"s\" data_type: TYPE_FP32 dims: -1 }",
       batching(),
       "input 'x' of the model is not in the config, which has 1 of 2"},
      {"input { name: \"x\" data_type: TYPE_FP32 dims: [ -1, 4 ] optional: true }",
       batching(),
       "input 'x' is optional in the config, but the model has no default for it"},
      {"max_batch_size: 2", fixed(), "'x' of the model has shape [1,-1] and so no batch in front"},
      {"model_warmup { name: \"w\" batch_size: 1 inputs { key: \"q\" "
       "value { data_type: TYPE_FP32 dims: 1 zero_data: true } } }",
       fixed(),
       "model_warmup 'w': input 'q' is not in the model"},
      {"model_warmup { name: \"w\" batch_size: 1 inputs { key: \"x\" "
       "value { data_type: TYPE_INT8 dims: [ 1, 1 ] zero_data: true } } }",
       fixed(),
       "model_warmup 'w': input 'x': data_type INT8, the model has FP32"},
      {"model_warmup { name: \"w\" batch_size: 1 inputs { key: \"x\" "
       "value { data_type: TYPE_FP32 dims: [ 2, 7 ] zero_data: true } } }",
       fixed(),
       "model_warmup 'w': input 'x': dims [2,7] do not fit [1,-1]"},
      {"model_warmup { name: \"w\" batch_size: 1 inputs { key: \"s\" "
       "value { data_type: TYPE_FP32 dims: 1 zero_data: true } } }",
       batching(),
       "model_warmup 'w' lacks input 'x'"},
  };
  for (const auto& [text, facts, words] : cases) {
    const auto config = complete(config_of(text), facts, {});
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, ErrorCode::invalid_argument);
    EXPECT_THAT(config.error().detail, HasSubstr(words)) << text;
  }
}

TEST(Completion, a_warm_up_may_leave_out_what_is_optional) {
  EXPECT_TRUE(check_against(
      config_of("max_batch_size: 2 model_warmup { name: \"w\" batch_size: 2 inputs { key: \"x\" "
                "value { data_type: TYPE_FP32 dims: 4 random_data: true } } }"),
      batching()));
}

TEST(Completion, clients_see_the_tighter_of_config_and_model) {
  const auto narrow =
      complete(config_of("input { name: \"x\" data_type: TYPE_FP32 dims: [ 1, 7 ] } "
                         "output { name: \"y\" data_type: TYPE_FP32 dims: [ -1, -1 ] }"),
               fixed(),
               {});
  ASSERT_TRUE(narrow) << narrow.error().detail;
  const ModelInfo info = served_info(*narrow, fixed());
  EXPECT_EQ(info.inputs[0].shape, (Shape{1, 7}));
  EXPECT_EQ(info.outputs[0].shape, (Shape{1, 10}));
}

TEST(Completion, reshapes_go_to_the_model_and_back) {
  struct Case {
    Shape dims;
    Shape reshape;
    int max_batch;
    Shape client;
    Shape model;
  };
  const Case cases[] = {
      {{6}, {2, 3}, 4, {5, 6}, {5, 2, 3}},
      {{6}, {2, 3}, 0, {6}, {2, 3}},
      {{1}, {}, 4, {5, 1}, {5}},
      {{2, 3, -1, 4, -1}, {6, -1, 4, -1}, 1, {1, 2, 3, 7, 4, 9}, {1, 6, 7, 4, 9}},
  };
  for (const Case& c : cases) {
    const TensorConfig tensor{.name = "t", .dims = c.dims, .reshape = c.reshape};
    const auto model = to_model_shape(tensor, c.max_batch, c.client);
    ASSERT_TRUE(model) << model.error().detail;
    EXPECT_EQ(*model, c.model);
    const auto client = to_client_shape(tensor, c.max_batch, c.model);
    ASSERT_TRUE(client) << client.error().detail;
    EXPECT_EQ(*client, c.client);
  }
  const TensorConfig tensor{.name = "t", .dims = {6}, .reshape = Shape{2, 3}};
  EXPECT_EQ(to_model_shape(tensor, 4, {5, 7}).error().detail,
            "unexpected shape for 't'. Expected [-1,6], got [5,7].");
  EXPECT_TRUE(has_reshape({.inputs = {tensor}}));
  EXPECT_FALSE(has_reshape({.inputs = {{.name = "t"}}}));
}

}  // namespace
}  // namespace sluice::repository
