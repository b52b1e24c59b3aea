// generate.cc, triangle.cc, select.cc.

#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

TEST(Range, CountsUpAndDown) {
  const auto of = [](std::int64_t start, std::int64_t limit, std::int64_t delta) {
    return run_op("Range", {int64s({}, {start}), int64s({}, {limit}), int64s({}, {delta})});
  };
  EXPECT_EQ(mismatch(of(3, 9, 3), int64s({2}, {3, 6})), "");
  EXPECT_EQ(mismatch(of(10, 4, -2), int64s({3}, {10, 8, 6})), "");
  EXPECT_EQ(mismatch(of(10, 4, 2), int64s({0}, {})), "");
  EXPECT_EQ(mismatch(of(0, 1, 5), int64s({1}, {0})), "");
  constexpr auto kHigh = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(mismatch(of(kLow, kHigh, kHigh), int64s({3}, {kLow, -1, kHigh - 1})), "");
  EXPECT_NE(error_of(of(0, 1, 0)).find("steps of 0"), std::string::npos);
  EXPECT_NE(error_of(of(0, kHigh, 1)).find("without end"), std::string::npos);
  EXPECT_EQ(mismatch(run_op("Range", {floats({}, {1}), floats({}, {2}), floats({}, {0.3F})}),
                     floats({4}, {1, 1.3F, 1.6F, 1.9F})),
            "");
  EXPECT_EQ(mismatch(run_op("Range",
                            {numbers<std::int16_t>({}, {5}),
                             numbers<std::int16_t>({}, {0}),
                             numbers<std::int16_t>({}, {-2})}),
                     numbers<std::int16_t>({3}, {5, 3, 1})),
            "");
  EXPECT_NE(error_of(run_op("Range", {floats({}, {1}), floats({}, {2}), doubles({}, {1})})),
            "no error");
}

TEST(Range, IsFoldedWhereItsEndsAreKnown) {
  GraphCase graph;  // the positions of a sequence
  graph.open_input("x", random_floats({3, 2}, 1));
  graph.constant("zero", int64s({}, {0})).constant("one", int64s({}, {1}));
  graph.node("Shape", {"x"}, {"s"}).node("Gather", {"s", "zero"}, {"n"});
  graph.node("Range", {"zero", "n", "one"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), int64s({3}, {0, 1, 2})), "");
  EXPECT_EQ(graph.figures().steps, 0U);
}

TEST(OneHot, SetsOnePlaceOfANewAxis) {
  const NamedTensor values = floats({2}, {1, 3});
  EXPECT_EQ(mismatch(run_op("OneHot", {int64s({3}, {0, 2, -1}), int64s({}, {3}), values}),
                     floats({3, 3}, {3, 1, 1, 1, 1, 3, 1, 1, 3})),
            "");
  EXPECT_EQ(mismatch(run_op("OneHot", {int64s({2}, {-1, 3}), int64s({1}, {3}), values}, {}, 9),
                     floats({2, 3}, {1, 1, 1, 1, 1, 1})),
            "");
  EXPECT_EQ(mismatch(run_op("OneHot",
                            {floats({2}, {1, 0}), floats({}, {2}), int32s({2}, {0, 1})},
                            {integer("axis", 0)}),
                     int32s({2, 2}, {0, 1, 1, 0})),
            "");
  EXPECT_EQ(
      mismatch(run_op("OneHot", {uint8s({}, {1}), int64s({}, {2}), strings({2}, {"off", "on"})}),
               strings({2}, {"off", "on"})),
      "");
  EXPECT_EQ(mismatch(run_op("OneHot",
                            {int64s({1, 2}, {0, 1}), int64s({}, {2}), bools({2}, {0, 1})},
                            {integer("axis", 1)}),
                     bools({1, 2, 2}, {1, 0, 0, 1})),
            "");
  EXPECT_EQ(mismatch(run_op("OneHot", {int64s({2}, {0, 1}), int64s({}, {0}), values}),
                     floats({2, 0}, {})),
            "");
  EXPECT_NE(
      error_of(run_op("OneHot", {int64s({1}, {0}), int64s({}, {-1}), values})).find("depth of -1"),
      std::string::npos);
  EXPECT_NE(error_of(run_op("OneHot", {int64s({1}, {0}), int64s({}, {2}), floats({3}, {1, 2, 3})})),
            "no error");
  EXPECT_NE(
      error_of(run_op("OneHot", {int64s({1}, {0}), int64s({}, {2}), values}, {integer("axis", 2)})),
      "no error");
}

TEST(Trilu, KeepsATriangle) {
  const NamedTensor x = int64s({2, 3}, {1, 2, 3, 4, 5, 6});
  const auto of = [&](std::int64_t upper, std::int64_t k) {
    return run_op("Trilu", {x, int64s({}, {k})}, {integer("upper", upper)});
  };
  EXPECT_EQ(mismatch(of(1, 0), int64s({2, 3}, {1, 2, 3, 0, 5, 6})), "");
  EXPECT_EQ(mismatch(of(1, 1), int64s({2, 3}, {0, 2, 3, 0, 0, 6})), "");
  EXPECT_EQ(mismatch(of(1, -1), x), "");
  EXPECT_EQ(mismatch(of(0, 0), int64s({2, 3}, {1, 0, 0, 4, 5, 0})), "");
  EXPECT_EQ(mismatch(of(0, 1), int64s({2, 3}, {1, 2, 0, 4, 5, 6})), "");
  EXPECT_EQ(mismatch(of(0, -2), int64s({2, 3}, {0, 0, 0, 0, 0, 0})), "");
  EXPECT_EQ(
      mismatch(of(1, std::numeric_limits<std::int64_t>::max()), int64s({2, 3}, {0, 0, 0, 0, 0, 0})),
      "");
  EXPECT_EQ(
      mismatch(of(0, std::numeric_limits<std::int64_t>::min()), int64s({2, 3}, {0, 0, 0, 0, 0, 0})),
      "");
  EXPECT_EQ(mismatch(run_op("Trilu", {bools({2, 1, 1}, {1, 1})}), bools({2, 1, 1}, {1, 1})), "");
  EXPECT_EQ(mismatch(run_op("Trilu", {halves({2, 2}, {1, 2, 3, 4})}), halves({2, 2}, {1, 2, 0, 4})),
            "");
  EXPECT_EQ(mismatch(run_op("Trilu", {floats({0, 2, 2}, {})}), floats({0, 2, 2}, {})), "");
  EXPECT_NE(error_of(run_op("Trilu", {floats({2}, {1, 2})})).find("not matrices"),
            std::string::npos);
}

