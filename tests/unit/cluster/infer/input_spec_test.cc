#include "cluster/infer/input_spec.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cluster/infer/elements.h"

namespace sluice::cluster {
namespace {

ModelInfo model_with(std::vector<std::string> names) {
  ModelInfo model;
  for (std::string& name : names) {
    model.inputs.push_back({std::move(name), DataType::float32, {-1, 2}, false});
  }
  return model;
}

TEST(InputSpec, TellsNamesFromValues) {
  struct Case {
    std::string argument;
    std::string name;  // empty: unnamed
    bool is_file;
    std::string text;
  };
  const ModelInfo model = model_with({"x", "x=y", "@z"});
  const Case cases[] = {
      {"x=[1,2]", "x", false, "[1,2]"},
      {"x=@a.npy", "x", true, "a.npy"},
      {"x=y=3", "x=y", false, "3"},
      {"@z=3", "@z", false, "3"},
      {"[1,2]", "", false, "[1,2]"},
      {"@dir/a=b.json", "", true, "dir/a=b.json"},
      {"\"a=b\"", "", false, "\"a=b\""},
      {"true", "", false, "true"},
      {"x=", "x", false, ""},
  };
  for (const Case& c : cases) {
    const Result<InputSpec> spec = parse_input_spec(c.argument, model);
    ASSERT_TRUE(spec) << c.argument << ": " << spec.error().detail;
    EXPECT_EQ(spec->input == nullptr ? "" : spec->input->name, c.name) << c.argument;
    EXPECT_EQ(spec->is_file, c.is_file) << c.argument;
    EXPECT_EQ(spec->text, c.text) << c.argument;
  }
}

TEST(InputSpec, NamesTheInputsThatThereAre) {
  const ModelInfo model = model_with({"a", "b"});
  const auto unknown = parse_input_spec("image=@five.png", model);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().detail, "the model has no input 'image'; its inputs are 'a', 'b'");
  const std::vector<std::string> unnamed{"[1,2]"};
  const auto which = read_inputs(unnamed, model);
  ASSERT_FALSE(which);
  EXPECT_EQ(which.error().detail,
            "the model has 2 inputs, say which: NAME=VALUE with one of 'a', 'b'");
  const std::vector<std::string> twice{"a=[1,2]", "a=[3,4]"};
  const auto again = read_inputs(twice, model);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().detail, "input 'a' is given twice");
}

TEST(InputSpec, TheOnlyInputNeedsNoName) {
  const std::vector<std::string> arguments{"[1,2]"};
  const auto tensors = read_inputs(arguments, model_with({"x"}));
  ASSERT_TRUE(tensors) << tensors.error().detail;
  EXPECT_EQ(tensors->front().name, "x");
  EXPECT_EQ(tensors->front().shape, (Shape{1, 2}));
}

TEST(InputSpec, SaysWhichFileIsWrong) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "sluice_input_spec_test";
  std::filesystem::create_directories(folder);
  const std::string bad = folder / "bad.npy";
  std::ofstream(bad) << "hello";
  const std::string text = folder / "a.txt";
  std::ofstream(text) << "1";
  struct Case {
    std::string file;
    std::string said;
  };
  const Case cases[] = {
      {bad, bad + ": not a .npy file: it does not start with numpy's signature"},
      {text, text + ": the name of an input file ends with .json, .npy"},
      {folder / "gone.png", (folder / "gone.png").string() + ": No such file or directory"},
      {folder, folder.string() + ": not a regular file"},
  };
  for (const Case& c : cases) {
    const std::vector<std::string> arguments{"@" + c.file};
    const auto tensors = read_inputs(arguments, model_with({"x"}));
    ASSERT_FALSE(tensors) << c.file;
    EXPECT_TRUE(tensors.error().detail.starts_with(c.said)) << tensors.error().detail;
  }
  std::filesystem::remove_all(folder);
}

TEST(InputSpec, TakesAnOnnxTensorUnderTheInputsName) {
  const std::string file =
      std::string(SLUICE_SOURCE_DIR) + "/cluster/example/add/1/test_data_set_0/input_0.pb";
  const std::vector<std::string> arguments{"x=@" + file};
  const auto tensors = read_inputs(arguments, model_with({"w", "x"}));
  ASSERT_TRUE(tensors) << tensors.error().detail;
  EXPECT_EQ(tensors->front().name, "x");
  EXPECT_EQ(tensors->front().shape, (Shape{2, 4}));
  EXPECT_EQ(number_at(tensors->front(), 3), 4.0);
}

TEST(InputSpec, TakesAV2RequestFile) {
  const ModelInfo model{
      .name = "digits",
      .version = 1,
      .platform = {},
      .description = {},
      .inputs = {{"image", DataType::float32, {-1, 1, 8, 8}, false}},
      .outputs = {},
  };
  const std::string folder = std::string(SLUICE_SOURCE_DIR) + "/cluster/example/";
  const std::vector<std::string> json{"@" + folder + "five.json"};
  const std::vector<std::string> png{"image=@" + folder + "five.png"};
  const auto from_json = read_inputs(json, model);
  const auto from_png = read_inputs(png, model);
  ASSERT_TRUE(from_json) << from_json.error().detail;
  ASSERT_TRUE(from_png) << from_png.error().detail;
  for (std::size_t i = 0; i < 64; ++i) {
    EXPECT_NEAR(number_at(from_json->front(), i), number_at(from_png->front(), i), 1e-4);
  }
}

}  // namespace
}  // namespace sluice::cluster
