// config.pbtxt: what is read, what is noted, what is refused and in which words.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "worker/model/repository/config_parser.h"

namespace sluice::repository {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

ModelConfig parsed(const std::string& text) {
  auto config = parse_model_config(text, "m");
  EXPECT_TRUE(config) << config.error().detail;
  return config ? config->config : ModelConfig{};
}

TEST(ModelConfig, an_empty_file_is_a_model_of_which_nothing_is_said) {
  const ModelConfig config = parsed("");
  EXPECT_EQ(config, (ModelConfig{.name = "m"}));
  EXPECT_EQ(config.policy(), (VersionPolicy{.kind = VersionPolicy::Kind::latest, .count = 1}));
  EXPECT_EQ(config.default_model_filename, "model.onnx");
  EXPECT_EQ(config.replicas, 1);
}

TEST(ModelConfig, tensors_are_read_whole) {
  const ModelConfig config = parsed(R"(
    name: "m"
    platform: "onnxruntime_onnx"
    backend: "onnxruntime"
    default_model_filename: "net.onnx"
    max_batch_size: 8
    input { name: "x" data_type: TYPE_FP32 dims: [ 3, -1, 224 ] format: FORMAT_NCHW }
    input { name: "n" data_type: TYPE_INT64 dims: 1 reshape { } optional: true }
    output { name: "y" data_type: TYPE_STRING dims: [ 2, 6 ] reshape { shape: [ 3, 4 ] } })");
  EXPECT_EQ(config.platform, "onnxruntime_onnx");
  EXPECT_EQ(config.backend, "onnxruntime");
  EXPECT_EQ(config.default_model_filename, "net.onnx");
  EXPECT_EQ(config.max_batch_size, 8);
  EXPECT_EQ(config.inputs,
            (std::vector<TensorConfig>{{.name = "x",
                                        .datatype = DataType::float32,
                                        .dims = {3, -1, 224},
                                        .format = TensorFormat::nchw},
                                       {.name = "n",
                                        .datatype = DataType::int64,
                                        .dims = {1},
                                        .reshape = Shape{},
                                        .optional = true}}));
  EXPECT_EQ(
      config.outputs,
      (std::vector<TensorConfig>{
          {.name = "y", .datatype = DataType::string, .dims = {2, 6}, .reshape = Shape{3, 4}}}));
}

TEST(ModelConfig, every_datatype_has_its_name) {
  const std::pair<const char*, DataType> cases[] = {
      {"BOOL", DataType::boolean},
      {"UINT8", DataType::uint8},
      {"UINT16", DataType::uint16},
      {"UINT32", DataType::uint32},
      {"UINT64", DataType::uint64},
      {"INT8", DataType::int8},
      {"INT16", DataType::int16},
      {"INT32", DataType::int32},
      {"INT64", DataType::int64},
      {"FP16", DataType::float16},
      {"FP32", DataType::float32},
      {"FP64", DataType::float64},
      {"STRING", DataType::string},
      {"BF16", DataType::bfloat16},
  };
  for (const auto& [name, datatype] : cases) {
    const ModelConfig config =
        parsed("input { name: \"x\" dims: 1 data_type: TYPE_" + std::string(name) + " }");
    ASSERT_EQ(config.inputs.size(), 1U) << name;
    EXPECT_EQ(config.inputs[0].datatype, datatype) << name;
  }
}

TEST(ModelConfig, version_policies) {
  const std::pair<const char*, VersionPolicy> cases[] = {
      {"latest { num_versions: 3 }", {.kind = VersionPolicy::Kind::latest, .count = 3}},
      {"latest { }", {.kind = VersionPolicy::Kind::latest, .count = 1}},
      {"all { }", {.kind = VersionPolicy::Kind::all}},
      {"specific { versions: [ 9, 2 ] }",
       {.kind = VersionPolicy::Kind::specific, .versions = {2, 9}}},
  };
  for (const auto& [text, policy] : cases) {
    EXPECT_EQ(parsed("version_policy { " + std::string(text) + " }").policy(), policy) << text;
  }
}

TEST(ModelConfig, instances_are_counted_over_all_groups) {
  const std::pair<const char*, std::optional<int>> cases[] = {
      {"", std::nullopt},
      {"instance_group { kind: KIND_CPU }", std::nullopt},
      {"instance_group { count: 2 kind: KIND_CPU }", 2},
      {"instance_group { count: 2 } instance_group { count: 3 kind: KIND_AUTO }", 5},
  };
  for (const auto& [text, instances] : cases) {
    EXPECT_EQ(parsed(text).instances, instances) << text;
  }
}

TEST(ModelConfig, dynamic_batching_is_read_whole) {
  const ModelConfig config = parsed(R"(
    max_batch_size: 16
    dynamic_batching {
      preferred_batch_size: [ 8, 4 ]
      max_queue_delay_microseconds: 1500
      preserve_ordering: true
      priority_levels: 2
      default_priority_level: 2
      default_queue_policy { max_queue_size: 10 }
      priority_queue_policy {
        key: 1
        value {
          timeout_action: DELAY default_timeout_microseconds: 20 allow_timeout_override: true
        }
      }
    })");
  using namespace std::chrono_literals;
  EXPECT_EQ(config.dynamic_batching,
            (DynamicBatching{.preferred_batch_sizes = {4, 8},
                             .max_queue_delay = 1500us,
                             .preserve_ordering = true,
                             .priority_levels = 2,
                             .default_priority_level = 2,
                             .default_queue_policy = {.max_queue_size = 10},
                             .priority_queue_policy = {{1,
                                                        {.timeout_action = TimeoutAction::delay,
                                                         .default_timeout = 20us,
                                                         .allow_timeout_override = true}}}}));
  EXPECT_EQ(config.dynamic_batching->policy_of(1).default_timeout, 20us);
  EXPECT_EQ(config.dynamic_batching->policy_of(2).max_queue_size, 10U);
}

TEST(ModelConfig, warm_ups_are_read_whole) {
  const ModelConfig config = parsed(R"(
    max_batch_size: 4
    model_warmup {
      name: "w" batch_size: 4 count: 3
      inputs { key: "a" value { data_type: TYPE_FP32 dims: 2 zero_data: true } }
      inputs { key: "b" value { data_type: TYPE_FP32 dims: 2 random_data: true } }
      inputs { key: "c" value { data_type: TYPE_FP32 dims: 2 input_data_file: "raw/c" } }
    }
    model_warmup { name: "once" batch_size: 1
      inputs { key: "a" value { data_type: TYPE_INT8 dims: 1 zero_data: true } } })");
  using Source = WarmUpInput::Source;
  ASSERT_EQ(config.warm_ups.size(), 2U);
  EXPECT_EQ(config.warm_ups[0],
            (WarmUp{.name = "w",
                    .batch_size = 4,
                    .count = 3,
                    .inputs = {{"a", {DataType::float32, {2}, Source::zero, ""}},
                               {"b", {DataType::float32, {2}, Source::random, ""}},
                               {"c", {DataType::float32, {2}, Source::file, "raw/c"}}}}));
  EXPECT_EQ(config.warm_ups[1].count, 1U);
}

TEST(ModelConfig, parameters_of_ours) {
  const ModelConfig config = parsed(R"(
    parameters { key: "sluice.replicas" value { string_value: "3" } }
    parameters { key: "sluice.label.stable" value { string_value: "2" } }
    parameters { key: "sluice.label.canary" value { string_value: "5" } }
    parameters { key: "sluice.strategy" value { string_value: "blue-green" } }
    parameters { key: "sluice.steps" value { string_value: "1,10, 50,100" } }
    parameters { key: "sluice.hold" value { string_value: "30s" } }
    parameters { key: "sluice.keep_old" value { string_value: "10m" } })");
  EXPECT_EQ(config.replicas, 3);
  EXPECT_EQ(config.labels, (Labels{{"canary", 5}, {"stable", 2}}));
  using namespace std::chrono_literals;
  EXPECT_EQ(config.rollout,
            (RolloutDefaults{.strategy = RolloutStrategy::blue_green,
                             .steps = {1, 10, 50, 100},
                             .hold = 30s,
                             .keep_old = 10min}));
}

TEST(ModelConfig, what_has_no_effect_is_noted_once_each) {
  const auto config = parse_model_config(R"(
    optimization { graph { level: 1 } cuda { graphs: true } eager_batching: true }
    instance_group { count: 1 host_policy: "h" } instance_group { count: 1 host_policy: "i" }
    response_cache { enable: true }
    runtime: "r"
    parameters { key: "intra_op_thread_count" value { string_value: "4" } }
    model_warmup { name: "skipped" }
    dynamic_batching { }
    output { name: "y" data_type: TYPE_FP32 dims: 1 })",
                                         "m");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_THAT(
      config->notes,
      testing::UnorderedElementsAre(HasSubstr("optimization.graph has no effect"),
                                    HasSubstr("optimization.cuda has no effect"),
                                    HasSubstr("optimization.eager_batching has no effect"),
                                    HasSubstr("instance_group.host_policy has no effect"),
                                    HasSubstr("response_cache.enable has no effect"),
                                    HasSubstr("runtime has no effect"),
                                    HasSubstr("parameter intra_op_thread_count has no effect"),
                                    HasSubstr("model_warmup 'skipped' has no effect"),
                                    HasSubstr("dynamic_batching joins no requests")));
}

