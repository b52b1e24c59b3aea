// The cut of least weight against every way to take sides.

#include "worker/engine/bind/layout_cut.h"

#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

using Stand = LayoutCut::Node;
constexpr Stand kPlain = LayoutCut::kPlain;
constexpr Stand kLast = LayoutCut::kChannelsLast;

struct Carried {
  Stand maker;
  std::vector<Stand> readers;
  std::int64_t bytes;
};

// Bytes that are reordered when the steps stand so.
std::int64_t cost(const std::vector<Carried>& values, const std::vector<bool>& sides) {
  std::int64_t sum = 0;
  for (const Carried& value : values) {
    bool moves = false;
    for (const Stand reader : value.readers) {
      moves = moves || sides[reader] != sides[value.maker];
    }
    sum += moves ? value.bytes : 0;
  }
  return sum;
}

// How the steps, numbered from 2, stand after the cut.
std::vector<bool> cut(std::size_t steps, const std::vector<Carried>& values) {
  LayoutCut made;
  for (std::size_t i = 0; i < steps; ++i) {
    made.add();
  }
  for (const Carried& value : values) {
    made.connect(value.maker, value.readers, value.bytes);
  }
  std::vector<bool> sides = made.solve();
  sides.resize(steps + 2);
  return sides;
}

TEST(LayoutCut, SmallGraphs) {
  const std::vector<bool> rows = {false, true, false};
  const std::vector<bool> last = {false, true, true};
  // Between two that want the same; what nobody is tied to has rows.
  EXPECT_EQ(cut(1, {{kPlain, {2}, 8}, {2, {kPlain}, 8}}), rows);
  EXPECT_EQ(cut(1, {{kLast, {2}, 8}, {2, {kLast}, 8}}), last);
  EXPECT_EQ(cut(1, {}), rows);
  EXPECT_EQ(cut(1, {{2, {}, 8}}), rows);
  // Where the value is smaller; where both are the same, late.
  EXPECT_EQ(cut(1, {{kPlain, {2}, 2}, {2, {kLast}, 8}}), last);
  EXPECT_EQ(cut(1, {{kPlain, {2}, 8}, {2, {kLast}, 2}}), rows);
  EXPECT_EQ(cut(1, {{kPlain, {2}, 8}, {2, {kLast}, 8}}), rows);
  EXPECT_EQ(cut(1, {{kLast, {2}, 8}, {2, {kPlain}, 8}}), last);
  // A value that several read is reordered once.
  EXPECT_EQ(cut(3, {{kPlain, {2, 3, 4}, 8}, {2, {kLast}, 3}, {3, {kLast}, 3}, {4, {kLast}, 3}}),
            (std::vector<bool>{false, true, true, true, true}));
  EXPECT_EQ(cut(3, {{kPlain, {2, 3, 4}, 10}, {2, {kLast}, 3}, {3, {kLast}, 3}, {4, {kLast}, 3}}),
            (std::vector<bool>{false, true, false, false, false}));
  // The maker's own reading costs nothing.
  EXPECT_EQ(cut(1, {{kLast, {2}, 8}, {2, {2, kPlain}, 8}}), last);
}

TEST(LayoutCut, NoWayToTakeSidesCostsLess) {
  std::mt19937 random(1);
  const auto below = [&](std::size_t bound) { return static_cast<Stand>(random() % bound); };
  for (int turn = 0; turn < 2000; ++turn) {
    const std::size_t steps = 1 + below(8);
    std::vector<Carried> values;
    for (Stand i = below(4) + 1; i > 0; --i) {
      values.push_back({below(2), {}, below(9)});
    }
    for (Stand step = 2; step < steps + 2; ++step) {
      values.push_back({step, {}, below(9)});
    }
    for (Carried& value : values) {
      for (Stand i = below(4); i > 0; --i) {
        value.readers.push_back(below(steps + 2));
      }
    }
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (std::uint32_t way = 0; way < 1U << steps; ++way) {
      std::vector<bool> sides = {false, true};
      for (std::size_t i = 0; i < steps; ++i) {
        sides.push_back((way >> i & 1U) != 0);
      }
      least = std::min(least, cost(values, sides));
    }
    EXPECT_EQ(cost(values, cut(steps, values)), least) << "turn " << turn;
  }
}

// As deep as a model may be, and with bytes that no machine has.
TEST(LayoutCut, LongChainsAndHugeValues) {
  constexpr Stand kSteps = 20000;
  constexpr Stand kNarrow = 9000;
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  std::vector<Carried> values = {{kLast, {2}, kHuge}};
  for (Stand step = 2; step < kSteps + 1; ++step) {
    values.push_back({step, {step + 1}, step == kNarrow ? 5 : kHuge});
  }
  values.push_back({kSteps + 1, {kPlain}, kHuge});
  const std::vector<bool> sides = cut(kSteps, values);
  for (Stand step = 2; step < kSteps + 2; ++step) {
    ASSERT_EQ(sides[step], step <= kNarrow) << step;
  }
}

}  // namespace
}  // namespace sluice::engine
