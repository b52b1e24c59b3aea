#include "cluster/cli/event_stream.h"

#include <gtest/gtest.h>

namespace sluice::cluster {
namespace {

using Events = std::vector<StreamEvent>;

TEST(EventStream, ReadsEventsInWhateverPiecesTheyCome) {
  const std::string bytes =
      ": a comment\n\nevent: rollout\ndata: {\"a\":1}\n\nevent:change\r\ndata:x\r\ndata:  y\r\n\r\n"
      "data\n\nevent: nothing\n\nretry: 3\ndata: last\n\n";
  const Events wanted{
      {"rollout", "{\"a\":1}"}, {"change", "x\n y"}, {"message", ""}, {"message", "last"}};
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    EventStream stream;
    Events events;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      const auto some = stream.on(std::string_view(bytes).substr(at, piece));
      ASSERT_TRUE(some);
      events.insert(events.end(), some->begin(), some->end());
    }
    EXPECT_EQ(events, wanted) << piece;
  }
}

TEST(EventStream, ToldOnlyWhenItIsWhole) {
  EventStream stream;
  EXPECT_EQ(*stream.on("data: x\n"), Events{});
  EXPECT_EQ(*stream.on("\n"), (Events{{"message", "x"}}));
}

TEST(EventStream, AnEventWithoutAnEndIsRefused) {
  EventStream stream;
  const std::string large(std::size_t{8} << 20, 'x');
  EXPECT_TRUE(stream.on("data: " + large + "\n"));
  EXPECT_FALSE(stream.on("data: " + large + "\n"));
}

}  // namespace
}  // namespace sluice::cluster
