#include "worker/model/repository/folder_stamp.h"

#include <filesystem>
#include <functional>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/base/limits.h"
#include "tests/support/temp_dir.h"

namespace sluice::repository {
namespace {

namespace fs = std::filesystem;

TEST(FolderStamp, changes_with_names_sizes_dates_and_inodes_and_with_nothing_else) {
  const test::TempDir dir;
  const std::string folder = dir / "v";
  const std::string file = dir.write("v/model.onnx", "abc");
  const std::string inner = dir.write("v/data/w.bin", "12345");
  const auto stamp = [&folder] { return folder_facts(folder)->stamp; };
  const auto facts = folder_facts(folder);
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->bytes, 8U);
  EXPECT_EQ(facts->folders, (std::vector<std::string>{folder, folder + "/data"}));
  EXPECT_NE(facts->stamp, 0U);
  EXPECT_EQ(stamp(), facts->stamp);

  const std::pair<const char*, std::function<void()>> changes[] = {
      {"size", [&] { fs::resize_file(inner, 6); }},
      {"date",
       [&] {
         const timespec times[] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                                   {.tv_sec = 7, .tv_nsec = 9}};
         ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
       }},
      {"name", [&] { fs::rename(inner, inner + "2"); }},
      {"another file", [&] { static_cast<void>(dir.write("v/x", "")); }},
      {"an empty folder", [&] { fs::create_directory(folder + "/y"); }},
      {"inode",
       [&] {
         // The same name, size and date.
         struct stat before {};
         ASSERT_EQ(::stat(file.c_str(), &before), 0);
         fs::copy_file(file, folder + ".copy");
         const timespec times[] = {before.st_atim, before.st_mtim};
         ASSERT_EQ(::utimensat(AT_FDCWD, (folder + ".copy").c_str(), times, 0), 0);
         fs::rename(folder + ".copy", file);
       }},
  };
  for (const auto& [what, change] : changes) {
    const std::uint64_t before = stamp();
    change();
    EXPECT_NE(stamp(), before) << what;
    EXPECT_EQ(stamp(), stamp());
  }
}

TEST(FolderStamp, links_are_followed_and_broken_ones_count_by_name) {
  const test::TempDir dir;
  const std::string target = dir.write("real/model.onnx", "abc");
  fs::create_directory(dir / "v");
  fs::create_symlink(target, dir / "v/model.onnx");
  EXPECT_EQ(folder_facts(dir / "v")->bytes, 3U);
  fs::remove(target);
  const auto facts = folder_facts(dir / "v");
  ASSERT_TRUE(facts) << facts.error().detail;
  EXPECT_EQ(facts->bytes, 0U);
}

TEST(FolderStamp, a_ring_of_links_and_an_absent_folder_are_errors) {
  const test::TempDir dir;
  fs::create_directory(dir / "v");
  fs::create_directory_symlink(dir / "v", dir / "v/again");
  EXPECT_EQ(folder_facts(dir / "v").error().code, ErrorCode::resource_exhausted);
  EXPECT_EQ(folder_facts(dir / "absent").error().code, ErrorCode::not_found);
}

TEST(StampedFile, is_read_within_its_limit) {
  const test::TempDir dir;
  const std::string path = dir.write("f", "12345");
  EXPECT_EQ(read_stamped(path, 5)->content, "12345");
  EXPECT_EQ(read_stamped(path, 4).error().code, ErrorCode::resource_exhausted);
  EXPECT_EQ(read_stamped(dir / "absent", 4).error().code, ErrorCode::not_found);
  EXPECT_EQ(read_stamped(dir.path(), 4).error().code, ErrorCode::unavailable);
}

TEST(NetworkFileSystem, what_cannot_be_asked_is_not_trusted) {
  EXPECT_TRUE(is_network_file_system("/proc/self/there-is-no-such-file"));
  EXPECT_FALSE(is_network_file_system("/proc"));
}

}  // namespace
}  // namespace sluice::repository
