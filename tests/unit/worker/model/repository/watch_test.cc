// The watch over real folders. Time is given; only the kernel's word is waited for.

#include "worker/model/repository/watch.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "tests/support/temp_dir.h"

namespace sluice::repository {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::ElementsAre;

constexpr auto kPatience = 10'000;  // ms; events are there at once

class WatchTest : public testing::Test {
 protected:
  void has(const std::string& file, const std::string& content = "x") const {
    static_cast<void>(dir.write(file, content));
  }

  // Ticks as the loop would until everything has settled; returns the time then.
  static TimePoint settle(RepositoryWatch& watch, TimePoint now) {
    for (int i = 0; i < 100; ++i) {
      while (is_readable(watch, 0)) {
        watch.on_readable();
      }
      if (watch.settled() && (!watch.next_tick() || *watch.next_tick() > now + 4s)) {
        return now;
      }
      now = std::max(now, watch.next_tick().value_or(now));
      watch.tick(now);
    }
    ADD_FAILURE() << "does not settle";
    return now;
  }

  static bool is_readable(const RepositoryWatch& watch, int milliseconds) {
    pollfd waited{.fd = watch.descriptor(), .events = POLLIN, .revents = 0};
    return ::poll(&waited, 1, milliseconds) == 1;
  }

  static std::vector<std::int64_t> served(const RepositoryWatch& watch) {
    const SettledModel* model = watch.view().model("m");
    return model == nullptr ? std::vector<std::int64_t>() : model->selected();
  }

