#include "cluster/node/repository_view.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "tests/support/temp_dir.h"
#include "worker/model/repository/settler.h"

namespace sluice::cluster {
namespace {

using repository::SettledView;

// A repository on disk, as one look sees it with nothing left to settle.
class RepositoryView : public testing::Test {
 protected:
  void has(const std::string& file, const std::string& text = "x") {
    static_cast<void>(dir.write("r/" + file, text));
  }
  SettledView view() {
    repository::Settler settler(Duration{0});
    settler.on_scan(repository::scan(sources), TimePoint{});
    return settler.view();
  }
  Result<worker::ServingPlan> plan(const WorkerSpec& spec) { return plan_of(view(), spec); }

  test::TempDir dir;
  repository::ScanOptions sources{.roots = {dir / "r"}};
};

constexpr const char* kConfig = R"(
  max_batch_size: 8
  input { name: "x" data_type: TYPE_FP32 dims: [ 4 ] }
  output { name: "y" data_type: TYPE_INT64 dims: [ 1 ] }
  version_policy { specific { versions: [ 1, 3 ] } }
  instance_group { count: 3 kind: KIND_CPU }
  dynamic_batching {
    preferred_batch_size: [ 4, 8 ]
    max_queue_delay_microseconds: 100
    preserve_ordering: true
    priority_levels: 2
    default_priority_level: 2
    default_queue_policy { max_queue_size: 10 default_timeout_microseconds: 5 }
    priority_queue_policy { key: 1 value { timeout_action: DELAY allow_timeout_override: true } }
  }
  model_warmup {
    name: "w" batch_size: 2 count: 3
    inputs { key: "x" value { data_type: TYPE_FP32 dims: [ 4 ] input_data_file: "four" } }
  }
  parameters { key: "sluice.replicas" value { string_value: "2" } }
  parameters { key: "sluice.label.stable" value { string_value: "1" } }
  parameters { key: "sluice.strategy" value { string_value: "blue-green" } }
  parameters { key: "sluice.steps" value { string_value: "10,100" } }
  parameters { key: "sluice.hold" value { string_value: "30s" } }
  parameters { key: "sluice.keep_old" value { string_value: "10m" } }
  metric_tags { key: "team" value: "vision" }
)";

TEST_F(RepositoryView, tells_control_of_versions_and_settings) {
  has("m/config.pbtxt", kConfig);
  has("m/1/model.onnx");
  has("m/3/model.onnx", "xyz");
  has("m/warmup/four", std::string(16, '\0'));
  const link::Repository told = describe(view());
  ASSERT_EQ(told.models.size(), 1U);
  const link::ModelFound& model = told.models.front();
  EXPECT_EQ(model.name, "m");
  EXPECT_EQ(model.problem, "");
  ASSERT_EQ(model.versions.size(), 2U);
  EXPECT_EQ(model.versions[0].number, 1);
  EXPECT_EQ(model.versions[1].number, 3);
  EXPECT_EQ(model.versions[1].bytes, 3U);
  EXPECT_EQ(model.versions[1].stamp.size(), limits::kStampBytes);
  EXPECT_NE(model.versions[0].stamp, model.versions[1].stamp);
  link::ModelSettings settings = model.settings;
  EXPECT_NE(settings.json.find("\"max_batch_size\":8"), std::string::npos) << settings.json;
  settings.json.clear();
  EXPECT_EQ(settings.worker_part.size(), limits::kStampBytes);
  settings.worker_part.clear();
  EXPECT_EQ(settings,
            (link::ModelSettings{
                .policy = {.kind = link::VersionPolicy::Kind::specific, .versions = {1, 3}},
                .labels = {{"stable", 1}},
                .replicas = 2,
                .strategy = link::Strategy::blue_green,
                .steps = {10, 100},
                .hold = std::chrono::seconds(30),
                .keep_old = std::chrono::minutes(10),
                .priority_levels = 2,
                .default_priority = 2,
                .queue = {.max_queue_size = 10, .default_timeout = std::chrono::microseconds(5)},
                .priorities = {{1, {.delay_on_timeout = true, .allow_timeout_override = true}}},
                .metric_tags = {{"team", "vision"}}}));
}

TEST_F(RepositoryView, one_bad_model_does_not_hide_the_others) {
  has("bad/config.pbtxt", "no_such_field: 1");
  has("bad/1/model.onnx");
  has("good/1/model.onnx");
  has("half/1/README");
  has("half/2/model.onnx");
  const link::Repository told = describe(view());
  ASSERT_EQ(told.models.size(), 3U);
  EXPECT_NE(told.models[0].problem.find("no_such_field"), std::string::npos);
  EXPECT_TRUE(told.models[0].versions.empty());
  EXPECT_EQ(told.models[1].problem, "");
  ASSERT_EQ(told.models[2].versions.size(), 1U);
  ASSERT_EQ(told.models[2].notes.size(), 1U);
  EXPECT_TRUE(told.models[2].notes[0].starts_with("version 1: ")) << told.models[2].notes[0];
}

TEST_F(RepositoryView, of_very_many_versions_the_chosen_and_the_newest_are_told) {
  has("m/config.pbtxt", "version_policy { specific { versions: [ 2 ] } }");
  for (int version = 1; version <= 70; ++version) {
    has("m/" + std::to_string(version) + "/model.onnx");
  }
  const link::Repository told = describe(view());
  const auto& versions = told.models.at(0).versions;
  ASSERT_EQ(versions.size(), 64U);
  EXPECT_EQ(versions[0].number, 2);
  EXPECT_EQ(versions[1].number, 8);
  EXPECT_EQ(versions.back().number, 70);
  EXPECT_EQ(told.models[0].notes,
            std::vector<std::string>{"of 70 versions the 64 newest are seen"});
}

TEST_F(RepositoryView, a_disk_that_cannot_be_read_is_told_with_what_was_known) {
  has("m/1/model.onnx");
  repository::Settler settler(Duration{0});
  settler.on_scan(repository::scan(sources), TimePoint{});
  settler.on_scan(repository::scan({.roots = {dir / "absent"}}), TimePoint{});
  const link::Repository told = describe(settler.view());
  EXPECT_NE(told.problem, "");
  EXPECT_EQ(told.models.size(), 1U);
}

TEST_F(RepositoryView, a_worker_is_told_what_the_configuration_says) {
  has("m/config.pbtxt", kConfig);
  has("m/1/model.onnx");
  has("m/3/model.onnx");
  has("m/3/test_data_set_0/input_0.pb");
  has("m/warmup/four", std::string(16, '\0'));
  const std::string stamp = describe(view()).models[0].versions[1].stamp;
  auto made = plan({.id = "w", .model = "m", .version = 3, .stamp = stamp});
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_NE(made->config_json.find("\"preferred_batch_size\":[4,8]"), std::string::npos);
  made->config_json.clear();
  EXPECT_EQ(made->notes, std::vector<std::string>{});
  EXPECT_EQ(
      *made,
      (worker::ServingPlan{.model_path = dir / "r/m/3/model.onnx",
                           .model_name = "m",
                           .version = 3,
                           .stamp = stamp,
                           .model_dir = dir / "r/m",
                           .max_batch_size = 8,
                           .preferred_batch_sizes = {4, 8},
                           .max_queue_delay = std::chrono::microseconds(100),
                           .preserve_ordering = true,
                           .instance_count = 3,
                           .warm_ups = {{.name = "w",
                                         .batch_size = 2,
                                         .count = 3,
                                         .inputs = {{.name = "x",
                                                     .datatype = DataType::float32,
                                                     .dims = {4},
                                                     .kind = worker::WarmUpInput::Kind::file,
                                                     .path = dir / "r/m/warmup/four"}}}},
                           .probe_dir = dir / "r/m/3",
                           .inputs = {{.name = "x", .datatype = DataType::float32, .dims = {4}}},
                           .outputs = {{.name = "y", .datatype = DataType::int64, .dims = {1}}}}));
}

TEST_F(RepositoryView, a_worker_is_told_the_labels_of_its_configuration_or_refused) {
  has("m/1/model.onnx");
  has("m/config.pbtxt",
      "output { name: \"y\" data_type: TYPE_FP32 dims: 2 label_filename: \"l.txt\" }");
  const std::string in_place = R"({"output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [2],
                                             "label_filename": "other.txt"}]})";
  // The labels, or why there are none.
  const auto labels = [this](const std::string& config) {
    const auto made = plan({.id = "w", .model = "m", .version = 1, .config = config});
    return made ? made->labels.at(0).output + ":" + made->labels.at(0).lines : made.error().detail;
  };
  EXPECT_EQ(labels(""),
            "the configuration: output 'y': label_filename 'l.txt': No such file or directory");
  has("m/l.txt", "cat\r\ndog\r\n");
  EXPECT_EQ(labels(""), "y:cat\ndog\n");
  EXPECT_EQ(labels(in_place),
            "the configuration: output 'y': label_filename 'other.txt': No such file or directory");
  has("m/other.txt", "bird");
  EXPECT_EQ(labels(in_place), "y:bird");
}