TEST(ModelConfig, labels_of_classes_and_tags_of_metrics_are_taken) {
  const auto config = parse_model_config(R"(
    metric_tags { key: "team" value: "vision \"x\"" } metric_tags { key: "tier_2" value: "" }
    output { name: "y" data_type: TYPE_FP32 dims: 1 label_filename: "sub/labels.txt" })",
                                         "m");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_TRUE(config->notes.empty());
  EXPECT_EQ(config->config.metric_tags,
            (std::map<std::string, std::string>{{"team", "vision \"x\""}, {"tier_2", ""}}));
  EXPECT_EQ(config->config.outputs.at(0).label_filename, "sub/labels.txt");
}

TEST(ModelConfig, priorities_and_queue_policies_are_taken) {
  const auto config = parse_model_config(
      R"(max_batch_size: 2 dynamic_batching {
           priority_levels: 2 default_priority_level: 1
           default_queue_policy { max_queue_size: 10 }
           priority_queue_policy { key: 1 value { timeout_action: DELAY } } })",
      "m");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->notes, std::vector<std::string>{});
}

TEST(ModelConfig, what_would_change_answers_is_refused_by_name_and_place) {
  const std::pair<const char*, const char*> cases[] = {
      {"sequence_batching { }", "config.pbtxt 1:1: sequence_batching is refused"},
      {"\n  ensemble_scheduling { }", "config.pbtxt 2:3: ensemble_scheduling is refused"},
      {"model_transaction_policy { decoupled: true }",
       "config.pbtxt 1:28: model_transaction_policy.decoupled is refused"},
      {"batch_input { kind: BATCH_ITEM_SHAPE }", "batch_input is refused"},
      {"batch_output { target_name: \"x\" }", "batch_output is refused"},
      {"model_operations { op_library_filename: \"x\" }", "model_operations is refused"},
      {"model_repository_agents { agents { name: \"x\" } }", "model_repository_agents is refused"},
      {"input { name: \"a\" } input { name: \"b\" is_shape_tensor: true }",
       "config.pbtxt 1:39: input[1].is_shape_tensor is refused"},
      {"input { allow_ragged_batch: true }", "input[0].allow_ragged_batch is refused"},
      {"input { is_non_linear_format_io: true }", "input[0].is_non_linear_format_io is refused"},
      {"output { is_shape_tensor: true }", "output[0].is_shape_tensor is refused"},
      {"instance_group { gpus: 0 }", "instance_group[0].gpus is refused"},
      {"instance_group { passive: true }", "instance_group[0].passive is refused"},
      {"instance_group { kind: KIND_GPU }", "kind KIND_GPU is refused"},
      {"instance_group { kind: KIND_MODEL }", "kind KIND_MODEL is refused"},
      {"platform: \"tensorflow_savedmodel\"", "platform 'tensorflow_savedmodel' is not served"},
      {"backend: \"python\"", "backend 'python' is not offered"},
  };
  for (const auto& [text, words] : cases) {
    const auto config = parse_model_config(text, "m");
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, ErrorCode::unsupported) << text;
    EXPECT_THAT(config.error().detail, HasSubstr(words)) << text;
  }
}

