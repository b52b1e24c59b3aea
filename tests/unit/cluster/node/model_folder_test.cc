#include "cluster/node/model_folder.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "common/base/limits.h"

namespace sluice::cluster {
namespace {

namespace fs = std::filesystem;

class ModelFolder : public testing::Test {
 protected:
  ModelFolder() {
    std::string pattern = (fs::temp_directory_path() / "sluice-models-XXXXXX").string();
    root = ::mkdtemp(pattern.data());
  }
  ~ModelFolder() override { fs::remove_all(root); }

  void has(const std::string& file) const {
    fs::create_directories((root / file).parent_path());
    std::ofstream(root / file) << "x";
  }

  fs::path root;
};

TEST_F(ModelFolder, the_newest_numeric_version_of_each_model_is_found_by_number_not_by_text) {
  has("digits/2/model.onnx");
  has("digits/10/model.onnx");
  has("digits/9/model.onnx");
  has("add/1/model.onnx");
  const auto models = models_of_folder(root.string());
  ASSERT_TRUE(models) << models.error().detail;
  EXPECT_EQ(
      *models,
      (std::vector<ModelFile>{
          {.name = "add", .version = 1, .path = (root / "add/1/model.onnx").string()},
          {.name = "digits", .version = 10, .path = (root / "digits/10/model.onnx").string()}}));
}

TEST_F(ModelFolder, what_is_no_version_is_passed_over) {
  has("m/1/model.onnx");
  has("m/0/model.onnx");
  has("m/007/model.onnx");
  has("m/-3/model.onnx");
  has("m/two/model.onnx");
  has("m/5/model.onnx.part");
  has("m/99999999999999999999/model.onnx");
  has("notes/readme.txt");
  has(".git/1/model.onnx");
  has("train.py");
  const auto models = models_of_folder(root.string());
  ASSERT_TRUE(models) << models.error().detail;
  ASSERT_EQ(models->size(), 1U);
  EXPECT_EQ(models->front().version, 1);
}

TEST_F(ModelFolder, a_forgotten_version_folder_is_named) {
  has("resnet/model.onnx");
  const auto models = models_of_folder(root.string());
  ASSERT_FALSE(models);
  EXPECT_EQ(models.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(models.error().detail.find("resnet/1/model.onnx"), std::string::npos);
}

TEST_F(ModelFolder, a_folder_without_models_and_no_folder_at_all_are_not_found) {
  EXPECT_EQ(models_of_folder(root.string()).error().code, ErrorCode::not_found);
  EXPECT_EQ(models_of_folder((root / "absent").string()).error().code, ErrorCode::not_found);
}

TEST_F(ModelFolder, a_name_that_cannot_stand_in_a_url_is_refused) {
  has("my model/1/model.onnx");
  const auto models = models_of_folder(root.string());
  ASSERT_FALSE(models);
  EXPECT_EQ(models.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(models.error().detail.find("my model"), std::string::npos);
}

TEST_F(ModelFolder, a_bare_file_is_named_after_itself_or_as_asked) {
  has("sub/model.onnx");
  has("mobilenet_v2.onnx");
  EXPECT_EQ(model_of_file((root / "sub/model.onnx").string(), "")->name, "model");
  EXPECT_EQ(model_of_file((root / "mobilenet_v2.onnx").string(), "")->name, "mobilenet_v2");
  EXPECT_EQ(model_of_file((root / "mobilenet_v2.onnx").string(), "m")->name, "m");
  EXPECT_EQ(model_of_file((root / "mobilenet_v2.onnx").string(), "m")->version, 1);
}

TEST_F(ModelFolder, a_bare_file_that_is_absent_or_a_folder_is_refused_with_the_reason) {
  EXPECT_EQ(model_of_file((root / "no.onnx").string(), "").error().code, ErrorCode::not_found);
  const auto folder = model_of_file(root.string(), "");
  EXPECT_EQ(folder.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(folder.error().detail.find("--models"), std::string::npos);
}

TEST(ModelArgument, goes_there_and_back) {
  const ModelFile model{.name = "digits", .version = 12, .path = "/a=b/c/model.onnx"};
  const auto back = model_of_argument(to_argument(model));
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(*back, model);
}

TEST(ModelArgument, malformed_ones_are_refused) {
  const std::string long_name(limits::kModelNameBytes + 1, 'a');
  for (const std::string& argument : {std::string(""),
                                      std::string("digits"),
                                      std::string("digits=/f"),
                                      std::string("digits/1"),
                                      std::string("digits/1="),
                                      std::string("digits/0=/f"),
                                      std::string("digits/=/f"),
                                      std::string("/1=/f"),
                                      std::string("di gits/1=/f"),
                                      long_name + "/1=/f"}) {
    const auto model = model_of_argument(argument);
    ASSERT_FALSE(model) << argument;
    EXPECT_EQ(model.error().code, ErrorCode::invalid_argument) << argument;
  }
}

}  // namespace
}  // namespace sluice::cluster
