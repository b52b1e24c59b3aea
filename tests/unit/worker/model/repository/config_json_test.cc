// The JSON form of a configuration, in and out.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker/model/repository/config_parser.h"

namespace sluice::repository {
namespace {

using testing::HasSubstr;

TEST(ConfigJson, prints_defaults_and_whole_numbers_and_leaves_absent_messages_out) {
  EXPECT_EQ(to_json({.name = "m",
                     .platform = "onnx_onnxv1",
                     .inputs = {{.name = "x", .datatype = DataType::float32, .dims = {-1, 4}}}}),
            R"({"name":"m","platform":"onnx_onnxv1",)"
            R"("version_policy":{"latest":{"num_versions":1}},"max_batch_size":0,)"
            R"("input":[{"name":"x","data_type":"TYPE_FP32","format":"FORMAT_NONE","dims":[-1,4],)"
            R"("is_shape_tensor":false,"allow_ragged_batch":false,"optional":false,)"
            R"("is_non_linear_format_io":false}],"output":[],"instance_group":[],)"
            R"("default_model_filename":"model.onnx","cc_model_filenames":{},"metric_tags":{},)"
            R"("parameters":{},"model_warmup":[],"backend":"","batch_input":[],)"
            R"("batch_output":[],"runtime":""})");
}

TEST(ConfigJson, prints_64_bit_fields_as_numbers_and_keys_of_maps_as_strings) {
  using namespace std::chrono_literals;
  const std::string json = to_json(
      {.name = "m",
       .max_batch_size = 8,
       .outputs = {{.name = "y", .datatype = DataType::int64, .dims = {1}, .reshape = Shape{}}},
       .version_policy =
           VersionPolicy{.kind = VersionPolicy::Kind::specific, .versions = {3, 9'000'000'000}},
       .instances = 2,
       .dynamic_batching = DynamicBatching{.max_queue_delay = 100us,
                                           .priority_levels = 2,
                                           .default_priority_level = 1,
                                           .priority_queue_policy = {{2, {.max_queue_size = 5}}}},
       .warm_ups = {{.name = "w",
                     .inputs = {{"x", {DataType::boolean, {7}, WarmUpInput::Source::zero, ""}}}}},
       .response_cache = false,
       .transaction_policy = true});
  for (const char* part :
       {R"("version_policy":{"specific":{"versions":[3,9000000000]}})",
        R"("dims":[1],"label_filename":"","reshape":{"shape":[]})",
        R"("instance_group":[{"name":"m_0","count":2,"gpus":[],"kind":"KIND_CPU")",
        R"("dynamic_batching":{"preferred_batch_size":[],"max_queue_delay_microseconds":100,)",
        R"("priority_levels":2,"default_priority_level":1,"priority_queue_policy":{"2":{)",
        R"("timeout_action":"REJECT","default_timeout_microseconds":0,)",
        R"("inputs":{"x":{"data_type":"TYPE_BOOL","dims":[7],"zero_data":true}})",
        R"("response_cache":{"enable":false})",
        R"("model_transaction_policy":{"decoupled":false})"}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
}

TEST(ConfigJson, escapes_what_json_cannot_hold) {
  EXPECT_THAT(to_json({.name = "m", .parameters = {{"a\"\\\n\x01", "\xc3\xa9"}}}),
              HasSubstr("\"a\\\"\\\\\\u000a\\u0001\":{\"string_value\":\"\xc3\xa9\"}"));
}

TEST(ConfigJson, goes_there_and_back) {
  const auto config = parse_model_config(R"(
    platform: "onnx_onnxv1" backend: "sluice" max_batch_size: 4
    default_model_filename: "n.onnx"
    version_policy { latest { num_versions: 2 } }
    input { name: "x" data_type: TYPE_BF16 dims: [ 2, -1, 3 ] format: FORMAT_NHWC optional: true }
    output { name: "y" data_type: TYPE_STRING dims: 6 reshape { shape: [ 2, 3 ] } }
    instance_group { count: 3 }
    dynamic_batching {
      preferred_batch_size: 2 max_queue_delay_microseconds: 7 preserve_ordering: true
      priority_levels: 1 default_priority_level: 1
      default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 9 }
      priority_queue_policy { key: 1 value { allow_timeout_override: true max_queue_size: 2 } } }
    model_warmup { name: "w" batch_size: 3 count: 2
      inputs { key: "x" value { data_type: TYPE_BF16 dims: [ 2, 5, 3 ] random_data: true } } }
    metric_tags { key: "a" value: "b" }
    parameters { key: "sluice.replicas" value { string_value: "2" } }
    parameters { key: "sluice.label.s" value { string_value: "1" } }
    response_cache { }
    model_transaction_policy { })",
                                         "m");
  ASSERT_TRUE(config) << config.error().detail;
  const auto back = parse_model_config_json(to_json(config->config), "m");
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(back->config, config->config);
}

TEST(ConfigJson, takes_both_spellings_and_names_of_enums_in_any_case) {
  const auto config = parse_model_config_json(
      R"({"maxBatchSize": 2, "input": [{"name": "x", "dataType": "type_fp32", "dims": ["1", 2]}],
          "dynamic_batching": {"maxQueueDelayMicroseconds": "5"}})",
      "m");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->config.max_batch_size, 2);
  EXPECT_EQ(config->config.inputs[0].dims, (Shape{1, 2}));
  EXPECT_EQ(config->config.dynamic_batching->max_queue_delay, std::chrono::microseconds(5));
}