struct Wrong {
  const char* text;
  const char* words;
};

void expect_wrong(std::span<const Wrong> cases) {
  for (const auto& [text, words] : cases) {
    const auto config = parse_model_config(text, "m");
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, ErrorCode::invalid_argument) << text;
    EXPECT_THAT(config.error().detail, HasSubstr(words)) << text;
    EXPECT_THAT(config.error().detail, testing::StartsWith("config.pbtxt")) << text;
  }
}

TEST(ModelConfig, bad_syntax_is_placed) {
  const Wrong cases[] = {
      {"name: \"m\"\nmax_batch_sise: 3", "config.pbtxt 2:15: "},
      {"name: \"m\"\nmax_batch_sise: 3", "max_batch_sise"},
      {"max_batch_size: many", "config.pbtxt 1:17: "},
      {"max_batch_size: 99999999999", "config.pbtxt 1:17: "},
      {"input { name: \"x\"", "config.pbtxt 1:18: "},
      {"max_batch_size: 1 max_batch_size: 2", "max_batch_size"},
      {"dynamic_batching { } sequence_batching { }", "sequence_batching"},
      {"input { data_type: TYPE_FP13 }", "TYPE_FP13"},
      {"platform: \"\\377\"", "platform is not UTF-8"},
      {"parameters { key: \"\\xc0\" }", "parameters.key is not UTF-8"},
      {"parameters { key: \"a\" } parameters { key: \"a\" }",
       "config.pbtxt 1:25: parameters has the key 'a' twice"},
      {"model_warmup { inputs { key: \"a\" } inputs { key: \"a\" } }", "has the key 'a' twice"},
  };
  expect_wrong(cases);
}

