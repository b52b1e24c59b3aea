#include "cluster/node/model_settings.h"

#include <string>

#include <gtest/gtest.h>

#include "worker/model/repository/config_parser.h"

namespace sluice::cluster {
namespace {

std::string refusal(const std::string& json) {
  const auto read = read_loaded_config(json, "m");
  return read ? "none" : std::string(name_of(read.error().code)) + ": " + read.error().detail;
}

std::string part(const std::string& json) {
  return settings_of(repository::parse_model_config_json(json, "m")->config).worker_part;
}

TEST(LoadedConfig, is_read_as_that_of_a_disk) {
  const std::string json = R"({"version_policy": {"all": {}}, "max_batch_size": 4,
      "response_cache": {"enable": true}, "parameters": {
      "sluice.replicas": {"string_value": "2"}, "sluice.label.stable": {"string_value": "1"},
      "sluice.steps": {"string_value": "10,100"}}})";
  const auto read = read_loaded_config(json, "m");
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->json, json);
  EXPECT_EQ(read->settings.policy.kind, link::VersionPolicy::Kind::all);
  EXPECT_EQ(read->settings.replicas, 2U);
  EXPECT_EQ(read->settings.labels, (std::map<std::string, std::int64_t>{{"stable", 1}}));
  EXPECT_EQ(read->settings.steps, (std::vector<std::uint64_t>{10, 100}));
  EXPECT_NE(read->settings.json.find("\"max_batch_size\":4"), std::string::npos);
  ASSERT_EQ(read->notes.size(), 1U);
  EXPECT_NE(read->notes[0].find("response_cache"), std::string::npos) << read->notes[0];
}

TEST(LoadedConfig, is_refused_with_its_reason) {
  EXPECT_EQ(refusal(R"({"name": "other"})").substr(0, 24), "invalid_argument: config") << "name";
  EXPECT_NE(refusal(R"({"max_batch": 4})").find("max_batch"), std::string::npos);
  EXPECT_EQ(refusal(R"({"sequence_batching": {}})").substr(0, 11), "unsupported");
  std::string many = R"({"parameters": {)";
  for (int i = 0; i < 65; ++i) {
    many += (i == 0 ? "" : ",") + ("\"sluice.label.l" + std::to_string(i)) +
            R"(": {"string_value": "1"})";
  }
  EXPECT_EQ(refusal(many + "}}"), "invalid_argument: config: at most 64 labels");
}

TEST(ModelSettings, have_another_worker_part_only_where_workers_are_concerned) {
  const std::string plain = part("{}");
  EXPECT_EQ(part(R"({"version_policy": {"all": {}}, "parameters": {
      "sluice.replicas": {"string_value": "2"}}})"),
            plain);
  EXPECT_NE(part(R"({"max_batch_size": 4})"), plain);
}

}  // namespace
}  // namespace sluice::cluster