TEST(ConfigJson, wrong_ones_are_refused_in_the_callers_words) {
  struct Case {
    const char* json;
    ErrorCode code;
    const char* words;
  };
  const Case cases[] = {
      {"", ErrorCode::invalid_argument, "config: "},
      {"[]", ErrorCode::invalid_argument, "config: "},
      {"{", ErrorCode::invalid_argument, "config: "},
      {R"({"max_batch_sise": 1})", ErrorCode::invalid_argument, "max_batch_sise"},
      {R"({"max_batch_size": "many"})", ErrorCode::invalid_argument, "many"},
      {R"({"max_batch_size": 99999999999})", ErrorCode::invalid_argument, "99999999999"},
      {R"({"input": [{"data_type": "TYPE_X"}]})", ErrorCode::invalid_argument, "TYPE_X"},
      {R"({"input": [{"data_type": 77, "name": "x", "dims": [1]}]})",
       ErrorCode::invalid_argument,
       "data_type is missing"},
      {R"({"name": "n"})", ErrorCode::invalid_argument, "name 'n' is not that of its folder 'm'"},
      {R"({"sequence_batching": {}})", ErrorCode::unsupported, "sequence_batching is refused"},
      {R"({"model_transaction_policy": {"decoupled": true}})",
       ErrorCode::unsupported,
       "model_transaction_policy.decoupled is refused"},
      {R"({"instance_group": [{"kind": 9}]})", ErrorCode::unsupported, "instance_group: kind"},
      {R"({"max_batch_size": -3})", ErrorCode::invalid_argument, "not -3"},
      {R"({"parameters": {"a": {"string_value": "1"}, "a": {"string_value": "2"}}})",
       ErrorCode::invalid_argument,
       "a"},
  };
  for (const auto& [json, code, words] : cases) {
    const auto config = parse_model_config_json(json, "m");
    ASSERT_FALSE(config) << json;
    EXPECT_EQ(config.error().code, code) << json;
    EXPECT_THAT(config.error().detail, HasSubstr(words)) << json;
  }
}

TEST(ConfigJson, deep_nesting_is_refused) {
  std::string json;
  for (int i = 0; i < 5000; ++i) {
    json += "{\"input\":[";
  }
  EXPECT_FALSE(parse_model_config_json(json, "m"));
  EXPECT_FALSE(parse_model_config(std::string(5000, '{'), "m"));
}

}  // namespace
}  // namespace sluice::repository
