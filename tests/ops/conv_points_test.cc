// Convolutions of one tap (worker/ops/nn/conv_points.h) against the scalar loops.

#include "worker/ops/nn/conv_points.h"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

struct PointsCase {
  Shape x;
  std::int64_t filters;
  std::vector<std::int64_t> strides{};  // empty: 1
};

const PointsCase kCases[] = {
    {{1, 32, 7, 7}, 16},
    {{3, 40, 5, 6}, 112},               // a batch
    {{1, 33, 14, 14}, 90},              // a part of the last panel
    {{2, 64, 8, 9}, 48, {2, 2}},        // every second row and column
    {{2, 64, 7, 9}, 32, {3, 1}},        // rows alone
    {{2, 48, 50}, 64, {2}},             // one dimension
    {{1, 48, 1, 70}, 64},               // one row
    {{1, 32, 3, 4, 5}, 32, {2, 1, 2}},  // three dimensions
    {{1, 900, 4, 4}, 80},               // more than a block along the channels
};

Shape filters_of(const PointsCase& row) {
  Shape w(row.x.size(), 1);
  w[0] = row.filters;
  w[1] = row.x[1];
  return w;
}

std::vector<Attribute> attributes_of(const PointsCase& row) {
  return row.strides.empty() ? std::vector<Attribute>{}
                             : std::vector<Attribute>{integers("strides", row.strides)};
}

TEST(ConvPoints, AgreesWithTheScalarLoops) {
  for (const PointsCase& row : kCases) {
    for (const char* activation : {"", "Relu", "LeakyRelu"}) {
      GraphCase graph;
      graph.open_input("x", random_floats(row.x, 3));
      graph.constant("w", random_floats(filters_of(row), 4))
          .constant("b", random_floats({row.filters}, 5));
      const bool plain = std::string(activation).empty();
      graph.node("Conv", {"x", "w", "b"}, {plain ? "y" : "c"}, attributes_of(row));
      if (!plain) {
        graph.node(activation, {"c"}, {"y"});
      }
      graph.output("y");
      const auto want = graph.run_reference();
      ASSERT_TRUE(want) << error_of(want);
      EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1e-5), "")
          << to_string(row.x) << " " << row.filters << activation;
    }
  }
}

TEST(ConvPoints, AddsAResidualAndABias) {
  for (const std::int64_t channels : {32, 800}) {
    for (const bool has_bias : {false, true}) {
      GraphCase graph;
      graph.input("x", random_floats({2, channels, 5, 6}, 1))
          .constant("w", random_floats({channels, channels, 1, 1}, 2))
          .constant("b", random_floats({channels}, 3))
          .node("Tanh", {"x"}, {"t"});
      graph.node(
          "Conv",
          has_bias ? std::vector<std::string>{"t", "w", "b"} : std::vector<std::string>{"t", "w"},
          {"c"});
      graph.node("Add", {"c", "t"}, {"s"}).node("Relu", {"s"}, {"y"}).output("y");
      const auto want = graph.run_reference();
      ASSERT_TRUE(want) << error_of(want);
      EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1e-4), "") << channels << has_bias;
      EXPECT_LE(graph.figures().steps, 4U);  // two reorders
    }
  }
}

// What is not a number stays where it is met.
TEST(ConvPoints, NaNStaysInItsPlace) {
  std::vector<float> numbers(2 * 32 * 9, 0.5F);
  numbers[40] = std::numeric_limits<float>::quiet_NaN();
  GraphCase graph;
  graph.open_input("x", floats({2, 32, 3, 3}, numbers))
      .constant("w", random_floats({48, 32, 1, 1}, 2));
  graph.node("Conv", {"x", "w"}, {"c"}).node("Relu", {"c"}, {"y"}).output("y");
  const auto want = graph.run_reference();
  ASSERT_TRUE(want) << error_of(want);
  EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1e-5), "");
}

TEST(ConvPoints, IsForOneTapManyChannelsAndFilledPanels) {
  const Window one{.strides = {1, 1}, .pads_begin = {0, 0}, .pads_end = {0, 0}};
  const Window padded{.strides = {1, 1}, .pads_begin = {0, 1}, .pads_end = {0, 0}};
  EXPECT_TRUE(ConvPoints::pays(Shape{16, 32, 1, 1}, one));
  EXPECT_TRUE(ConvPoints::pays(Shape{120, 32, 1, 1}, one));
  EXPECT_FALSE(ConvPoints::pays(Shape{72, 32, 1, 1}, one));
  EXPECT_FALSE(ConvPoints::pays(Shape{16, 24, 1, 1}, one));
  EXPECT_FALSE(ConvPoints::pays(Shape{16, 32, 1, 3}, one));
  EXPECT_FALSE(ConvPoints::pays(Shape{16, 32, 1, 1}, padded));
}

}  // namespace
}  // namespace sluice::engine
