#include "cluster/node/node_repository.h"

#include <chrono>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace sluice::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kFirstLook{seconds(1'000)};

// A folder with one model, looked at only when told to, and a clock of its own.
class NodeRepositoryTest : public testing::Test {
 protected:
  NodeRepositoryTest() { has("m/1/model.onnx"); }

  void has(const std::string& file) {
    const std::string path = dir.write("r/" + file, "x");
    // As if it had lain there for a day.
    std::filesystem::last_write_time(
        path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(24));
  }
  repository::WatchOptions options(Duration settle) {
    return {.what = {.roots = {dir / "r"}}, .explicit_only = true, .settle = settle};
  }

  test::TempDir dir;
};

TEST_F(NodeRepositoryTest, is_told_once_after_the_first_look_and_again_on_each_link) {
  NodeRepository repository(options(Duration{0}));
  EXPECT_FALSE(repository.known());
  EXPECT_FALSE(repository.take_report(kFirstLook));
  EXPECT_TRUE(repository.tick(kFirstLook));
  EXPECT_TRUE(repository.known());
  const auto first = repository.take_report(kFirstLook);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->sequence, 1U);
  EXPECT_EQ(first->looked, 0U);
  ASSERT_EQ(first->models.size(), 1U);
  EXPECT_FALSE(repository.take_report(kFirstLook));
  EXPECT_EQ(repository.next_due(), std::nullopt);
  repository.on_attached();
  const auto again = repository.take_report(kFirstLook);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->sequence, 1U);
  EXPECT_EQ(again->models, first->models);
}

TEST_F(NodeRepositoryTest, a_look_is_answered_even_when_nothing_has_changed) {
  NodeRepository repository(options(Duration{0}));
  repository.tick(kFirstLook);
  static_cast<void>(repository.take_report(kFirstLook));
  EXPECT_FALSE(repository.look(4, kFirstLook));
  const auto answer = repository.take_report(kFirstLook);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->looked, 4U);
  EXPECT_EQ(answer->sequence, 2U);
  has("m/2/model.onnx");
  EXPECT_TRUE(repository.look(5, kFirstLook));
  const auto changed = repository.take_report(kFirstLook);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->looked, 5U);
  EXPECT_EQ(changed->models.at(0).versions.size(), 2U);
  EXPECT_FALSE(repository.take_report(kFirstLook));
}

TEST_F(NodeRepositoryTest, a_look_waits_for_what_has_yet_to_settle) {
  NodeRepository repository(options(seconds(1)));
  repository.tick(kFirstLook);
  // Folders are as new as this test: everything has to settle first.
  repository.tick(kFirstLook + seconds(1));
  ASSERT_TRUE(repository.take_report(kFirstLook + seconds(1)));
  has("m/2/model.onnx");
  TimePoint now = kFirstLook + seconds(10);
  repository.look(1, now);
  EXPECT_FALSE(repository.take_report(now));
  ASSERT_TRUE(repository.next_due());
  EXPECT_EQ(*repository.next_due(), now + seconds(1));
  now += seconds(1);
  EXPECT_TRUE(repository.tick(now));
  const auto answer = repository.take_report(now);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->looked, 1U);
  EXPECT_EQ(answer->models.at(0).versions.size(), 2U);
}

TEST_F(NodeRepositoryTest, a_folder_that_never_settles_holds_up_nothing_for_ever) {
  NodeRepository repository(options(std::chrono::hours(1)));
  EXPECT_FALSE(repository.tick(kFirstLook));
  EXPECT_FALSE(repository.take_report(kFirstLook));
  ASSERT_TRUE(repository.next_due());
  EXPECT_LE(*repository.next_due(), kFirstLook + limits::kFirstLook);
  EXPECT_TRUE(repository.tick(kFirstLook + limits::kFirstLook));
  ASSERT_TRUE(repository.take_report(kFirstLook + limits::kFirstLook));
  const TimePoint asked = kFirstLook + seconds(60);
  repository.look(1, asked);
  EXPECT_FALSE(repository.take_report(asked));
  const auto answer = repository.take_report(asked + limits::kLookAnswer);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->looked, 1U);
}

TEST_F(NodeRepositoryTest, a_folder_that_is_not_there_is_not_an_empty_repository) {
  repository::WatchOptions absent = options(Duration{0});
  absent.what.roots = {dir / "absent"};
  NodeRepository repository(absent);
  EXPECT_FALSE(repository.tick(kFirstLook));
  EXPECT_FALSE(repository.tick(kFirstLook + seconds(60)));
  EXPECT_FALSE(repository.known());
  EXPECT_FALSE(repository.take_report(kFirstLook + seconds(60)));
  static_cast<void>(dir.write("absent/m/1/model.onnx", "x"));
  EXPECT_TRUE(repository.tick(kFirstLook + seconds(120)));
  EXPECT_TRUE(repository.take_report(kFirstLook + seconds(120)));
}

TEST_F(NodeRepositoryTest, a_disk_that_fails_later_is_told_with_what_was_known) {
  NodeRepository repository(options(Duration{0}));
  repository.tick(kFirstLook);
  static_cast<void>(repository.take_report(kFirstLook));
  std::filesystem::rename(dir / "r", dir / "away");
  EXPECT_TRUE(repository.look(3, kFirstLook));
  const auto answer = repository.take_report(kFirstLook);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->looked, 3U);
  EXPECT_NE(answer->problem, "");
  EXPECT_EQ(answer->models.size(), 1U);
}

}  // namespace
}  // namespace sluice::cluster
