#include "gateway/protocol/completed_config.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

TEST(CompletedConfig, TakesFromTheWorkerWhatTheModelSays) {
  EXPECT_EQ(completed_config(R"({"name":"m","platform":"","input":[], "parameters":{"a":1}})",
                             R"({"name":"x","platform":"onnx","input": [ {"name":"a]\"{"} ],
                                 "instance_group":[{"count":2}],"parameters":{}})"),
            R"({"name":"m","platform":"onnx","input":[ {"name":"a]\"{"} ],"parameters":{"a":1},)"
            R"("instance_group":[{"count":2}]})");
}

TEST(CompletedConfig, OneAloneStands) {
  EXPECT_EQ(completed_config(R"({"name":"m"})", ""), R"({"name":"m"})");
  EXPECT_EQ(completed_config("", R"({"name":"m"})"), R"({"name":"m"})");
  EXPECT_EQ(completed_config("", ""), "");
}

TEST(CompletedConfig, WhatIsNoObjectCountsAsNone) {
  for (const char* bad : {"[]", "{", "{}x", "{\"a\":}", "nonsense", "{\"a\":1 \"b\":2}"}) {
    EXPECT_EQ(completed_config(R"({"name":"m"})", bad), R"({"name":"m"})") << bad;
    EXPECT_EQ(completed_config("", bad), "") << bad;
  }
}

}  // namespace
}  // namespace sluice::gateway
