#include "cluster/serve/serve_settings.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

TEST(ServeSettings, every_key_can_be_set_in_the_file) {
  std::string text;
  for (const TextKey& key : text_keys()) {
    text += std::string(key.key) + " = \"v-" + key.key + "\"\n";
  }
  for (const NumberKey& key : number_keys()) {
    text += std::string(key.key) + " = " + std::to_string(key.least) + "\n";
  }
  for (const ListKey& key : list_keys()) {
    text += std::string(key.key) + " = [\"v\", '*']\n";
  }
  for (const SwitchKey& key : switch_keys()) {
    text += std::string(key.key) + " = false\n";
  }
  const auto settings = parse_config(text, "s.toml");
  ASSERT_TRUE(settings) << settings.error().detail;
  for (const TextKey& key : text_keys()) {
    EXPECT_EQ((*settings).*(key.member), std::string("v-") + key.key);
  }
  for (const NumberKey& key : number_keys()) {
    EXPECT_EQ((*settings).*(key.member), key.least) << key.key;
  }
  for (const ListKey& key : list_keys()) {
    EXPECT_EQ((*settings).*(key.member), (std::vector<std::string>{"v", "*"})) << key.key;
  }
  for (const SwitchKey& key : switch_keys()) {
    EXPECT_EQ((*settings).*(key.member), false) << key.key;
  }
}

struct BadConfig {
  const char* text;
  const char* error;  // its beginning
};

class BadConfigTest : public testing::TestWithParam<BadConfig> {};

TEST_P(BadConfigTest, is_refused_with_line_and_column) {
  const auto settings = parse_config(GetParam().text, "s.toml");
  ASSERT_FALSE(settings) << GetParam().text;
  EXPECT_EQ(settings.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(settings.error().detail.substr(0, std::string(GetParam().error).size()),
            GetParam().error)
      << settings.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    cases,
    BadConfigTest,
    testing::Values(
        BadConfig{"http = \"a\"\nshards = 0\n",
                  "s.toml:2:10: 'shards' must be a whole number from 1 to 256"},
        BadConfig{"shards = 257", "s.toml:1:10: 'shards' must be"},
        BadConfig{"shards = \"2\"", "s.toml:1:10: 'shards' must be"},
        BadConfig{"shards = 2.0", "s.toml:1:10: 'shards' must be"},
        BadConfig{"\n\n  http = 8000", "s.toml:3:10: 'http' must be a text in quotes"},
        BadConfig{"strict_readiness = 1", "s.toml:1:20: 'strict_readiness' must be true or false"},
        BadConfig{"load_model = \"m\"", "s.toml:1:14: 'load_model' must be a list of texts"},
        BadConfig{"load_model = [\"m\", 1]", "s.toml:1:14: 'load_model' must be a list"},
        BadConfig{"# a comment\nhtpp = \"127.0.0.1:1\"", "s.toml:2:1: there is no setting 'htpp'"},
        BadConfig{"[http]\naddress = 1", "s.toml:1:"},
        BadConfig{"http = \"a\"\nhttp = \"b\"", "s.toml:2:"},
        BadConfig{"http = ", "s.toml:1:"},
        BadConfig{"http \"a\"", "s.toml:1:"},
        BadConfig{"run-dir = \"/x\"", "s.toml:1:1: there is no setting 'run-dir'"},
        BadConfig{"\xff\xfe", "s.toml:1:"}));

TEST(ServeSettings, flags_win_over_the_file_and_the_file_fills_the_gaps) {
  ServeSettings flags;
  flags.http = "127.0.0.1:1";
  const auto file =
      parse_config("http = \"127.0.0.1:2\"\nshards = 3\nload_model = [\"a\"]\n", "s.toml");
  ASSERT_TRUE(file);
  const ServeSettings both = merged(flags, *file);
  EXPECT_EQ(both.http, "127.0.0.1:1");
  EXPECT_EQ(both.shards, 3);
  EXPECT_EQ(both.load_model, std::vector<std::string>{"a"});
  EXPECT_EQ(both.threads, std::nullopt);
}

TEST(ServeSettings, a_file_that_is_not_there_is_not_found_by_name) {
  const auto settings = read_config("/nonexistent/s.toml");
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, ErrorCode::not_found);
  EXPECT_EQ(settings.error().detail, "/nonexistent/s.toml: No such file or directory");
}

TEST(ServeSettings, a_folder_is_no_file) {
  EXPECT_EQ(read_config("/tmp").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace sluice::cluster
