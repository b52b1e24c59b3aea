#include "gateway/control/memory_json.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using std::chrono::milliseconds;

FleetMemory full() {
  ModelMemory digits;
  digits.pin = Pin{{2}};
  digits.config = R"({"max_batch_size": 8})";
  digits.config_before = "";
  link::ModelSettings settings;
  settings.policy = {link::VersionPolicy::Kind::specific, 3, {1, 2}};
  settings.labels = {{"stable", 1}};
  settings.replicas = 2;
  settings.strategy = link::Strategy::recreate;
  settings.steps = {10, 100};
  settings.hold = milliseconds(20);
  settings.keep_old = milliseconds(30);
  settings.priority_levels = 3;
  settings.default_priority = 2;
  settings.queue = {7, std::chrono::microseconds(11), true, false};
  settings.priorities = {{1, {8, milliseconds(12), false, true}}};
  settings.metric_tags = {{"team", "vision"}};
  settings.json = "{}";
  settings.worker_part = "abcd";
  digits.in_force = LoadedConfig{"{ }", settings, {"note"}};
  digits.other_configs = {R"({"max_batch_size": 2})"};
  digits.previous_config = LoadedConfig{R"({"max_batch_size": 4})", settings, {"other"}};
  digits.serving = {{1, {"n/digits/1.aaaaaa", "o/digits/1.aaaaaa"}, {}}};
  digits.primary = 1;
  digits.warm = {{1, {"n/digits/1.dddddd"}, std::chrono::minutes(10)},
                 {4, {"n/digits/4.eeeeee"}, std::nullopt}};
  digits.failed = {{3, {"n/digits/3.cccccc"}, "model.onnx: \"truncated\""}};
  digits.previous = {1, 2};
  digits.labels = {{"stable", 1}};
  RememberedRollout rollout;
  rollout.plan.id = 7;
  rollout.plan.command = 7;
  rollout.plan.to = {2};
  rollout.plan.strategy = link::Strategy::blue_green;
  rollout.plan.steps = {1, 10};
  rollout.plan.first_step = 1;
  rollout.plan.hold = milliseconds(1500);
  rollout.plan.keep_old = milliseconds(60'000);
  rollout.plan.allow_signature_change = true;
  rollout.plan.paused = true;
  rollout.pin = Pin{};
  digits.rollout = rollout;
  return {9, {{"digits", digits}, {"add", {}}}, {"gone"}};
}

TEST(MemoryJson, GoesThereAndBack) {
  const FleetMemory memory = full();
  const auto read = parse_memory(memory_json(memory));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(*read, memory);
  EXPECT_EQ(*parse_memory(memory_json({})), FleetMemory());
}

TEST(MemoryJson, WhatIsMissingHasItsDefault) {
  const auto read = parse_memory(R"({"form": 1, "models": {"m": {"rollout": {"to": [2]}}}})");
  ASSERT_TRUE(read) << read.error().detail;
  ModelMemory model;
  model.rollout.emplace().plan.to = {2};
  EXPECT_EQ(*read, (FleetMemory{0, {{"m", model}}, {}}));
}

TEST(MemoryJson, WhatIsNotOursIsRefusedWithTheReason) {
  for (const char* text : {"",
                           "{",
                           "[]",
                           "null",
                           "{}",
                           R"({"form": 2})",
                           R"({"form": 1, "models": []})",
                           R"({"form": 1, "models": {"m": 4}})",
                           R"({"form": 1, "models": {"m": {"pin": "2"}}})",
                           R"({"form": 1, "models": {"m": {"serving": [{}]}}})",
                           R"({"form": 1, "models": {"m": {"in_force": {"settings": 3}}}})",
                           R"({"form": 1, "models": {"m": {"config_before": 3}}})",
                           R"({"form": 1, "models": {"m": {"labels": {"a": "b"}}}})"}) {
    const auto read = parse_memory(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::data_corrupt);
    EXPECT_NE(read.error().detail, "");
  }
}

}  // namespace
}  // namespace sluice::gateway
