#include "cluster/serve/run_dir.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "tests/support/temp_dir.h"

namespace sluice::cluster {
namespace {

namespace fs = std::filesystem;

class RunDir : public testing::Test {
 protected:
  test::TempDir dir;
  const std::string run_dir = dir / "run";
};

TEST_F(RunDir, is_made_for_its_owner_alone) {
  ASSERT_TRUE(prepare_run_dir(run_dir));
  struct stat status {};
  ASSERT_EQ(::stat(run_dir.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  EXPECT_TRUE(prepare_run_dir(run_dir));
}

TEST_F(RunDir, the_state_of_a_source_of_models_has_a_name_of_its_own) {
  fs::create_directory(dir / "models");
  const std::string name = state_file_in("/run", {dir / "models"});
  EXPECT_EQ(state_file_in("/run", {dir / "models/../models"}), name);
  EXPECT_NE(state_file_in("/run", {dir / "other"}), name);
  EXPECT_NE(state_file_in("/run", {dir / "models", dir / "other"}), name);
  EXPECT_EQ(state_file_in("/run", {}), "/run/state-cbf29ce484222325.json");
}

TEST_F(RunDir, a_second_lock_is_refused_with_the_holders_pid) {
  const auto first = RunLock::take(run_dir);
  ASSERT_TRUE(first) << first.error().detail;
  const auto second = RunLock::take(run_dir);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_NE(second.error().detail.find("(process " + std::to_string(::getpid()) + ")"),
            std::string::npos)
      << second.error().detail;
}

TEST_F(RunDir, a_lock_file_without_a_holder_is_no_lock) {
  static_cast<void>(dir.write("run/serve.lock", "4711\n"));
  EXPECT_TRUE(RunLock::take(run_dir));
}

TEST_F(RunDir, the_lock_ends_with_its_holder) {
  { ASSERT_TRUE(RunLock::take(run_dir)); }
  EXPECT_TRUE(RunLock::take(run_dir));
}

TEST_F(RunDir, cleaning_takes_our_files_and_leaves_others) {
  static_cast<void>(dir.write("run/control.sock", ""));
  static_cast<void>(dir.write("run/gateway.lock", ""));
  static_cast<void>(dir.write("run/notes.txt", ""));
  clean_run_dir(run_dir);
  EXPECT_TRUE(fs::exists(run_dir + "/notes.txt"));
  EXPECT_FALSE(fs::exists(run_dir + "/control.sock"));
  fs::remove(run_dir + "/notes.txt");
  clean_run_dir(run_dir);
  EXPECT_FALSE(fs::exists(run_dir));
}

TEST_F(RunDir, too_long_a_path_is_refused_before_anything_is_made) {
  const std::string deep = dir / std::string(limits::kIpcPathBytes, 'd');
  const auto prepared = prepare_run_dir(deep);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().code, ErrorCode::invalid_argument);
  EXPECT_FALSE(fs::exists(deep));
}

TEST_F(RunDir, a_file_in_its_place_is_refused) {
  static_cast<void>(dir.write("run", "x"));
  const auto prepared = prepare_run_dir(run_dir);
  ASSERT_FALSE(prepared);
  EXPECT_NE(prepared.error().detail.find("is not a folder"), std::string::npos);
}

}  // namespace
}  // namespace sluice::cluster