  test::TempDir dir;
  TimePoint now{1000s};
};

TEST_F(WatchTest, a_new_version_is_told_and_settles) {
  has("m/1/model.onnx");
  RepositoryWatch watch({.what = {.roots = {dir.path()}}});
  EXPECT_EQ(watch.polling_reason(), "");
  now = settle(watch, now);
  EXPECT_THAT(served(watch), ElementsAre(1));
  EXPECT_EQ(watch.next_tick(), std::nullopt);
  has("m/2/model.onnx");
  ASSERT_TRUE(is_readable(watch, kPatience));
  watch.on_readable();
  ASSERT_TRUE(watch.next_tick());
  now = settle(watch, now + 1s);
  EXPECT_THAT(served(watch), ElementsAre(2));
}

TEST_F(WatchTest, changes_deep_in_a_version_and_of_the_configuration_are_told) {
  has("m/1/model.onnx");
  has("m/1/data/w.bin");
  has("m/2/model.onnx");
  RepositoryWatch watch({.what = {.roots = {dir.path()}}});
  now = settle(watch, now);
  const Stamp before = watch.view().model("m")->model.version(1)->stamp;
  has("m/1/data/w.bin", "longer");
  ASSERT_TRUE(is_readable(watch, kPatience));
  now = settle(watch, now + 1s);
  EXPECT_NE(watch.view().model("m")->model.version(1)->stamp, before);
  has("m/config.pbtxt", "version_policy { all { } }");
  ASSERT_TRUE(is_readable(watch, kPatience));
  now = settle(watch, now + 1s);
  EXPECT_THAT(served(watch), ElementsAre(1, 2));
}

TEST_F(WatchTest, a_folder_moved_away_and_its_successor_are_told) {
  has("m/1/model.onnx");
  RepositoryWatch watch({.what = {.roots = {dir.path()}}});
  now = settle(watch, now);
  fs::rename(dir / "m", dir / ".old");
  has("m/5/model.onnx");
  ASSERT_TRUE(is_readable(watch, kPatience));
  now = settle(watch, now + 1s);
  EXPECT_THAT(served(watch), ElementsAre(5));
  has("m/6/model.onnx");
  ASSERT_TRUE(is_readable(watch, kPatience)) << "the successor is watched";
  now = settle(watch, now + 1s);
  EXPECT_THAT(served(watch), ElementsAre(6));
}

// A list of models, each of them a folder of the same name.
std::string list_of(const test::TempDir& dir, const std::vector<std::string>& models) {
  std::string text = "model_config_list {\n";
  for (const std::string& model : models) {
    text += " config { name: \"" + model + "\" base_path: \"" + dir.path() + "/" + model + "\" }\n";
  }
  return text + "}\n";
}

TEST_F(WatchTest, a_changed_list_is_followed_as_a_whole_and_a_wrong_one_is_not) {
  has("m/1/model.onnx");
  has("n/1/model.onnx");
  const std::string list = dir.write("lists/models", list_of(dir, {"m"}));
  RepositoryWatch watch({.what = {}, .list_file = list});
  now = settle(watch, now);
  EXPECT_THAT(served(watch), ElementsAre(1));
  EXPECT_EQ(watch.view().error, std::nullopt);

  has("lists/models", list_of(dir, {"n"}));
  ASSERT_TRUE(is_readable(watch, kPatience));
  watch.on_readable();
  watch.tick(now + 1s);
  EXPECT_FALSE(watch.settled()) << "it may still be written";
  EXPECT_THAT(served(watch), ElementsAre(1));
  now = settle(watch, now + 1s);
  EXPECT_EQ(watch.view().model("m"), nullptr);
  ASSERT_NE(watch.view().model("n"), nullptr);

  has("lists/models", list_of(dir, {"m"}) + "nonsense");
  ASSERT_TRUE(is_readable(watch, kPatience));
  now = settle(watch, now + 1s);
  ASSERT_TRUE(watch.view().error);
  EXPECT_EQ(watch.view().error->detail.substr(0, list.size() + 5), list + " 4:9:")
      << watch.view().error->detail;
  EXPECT_EQ(watch.view().model("m"), nullptr);
  has("n/2/model.onnx");
  ASSERT_TRUE(is_readable(watch, kPatience));
  now = settle(watch, now + 1s);
  EXPECT_THAT(watch.view().model("n")->selected(), ElementsAre(2)) << "what it names is followed";

  fs::remove(list);
  now = settle(watch, now + 1s);
  EXPECT_TRUE(watch.view().error);
  EXPECT_NE(watch.view().model("n"), nullptr);
  has("lists/models", list_of(dir, {"m", "n"}));
  now = settle(watch, now + 1s);
  EXPECT_EQ(watch.view().error, std::nullopt);
  EXPECT_THAT(served(watch), ElementsAre(1));
}

TEST_F(WatchTest, an_unwatched_list_is_read_at_a_look) {
  has("m/1/model.onnx");
  const std::string list = dir.write("models", list_of(dir, {}));
  RepositoryWatch watch({.what = {}, .list_file = list, .explicit_only = true});
  watch.tick(now);
  has("models", list_of(dir, {"m"}));
  watch.look_now(now + 1s);
  EXPECT_FALSE(watch.settled());
  now = settle(watch, now + 2s);
  EXPECT_THAT(served(watch), ElementsAre(1));
}

TEST_F(WatchTest, a_folder_that_always_changes_is_not_looked_at_all_the_time) {
  has("m/1/model.onnx");
  RepositoryWatch watch({.what = {.roots = {dir.path()}}});
  now = settle(watch, now);
  has("m/2/model.onnx");
  ASSERT_TRUE(is_readable(watch, kPatience));
  now += 1s;
  watch.on_readable();
  watch.tick(now);
  has("m/2/model.onnx", "yy");
  ASSERT_TRUE(is_readable(watch, kPatience));
  watch.on_readable();
  EXPECT_GE(*watch.next_tick(), now + limits::kScanPause);
}

TEST_F(WatchTest, polling_looks_at_intervals) {
  has("m/1/model.onnx");
  RepositoryWatch watch({.what = {.roots = {dir.path()}}, .poll = true, .poll_interval = 5s});
  EXPECT_EQ(watch.descriptor(), -1);
  EXPECT_NE(watch.polling_reason(), "");
  watch.tick(now);
  now += 1s;
  watch.tick(now);
  EXPECT_THAT(served(watch), ElementsAre(1));
  EXPECT_EQ(watch.next_tick(), now + 5s);
  has("m/2/model.onnx");
  EXPECT_FALSE(watch.tick(now + 4s));
  EXPECT_FALSE(watch.tick(now + 5s));
  EXPECT_EQ(watch.next_tick(), now + 6s);
  EXPECT_TRUE(watch.tick(now + 6s));
  EXPECT_THAT(served(watch), ElementsAre(2));
}

TEST_F(WatchTest, in_explicit_mode_only_a_load_looks) {
  has("m/1/model.onnx");
  RepositoryWatch watch({.what = {.roots = {dir.path()}}, .explicit_only = true});
  EXPECT_EQ(watch.descriptor(), -1);
  watch.tick(now);
  watch.tick(now += 1s);
  EXPECT_THAT(served(watch), ElementsAre(1));
  EXPECT_EQ(watch.next_tick(), std::nullopt);
  has("m/2/model.onnx");
  EXPECT_FALSE(watch.tick(now += 1h));
  EXPECT_FALSE(watch.look_now(now += 1h));
  EXPECT_FALSE(watch.settled());
  EXPECT_TRUE(watch.tick(now += 1s));
  EXPECT_THAT(served(watch), ElementsAre(2));
}

TEST_F(WatchTest, an_absent_root_is_told_and_found_when_it_comes) {
  RepositoryWatch watch({.what = {.roots = {dir / "late"}}});
  EXPECT_TRUE(watch.tick(now));
  ASSERT_TRUE(watch.view().error);
  EXPECT_EQ(watch.view().error->code, ErrorCode::not_found);
  has("late/m/1/model.onnx");
  now = settle(watch, now + 1s);
  EXPECT_FALSE(watch.view().error);
  EXPECT_THAT(served(watch), ElementsAre(1));
}

TEST_F(WatchTest, another_list_replaces_the_first) {
  has("a/m/1/model.onnx");
  has("b/m/7/model.onnx");
  RepositoryWatch watch({.what = {.roots = {dir / "a"}}});
  now = settle(watch, now);
  EXPECT_THAT(served(watch), ElementsAre(1));
  watch.follow({.roots = {dir / "b"}});
  now = settle(watch, now);
  EXPECT_THAT(served(watch), ElementsAre(7));
}

}  // namespace
}  // namespace sluice::repository