TEST_F(RepositoryView, what_is_not_there_or_not_the_same_any_more_is_refused) {
  has("m/1/model.onnx");
  has("bad/config.pbtxt", "no_such_field: 1");
  has("bad/1/model.onnx");
  const auto reason = [this](const WorkerSpec& spec) {
    const auto made = plan(spec);
    return made ? "" : made.error().detail;
  };
  EXPECT_EQ(reason({.id = "w", .model = "x", .version = 1}), "model 'x' is not in the repository");
  EXPECT_EQ(reason({.id = "w", .model = "m", .version = 2}),
            "version 2 of model 'm' is not in the repository");
  EXPECT_EQ(reason({.id = "w", .model = "m", .version = 1, .stamp = "0123456789abcdef"}),
            "version 1 of model 'm' has changed on disk since it was to be served");
  EXPECT_NE(reason({.id = "w", .model = "bad", .version = 1}).find("no_such_field"),
            std::string::npos);
  EXPECT_NE(reason({.id = "w", .model = "m", .version = 1, .config = "{"}), "");
  EXPECT_EQ(reason({.id = "w", .model = "m", .version = 1}), "");
}

TEST_F(RepositoryView, a_configuration_of_the_operators_replaces_that_on_disk) {
  has("m/config.pbtxt", "max_batch_size: 4");
  has("m/1/model.onnx");
  has("m/1/other.onnx");
  const auto made = plan({.id = "w",
                          .model = "m",
                          .version = 1,
                          .config = R"({"max_batch_size": 2, "default_model_filename":
                                        "other.onnx"})"});
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->max_batch_size, 2);
  EXPECT_EQ(made->model_path, dir / "r/m/1/other.onnx");
}

