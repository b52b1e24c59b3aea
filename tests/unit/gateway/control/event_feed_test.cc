#include "gateway/control/event_feed.h"

#include <gtest/gtest.h>

#include "common/base/limits.h"

namespace sluice::gateway {
namespace {

using namespace std::chrono_literals;
using Follower = EventFeed::Follower;
using Words = std::vector<std::string>;

constexpr TimePoint kNow{1h};
constexpr Acknowledged kShards{1, 2};

DeploymentStatus model_named(const std::string& name, std::optional<RolloutPhase> phase = {}) {
  DeploymentStatus status{.model = name};
  if (phase) {
    status.rollout = RolloutStatus{.id = 1, .from = {1}, .to = {2}, .phase = *phase};
  }
  return status;
}

// "0/7 m starting, m change" for each that is told something.
Words words(const EventFeed::Told& told) {
  Words result;
  for (const auto& [to, text] : told) {
    std::string line = std::to_string(to.shard) + "/" + std::to_string(to.token) + ":";
    for (std::size_t at = text.find("event: "); at != std::string::npos;
         at = text.find("event: ", at + 1)) {
      const std::string event = text.substr(at, text.find("\n\n", at) - at);
      const auto value = [&](const std::string& key) {
        const std::size_t start = event.find("\"" + key + "\":\"") + key.size() + 4;
        return event.substr(start, event.find('"', start) - start);
      };
      line += " " + value("model") + "=" +
              value(event.starts_with("event: rollout\n") ? "phase" : "event");
    }
    result.push_back(line);
  }
  return result;
}

TEST(EventFeed, ANewFollowerIsToldHowEverythingStands) {
  EventFeed feed;
  EXPECT_TRUE(feed.empty());
  ASSERT_TRUE(feed.add({0, 7}, ""));
  ASSERT_TRUE(feed.add({1, 7}, "b"));
  const std::vector models{model_named("a"), model_named("b", RolloutPhase::starting)};
  EXPECT_EQ(words(feed.on({}, models, kShards, kNow)),
            (Words{"0/7: a=none b=starting", "1/7: b=starting"}));
  EXPECT_EQ(words(feed.on({}, models, kShards, kNow + 1s)), Words{}) << "time alone is no news";
}

TEST(EventFeed, AFollowerOfNothingKnownIsAnsweredAllTheSame) {
  EventFeed feed;
  ASSERT_TRUE(feed.add({0, 1}, ""));
  const auto told = feed.on({}, {}, kShards, kNow);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].second, ": what stands, then what happens\n\n");
}

TEST(EventFeed, ChangesAreToldOnceToThoseWhoFollowTheModel) {
  EventFeed feed;
  ASSERT_TRUE(feed.add({0, 1}, "a"));
  ASSERT_TRUE(feed.add({0, 2}, "b"));
  std::vector models{model_named("a", RolloutPhase::starting), model_named("b")};
  static_cast<void>(feed.on({}, models, kShards, kNow));
  models[0].rollout->phase = RolloutPhase::switching;
  EXPECT_EQ(words(feed.on({}, models, kShards, kNow)), Words{"0/1: a=switching"});
  EXPECT_EQ(words(feed.on({}, models, {2, 2}, kNow)), Words{"0/1: a=switching"});
  models[0].rollout->phase = RolloutPhase::done;
  EXPECT_EQ(words(feed.on({}, models, {2, 2}, kNow)), Words{"0/1: a=done"});
  EXPECT_EQ(words(feed.on({}, models, {1, 2}, kNow)), Words{}) << "later snapshots are others'";
  const std::vector events{Event{.model = "b", .version = 3, .kind = EventKind::version_serving}};
  EXPECT_EQ(words(feed.on(events, models, {1, 2}, kNow)), Words{"0/2: b=version_serving"});
}

TEST(EventFeed, WhatIsToldIsAnEventOfServerSentEvents) {
  EventFeed feed;
  ASSERT_TRUE(feed.add({0, 1}, "a"));
  static_cast<void>(feed.on({}, {}, kShards, kNow));
  const std::vector events{Event{.model = "a",
                                 .version = 2,
                                 .kind = EventKind::version_failed,
                                 .detail = "two\nlines of /srv/a/2/model.onnx: \"bad\""},
                           Event{.model = "a", .kind = EventKind::unpinned}};
  const auto told = feed.on(events, {}, kShards, kNow);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].second,
            "event: change\ndata: {\"detail\":\"two\\nlines of model.onnx: \\\"bad\\\"\","
            "\"event\":\"version_failed\",\"model\":\"a\",\"version\":\"2\"}\n\n"
            "event: change\ndata: {\"detail\":\"\",\"event\":\"unpinned\",\"model\":\"a\","
            "\"version\":null}\n\n");
}

TEST(EventFeed, WhoIsGoneIsToldNothing) {
  EventFeed feed;
  ASSERT_TRUE(feed.add({0, 1}, ""));
  feed.remove({0, 1});
  feed.remove({0, 9});
  EXPECT_TRUE(feed.empty());
  EXPECT_TRUE(feed.beat().empty());
}

TEST(EventFeed, IsBounded) {
  EventFeed feed;
  for (std::size_t i = 0; i < limits::kEventStreams; ++i) {
    ASSERT_TRUE(feed.add({0, i}, ""));
  }
  EXPECT_FALSE(feed.add({1, 0}, ""));
  EXPECT_EQ(feed.beat().size(), limits::kEventStreams);
  feed.remove({0, 0});
  EXPECT_TRUE(feed.add({1, 0}, ""));
}

}  // namespace
}  // namespace sluice::gateway