TEST(ModelConfig, wrong_tensors_are_named) {
  const Wrong cases[] = {
      {"name: \"n\"", "name 'n' is not that of its folder 'm'"},
      {"max_batch_size: -1", "max_batch_size is 0 or more, not -1"},
      {"default_model_filename: \"../x\"", "default_model_filename '../x'"},
      {"default_model_filename: \"..\"", "default_model_filename '..'"},
      {"input { data_type: TYPE_FP32 dims: 1 }", "input[0]: name"},
      {"input { name: \"x\" dims: 1 }", "input 'x': data_type is missing"},
      {"input { name: \"x\" data_type: TYPE_FP32 }", "input 'x': dims is missing"},
      {"input { name: \"x\" data_type: TYPE_FP32 dims: 0 }", "input 'x': dims [0]"},
      {"output { name: \"x\" data_type: TYPE_FP32 dims: -2 }", "output 'x': dims [-2]"},
      {"input { name: \"x\" data_type: TYPE_FP32 dims: 1 } "
       "input { name: \"x\" data_type: TYPE_FP32 dims: 1 }",
       "input 'x' is given twice"},
      {"input { name: \"x\" data_type: TYPE_FP32 dims: [1, 2] format: FORMAT_NHWC }",
       "want dims of 3 extents, not [1,2]"},
      {"output { name: \"x\" data_type: TYPE_FP32 dims: 1 label_filename: \"/etc/passwd\" }",
       "label_filename '/etc/passwd'"},
      {"output { name: \"x\" data_type: TYPE_FP32 dims: 1 label_filename: \"a/../../b\" }",
       "label_filename 'a/../../b'"},
      {"input { name: \"x\" data_type: TYPE_FP32 dims: [2, 3] reshape { shape: 5 } }",
       "reshape [5] has not the elements of dims [2,3]"},
      {"input { name: \"x\" data_type: TYPE_FP32 dims: [2, -1] reshape { shape: 2 } }",
       "reshape [2] has not the elements"},
      {"input { name: \"x\" data_type: TYPE_FP32 dims: [2, -1, 3] reshape { shape: [3, -1, 2] } }",
       "reshape [3,-1,2] has not the elements"},
      {"input { name: \"x\" data_type: TYPE_FP32 dims: 1 reshape { } }",
       "reshape [] needs max_batch_size"},
      {"max_batch_size: 1 input { name: \"x\" data_type: TYPE_FP32 dims: 2 reshape { } }",
       "reshape [] has not the elements of dims [2]"},
      {"input { name: \"x\" data_type: TYPE_FP32 "
       "dims: [4611686018427387904, 4] reshape { shape: [4, 4611686018427387904] } }",
       "has not the elements"},
  };
  expect_wrong(cases);
}

