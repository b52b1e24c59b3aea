#include "cluster/serve/serve_options.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cluster/serve/listeners.h"
#include "tests/support/temp_dir.h"

namespace sluice::cluster {
namespace {

class ServeOptionsTest : public testing::Test {
 protected:
  ServeOptionsTest() {
    file = dir.write("resnet.onnx", "x");
    static_cast<void>(dir.write("models/a/1/model.onnx", "x"));
    static_cast<void>(dir.write("models/b/2/model.onnx", "x"));
  }
  std::string error_of(const ServeSettings& settings) {
    const auto options = complete(settings);
    return options ? "" : options.error().detail;
  }

  test::TempDir dir;
  std::string file;
};

TEST_F(ServeOptionsTest, a_file_is_one_model_whose_failure_ends_the_server) {
  ServeSettings settings;
  settings.file = file;
  settings.name = "r50";
  const auto options = complete(settings);
  ASSERT_TRUE(options) << options.error().detail;
  EXPECT_TRUE(options->single_file);
  EXPECT_EQ(options->expected, (std::vector<ExpectedModel>{{.name = "r50", .versions = {1}}}));
  EXPECT_EQ(options->http, "127.0.0.1:8000");
  EXPECT_EQ(options->metrics, "127.0.0.1:8002");
  EXPECT_GE(options->shards, 1);
}

TEST_F(ServeOptionsTest, without_anything_the_example_models_are_served) {
  const auto options = complete({});
  ASSERT_TRUE(options) << options.error().detail;
  EXPECT_FALSE(options->single_file);
  EXPECT_NE(options->source.find("example"), std::string::npos);
  const auto digits = [](const ExpectedModel& model) { return model.name == "digits"; };
  EXPECT_EQ(std::ranges::count_if(options->expected, digits), 1);
}

TEST_F(ServeOptionsTest, contradictions_are_named) {
  ServeSettings both;
  both.file = file;
  both.models = dir / "models";
  EXPECT_EQ(error_of(both), "give a model file or --models, not both");
  ServeSettings name;
  name.models = dir / "models";
  name.name = "x";
  EXPECT_EQ(error_of(name), "--name is for a model file, and there is none");
  ServeSettings model;
  model.file = file;
  model.model = "resnet";
  EXPECT_EQ(error_of(model), "--model is for --graphpipe, which is not given");
}

TEST_F(ServeOptionsTest, what_is_expected_is_what_the_disk_holds_at_the_start) {
  static_cast<void>(dir.write("models/a/3/model.onnx", "x"));
  static_cast<void>(dir.write("models/b/config.pbtxt", "version_policy { all {} }"));
  static_cast<void>(dir.write("models/b/7/model.onnx", "x"));
  static_cast<void>(dir.write("models/bad/config.pbtxt", "no_such_field: 1"));
  static_cast<void>(dir.write("models/bad/1/model.onnx", "x"));
  static_cast<void>(dir.write("models/notes/README", "x"));
  ServeSettings settings;
  settings.models = dir / "models";
  const auto options = complete(settings);
  ASSERT_TRUE(options) << options.error().detail;
  EXPECT_EQ(options->expected,
            (std::vector<ExpectedModel>{{.name = "a", .versions = {3}},
                                        {.name = "b", .versions = {2, 7}},
                                        {.name = "bad", .broken = true}}));
  settings.model_control = "explicit";
  EXPECT_TRUE(complete(settings)->expected.empty());
  settings.load_model = {"b"};
  EXPECT_EQ(complete(settings)->expected,
            (std::vector<ExpectedModel>{{.name = "b", .versions = {2, 7}}}));
  settings.load_model = {"*"};
  EXPECT_EQ(complete(settings)->expected.size(), 3U);
}

TEST_F(ServeOptionsTest, models_that_are_not_there_or_all_bad_are_errors) {
  ServeSettings settings;
  settings.models = dir / "models";
  settings.model_control = "explicit";
  settings.load_model = {"a", "c"};
  EXPECT_EQ(error_of(settings), "--load-model: there is no model 'c' in " + (dir / "models"));
  settings.model_control = "watch";
  EXPECT_EQ(error_of(settings), "--load-model is for --model-control explicit");
  settings.model_control = "poll";
  EXPECT_EQ(error_of(settings), "--model-control is watch, explicit or none, not 'poll'");
  settings = {};
  settings.models = dir / "absent";
  EXPECT_EQ(error_of(settings), (dir / "absent") + ": no such folder");
  static_cast<void>(dir.write("empty/notes/README", "x"));
  settings.models = dir / "empty";
  EXPECT_EQ(error_of(settings),
            (dir / "empty") + " has no model: they are looked for as " + (dir / "empty") +
                "/MODEL/VERSION/model.onnx, VERSION a number from 1");
  static_cast<void>(dir.write("forgot/m/model.onnx", "x"));
  settings.models = dir / "forgot";
  EXPECT_EQ(error_of(settings), "model 'm': m/model.onnx is in no version folder: move it to m/1/");
}

TEST_F(ServeOptionsTest, a_list_of_models_stands_beside_a_folder_or_alone) {
  const std::string list = dir.write("list.json",
                                     R"({"model_config_list": {"config": [{"name": "c",
                                         "base_path": ")" +
                                         (dir / "models/b") + R"(", "model_platform": "onnx"}]}})");
  ServeSettings settings;
  settings.model_list = list;
  const auto alone = complete(settings);
  ASSERT_TRUE(alone) << alone.error().detail;
  EXPECT_EQ(alone->expected, (std::vector<ExpectedModel>{{.name = "c", .versions = {2}}}));
  settings.models = dir / "models";
  EXPECT_EQ(complete(settings)->expected.size(), 3U);
  settings.models.reset();
  settings.file = file;
  EXPECT_EQ(error_of(settings), "give a model file or --model-list, not both");
}

