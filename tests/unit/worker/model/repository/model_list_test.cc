#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "worker/model/repository/server_config.h"

namespace sluice::repository {
namespace {

using testing::HasSubstr;

constexpr const char* kText = R"(
model_config_list {
  config {
    name: "b" base_path: "/models/b" model_platform: "onnx"
    model_version_policy { specific { versions: 43 versions: 42 } }
    version_labels { key: "stable" value: 42 }
  }
  config { name: "a" base_path: "/models/a" }
})";

const ModelList kList = {
    {.name = "a", .base_path = "/models/a"},
    {.name = "b",
     .base_path = "/models/b",
     .platform = "onnx",
     .version_policy = VersionPolicy{.kind = VersionPolicy::Kind::specific, .versions = {42, 43}},
     .labels = {{"stable", 42}}}};

constexpr const char* kJson = R"(
  {"model_config_list": {"config": [
    {"name": "b", "base_path": "/models/b", "model_platform": "onnx",
     "model_version_policy": {"specific": {"versions": [43, 42]}},
     "version_labels": {"stable": 42}},
    {"name": "a", "basePath": "/models/a"}]}})";

TEST(ModelList, is_read_from_text_and_from_json) {
  const auto text = parse_model_list(kText, "models.config");
  ASSERT_TRUE(text) << text.error().detail;
  EXPECT_EQ(*text, kList);
  const auto json = parse_model_list_json(kJson, "models.json");
  ASSERT_TRUE(json) << json.error().detail;
  EXPECT_EQ(*json, kList);
}

TEST(ModelList, a_file_is_read_in_either_form) {
  const test::TempDir dir;
  EXPECT_EQ(*read_model_list(dir.write("a", kText)), kList);
  EXPECT_EQ(*read_model_list(dir.write("b", kJson)), kList);
  EXPECT_EQ(read_model_list(dir / "absent").error().code, ErrorCode::not_found);
}

TEST(ModelList, an_explicit_list_of_nothing_is_empty) {
  EXPECT_TRUE(parse_model_list("model_config_list { }", "f")->empty());
}

TEST(ModelList, one_wrong_entry_refuses_the_whole_list) {
  struct Case {
    std::string entries;
    ErrorCode code;
    const char* words;
  };
  const std::string good = "config { name: \"g\" base_path: \"/g\" } ";
  constexpr auto kWrong = ErrorCode::invalid_argument;
  constexpr auto kUnsupported = ErrorCode::unsupported;
  const Case cases[] = {
      {good + good, kWrong, "f: model 'g' is listed twice"},
      {good + "config { base_path: \"/x\" }", kWrong, "f: config[1]: '' cannot be a model's name"},
      {good + "config { name: \"x\" }", kWrong, "f: config[1] x: base_path '' is not an absolute"},
      {"config { name: \"x\" base_path: \"models/x\" }", kWrong, "base_path 'models/x'"},
      {"config { name: \"x\" base_path: \"s3://b/x\" }", kUnsupported, "base_path 's3://b/x'"},
      {"config { name: \"x\" base_path: \"/x\" model_platform: \"tensorflow\" }",
       kUnsupported,
       "model_platform 'tensorflow' is not served here"},
      {"config { name: \"x\" base_path: \"/x\" model_type: TENSORFLOW }",
       kUnsupported,
       "f 1:56: model_config_list.config[0].model_type is refused"},
      {"config { name: \"x\" base_path: \"/x\" logging_config { } }",
       kUnsupported,
       "logging_config is refused"},
      {"config { name: \"x\" base_path: \"/x\" model_version_policy { specific { } } }",
       kWrong,
       "model_version_policy: 'specific' names no version"},
      {"config { name: \"x\" base_path: \"/x\" version_labels { key: \"1\" value: 1 } }",
       kWrong,
       "it looks like a version"},
      {"config { name: \"x\" base_path: \"/x\" version_labels { key: \"s\" value: 0 } }",
       kWrong,
       "versions are numbers from 1, not 0"},
      {"config { name: \"x\" base_path: \"/x\" version_labels { key: \"s\" value: 1 } "
       "version_labels { key: \"s\" value: 2 } }",
       kWrong,
       "has the key 's' twice"},
      {"config { nome: \"x\" }", kWrong, "f 1:34: "},
  };
  for (const auto& [entries, code, words] : cases) {
    const auto list = parse_model_list("model_config_list { " + entries + " }", "f");
    ASSERT_FALSE(list) << entries;
    EXPECT_EQ(list.error().code, code) << entries;
    EXPECT_THAT(list.error().detail, HasSubstr(words)) << entries;
  }
  EXPECT_THAT(parse_model_list("", "f").error().detail, "f: there is no model_config_list");
  EXPECT_THAT(parse_model_list("custom_model_config { }", "f").error().detail,
              HasSubstr("custom_model_config is refused"));
}

}  // namespace
}  // namespace sluice::repository
