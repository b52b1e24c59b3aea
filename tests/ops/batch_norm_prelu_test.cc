// BatchNormalization and the PRelu behind it: that they become one step, and the answer stays.

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

struct NormOptions {
  Shape x{};
  Shape slope{};
  bool pools = false;  // before them: the image is channels-last
  bool convolves = false;
  bool also = false;  // somebody else reads what is between
  int opset = 15;
};

NamedTensor variances(std::int64_t count) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) {
    values.push_back(0.5F + 0.25F * static_cast<float>(i % 5));
  }
  return floats({count}, values);
}

GraphCase normalised(const NormOptions& options) {
  const std::int64_t channels = options.x[1];
  GraphCase graph(options.opset);
  graph.input("x", random_floats(options.x, 1))
      .constant("scale", random_floats({channels}, 2))
      .constant("shift", random_floats({channels}, 3))
      .constant("mean", random_floats({channels}, 4))
      .constant("variance", variances(channels))
      .constant("slope", random_floats(options.slope, 5));
  std::string x = "x";
  if (options.pools) {
    graph.node("MaxPool", {"x"}, {"in"}, {integers("kernel_shape", {1, 1})});
    x = "in";
  }
  if (options.convolves) {
    graph.constant("w", random_floats({channels, channels, 1, 1}, 6));
    graph.node("Conv", {x, "w"}, {"c"});
    x = "c";
  }
  graph
      .node("BatchNormalization",
            {x, "scale", "shift", "mean", "variance"},
            {"n"},
            {real("epsilon", 0.001F)})
      .node("PRelu", {"n", "slope"}, {"y"})
      .output("y");
  if (options.also) {
    graph.output("n");
  }
  return graph;
}

std::string like_the_reference(GraphCase& graph) {
  const auto want = graph.run_reference();
  return want ? mismatch(graph.run(), (*want)[0], 1e-5, 1e-5) : error_of(want);
}

TEST(BatchNormPRelu, IsOneStepWhateverTheOrderAndTheSlopes) {
  const NormOptions cases[] = {
      {.x = {2, 3, 5, 7}, .slope = {3, 1, 1}},
      {.x = {2, 3, 5, 7}, .slope = {1, 3, 1, 1}},
      {.x = {1, 3, 60, 50}, .slope = {1}},
      {.x = {1, 3, 4}, .slope = {}},
      {.x = {1, 1, 9}, .slope = {1, 1}},
      {.x = {5, 19}, .slope = {19}},
      {.x = {1, 4, 2, 3, 3}, .slope = {4, 1, 1, 1}},
      {.x = {1, 3, 0, 7}, .slope = {3, 1, 1}},
      {.x = {0, 3, 5, 7}, .slope = {3, 1, 1}},
  };
  for (const NormOptions& options : cases) {
    GraphCase graph = normalised(options);
    EXPECT_EQ(like_the_reference(graph), "") << &options - cases;
    EXPECT_EQ(graph.figures().steps, 1U) << &options - cases;
  }
}

TEST(BatchNormPRelu, TakesImagesThatAreChannelsLast) {
  for (const std::int64_t channels : {1, 5, 16, 48, 700}) {
    GraphCase graph =
        normalised({.x = {2, channels, 9, 5}, .slope = {channels, 1, 1}, .pools = true});
    EXPECT_EQ(like_the_reference(graph), "") << channels;
    GraphCase apart = normalised(
        {.x = {2, channels, 9, 5}, .slope = {channels, 1, 1}, .pools = true, .also = true});
    EXPECT_EQ(like_the_reference(apart), "") << channels;
    EXPECT_LT(graph.figures().steps, apart.figures().steps) << channels;
  }
}

TEST(BatchNormPRelu, HasTheNumbersOfTheTwo) {
  GraphCase graph(15);
  graph.input("x", floats({1, 2, 4}, {1, -1, kNan, -kInf, 3, 5, kInf, 4}))
      .constant("scale", floats({2}, {2, 10}))
      .constant("shift", floats({2}, {0, 1}))
      .constant("mean", floats({2}, {0, 4}))
      .constant("variance", floats({2}, {1, 4}))
      .constant("slope", floats({2, 1}, {0.5F, 0}))
      .node("BatchNormalization",
            {"x", "scale", "shift", "mean", "variance"},
            {"n"},
            {real("epsilon", 0)})
      .node("PRelu", {"n", "slope"}, {"y"})
      .output("y");
  EXPECT_EQ(mismatch(graph.run(), floats({1, 2, 4}, {2, -1, kNan, -kInf, 0, 6, kInf, 1})), "");
  EXPECT_EQ(graph.figures().steps, 1U);
}

TEST(BatchNormPRelu, WhatIsNotByChannelsOrIsReadByOthersStays) {
  const NormOptions cases[] = {
      {.x = {2, 3, 5, 7}, .slope = {5, 1}},
      {.x = {2, 3, 5, 7}, .slope = {3, 5, 7}},
      {.x = {3, 3, 5, 3}, .slope = {3}},
      {.x = {2, 3, 5, 7}, .slope = {3, 1, 1}, .also = true},
  };
  for (const NormOptions& options : cases) {
    GraphCase graph = normalised(options);
    EXPECT_EQ(like_the_reference(graph), "") << &options - cases;
    EXPECT_EQ(graph.figures().steps, 2U) << &options - cases;
  }
}

TEST(BatchNormPRelu, AConvolutionTakesTheNormalisationInstead) {
  GraphCase graph = normalised({.x = {1, 16, 5, 7}, .slope = {16, 1, 1}, .convolves = true});
  EXPECT_EQ(like_the_reference(graph), "");
  GraphCase plain(15);
  plain.input("x", random_floats({1, 16, 5, 7}, 1))
      .constant("w", random_floats({16, 16, 1, 1}, 6))
      .constant("slope", random_floats({16, 1, 1}, 5))
      .node("Conv", {"x", "w"}, {"n"})
      .node("PRelu", {"n", "slope"}, {"y"})
      .output("y");
  EXPECT_EQ(like_the_reference(plain), "");
  EXPECT_EQ(graph.figures().steps, plain.figures().steps);
}

}  // namespace
}  // namespace sluice::engine::testing
