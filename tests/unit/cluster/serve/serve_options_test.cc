#include "cluster/serve/serve_options.h"

#include <filesystem>
#include <string>

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
  ASSERT_EQ(options->models.size(), 1U);
  EXPECT_EQ(options->models.front().name, "r50");
  EXPECT_EQ(options->http, "127.0.0.1:8000");
  EXPECT_EQ(options->metrics, "127.0.0.1:8002");
  EXPECT_GE(options->shards, 1);
}

TEST_F(ServeOptionsTest, without_anything_the_example_models_are_served) {
  const auto options = complete({});
  ASSERT_TRUE(options) << options.error().detail;
  EXPECT_FALSE(options->single_file);
  EXPECT_NE(options->source.find("example"), std::string::npos);
  const auto digits = [](const ModelFile& model) { return model.name == "digits"; };
  EXPECT_EQ(std::count_if(options->models.begin(), options->models.end(), digits), 1);
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
  settings.shards = 2;
  settings.threads = 3;
  settings.body_limit = 1000;
  settings.drain_limit = 7;
  settings.strict_readiness = false;
  settings.engine_library = "/e.so";
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
                                      "--shards",
                                      "2",
                                      "--drain-limit",
                                      "7",
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
                                      "b"}));
  EXPECT_EQ(node_arguments(*options, std::chrono::seconds(3)),
            (std::vector<std::string>{"node",
                                      "--gateway",
                                      "ipc:///tmp/r/control.sock",
                                      "--drain-limit",
                                      "3",
                                      "--threads",
                                      "3",
                                      "--engine-library",
                                      "/e.so",
                                      "--model",
                                      "a/1=" + (dir / "models/a/1/model.onnx"),
                                      "--model",
                                      "b/2=" + (dir / "models/b/2/model.onnx")}));
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
