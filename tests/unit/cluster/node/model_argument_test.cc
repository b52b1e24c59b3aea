#include "cluster/node/model_argument.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "common/base/limits.h"

namespace sluice::cluster {
namespace {

namespace fs = std::filesystem;

class ModelArgument : public testing::Test {
 protected:
  ModelArgument() {
    std::string pattern = (fs::temp_directory_path() / "sluice-models-XXXXXX").string();
    root = ::mkdtemp(pattern.data());
  }
  ~ModelArgument() override { fs::remove_all(root); }

  void has(const std::string& file) const {
    fs::create_directories((root / file).parent_path());
    std::ofstream(root / file) << "x";
  }

  fs::path root;
};

TEST_F(ModelArgument, a_bare_file_is_named_after_itself_or_as_asked) {
  has("sub/model.onnx");
  has("mobilenet_v2.onnx");
  EXPECT_EQ(model_of_file((root / "sub/model.onnx").string(), "")->name, "model");
  EXPECT_EQ(model_of_file((root / "mobilenet_v2.onnx").string(), "")->name, "mobilenet_v2");
  EXPECT_EQ(model_of_file((root / "mobilenet_v2.onnx").string(), "m")->name, "m");
  EXPECT_EQ(model_of_file((root / "mobilenet_v2.onnx").string(), "m")->version, 1);
}

TEST_F(ModelArgument, a_bare_file_that_is_absent_or_a_folder_is_refused_with_the_reason) {
  EXPECT_EQ(model_of_file((root / "no.onnx").string(), "").error().code, ErrorCode::not_found);
  const auto folder = model_of_file(root.string(), "");
  EXPECT_EQ(folder.error().code, ErrorCode::invalid_argument);
  EXPECT_NE(folder.error().detail.find("--models"), std::string::npos);
  has("my model.onnx");
  const auto name = model_of_file((root / "my model.onnx").string(), "");
  EXPECT_EQ(name.error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(name.error().detail.starts_with("'my model' cannot be a model's name: "));
  EXPECT_TRUE(name.error().detail.ends_with("; choose one with --name"));
}

TEST_F(ModelArgument, a_folder_of_models_must_be_one) {
  has("a.onnx");
  EXPECT_EQ(*folder_of_models(root.string() + "/."), root.string() + "/");
  EXPECT_EQ(folder_of_models((root / "absent").string()).error().code, ErrorCode::not_found);
  EXPECT_EQ(folder_of_models((root / "a.onnx").string()).error().code, ErrorCode::invalid_argument);
}

TEST(ModelArgumentText, goes_there_and_back) {
  const repository::SingleFile model{.path = "/a=b/c/model.onnx", .name = "digits", .version = 12};
  const auto back = model_of_argument(to_argument(model));
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(*back, model);
}

TEST(ModelArgumentText, malformed_ones_are_refused) {
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
