// What guesses fill in for open extents.

#include "worker/engine/plan/likely_extents.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

Declared declared(Shape dims, std::vector<std::string> symbols) {
  return {.has_shape = true, .dims = std::move(dims), .symbols = std::move(symbols)};
}

TEST(LikelyExtents, AreImagesAndSequencesButForTheBatch) {
  const Declared inputs[] = {declared({-1, -1, -1, -1}, {"batch", "", "height", "width"}),
                             declared({-1, -1, 7}, {"batch", "sequence", ""}),
                             declared({2, -1}, {"", "batch"})};
  const Extents likely = likely_extents(inputs);
  EXPECT_EQ(likely, (Extents{{"height", 224}, {"width", 224}, {"sequence", 16}}));
  EXPECT_EQ(guess_dims(inputs[0], 5, likely), (Shape{5, 3, 224, 224}));
  EXPECT_EQ(guess_dims(inputs[1], 5, likely), (Shape{5, 16, 7}));
  EXPECT_EQ(guess_dims(inputs[2], 5, likely), (Shape{2, 5}));
}

TEST(LikelyExtents, CanBeOthersWhereSumsAreWanted) {
  const std::vector<Extents> others =
      other_extents({{"past", 224}, {"sequence", 16}, {"total", 16}});
  const auto among = [&](const Extents& wanted) { return std::ranges::count(others, wanted) == 1; };
  EXPECT_TRUE(among({{"past", 224}, {"sequence", 16}, {"total", 240}}));
  EXPECT_TRUE(among({{"past", 224}, {"sequence", 16}, {"total", 225}}));
  EXPECT_EQ(others.back(), (Extents{{"past", 1}, {"sequence", 1}, {"total", 1}}));
  EXPECT_EQ(other_extents({{"n", 16}}), (std::vector<Extents>{{{"n", 1}}}));
  EXPECT_TRUE(other_extents({}).empty());
}

TEST(LikelyExtents, AreNotTriedWithoutEnd) {
  Extents many;
  for (char name = 'a'; name <= 'z'; ++name) {
    many.emplace(std::string(1, name), 16);
  }
  EXPECT_EQ(other_extents(many).size(), 32U);
}

}  // namespace
}  // namespace sluice::engine
