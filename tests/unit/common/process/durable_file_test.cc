#include "common/process/durable_file.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace sluice {
namespace {

namespace fs = std::filesystem;

class DurableFileTest : public testing::Test {
 protected:
  DurableFileTest() {
    std::string pattern = (fs::temp_directory_path() / "durable.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~DurableFileTest() override { fs::remove_all(folder_); }

  [[nodiscard]] DurableFile file(const std::string& name = "state") const {
    return {(folder_ / name).string(), 16};
  }
  void put(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name) << content;
  }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

TEST_F(DurableFileTest, WhatWasNeverWrittenIsNothing) {
  const auto content = file().read();
  ASSERT_TRUE(content);
  EXPECT_FALSE(content->has_value());
}

TEST_F(DurableFileTest, ReadsWhatWasWrittenLastAndLeavesNothingBeside) {
  ASSERT_TRUE(file().write("one"));
  ASSERT_TRUE(file().write("two, longer"));
  ASSERT_TRUE(file().write("3"));
  const auto content = file().read();
  ASSERT_TRUE(content);
  EXPECT_EQ(**content, "3");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(DurableFileTest, IsTheOwnersAloneUnlessTheUmaskIsToSay) {
  const mode_t before = ::umask(022);
  ASSERT_TRUE(file().write("state"));
  const std::string shared = (folder_ / "shared").string();
  ASSERT_TRUE(DurableFile(shared, 16, DurableFile::kAsUmaskSays).write("model"));
  ::umask(before);
  using fs::perms;
  const perms owners = perms::owner_read | perms::owner_write;
  EXPECT_EQ(fs::status(folder_ / "state").permissions(), owners);
  EXPECT_EQ(fs::status(shared).permissions(), owners | perms::group_read | perms::others_read);
}

TEST_F(DurableFileTest, ReplacesWhatACrashLeftBeside) {
  put("state", "old");
  put("state.new", "half of so");
  EXPECT_EQ(**file().read(), "old");
  ASSERT_TRUE(file().write("new"));
  EXPECT_EQ(**file().read(), "new");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(DurableFileTest, RefusesAFileOverTheLimit) {
  put("state", std::string(16, 'x'));
  EXPECT_TRUE(file().read());
  put("state", std::string(17, 'x'));
  const auto content = file().read();
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, ErrorCode::data_corrupt);
  EXPECT_NE(content.error().detail.find("more than 16 bytes"), std::string::npos);
}

TEST_F(DurableFileTest, KeepsTheOldContentWhenItCannotWrite) {
  put("state", "old");
  fs::create_directory(folder_ / "state.new");  // even root cannot open it for writing
  const auto written = file().write("new");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::unavailable);
  EXPECT_NE(written.error().detail.find("Is a directory"), std::string::npos);
  EXPECT_EQ(**file().read(), "old");
}

TEST_F(DurableFileTest, KeepsTheOldContentWhenTheDiskIsFull) {
  put("state", "old");
  // /dev/full answers every write as a full disk does.
  fs::create_symlink("/dev/full", folder_ / "state.new");
  const auto written = file().write("new");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().detail.find("No space left on device"), std::string::npos);
  EXPECT_EQ(**file().read(), "old");
  EXPECT_FALSE(fs::exists(fs::symlink_status(folder_ / "state.new")));
}

TEST_F(DurableFileTest, SaysThatTheFolderIsMissing) {
  const auto written = file("missing/state").write("new");
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().detail.find("No such file or directory"), std::string::npos);
}

}  // namespace
}  // namespace sluice
