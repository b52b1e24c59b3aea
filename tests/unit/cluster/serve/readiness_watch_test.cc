#include "cluster/serve/readiness_watch.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

using std::chrono::seconds;

constexpr TimePoint kWatched{seconds(1'000)};

class ReadinessWatchTest : public testing::Test {
 protected:
  ReadinessWatch watch(std::vector<ExpectedModel> expected) {
    options.expected = std::move(expected);
    return {options,
            "127.0.0.1:1",
            [this](const std::string& text) { said.push_back(text); },
            kWatched};
  }

  ServeOptions options;
  std::vector<std::string> said;
};

TEST_F(ReadinessWatchTest, passes_on_why_a_model_cannot_be_served) {
  ReadinessWatch watched = watch({{.name = "m", .versions = {1}}, {.name = "bad", .broken = true}});
  watched.on_line("problem bad model 'bad': config.pbtxt 1:1: no field 'x'", kWatched);
  watched.on_line("state m/1 loading", kWatched);
  watched.on_line("died m/1 killed by signal 9", kWatched);
  watched.on_line("failed m/1 exit code 3: no such file", kWatched);
  EXPECT_EQ(said,
            (std::vector<std::string>{"model bad: model 'bad': config.pbtxt 1:1: no field 'x'",
                                      "model m/1: its worker died: killed by signal 9",
                                      "model m/1 cannot be served: exit code 3: no such file"}));
  EXPECT_TRUE(watched.hopeless());
}

TEST_F(ReadinessWatchTest, is_not_hopeless_while_something_may_still_come) {
  ReadinessWatch watched = watch({{.name = "m", .versions = {1, 2}}});
  EXPECT_FALSE(watched.hopeless());
  watched.on_line("failed m/1 why", kWatched);
  EXPECT_FALSE(watched.hopeless());
  watched.on_line("failed m/2 why", kWatched);
  EXPECT_TRUE(watched.hopeless());
  watched.on_line("state m/2 starting", kWatched);
  EXPECT_FALSE(watched.hopeless());
  watched.on_line("state m/2 ready", kWatched);
  watched.on_line("failed m/2 why", kWatched);
  EXPECT_FALSE(watched.hopeless());  // it has served
}

TEST_F(ReadinessWatchTest, nothing_expected_is_no_reason_to_give_up) {
  ReadinessWatch watched = watch({});
  EXPECT_FALSE(watched.hopeless());
  watched.on_line("failed later/3 why", kWatched);  // came after the start
  EXPECT_FALSE(watched.hopeless());
  EXPECT_EQ(said, std::vector<std::string>{"model later/3 cannot be served: why"});
}

TEST_F(ReadinessWatchTest, while_it_waits_it_says_for_what) {
  ReadinessWatch watched = watch({{.name = "a", .versions = {1}}, {.name = "b", .versions = {7}}});
  watched.on_line("state a/1 ready", kWatched);
  watched.on_line("state b/7 warming", kWatched);
  watched.on_line("state other/1 loading", kWatched);
  watched.due(kWatched + seconds(2));
  EXPECT_EQ(said, std::vector<std::string>{"waiting since 2 s: b/7 warming"});
}

}  // namespace
}  // namespace sluice::cluster
