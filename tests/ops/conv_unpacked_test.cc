// Convolutions whose weights or bias come at run time: the fast kernels against the scalar ones.

#include <limits>
#include <optional>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

struct UnpackedRow {
  const char* what;
  Shape x;
  Shape w;
  std::int64_t group = 1;
  std::vector<std::int64_t> pads{};
  std::vector<std::int64_t> dilations{};
};

const UnpackedRow kRows[] = {
    {.what = "an image", .x = {2, 8, 9, 7}, .w = {12, 8, 3, 3}, .pads = {1, 1, 1, 1}},
    {.what = "one filter", .x = {1, 3, 6, 6}, .w = {1, 3, 3, 3}},
    {.what = "single places", .x = {1, 5, 1, 1}, .w = {4, 5, 1, 1}},
    {.what = "a row", .x = {1, 1, 200}, .w = {16, 1, 31}, .pads = {15, 15}},
    {.what = "a volume", .x = {1, 4, 5, 4, 6}, .w = {8, 4, 3, 2, 3}},
    {.what = "groups", .x = {1, 6, 5, 5}, .w = {9, 2, 3, 3}, .group = 3},
    {.what = "a filter for each channel", .x = {1, 16, 8, 8}, .w = {16, 1, 5, 5}, .group = 16},
    {.what = "wide taps", .x = {1, 4, 9, 9}, .w = {5, 4, 3, 3}, .dilations = {3, 3}},
    {.what = "four dimensions", .x = {1, 2, 3, 3, 3, 3}, .w = {2, 2, 2, 2, 2, 2}},
};

// act(conv(x, w) + bias): the bias a constant, given by the run, or none.
GraphCase convolution(const UnpackedRow& row, bool weights_are_constant, bool biased) {
  GraphCase graph;
  graph.input("x", random_floats(row.x, 1));
  const NamedTensor w = random_floats(row.w, 2);
  weights_are_constant ? graph.constant("w", w) : graph.input("w", w);
  std::vector<std::string> inputs{"x", "w"};
  if (biased) {
    graph.input("b", random_floats({row.w[0]}, 3));
    inputs.emplace_back("b");
  }
  std::vector<Attribute> attributes{integer("group", row.group)};
  if (!row.pads.empty()) {
    attributes.push_back(integers("pads", row.pads));
  }
  if (!row.dilations.empty()) {
    attributes.push_back(integers("dilations", row.dilations));
  }
  graph.node("Conv", inputs, {"c"}, attributes).node("Relu", {"c"}, {"y"}).output("y");
  return graph;
}

TEST(UnpackedConv, IsThatOfTheScalarKernels) {
  for (const UnpackedRow& row : kRows) {
    for (const bool biased : {false, true}) {
      for (const bool constant : {false, true}) {
        GraphCase graph = convolution(row, constant, biased);
        const auto want = graph.run_reference();
        ASSERT_TRUE(want) << row.what << ": " << error_of(want);
        EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1), "")
            << row.what << (biased ? ", biased" : "") << (constant ? ", constant weights" : "");
      }
    }
  }
}

TEST(UnpackedConv, AddsAResidual) {
  for (const UnpackedRow& row : {kRows[0], kRows[6]}) {
    GraphCase graph;
    graph.input("x", random_floats(row.x, 1)).input("w", random_floats(row.w, 2));
    graph.node("Conv", {"x", "w"}, {"c"}, {integer("group", row.group)});
    graph.node("Sigmoid", {"c"}, {"r"})
        .node("Conv", {"x", "w"}, {"d"}, {integer("group", row.group)});
    graph.node("Add", {"d", "r"}, {"s"}).node("Relu", {"s"}, {"y"}).output("y");
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1), "") << row.what;
  }
}

TEST(UnpackedConv, KeepsNan) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  GraphCase graph;
  graph.input("x", floats({1, 1, 2, 2}, {1, kNan, 3, 4})).input("w", floats({1, 1, 1, 1}, {2}));
  graph.node("Conv", {"x", "w"}, {"c"}).node("Relu", {"c"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), floats({1, 1, 2, 2}, {2, kNan, 6, 8})), "");
}

// Packed for another image: the weights' order knows nothing of places that are single.
TEST(Conv, TakesImagesOfSinglePlacesThatItWasNotPackedFor) {
  for (const Shape& x : {Shape{1, 3, 1, 1}, Shape{1, 3, 4, 1}, Shape{2, 3, 5, 4}}) {
    GraphCase graph;
    graph.open_input("x", random_floats(x, 1)).constant("w", random_floats({4, 3, 1, 1}, 2));
    graph.node("Conv", {"x", "w"}, {"y"}).output("y");
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1), "") << x[2] << " by " << x[3];
  }
}

// A kernel of oneDNN's for AVX-512 leaves some of these places as the memory was before.
TEST(Conv, WritesPlacesWhoseWindowLeavesTheImageAtBothEnds) {
  for (const Shape& w : {Shape{64, 64, 0}, Shape{32, 16, 0}}) {
    for (const std::int64_t kernel : {5, 7, 9}) {
      for (const std::int64_t dilation : {1, 2}) {
        for (const std::int64_t extent : {7, 11, 15}) {
          const std::int64_t pad = dilation * (kernel / 2);
          for (const bool open : {false, true}) {
            GraphCase graph;
            const NamedTensor x = random_floats({1, w[1], extent}, 1);
            open ? graph.open_input("x", x) : graph.input("x", x);
            graph.constant("w", random_floats({w[0], w[1], kernel}, 2));
            graph.node("Conv",
                       {"x", "w"},
                       {"y"},
                       {integers("pads", {pad, pad}), integers("dilations", {dilation})});
            graph.output("y");
            const auto want = graph.run_reference();
            ASSERT_TRUE(want) << error_of(want);
            EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1), "")
                << kernel << " taps, " << dilation << " apart, over " << extent;
          }
        }
      }
    }
  }
}

TEST(Conv, OfWeightsStoredInFewerBytesIsPacked) {
  GraphCase graph;  // 288 KiB of float32, of a quarter of that
  std::vector<std::int8_t> bytes(std::size_t{64} * 128 * 9);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::int8_t>(i * 37 % 255 - 127);
  }
  graph.input("x", random_floats({1, 128, 6, 6}, 1));
  graph.constant("q", numbers<std::int8_t>({64, 128, 3, 3}, bytes));
  graph.constant("scale", floats({1}, {0.01F})).constant("zero", floats({1}, {0.5F}));
  graph.node("Cast", {"q"}, {"f"}, {integer("to", 1)}).node("Mul", {"f", "scale"}, {"m"});
  graph.node("Add", {"m", "zero"}, {"w"}).node("Conv", {"x", "w"}, {"y"}).output("y");
  const auto want = graph.run_reference();
  ASSERT_TRUE(want) << error_of(want);
  EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1), "");
  EXPECT_EQ(graph.figures().steps, 3U) << "with the image's order, there and back";
}

}  // namespace
}  // namespace sluice::engine