TEST(ModelConfig, wrong_scheduling_is_named) {
  const Wrong cases[] = {
      {"version_policy { specific { } }", "version_policy: 'specific' names no version"},
      {"version_policy { specific { versions: [1, 1] } }", "names a version twice"},
      {"version_policy { specific { versions: 0 } }", "names version 0"},
      {"instance_group { count: -1 }", "instance_group: count -1 is below 1"},
      {"instance_group { count: 1000 }", "a count of 1000 in all, 1 to 256"},
      {"instance_group { count: 1 } instance_group { }", "each of several groups needs a count"},
      {"max_batch_size: 4 dynamic_batching { preferred_batch_size: 5 }",
       "preferred_batch_size 5 is not 1 to max_batch_size, which is 4"},
      {"max_batch_size: 4 dynamic_batching { preferred_batch_size: 0 }", "preferred_batch_size 0"},
      {"max_batch_size: 4 dynamic_batching { preferred_batch_size: [2, 2] }", "is given twice"},
      {"dynamic_batching { max_queue_delay_microseconds: 18446744073709551615 }",
       "max_queue_delay_microseconds is at most 24 hours"},
      {"dynamic_batching { priority_levels: 65 }", "priority_levels is at most 64"},
      {"dynamic_batching { priority_levels: 4294967297 }", "priority_levels is at most 64"},
      {"dynamic_batching { priority_levels: 2 }", "default_priority_level is 1 to 2, not 0"},
      {"dynamic_batching { priority_levels: 2 default_priority_level: 3 }", "1 to 2, not 3"},
      {"dynamic_batching { default_priority_level: 1 }", "need priority_levels"},
      {"dynamic_batching { priority_levels: 2 default_priority_level: 1 "
       "priority_queue_policy { key: 3 } }",
       "priority_queue_policy names level 3"},
      {"dynamic_batching { priority_levels: 2 default_priority_level: 1 "
       "priority_queue_policy { key: 1 } priority_queue_policy { key: 1 } }",
       "has the key '1' twice"},
      {"dynamic_batching { default_queue_policy { default_timeout_microseconds: 86400000001 } }",
       "default_timeout_microseconds is at most 24 hours"},
  };
  expect_wrong(cases);
}

