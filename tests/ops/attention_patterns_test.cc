// Attention's scores: that scale, choice and mask go into their softmax, with the same bits, and
// that what belongs elsewhere stays there.

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct ScoreOptions {
  Shape x = {2, 3, 5, 17};
  std::string scale = "Div";  // or Mul; empty: none
  Shape scale_dims{};
  std::optional<Shape> condition{};  // dims; none: no Where
  bool fill_first = false;           // the condition says what is replaced
  float fill = -1e4F;
  std::optional<Shape> mask{};  // dims; none: no Add
  bool mask_first = false;      // the Add's first operand
  bool mask_is_constant = false;
  int opset = 17;
  std::int64_t axis = -1;
  std::string also{};  // a value inside that the graph puts out too
  float scale_by = 3;
};

std::size_t count_of(const Shape& dims) {
  std::size_t count = 1;
  for (const std::int64_t extent : dims) {
    count *= static_cast<std::size_t>(extent);
  }
  return count;
}

GraphCase scores(const ScoreOptions& options) {
  GraphCase graph(options.opset);
  std::string at = "x";
  graph.input("x", random_floats(options.x, 1));
  if (!options.scale.empty()) {
    graph.constant("by", floats(options.scale_dims, {options.scale_by}))
        .node(options.scale, {at, "by"}, {"scaled"});
    at = "scaled";
  }
  if (options.condition) {
    std::vector<std::uint8_t> keeps(count_of(*options.condition));
    for (std::size_t i = 0; i < keeps.size(); ++i) {
      keeps[i] = i % 3 != 1 ? 1 : 0;
    }
    graph.input("keeps", bools(*options.condition, keeps))
        .constant("fill", floats({}, {options.fill}))
        .node("Where",
              {"keeps", options.fill_first ? "fill" : at, options.fill_first ? at : "fill"},
              {"chosen"});
    at = "chosen";
  }
  if (options.mask) {
    const NamedTensor mask = random_floats(*options.mask, 2);
    if (options.mask_is_constant) {
      graph.constant("mask", mask);
    } else {
      graph.input("mask", mask);
    }
    graph.node("Add", {options.mask_first ? "mask" : at, options.mask_first ? at : "mask"}, {"s"});
    at = "s";
  }
  graph.node("Softmax", {at}, {"y"}, {integer("axis", options.axis)}).output("y");
  if (!options.also.empty()) {
    graph.output(options.also);
  }
  return graph;
}

TEST(AttentionPatterns, WhatScalesAndMasksScoresGoesIntoTheirSoftmax) {
  const ScoreOptions cases[] = {
      {},
      {.scale = "Mul"},
      {.scale_dims = {1, 1}},
      {.scale_dims = {1}, .opset = 11, .axis = 3},
      {.mask = Shape{2, 1, 1, 17}},
      {.mask = Shape{2, 1, 5, 17}, .mask_first = true},
      {.mask = Shape{2, 3, 5, 17}, .mask_first = true},
      {.mask = Shape{5, 1}},
      {.mask = Shape{}},
      {.scale = "", .mask = Shape{1, 1, 5, 17}, .mask_is_constant = true},
      {.condition = Shape{1, 1, 5, 17}},
      {.condition = Shape{2, 1, 1, 17}, .fill_first = true},
      {.condition = Shape{5, 1}, .fill = -kInfinity},
      {.condition = Shape{17}, .mask = Shape{2, 1, 1, 17}},
      {.scale = "", .condition = Shape{}},
      {.x = {4, 1}, .mask = Shape{1, 1}},
      {.x = {7}, .axis = 0},
      {.x = {1, 2, 33, 130}, .mask = Shape{1, 1, 1, 130}, .axis = 3},
      {.x = {2, 2, 3, 5'000}, .mask = Shape{2, 1, 1, 5'000}},
      {.x = {2, 0, 3, 4}, .mask = Shape{2, 1, 1, 4}},
      {.x = {2, 3, 0}, .mask = Shape{2, 1, 1}},
      {.x = {2, 3, 4, 1}, .mask = Shape{2, 3, 4, 1}},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    GraphCase graph = scores(cases[i]);
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), (*want)[0], 0), "") << i;
    EXPECT_EQ(graph.figures().steps, 1U) << i;
  }
}

