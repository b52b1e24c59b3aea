#include "worker/model/repository/label_files.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/limits.h"
#include "tests/support/temp_dir.h"
#include "worker/model/repository/folder_stamp.h"

namespace sluice::repository {
namespace {

ModelConfig with_files(const std::vector<std::string>& files) {
  ModelConfig config;
  for (const std::string& file : files) {
    config.outputs.push_back(
        {.name = "y" + std::to_string(config.outputs.size()), .label_filename = file});
  }
  return config;
}

class LabelFiles : public testing::Test {
 protected:
  // The lines of one file with this content, or why there are none.
  std::string read(const std::string& content) {
    static_cast<void>(dir.write("l.txt", content));
    return read_again({"l.txt"});
  }
  std::string read_again(const std::vector<std::string>& files) {
    const auto labels = read_labels(with_files(files), dir / "1", dir.path());
    return labels ? labels->back().lines : labels.error().detail;
  }
  std::uint64_t stamp(const std::vector<std::string>& files) {
    return label_facts(with_files(files), dir.path()).stamp;
  }

  test::TempDir dir;
};

TEST_F(LabelFiles, have_a_label_on_each_line) {
  const struct {
    std::string content;
    std::string lines;
  } rows[] = {
      {"", ""},
      {"cat", "cat"},
      {"cat\ndog\n", "cat\ndog\n"},
      {"cat\r\ndog\r\n", "cat\ndog\n"},
      {"cat\r\n\r\nd\rog\r", "cat\n\nd\rog"},
      {"\n\n", "\n\n"},
      {"\xef\xbb\xbf"
       "cat\n",
       "cat\n"},
      {"n01 a: \xc3\xa9\t\n", "n01 a: \xc3\xa9\t\n"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(read(row.content), row.lines) << row.content;
  }
}

TEST_F(LabelFiles, are_read_for_the_outputs_that_name_one) {
  static_cast<void>(dir.write("a.txt", "a"));
  static_cast<void>(dir.write("sub/b.txt", "b"));
  const auto labels =
      read_labels(with_files({"a.txt", "", "sub/b.txt", "a.txt"}), dir / "1", dir.path());
  ASSERT_TRUE(labels) << labels.error().detail;
  EXPECT_EQ(*labels, (std::vector<OutputLabels>{{"y0", "a"}, {"y2", "b"}, {"y3", "a"}}));
  EXPECT_TRUE(read_labels(ModelConfig{}, dir / "1", dir.path())->empty());
}

TEST_F(LabelFiles, of_a_version_come_before_those_of_its_model) {
  static_cast<void>(dir.write("l.txt", "model"));
  static_cast<void>(dir.write("1/l.txt", "version"));
  EXPECT_EQ(read_again({"l.txt"}), "version");
  static_cast<void>(dir.write("1/l.txt", "\xff"));
  EXPECT_EQ(read_again({"l.txt"}), "output 'y0': label_filename 'l.txt': it is not UTF-8");
  std::filesystem::remove_all(dir / "1");
  EXPECT_EQ(read_again({"l.txt"}), "model");
}

TEST_F(LabelFiles, that_cannot_be_had_are_named_without_their_folders) {
  const std::string file = "output 'y0': label_filename 'l.txt': ";
  EXPECT_EQ(read_again({"l.txt"}), file + "No such file or directory");
  EXPECT_EQ(read("caf\xe9"), file + "it is not UTF-8");
  EXPECT_EQ(read(std::string(limits::kClassLabelBytes + 1, 'l')),
            file + "has more than 524288 bytes");
  EXPECT_EQ(read(std::string(limits::kClassLabelBytes, 'l')).size(), limits::kClassLabelBytes);
  static_cast<void>(dir.write("more.txt", "x"));
  EXPECT_EQ(read_again({"l.txt", "more.txt"}),
            "output 'y1': label_filename 'more.txt': with those of the outputs before it has more "
            "than 524288 bytes");
  std::filesystem::remove(dir / "l.txt");
  std::filesystem::create_directory(dir / "l.txt");
  EXPECT_EQ(read_again({"l.txt"}), file + "is not a file");
  EXPECT_EQ(read_labels(with_files({"l.txt"}), dir / "1", dir.path()).error().code,
            ErrorCode::invalid_argument);
}

TEST_F(LabelFiles, have_a_stamp_that_changes_with_any_of_them) {
  EXPECT_EQ(stamp({}), 0U);
  EXPECT_EQ(stamp({"", ""}), 0U);
  const std::uint64_t absent = stamp({"a.txt", "b.txt"});
  EXPECT_NE(absent, 0U);
  static_cast<void>(dir.write("b.txt", "b"));
  const std::uint64_t half = stamp({"a.txt", "b.txt"});
  EXPECT_NE(half, absent);
  static_cast<void>(dir.write("a.txt", "a"));
  const std::uint64_t whole = stamp({"a.txt", "b.txt"});
  EXPECT_NE(whole, half);
  EXPECT_EQ(stamp({"a.txt", "b.txt"}), whole);
  static_cast<void>(dir.write("other.txt", "x"));
  EXPECT_EQ(stamp({"a.txt", "b.txt"}), whole);
  static_cast<void>(dir.write("a.txt", "longer"));
  EXPECT_NE(stamp({"a.txt", "b.txt"}), whole);
}

TEST_F(LabelFiles, below_the_models_folder_have_folders_to_be_watched) {
  static_cast<void>(dir.write("sub/b.txt", "b"));
  const LabelFacts facts =
      label_facts(with_files({"a.txt", "sub/b.txt", "gone/c.txt"}), dir.path());
  EXPECT_EQ(facts.folders, std::vector<std::string>{dir / "sub"});
}

}  // namespace
}  // namespace sluice::repository