TEST(ModelConfig, wrong_warm_ups_and_parameters_are_named) {
  const Wrong cases[] = {
      {"model_warmup { name: \"w\" batch_size: 1 }", "model_warmup 'w' has no inputs"},
      {"model_warmup { name: \"w\" batch_size: 2 "
       "inputs { key: \"x\" value { data_type: TYPE_FP32 dims: 1 zero_data: true } } }",
       "model_warmup 'w': batch_size 2 is not 1 to 1"},
      {"model_warmup { name: \"w\" batch_size: 1 count: 1001 "
       "inputs { key: \"x\" value { data_type: TYPE_FP32 dims: 1 zero_data: true } } }",
       "count is 1 to 1000"},
      {"model_warmup { name: \"w\" batch_size: 1 "
       "inputs { key: \"x\" value { data_type: TYPE_FP32 dims: -1 zero_data: true } } }",
       "input 'x': dims [-1] must all be 1 or more"},
      {"model_warmup { name: \"w\" batch_size: 1 "
       "inputs { key: \"x\" value { data_type: TYPE_FP32 dims: 1 } } }",
       "input 'x': has no data"},
      {"model_warmup { name: \"w\" batch_size: 1 "
       "inputs { key: \"x\" value { dims: 1 zero_data: true } } }",
       "input 'x': data_type is missing"},
      {"model_warmup { name: \"w\" batch_size: 1 inputs { key: \"x\" "
       "value { data_type: TYPE_FP32 dims: 1 input_data_file: \"../../etc/shadow\" } } }",
       "input_data_file '../../etc/shadow'"},
      {"parameters { key: \"sluice.replica\" value { string_value: \"2\" } }",
       "parameter sluice.replica is not known"},
      {"parameters { key: \"sluice.replicas\" value { string_value: \"two\" } }",
       "'two' is not a whole number"},
      {"parameters { key: \"sluice.replicas\" value { string_value: \"0\" } }",
       "sluice.replicas is 1 to 64, not 0"},
      {"parameters { key: \"sluice.label.7\" value { string_value: \"1\" } }",
       "it looks like a version"},
      {"parameters { key: \"sluice.label.a/b\" value { string_value: \"1\" } }",
       "'a/b' cannot be a label"},
      {"parameters { key: \"sluice.label.a\" value { string_value: \"0\" } }",
       "versions are numbers from 1, not 0"},
      {"parameters { key: \"sluice.strategy\" value { string_value: \"green\" } }",
       "none of rolling, blue-green, recreate"},
      {"parameters { key: \"sluice.steps\" value { string_value: \"10,5,100\" } }", "sluice.steps"},
      {"parameters { key: \"sluice.steps\" value { string_value: \"10,50\" } }", "sluice.steps"},
      {"parameters { key: \"sluice.steps\" value { string_value: \"10,\" } }",
       "'' is not a whole number"},
      {"parameters { key: \"sluice.hold\" value { string_value: \"30\" } }",
       "'30' is not a duration"},
  };
  expect_wrong(cases);
}

TEST(ModelConfig, wrong_tags_of_metrics_are_named) {
  std::string many;
  for (int i = 0; i < 17; ++i) {
    many += "metric_tags { key: \"k" + std::to_string(i) + "\" value: \"\" } ";
  }
  const std::string long_key = "metric_tags { key: \"" + std::string(65, 'k') + "\" value: \"\" }";
  const std::string long_value =
      "metric_tags { key: \"team\" value: \"" + std::string(257, 'v') + "\" }";
  const Wrong cases[] = {
      {"metric_tags { key: \"a-b\" value: \"x\" }",
       "metric_tags: key 'a-b' makes no label: 1 to 64 letters of ASCII, digits and '_', which is "
       "not the first"},
      {"metric_tags { key: \"_a\" value: \"x\" }", "metric_tags: key '_a' makes no label"},
      {"metric_tags { key: \"\" value: \"x\" }", "metric_tags: key '' makes no label"},
      {long_key.c_str(), "makes no label: 1 to 64"},
      {long_value.c_str(),
       "metric_tags: the value of 'team' has 257 bytes, at most 256 are allowed"},
      {many.c_str(), "metric_tags: at most 16"},
  };
  expect_wrong(cases);
}

TEST(ModelConfig, a_file_beyond_its_limit_is_refused_before_it_is_read) {
  const std::string text(limits::kModelConfigBytes + 1, ' ');
  const auto config = parse_model_config(text, "m");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().detail, HasSubstr("at most 1048576"));
}

TEST(ModelConfig, strategies_have_names) {
  for (const RolloutStrategy strategy :
       {RolloutStrategy::rolling, RolloutStrategy::blue_green, RolloutStrategy::recreate}) {
    EXPECT_EQ(strategy_from(name_of(strategy)), strategy);
  }
  EXPECT_EQ(name_of(RolloutStrategy::blue_green), "blue-green");
  EXPECT_EQ(strategy_from("other"), std::nullopt);
}

}  // namespace
}  // namespace sluice::repository
