#include "worker/model/repository/scan.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "tests/support/temp_dir.h"

namespace sluice::repository {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class ScanTest : public testing::Test {
 protected:
  void has(const std::string& file, const std::string& content = "x") const {
    static_cast<void>(dir.write(file, content));
  }

  [[nodiscard]] Scan scanned() const {
    auto found = scan_repository(dir.path());
    EXPECT_TRUE(found) << found.error().detail;
    return found ? *std::move(found) : Scan{};
  }

  // The error of model `name`; empty when it has none.
  [[nodiscard]] std::string error_of(const std::string& name) const {
    const Scan found = scanned();
    const ModelOnDisk* model = found.model(name);
    EXPECT_NE(model, nullptr) << name;
    return model != nullptr && model->error ? model->error->detail : "";
  }

  test::TempDir dir;
};

TEST_F(ScanTest, models_and_versions_are_found_by_number) {
  has("digits/2/model.onnx", "12");
  has("digits/10/model.onnx");
  has("digits/9/model.onnx");
  has("digits/9/weights/w.bin", "12345");
  has("add/1/model.onnx");
  const Scan found = scanned();
  ASSERT_EQ(found.models.size(), 2U);
  EXPECT_EQ(found.models[0].name, "add");
  const ModelOnDisk& digits = found.models[1];
  EXPECT_FALSE(digits.error) << digits.error->detail;
  EXPECT_THAT(digits.available(), ElementsAre(2, 9, 10));
  EXPECT_THAT(digits.selected(), ElementsAre(10));
  EXPECT_EQ(digits.version(9)->file, dir / "digits/9/model.onnx");
  EXPECT_EQ(digits.version(9)->bytes, 6U);
  EXPECT_EQ(digits.version(2)->bytes, 2U);
  EXPECT_EQ(digits.version(3), nullptr);
  EXPECT_THAT(found.folders,
              testing::IsSupersetOf({dir.path(), dir / "digits", dir / "digits/9/weights"}));
}

TEST_F(ScanTest, what_is_no_version_is_told_and_passed_over) {
  has("m/1/model.onnx");
  for (const char* name : {"0", "007", "-3", "+4", "two", "1.bak", "3abc", "9223372036854775808"}) {
    has("m/" + std::string(name) + "/model.onnx");
  }
  for (const char* name : {"warmup", "initial_state", "configs", ".git", "test_data_set_0"}) {
    has("m/" + std::string(name) + "/model.onnx");
  }
  has("m/9223372036854775807/model.onnx");
  has("m/readme.txt");
  has("train.py");
  has(".hidden/1/model.onnx");
  const Scan found = scanned();
  ASSERT_EQ(found.models.size(), 1U);
  EXPECT_THAT(found.models[0].available(), ElementsAre(1, 9223372036854775807));
  EXPECT_EQ(found.models[0].notes.size(), 8U);
  EXPECT_THAT(found.models[0].notes[0], HasSubstr("is no version"));
}

TEST_F(ScanTest, the_model_file_may_be_named_and_may_be_a_folder) {
  has("named/config.pbtxt", "default_model_filename: \"net.onnx\"");
  has("named/1/net.onnx");
  has("named/2/model.onnx");
  has("folder/1/model.onnx/model.onnx");
  has("folder/1/model.onnx/weights.bin");
  const Scan found = scanned();
  EXPECT_EQ(found.model("named")->version(1)->file, dir / "named/1/net.onnx");
  EXPECT_THAT(found.model("named")->version(2)->error->detail, HasSubstr("has no net.onnx"));
  EXPECT_THAT(found.model("named")->selected(), ElementsAre(1));
  EXPECT_EQ(found.model("folder")->version(1)->file, dir / "folder/1/model.onnx/model.onnx");
}

TEST_F(ScanTest, one_bad_model_never_hides_the_others) {
  has("good/1/model.onnx");
  has("empty/readme.txt");
  has("half/3/weights.bin");
  has("flat/model.onnx");
  has("words/latest/model.onnx");
  has("many/a/model.onnx");
  for (const char* name : {"b", "c", "d", "e"}) {
    has("many/" + std::string(name) + "/model.onnx");
  }
  has("syntax/config.pbtxt", "max_batch_sise: 1");
  has("syntax/1/model.onnx");
  has("named/config.pbtxt", "name: \"other\"");
  has("named/1/model.onnx");
  has("my model/1/model.onnx");
  has("choosy/config.pbtxt", "version_policy { specific { versions: [ 7 ] } }");
  has("choosy/1/model.onnx");
  has("label/config.pbtxt",
      "parameters { key: \"sluice.label.stable\" value { string_value: \"2\" } }");
  has("label/1/model.onnx");
  const Scan found = scanned();
  EXPECT_EQ(found.models.size(), 11U);
  EXPECT_EQ(error_of("good"), "");
  EXPECT_THAT(error_of("empty"), HasSubstr("model 'empty': no version in"));
  EXPECT_EQ(error_of("empty"),
            "model 'empty': no version in empty: they are looked for as "
            "empty/VERSION/model.onnx, VERSION a number from 1");
  EXPECT_EQ(error_of("words"),
            "model 'words': no version in words: they are looked for as "
            "words/VERSION/model.onnx, VERSION a number from 1; there is only the folder "
            "'latest'");
  EXPECT_THAT(error_of("many"), HasSubstr("; there are only the folders 'a', 'b', 'c' and 2 more"));
  EXPECT_THAT(error_of("half"), HasSubstr("half/3 has no model.onnx"));
  EXPECT_THAT(error_of("flat"),
              HasSubstr("flat/model.onnx is in no version folder: move it to flat/1/"));
  EXPECT_THAT(error_of("syntax"), HasSubstr("config.pbtxt 1:15"));
  EXPECT_THAT(error_of("named"), HasSubstr("name 'other' is not that of its folder 'named'"));
  EXPECT_THAT(error_of("my model"), HasSubstr("'my model' cannot be a model's name"));
  EXPECT_THAT(error_of("choosy"), HasSubstr("'specific 7' chooses none of the versions"));
  EXPECT_THAT(error_of("label"), HasSubstr("label 'stable' names version 2, which is not there"));
}

TEST_F(ScanTest, a_configuration_may_be_chosen_by_name) {
  has("m/1/model.onnx");
  has("m/config.pbtxt", "max_batch_size: 1");
  has("m/configs/big.pbtxt", "max_batch_size: 64");
  has("n/1/model.onnx");
  has("n/config.pbtxt", "max_batch_size: 1");
  const auto found = scan({.roots = {dir.path()}, .config_name = "big"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->model("m")->config.config.max_batch_size, 64);
  EXPECT_EQ(found->model("n")->config.config.max_batch_size, 1);
}

TEST_F(ScanTest, stamps_change_with_what_they_stand_for_alone) {
  has("m/1/model.onnx");
  has("m/2/model.onnx");
  has("m/config.pbtxt", "max_batch_size: 1");
  const ModelOnDisk before = *scanned().model("m");
  has("m/2/model.onnx", "longer");
  const ModelOnDisk after = *scanned().model("m");
  EXPECT_EQ(after.version(1)->stamp, before.version(1)->stamp);
  EXPECT_NE(after.version(2)->stamp, before.version(2)->stamp);
  EXPECT_EQ(after.config_stamp, before.config_stamp);
  has("m/config.pbtxt", "max_batch_size: 2");
  EXPECT_NE(scanned().model("m")->config_stamp, before.config_stamp);
}

TEST_F(ScanTest, the_workers_stamp_changes_with_what_a_worker_reads_alone) {
  has("m/1/model.onnx");
  has("m/config.pbtxt", "max_batch_size: 4");
  const auto stamp = [this] {
    const Scan found = scanned();
    return worker_stamp(*found.model("m"), *found.model("m")->version(1));
  };
  const std::string first = stamp();
  EXPECT_EQ(first.size(), 16U);
  EXPECT_EQ(first.find_first_not_of("0123456789abcdef"), std::string::npos);
  for (const char* same :
       {"max_batch_size: 4 version_policy { all { } }",
        "max_batch_size: 4 parameters { key: \"sluice.replicas\" value { string_value: \"2\" } }",
        "max_batch_size: 4 parameters { key: \"sluice.label.s\" value { string_value: \"1\" } }",
        "max_batch_size: 4 # a comment"}) {
    has("m/config.pbtxt", same);
    EXPECT_EQ(stamp(), first) << same;
  }
  for (const char* other :
       {"max_batch_size: 5",
        "max_batch_size: 4 dynamic_batching { max_queue_delay_microseconds: 1 }",
        "max_batch_size: 4 instance_group { count: 2 }"}) {
    has("m/config.pbtxt", other);
    EXPECT_NE(stamp(), first) << other;
  }
  has("m/config.pbtxt", "max_batch_size: 4");
  has("m/1/model.onnx", "other");
  EXPECT_NE(stamp(), first);
}

TEST_F(ScanTest, files_of_labels_count_in_the_stamp_of_every_version_and_are_watched) {
  has("m/1/model.onnx");
  has("m/2/model.onnx");
  has("m/names/labels.txt", "cat");
  has("m/other.txt", "x");
  has("m/config.pbtxt",
      "output { name: \"y\" data_type: TYPE_FP32 dims: 3 label_filename: \"names/labels.txt\" }");
  const auto stamps = [this] {
    const Scan found = scanned();
    const ModelOnDisk& model = *found.model("m");
    return worker_stamp(model, *model.version(1)) + " " + worker_stamp(model, *model.version(2));
  };
  const Scan found = scanned();
  EXPECT_THAT(found.folders, testing::Contains(dir / "m/names"));
  EXPECT_THAT(found.model("m")->notes, testing::IsEmpty()) << "its folder is no mistake";
  const std::string first = stamps();
  has("m/other.txt", "longer");
  EXPECT_EQ(stamps(), first);
  has("m/names/labels.txt", "longer");
  const std::string changed = stamps();
  EXPECT_NE(changed.substr(0, 16), first.substr(0, 16));
  EXPECT_NE(changed.substr(17), first.substr(17));
  fs::remove(dir / "m/names/labels.txt");
  EXPECT_EQ(error_of("m"), "") << "a version that serves has labels without the file";
  EXPECT_NE(stamps(), changed);
}

TEST_F(ScanTest, a_model_in_two_places_is_served_from_neither) {
  has("a/m/1/model.onnx");
  has("b/m/1/model.onnx");
  has("b/n/1/model.onnx");
  const auto found = scan({.roots = {dir / "a", dir / "b"}});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->models.size(), 2U);
  EXPECT_THAT(found->model("m")->error->detail, HasSubstr("it is in two places"));
  EXPECT_FALSE(found->model("n")->error);
}

TEST_F(ScanTest, a_root_that_cannot_be_read_fails_the_whole_scan) {
  has("m/1/model.onnx");
  EXPECT_EQ(scan_repository(dir / "absent").error().code, ErrorCode::not_found);
  EXPECT_EQ(scan({.roots = {dir.path(), dir / "absent"}}).error().code, ErrorCode::not_found);
}

TEST_F(ScanTest, a_bare_file_is_version_1_of_a_model_named_after_it_or_as_asked) {
  has("sub/net.onnx", "abc");
  const auto found = scan(
      {.files = {{.path = dir / "sub/net.onnx"}, {.path = dir / "sub/net.onnx", .name = "n"}}});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->models.size(), 2U);
  for (const char* name : {"net", "n"}) {
    const ModelOnDisk* model = found->model(name);
    ASSERT_NE(model, nullptr);
    EXPECT_FALSE(model->error);
    EXPECT_THAT(model->selected(), ElementsAre(1));
    EXPECT_EQ(model->version(1)->file, dir / "sub/net.onnx");
    EXPECT_EQ(model->version(1)->bytes, 3U);
  }
  const auto absent = scan({.files = {{.path = dir / "no.onnx"}}});
  ASSERT_TRUE(absent);
  EXPECT_THAT(absent->models[0].error->detail, HasSubstr("no.onnx: No such file"));
  EXPECT_TRUE(absent->models[0].unreadable);
}

