// One dimension of a part under cutting and padding, against a list of its elements.

#include "worker/ops/shape/part_axis.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max();

// The elements of the input by place; none where there is nothing.
using Places = std::vector<std::optional<std::int64_t>>;

Places places_of(const PartAxis& axis) {
  Places places(static_cast<std::size_t>(axis.extent));
  for (std::int64_t i = 0; i < axis.kept; ++i) {
    places.at(static_cast<std::size_t>(axis.place + i)) = axis.first + i * axis.step;
  }
  return places;
}

// As Python cuts a list.
Places cut(const Places& places, const CutRange& range) {
  const auto extent = static_cast<std::int64_t>(places.size());
  const auto inside = [&](std::int64_t at) {
    at += at < 0 ? extent : 0;
    return range.step > 0 ? std::clamp<std::int64_t>(at, 0, extent)
                          : std::clamp<std::int64_t>(at, -1, extent - 1);
  };
  const std::int64_t end = inside(range.end);
  Places taken;
  for (std::int64_t at = inside(range.start); range.step > 0 ? at < end : at > end;
       at += range.step) {
    taken.push_back(places[static_cast<std::size_t>(at)]);
  }
  return taken;
}

Places padded(Places places, std::int64_t before, std::int64_t behind) {
  places.insert(places.begin(), static_cast<std::size_t>(before), std::nullopt);
  places.insert(places.end(), static_cast<std::size_t>(behind), std::nullopt);
  return places;
}

TEST(PartAxis, FarEndsAndStepsMayBeAnyNumber) {
  PartAxis axis = PartAxis::whole(5);
  ASSERT_TRUE(axis.cut({.start = -3, .end = kFar, .step = kFar}));
  EXPECT_EQ(places_of(axis), (Places{2}));
  ASSERT_TRUE(axis.pad(2, 1));
  EXPECT_EQ(places_of(axis), (Places{std::nullopt, std::nullopt, 2, std::nullopt}));
  ASSERT_TRUE(axis.cut({.start = kFar, .end = -kFar, .step = -kFar}));
  EXPECT_EQ(places_of(axis), (Places{std::nullopt}));
  EXPECT_FALSE(axis.cut({.start = 0, .end = 1, .step = 0}));
  EXPECT_FALSE(axis.pad(-1, 0));
  EXPECT_FALSE(axis.pad(0, kFar));
}

TEST(PartAxis, TakesBesideOthers) {
  PartAxis axis = PartAxis::whole(2);
  axis.put(3, 7);
  ASSERT_TRUE(axis.cut({.start = 4, .end = 6, .step = 1}));
  EXPECT_EQ(places_of(axis), (Places{1, std::nullopt}));
}

TEST(PartAxis, RowsOfCutsAndPadsAgreeWithAList) {
  std::mt19937 random(7);
  const auto draw = [&](std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random);
  };
  for (int turn = 0; turn < 20'000; ++turn) {
    const std::int64_t extent = draw(0, 9);
    PartAxis axis = PartAxis::whole(extent);
    Places want;
    for (std::int64_t i = 0; i < extent; ++i) {
      want.emplace_back(i);
    }
    std::string what = std::to_string(extent);
    for (std::int64_t moves = draw(1, 5); moves > 0; --moves) {
      if (draw(0, 2) == 0) {
        const std::int64_t before = draw(0, 4);
        const std::int64_t behind = draw(0, 4);
        what += " pad " + std::to_string(before) + " " + std::to_string(behind);
        want = padded(std::move(want), before, behind);
        ASSERT_TRUE(axis.pad(before, behind));
        continue;
      }
      const std::int64_t step = draw(1, 3) * (draw(0, 2) == 0 ? -1 : 1);
      const CutRange range{.start = draw(-12, 12), .end = draw(-12, 12), .step = step};
      what += " cut " + std::to_string(range.start) + " " + std::to_string(range.end) + " " +
              std::to_string(range.step);
      want = cut(want, range);
      ASSERT_TRUE(axis.cut(range));
    }
    ASSERT_EQ(places_of(axis), want) << what;
  }
}

}  // namespace
}  // namespace sluice::engine
