// split.cc.

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

const NamedTensor kEight = int64s({2, 4}, {0, 1, 2, 3, 4, 5, 6, 7});

TEST(Split, TakesItsLengthsFromAnAttributeOrAnInput) {
  const std::vector<Attribute> by_attribute{integer("axis", 1), integers("split", {1, 3})};
  const auto rows = {run_op("Split", {kEight}, by_attribute, 2, 2),
                     run_op("Split", {kEight}, by_attribute, 11, 2),
                     run_op("Split", {kEight}, by_attribute, 1, 2),
                     run_op("Split", {kEight, int64s({2}, {1, 3})}, {integer("axis", 1)}, 1, 2),
                     run_op("Split", {kEight, int64s({2}, {1, 3})}, {integer("axis", -1)}, 13, 2),
                     run_op("Split", {kEight, int64s({2}, {1, 3})}, {integer("axis", 1)}, 18, 2)};
  for (const auto& got : rows) {
    EXPECT_EQ(mismatch_at(got, 0, int64s({2, 1}, {0, 4})), "");
    EXPECT_EQ(mismatch_at(got, 1, int64s({2, 3}, {1, 2, 3, 5, 6, 7})), "");
  }
  GraphCase constant(13);
  constant.input("x", kEight).constant("split", int64s({2}, {2, 0}));
  constant.node("Split", {"x", "split"}, {"a", "b"}).output("a").output("b");
  EXPECT_EQ(mismatch_at(constant.run(), 0, kEight), "");
  EXPECT_EQ(mismatch_at(constant.run(), 1, int64s({0, 4}, {})), "");
}

TEST(Split, MakesEqualPartsAndSinceEighteenShorterLastOnes) {
  const NamedTensor seven = strings({7}, {"a", "b", "c", "d", "e", "f", "g"});
  const auto halves = run_op("Split", {kEight}, {}, 13, 2);
  EXPECT_EQ(mismatch_at(halves, 1, int64s({1, 4}, {4, 5, 6, 7})), "");
  const auto uneven = run_op("Split", {seven}, {integer("num_outputs", 3)}, 18, 3);
  EXPECT_EQ(mismatch_at(uneven, 0, strings({3}, {"a", "b", "c"})), "");
  EXPECT_EQ(mismatch_at(uneven, 1, strings({3}, {"d", "e", "f"})), "");
  EXPECT_EQ(mismatch_at(uneven, 2, strings({1}, {"g"})), "");
  const auto four =
      run_op("Split", {int64s({5}, {1, 2, 3, 4, 5})}, {integer("num_outputs", 4)}, 18, 4);
  EXPECT_EQ(mismatch_at(four, 2, int64s({1}, {5})), "");
  EXPECT_EQ(mismatch_at(four, 3, int64s({0}, {})), "");
  EXPECT_EQ(mismatch_at(run_op("Split", {floats({0, 2}, {})}, {}, 13, 2), 1, floats({0, 2}, {})),
            "");
  EXPECT_NE(error_of(run_op("Split", {seven}, {}, 13, 3)).find("equal parts"), std::string::npos);
}

TEST(Split, MayLeaveAPartOut) {
  GraphCase graph(13);
  graph.input("x", kEight);
  graph.node("Split", {"x"}, {"a", "", "c", "d"}, {integer("axis", 1)}).output("c");
  EXPECT_EQ(mismatch(graph.run(), int64s({2, 1}, {2, 6})), "");
}

TEST(Split, RefusesLengthsThatDoNotFit) {
  for (const std::vector<std::int64_t>& lengths :
       {std::vector<std::int64_t>{1, 2}, {5, -1}, {2, 1, 1}, {4}}) {
    const auto count = static_cast<std::int64_t>(lengths.size());
    EXPECT_NE(
        error_of(run_op("Split", {kEight, int64s({count}, lengths)}, {integer("axis", 1)}, 13, 2))
            .find("do not split axis 1 of [2,4]"),
        std::string::npos);
  }
  EXPECT_NE(error_of(run_op("Split", {kEight}, {integer("axis", 2)}, 13, 2)).find("axis 2"),
            std::string::npos);
  EXPECT_NE(
      error_of(run_op("Split", {kEight}, {integer("num_outputs", 3)}, 18, 2)).find("num_outputs"),
      std::string::npos);
  EXPECT_NE(
      error_of(run_op("Split", {kEight}, {integer("num_outputs", 2)}, 13, 2)).find("num_outputs"),
      std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