TEST(EyeLike, PutsOnesOnADiagonal) {
  const NamedTensor x = int32s({2, 3}, {9, 9, 9, 9, 9, 9});
  EXPECT_EQ(mismatch(run_op("EyeLike", {x}), int32s({2, 3}, {1, 0, 0, 0, 1, 0})), "");
  EXPECT_EQ(mismatch(run_op("EyeLike", {x}, {integer("k", 1), integer("dtype", 1)}, 9),
                     floats({2, 3}, {0, 1, 0, 0, 0, 1})),
            "");
  EXPECT_EQ(mismatch(run_op("EyeLike", {x}, {integer("k", -1), integer("dtype", 9)}, 22),
                     bools({2, 3}, {0, 0, 0, 1, 0, 0})),
            "");
  EXPECT_EQ(
      mismatch(run_op("EyeLike", {x}, {integer("k", -5)}), int32s({2, 3}, {0, 0, 0, 0, 0, 0})), "");
  EXPECT_EQ(mismatch(run_op("EyeLike", {halves({1, 1}, {7})}), halves({1, 1}, {1})), "");
  EXPECT_EQ(
      mismatch(run_op("EyeLike", {x}, {integer("dtype", 16)}), bhalves({2, 3}, {1, 0, 0, 0, 1, 0})),
      "");
  EXPECT_EQ(mismatch(run_op("EyeLike", {floats({0, 3}, {})}), floats({0, 3}, {})), "");
  EXPECT_NE(error_of(run_op("EyeLike", {floats({3}, {1, 1, 1})})).find("not a matrix"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("EyeLike", {x}, {integer("dtype", 14)})).find("datatype 14"),
            std::string::npos);
}

TEST(NonZero, ListsCoordinates) {
  EXPECT_EQ(
      mismatch(run_op("NonZero",
                      {floats({2, 2}, {1, 0, -0.0F, std::numeric_limits<float>::quiet_NaN()})}),
               int64s({2, 2}, {0, 1, 0, 1})),
      "");
  EXPECT_EQ(mismatch(run_op("NonZero", {bools({3}, {0, 1, 1})}, {}, 9), int64s({1, 2}, {1, 2})),
            "");
  EXPECT_EQ(mismatch(run_op("NonZero", {strings({3}, {"", "a", ""})}), int64s({1, 1}, {1})), "");
  EXPECT_EQ(mismatch(run_op("NonZero", {halves({3}, {-0.0F, 1, 0})}), int64s({1, 1}, {1})), "");
  EXPECT_EQ(mismatch(run_op("NonZero", {int32s({}, {5})}), int64s({1, 1}, {0})), "");
  EXPECT_EQ(mismatch(run_op("NonZero", {int32s({2, 0}, {})}), int64s({2, 0}, {})), "");
  GraphCase graph;  // arange, as old exporters write it
  graph.open_input("x", random_floats({3}, 1)).node("Shape", {"x"}, {"s"});
  graph.node("ConstantOfShape", {"s"}, {"ones"}, {tensor("value", int64s({1}, {1}))});
  graph.node("NonZero", {"ones"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), int64s({1, 3}, {0, 1, 2})), "");
  EXPECT_EQ(graph.figures().steps, 0U);
}

TEST(Compress, TakesWhatIsTrue) {
  const NamedTensor x = int64s({3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(mismatch(run_op("Compress", {x, bools({3}, {0, 1, 1})}, {integer("axis", 0)}),
                     int64s({2, 2}, {3, 4, 5, 6})),
            "");
  EXPECT_EQ(mismatch(run_op("Compress", {x, bools({2}, {0, 1})}, {integer("axis", -1)}, 11),
                     int64s({3, 1}, {2, 4, 6})),
            "");
  EXPECT_EQ(
      mismatch(run_op("Compress", {x, bools({5}, {0, 1, 0, 0, 1})}, {}, 9), int64s({2}, {2, 5})),
      "");
  EXPECT_EQ(
      mismatch(run_op("Compress", {strings({2}, {"a", "b"}), bools({1}, {0})}), strings({0}, {})),
      "");
  EXPECT_EQ(mismatch(run_op("Compress", {x, bools({4}, {1, 0, 0, 0})}, {integer("axis", 0)}),
                     int64s({1, 2}, {1, 2})),
            "");
  EXPECT_NE(error_of(run_op("Compress", {x, bools({4}, {0, 0, 0, 1})}, {integer("axis", 0)}))
                .find("beyond"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Compress", {x, int64s({1}, {1})})).find("int64"), std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