TEST_F(ScanTest, listed_models_have_padded_versions_and_the_lists_policy_and_labels) {
  has("base/00000042/model.onnx");
  has("base/7/model.onnx");
  const ListedModel listed{.name = "m",
                           .base_path = dir / "base",
                           .version_policy = VersionPolicy{.kind = VersionPolicy::Kind::all},
                           .labels = {{"stable", 7}}};
  const auto found = scan({.listed = {listed}});
  ASSERT_TRUE(found);
  const ModelOnDisk& model = found->models[0];
  EXPECT_FALSE(model.error) << model.error->detail;
  EXPECT_EQ(model.name, "m");
  EXPECT_THAT(model.selected(), ElementsAre(7, 42));
  EXPECT_EQ(model.version(42)->file, dir / "base/00000042/model.onnx");
  EXPECT_EQ(model.config.config.labels, (Labels{{"stable", 7}}));

  has("base/007/model.onnx");
  EXPECT_THAT(scan({.listed = {listed}})->models[0].error->detail,
              HasSubstr("version 7 is there twice: 007 and 7"));
}

TEST_F(ScanTest, a_list_and_a_configuration_that_disagree_are_refused) {
  has("m/1/model.onnx");
  const ListedModel all{.name = "m",
                        .base_path = dir / "m",
                        .version_policy = VersionPolicy{.kind = VersionPolicy::Kind::all}};
  const auto error = [&all] {
    const auto found = scan({.listed = {all}});
    return found->models[0].error ? found->models[0].error->detail : "";
  };
  has("m/config.pbtxt", "version_policy { all { } }");
  EXPECT_EQ(error(), "");
  has("m/config.pbtxt", "version_policy { latest { } }");
  EXPECT_THAT(error(), HasSubstr("version policies in the model list and in config.pbtxt differ"));
}