TEST_F(RepositoryView, a_file_by_itself_is_probed_only_in_the_layout_of_a_test_case) {
  const std::string alone = dir.write("files/resnet.onnx", "x");
  const std::string in_case = dir.write("files/model.onnx", "x");
  static_cast<void>(dir.write("files/test_data_set_0/input_0.pb", "x"));
  sources = {.files = {{.path = alone}, {.path = in_case, .name = "case", .version = 7}}};
  EXPECT_EQ(plan({.id = "w", .model = "resnet", .version = 1})->probe_dir, "");
  EXPECT_EQ(plan({.id = "w", .model = "case", .version = 7})->probe_dir, dir / "files");
}

TEST_F(RepositoryView, several_files_of_one_name_are_versions_that_are_all_served) {
  const std::string one = dir.write("one.onnx", "x");
  const std::string two = dir.write("two.onnx", "xx");
  sources = {.files = {{.path = two, .name = "m", .version = 2},
                       {.path = one, .name = "m", .version = 1}}};
  const link::Repository told = describe(view());
  ASSERT_EQ(told.models.size(), 1U);
  EXPECT_EQ(told.models[0].settings.policy.kind, link::VersionPolicy::Kind::all);
  ASSERT_EQ(told.models[0].versions.size(), 2U);
  EXPECT_EQ(plan({.id = "w", .model = "m", .version = 2})->model_path, two);
  sources.files.push_back({.path = one, .name = "m", .version = 2});
  EXPECT_EQ(describe(view()).models.at(0).problem, "model 'm': version 2 is named twice: " + one);
}

}  // namespace
}  // namespace sluice::cluster
