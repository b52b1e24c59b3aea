#include "common/link/repository_messages.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/limits.h"

namespace sluice::link {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

Body body_with(const std::string& bytes) {
  return {Buffer::copy_of(bytes)};
}

ModelFound digits() {
  return {.name = "digits",
          .notes = {"'optimization' has no effect"},
          .settings = {.policy = {.kind = VersionPolicy::Kind::specific,
                                  .count = 1,
                                  .versions = {1, 3}},
                       .labels = {{"canary", 3}, {"stable", 1}},
                       .replicas = 2,
                       .strategy = Strategy::blue_green,
                       .steps = {1, 50, 100},
                       .hold = 30s,
                       .keep_old = 10min,
                       .priority_levels = 2,
                       .default_priority = 1,
                       .queue = {.max_queue_size = 10,
                                 .default_timeout = 5ms,
                                 .delay_on_timeout = true,
                                 .allow_timeout_override = true},
                       .priorities = {{1, {.max_queue_size = 4}}, {2, {}}},
                       .metric_tags = {{"team", "vision"}, {"tier", ""}},
                       .json = "{\"name\":\"digits\"}"},
          .versions = {{.number = 1, .stamp = "00ff", .bytes = 5'000'000'000},
                       {.number = 3, .stamp = "0123456789abcdef", .bytes = 1}}};
}

template <class Value>
void expect_same_again(const Value& value, Kind kind, Result<Value> (*decode)(const Body&)) {
  const Message message = encode(value);
  EXPECT_EQ(message.header, Header{.kind = kind});
  auto decoded = decode(message.body);
  ASSERT_TRUE(decoded) << name_of(kind) << ": " << decoded.error().detail;
  EXPECT_EQ(*decoded, value) << name_of(kind);
}

TEST(RepositoryMessages, SurviveTheWire) {
  expect_same_again(Repository{}, Kind::repository, decode_repository);
  expect_same_again(
      Repository{.sequence = 3,
                 .looked = 2,
                 .problem = "/models: Input/output error",
                 .models = {digits(), {.name = "bad", .problem = "config.pbtxt: line 3"}}},
      Kind::repository,
      decode_repository);
  expect_same_again(Look{.sequence = 7}, Kind::look, decode_look);
  expect_same_again(Assignment{}, Kind::assignment, decode_assignment);
  expect_same_again(Assignment{.sequence = 4,
                               .workers = {{.worker_id = "n/digits/3.012345/0",
                                            .model = "digits",
                                            .version = 3,
                                            .stamp = "0123456789abcdef",
                                            .config = "{}",
                                            .share = 2,
                                            .shares = 5},
                                           {.worker_id = "w", .model = "m"}}},
                    Kind::assignment,
                    decode_assignment);
}

// Written by hand from the MessagePack specification.
TEST(RepositoryMessages, AreTheDocumentedBytes) {
  EXPECT_EQ(encode(Look{.sequence = 7}).body.front().text(), "\x81\xa8sequence\x07");
  EXPECT_EQ(encode(Assignment{.sequence = 1,
                              .workers = {{.worker_id = "w",
                                           .model = "m",
                                           .version = 2,
                                           .stamp = "0a",
                                           .config = "{}",
                                           .share = 1,
                                           .shares = 3}}})
                .body.front()
                .text(),
            "\x82"
            "\xa8sequence\x01"
            "\xa7workers\x91\x87"
            "\xa6worker\xa1w"
            "\xa5model\xa1m"
            "\xa7version\x02"
            "\xa5stamp\xa2\x30\x61"
            "\xa6"
            "config\xa2{}"
            "\xa5share\x01"
            "\xa6shares\x03"s);
  const auto repository =
      decode_repository(body_with("\x82"
                                  "\xa6looked\x05"
                                  "\xa6models\x92"
                                  "\x82\xa4name\xa1m"
                                  "\xa8versions\x91\x82\xa6number\x01\xa5stamp\xa2\x30\x61"
                                  "\x82\xa4name\xa1x\xa7problem\xa3why"s));
  ASSERT_TRUE(repository) << repository.error().detail;
  EXPECT_EQ(*repository,
            (Repository{.looked = 5,
                        .models = {{.name = "m", .versions = {{.number = 1, .stamp = "0a"}}},
                                   {.name = "x", .problem = "why"}}}));
  const auto settings =
      decode_repository(body_with("\x81\xa6models\x91\x82\xa4name\xa1m\xa8settings\x88"
                                  "\xabworker_part\xa2\x30\x62"
                                  "\xa6policy\x82\xa4kind\x02\xa8versions\x92\x03\x01"
                                  "\xa6labels\x91\x82\xa4name\xa1s\xa7version\x03"
                                  "\xa8strategy\x02"
                                  "\xa5steps\x92\x05\x64"
                                  "\xa7hold_ns\x07"
                                  "\xabkeep_old_ns\x00"
                                  "\xaapriorities\x91\x82\xa5level\x02\xaatimeout_ns\x09"s));
  ASSERT_TRUE(settings) << settings.error().detail;
  EXPECT_EQ(settings->models[0].settings,
            (ModelSettings{.policy = {.kind = VersionPolicy::Kind::specific, .versions = {3, 1}},
                           .labels = {{"s", 3}},
                           .strategy = Strategy::recreate,
                           .steps = {5, 100},
                           .hold = 7ns,
                           .keep_old = 0ns,
                           .priorities = {{2, {.default_timeout = 9ns}}},
                           .worker_part = "0b"}));
}

TEST(RepositoryMessages, ReadUnknownNumbersAsTheDefault) {
  const auto repository =
      decode_repository(body_with("\x81\xa6models\x91\x82\xa4name\xa1m\xa8settings\x82"
                                  "\xa6policy\x81\xa4kind\x03"
                                  "\xa8strategy\xcd\x01\x00"s));
  ASSERT_TRUE(repository) << repository.error().detail;
  EXPECT_EQ(repository->models[0].settings, ModelSettings{});
}

TEST(RepositoryMessages, RefuseWhatIsWrongByName) {
  const struct {
    std::string bytes;
    std::string expected;
  } rows[] = {
      {"\x90", "not a MessagePack map"},
      {"\x81\xa6models\x01", "'models' is not an array of at most 1024 maps"},
      {"\x81\xa6models\xdc\x04\x01" + std::string(1'025, '\x80'),
       "'models' is not an array of at most 1024 maps"},
      {"\x81\xa6models\x91\x80", "'name' is missing"},
      {"\x81\xa6models\x91\x82\xa4name\xa1m\xa8versions\x91\x80", "'number' is missing"},
      {"\x81\xa6models\x91\x82\xa4name\xa1m\xa8versions\xdc\x00\x41"s + std::string(65, '\x80'),
       "'versions' is not an array of at most 64 maps"},
      {"\x81\xa6models\x91\x82\xa4name\xa1m\xa8versions\x91\x82\xa6number\x01\xa5stamp\xb1" +
           std::string(17, 'a'),
       "'stamp' is not text of at most 16 bytes"},
      {"\x81\xa6models\x91\x82\xa4name\xa1m\xa8settings\x81\xa5queue\x81\xaatimeout_ns\xff",
       "'timeout_ns' is not a time from 0 ns on"},
  };
  for (const auto& row : rows) {
    auto repository = decode_repository(body_with(row.bytes));
    ASSERT_FALSE(repository) << row.expected;
    EXPECT_EQ(repository.error().code, ErrorCode::data_corrupt);
    EXPECT_EQ(repository.error().detail, "control message: " + row.expected);
  }
  EXPECT_EQ(decode_assignment(body_with("\x81\xa7workers\x91\x81\xa6worker\xa1w")).error().detail,
            "control message: 'model' is missing");
  EXPECT_EQ(decode_repository(body_with(std::string(limits::kRepositoryBytes + 1, '\x80')))
                .error()
                .detail,
            "control message: 8388609 bytes, at most 8388608");
}

TEST(RepositoryMessages, EveryTruncationIsAnError) {
  const std::string bytes(encode(Repository{.models = {digits()}}).body.front().text());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_repository(body_with(bytes.substr(0, size)))) << size;
  }
}

TEST(Fit, LeavesAloneWhatFits) {
  Repository repository{.sequence = 1, .models = {digits(), {.name = "x", .problem = "y"}}};
  const Repository before = repository;
  fit(repository);
  EXPECT_EQ(repository, before);
}

TEST(Fit, WhatIsTooMuchOfAModelIsItsProblemAlone) {
  std::vector<ModelFound> models(8, digits());
  models[0].name = std::string(2'000, 'n');
  models[1].versions.assign(65, {.number = 1});
  models[2].settings.policy.versions.assign(65, 1);
  for (std::uint32_t i = 0; i < 65; ++i) {
    models[3].settings.labels.emplace("l" + std::to_string(i), 1);
    models[4].settings.priorities[i] = {};
  }
  models[5].settings.json = std::string(300'000, ' ');
  for (int i = 0; i < 15; ++i) {
    models[6].settings.metric_tags.emplace("t" + std::to_string(i), "");
  }
  models[7].settings.metric_tags["team"] = std::string(257, 'v');
  models.push_back(digits());
  models.back().notes.assign(70, std::string(600, 'x'));
  Repository repository{.models = models};
  fit(repository);
  ASSERT_EQ(repository.models.size(), 9U);
  const char* problems[] = {"2000 bytes of name, at most 1024 are handled",
                            "65 versions, at most 64 are handled",
                            "65 versions in its policy, at most 64 are handled",
                            "67 labels, at most 64 are handled",
                            "65 priorities, at most 64 are handled",
                            "300000 bytes of configuration, at most 262144 are handled",
                            "17 tags of metrics, at most 16 are handled",
                            "a tag of metrics with 4 bytes of key and 257 of value, at most 64 and "
                            "256 are handled"};
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(repository.models[i].problem, problems[i]);
    EXPECT_TRUE(repository.models[i].versions.empty());
    EXPECT_EQ(repository.models[i].settings, ModelSettings{});
  }
  EXPECT_EQ(repository.models[8].problem, "");
  EXPECT_EQ(repository.models[8].notes, std::vector<std::string>(64, std::string(512, 'x')));
  EXPECT_TRUE(decode_repository(encode(repository).body));
}

TEST(Fit, ModelsBeyondTheMessageAreToldOfByTheLast) {
  Repository many{.models = std::vector<ModelFound>(1'030, {.name = "m"})};
  fit(many);
  ASSERT_EQ(many.models.size(), 1'024U);
  EXPECT_EQ(many.models[1'022].problem, "");
  EXPECT_EQ(many.models[1'023].problem,
            "the node has 1030 models, of which 1023 fit into what it may report (1024 models, "
            "8388608 bytes)");

  ModelFound large{.name = "large"};
  large.settings.json = std::string(limits::kConfigJsonBytes, ' ');
  Repository heavy{.models = std::vector<ModelFound>(40, large)};
  fit(heavy);
  EXPECT_EQ(heavy.models.size(), 31U);
  EXPECT_TRUE(heavy.models.back().problem.starts_with("the node has 40 models, of which 30 fit"))
      << heavy.models.back().problem;
  const auto decoded = decode_repository(encode(heavy).body);
  ASSERT_TRUE(decoded) << decoded.error().detail;
  EXPECT_EQ(*decoded, heavy);
}

}  // namespace
}  // namespace sluice::link