TEST_F(ScanTest, a_listed_folder_that_is_absent_is_not_one_without_versions) {
  const auto found = scan({.listed = {{.name = "m", .base_path = dir / "absent"}}});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->models[0].unreadable);
  EXPECT_TRUE(found->models[0].error);
}

TEST_F(ScanTest, more_version_folders_than_the_limit_are_an_error_of_their_model) {
  for (std::size_t i = 1; i <= limits::kVersionsOnDisk + 1; ++i) {
    fs::create_directories(dir / ("many/" + std::to_string(i)));
  }
  has("good/1/model.onnx");
  EXPECT_THAT(error_of("many"), HasSubstr("more than 1024 version folders"));
  EXPECT_EQ(error_of("good"), "");
}

TEST_F(ScanTest, more_selected_versions_than_can_be_served_are_an_error) {
  has("m/config.pbtxt", "version_policy { all { } }");
  for (std::size_t i = 1; i <= limits::kVersionsPerModel + 1; ++i) {
    has("m/" + std::to_string(i) + "/model.onnx");
  }
  EXPECT_THAT(error_of("m"), HasSubstr("'all' chooses 65 versions, at most 64"));
}

TEST(Versions, are_numbers_from_1_in_64_bits) {
  const std::pair<const char*, std::optional<std::int64_t>> cases[] = {
      {"1", 1},
      {"42", 42},
      {"9223372036854775807", 9223372036854775807},
      {"9223372036854775808", std::nullopt},
      {"0", std::nullopt},
      {"01", std::nullopt},
      {"", std::nullopt},
      {"-1", std::nullopt},
      {"+1", std::nullopt},
      {" 1", std::nullopt},
      {"1 ", std::nullopt},
      {"1.bak", std::nullopt},
      {"1e3", std::nullopt},
  };
  for (const auto& [name, number] : cases) {
    EXPECT_EQ(parse_version(name), number) << name;
  }
  EXPECT_EQ(parse_padded_version("0042"), 42);
  EXPECT_EQ(parse_padded_version("000"), std::nullopt);
  EXPECT_EQ(parse_padded_version("-42"), std::nullopt);
}

}  // namespace
}  // namespace sluice::repository