// Exporters ask scaled scores for their dims, which are those before.
TEST(AttentionPatterns, AShapeOfScaledScoresIsThatOfTheScores) {
  struct Row {
    Shape scale_dims;
    std::size_t steps;
  };
  for (const Row& row : {Row{{}, 1}, Row{{1}, 2}, Row{{1, 1, 1}, 2}}) {
    GraphCase graph(17);
    graph.open_input("x", random_floats({2, 3}, 1))
        .constant("by", floats(row.scale_dims, {0.25F}))
        .node("Mul", {"x", "by"}, {"scaled"})
        .node("Shape", {"scaled"}, {"dims"})
        .node("Softmax", {"scaled"}, {"y"}, {integer("axis", -1)})
        .output("y")
        .output("dims");
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    const auto got = graph.run();
    EXPECT_EQ(mismatch_at(got, 0, (*want)[0], 0), "");
    EXPECT_EQ(mismatch_at(got, 1, (*want)[1], 0), "");
    EXPECT_EQ(graph.figures().steps, row.steps) << row.scale_dims.size();
  }
}

// Dims that the declared ones do not tell: the mask has more rows or columns than the scores.
TEST(AttentionPatterns, ScoresThatAMaskStretchesAreStretched) {
  struct Row {
    Shape x;
    Shape mask;
  };
  const Row rows[] = {
      {{1, 2, 3, 5}, {4, 1, 1, 5}},
      {{2, 3, 1}, {2, 1, 6}},
      {{1, 1}, {3, 4}},
  };
  for (const Row& row : rows) {
    GraphCase graph(17);
    graph.open_input("x", random_floats(row.x, 1))
        .open_input("mask", random_floats(row.mask, 2))
        .constant("by", floats({}, {0.25F}))
        .node("Mul", {"x", "by"}, {"scaled"})
        .node("Add", {"scaled", "mask"}, {"s"})
        .node("Softmax", {"s"}, {"y"}, {integer("axis", -1)})
        .output("y");
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), (*want)[0], 0), "");
    EXPECT_EQ(graph.figures().steps, 1U);
  }
}

// exp(0), exp(log 3): a quarter and three; what is masked by -inf has no part in it, a row that is
// masked as a whole and one with a NaN that is kept are NaN.
TEST(AttentionPatterns, MasksAreWhatTheyAreWrittenOutAsWell) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float log3 = std::log(3.0F);
  GraphCase graph(17);
  graph
      .input(
          "x",
          floats({5, 3}, {0, 2 * log3, 8, 0, 2 * log3, nan, 1, 2, 3, nan, 0, 0, kInfinity, 0, 0}))
      .input("keeps", bools({5, 3}, {1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1}))
      .input("mask",
             floats({5, 3},
                    {0,
                     0,
                     -kInfinity,
                     0,
                     0,
                     0,
                     -kInfinity,
                     -kInfinity,
                     -kInfinity,
                     0,
                     0,
                     0,
                     0,
                     0,
                     -kInfinity}))
      .constant("two", floats({}, {2}))
      .constant("fill", floats({}, {-kInfinity}))
      .node("Div", {"x", "two"}, {"scaled"})
      .node("Where", {"keeps", "scaled", "fill"}, {"chosen"})
      .node("Add", {"chosen", "mask"}, {"s"})
      .node("Softmax", {"s"}, {"y"})
      .output("y");
  const NamedTensor want =
      floats({5, 3}, {0.25F, 0.75F, 0, 0.25F, 0.75F, 0, nan, nan, nan, nan, nan, nan, 0, 1, 0});
  EXPECT_EQ(mismatch(graph.run(), want, 1e-6), "");
  EXPECT_EQ(graph.figures().steps, 1U);
}

TEST(AttentionPatterns, WhatIsNoScaleOrMaskStays) {
  struct Row {
    ScoreOptions options;
    std::size_t steps;
  };
  const Row rows[] = {
      {{.also = "scaled"}, 2},
      {{.mask = Shape{2, 1, 1, 17}, .also = "scaled"}, 2},  // the Add goes
      {{.mask = Shape{2, 1, 1, 17}, .also = "s"}, 3},
      {{.axis = 2}, 2},
      {{.opset = 11, .axis = 2}, 2},                                    // two axes are one row
      {{.scale = "", .mask = Shape{17}, .mask_is_constant = true}, 2},  // a bias
      {{.scale_by = 0}, 2},  // may make NaN of what is finite
      {{.scale = "Sub"}, 2},
  };
  for (const Row& row : rows) {
    GraphCase graph = scores(row.options);
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), (*want)[0], 0), "") << row.options.also;
    EXPECT_EQ(graph.figures().steps, row.steps) << row.options.also << row.options.scale;
  }
}

}  // namespace
}  // namespace sluice::engine::testing