TEST_F(ServeOptionsTest, graphpipe_serves_the_only_model_or_the_chosen_one) {
  ServeSettings settings;
  settings.file = file;
  settings.graphpipe = "127.0.0.1:0";
  EXPECT_EQ(complete(settings)->graphpipe_model, "resnet");
  settings.file.reset();
  settings.models = dir / "models";
  EXPECT_EQ(error_of(settings), "--graphpipe serves one model: choose it with --model");
  settings.model = "b";
  EXPECT_EQ(complete(settings)->graphpipe_model, "b");
  settings.model = "c";
  EXPECT_EQ(error_of(settings), "--model: there is no model 'c' in " + (dir / "models"));
}

TEST_F(ServeOptionsTest, what_was_asked_for_reaches_the_children) {
  ServeSettings settings;
  settings.models = dir / "models";
  settings.http = "127.0.0.1:0";
  settings.metrics = "";
  settings.graphpipe = "127.0.0.1:0";
  settings.model = "a";
  settings.link = "tcp://127.0.0.1:7000";
  settings.run_dir = "/tmp/r";
  settings.state = "/tmp/s.json";
  settings.shards = 2;
  settings.threads = 3;
  settings.memory = 1'000'000'000;
  settings.body_limit = 1000;
  settings.drain_limit = 7;
  settings.keep_awake = 150;
  settings.strict_readiness = false;
  settings.engine_library = "/e.so";
  settings.model_control = "explicit";
  settings.load_model = {"a", "b"};
  settings.poll_interval = 9;
  const auto options = complete(settings);
  ASSERT_TRUE(options) << options.error().detail;
  const auto listeners = open_listeners(*options);
  ASSERT_TRUE(listeners) << listeners.error().detail;
  ASSERT_EQ(listeners->size(), 2U);
  const auto fds = [&](std::size_t i) {
    const Listener& listener = (*listeners)[i];
    return listener.kind + ":" + std::to_string(listener.fds[0].get()) + "," +
           std::to_string(listener.fds[1].get());
  };
  EXPECT_EQ(gateway_arguments(*options, *listeners),
            (std::vector<std::string>{"gateway",
                                      "--run-dir",
                                      "/tmp/r",
                                      "--state",
                                      "/tmp/s.json",
                                      "--shards",
                                      "2",
                                      "--drain-limit",
                                      "7",
                                      "--keep-awake",
                                      "150",
                                      "--metrics",
                                      "",
                                      "--listen-fd",
                                      fds(0),
                                      "--listen-fd",
                                      fds(1),
                                      "--model",
                                      "a",
                                      "--link",
                                      "tcp://127.0.0.1:7000",
                                      "--body-limit",
                                      "1000",
                                      "--strict-readiness",
                                      "false",
                                      "--expect",
                                      "a",
                                      "--expect",
                                      "b",
                                      "--model-control",
                                      "explicit",
                                      "--load-model",
                                      "a",
                                      "--load-model",
                                      "b"}));
  EXPECT_EQ(node_arguments(*options, std::chrono::seconds(3)),
            (std::vector<std::string>{"node",
                                      "--gateway",
                                      "ipc:///tmp/r/control.sock",
                                      "--drain-limit",
                                      "3",
                                      "--threads",
                                      "3",
                                      "--memory",
                                      "1000000000",
                                      "--engine-library",
                                      "/e.so",
                                      "--models",
                                      dir / "models",
                                      "--model-control",
                                      "explicit",
                                      "--poll-interval",
                                      "9"}));
  ServeSettings single;
  single.file = file;
  single.run_dir = "/tmp/r";
  EXPECT_EQ(node_arguments(*complete(single), std::chrono::seconds(3)),
            (std::vector<std::string>{"node",
                                      "--gateway",
                                      "ipc:///tmp/r/control.sock",
                                      "--drain-limit",
                                      "3",
                                      "--model",
                                      "resnet/1=" + file,
                                      "--model-control",
                                      "watch"}));
}

TEST_F(ServeOptionsTest, a_bad_address_is_refused_by_its_flag) {
  ServeOptions options;
  options.http = "127.0.0.1:0";
  options.metrics = "nowhere";
  const auto listeners = open_listeners(options);
  ASSERT_FALSE(listeners);
  EXPECT_EQ(listeners.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(listeners.error().detail.find("--metrics"), 0U) << listeners.error().detail;
}

}  // namespace
}  // namespace sluice::cluster
