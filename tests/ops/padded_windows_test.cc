// Padding before windows: that it becomes the window's own, and the answer stays.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/model/engine_run.h"

namespace sluice::engine::testing {
namespace {

using Pads = std::vector<std::int64_t>;

struct PaddedOptions {
  Shape x{1, 3, 7, 6};
  Shape w{4, 3, 3, 3};
  Pads border{0, 0, 1, 1, 0, 0, 1, 1};
  std::optional<Pads> axes{};
  std::optional<float> value{};
  std::vector<Attribute> of_pad{};
  std::vector<Attribute> of_conv{};
  bool also = false;  // somebody else reads the padded image
  bool open = false;  // its extents are not declared
  int opset = 18;
};

GraphCase padded_conv(const PaddedOptions& options) {
  GraphCase graph(options.opset);
  if (options.open) {
    graph.open_input("x", random_floats(options.x, 1));
  } else {
    graph.input("x", random_floats(options.x, 1));
  }
  graph.constant("w", random_floats(options.w, 2));
  const auto count = static_cast<std::int64_t>(options.border.size());
  std::vector<std::string> inputs = {"x"};
  std::vector<Attribute> attributes = options.of_pad;
  if (options.opset >= 11) {
    graph.constant("border", int64s({count}, options.border));
    inputs.insert(inputs.end(), {"border", options.value ? "value" : ""});
  } else {
    attributes.push_back(integers("pads", options.border));
  }
  if (options.value) {
    graph.constant("value", floats({}, {*options.value}));
  }
  if (options.axes) {
    graph.constant("axes",
                   int64s({static_cast<std::int64_t>(options.axes->size())}, *options.axes));
    inputs.emplace_back("axes");
  }
  graph.node("Pad", inputs, {"p"}, attributes);
  graph.node("Conv", {"p", "w"}, {"y"}, options.of_conv).output("y");
  if (options.also) {
    graph.output("p");
  }
  return graph;
}

// Of a run without the pass, whose answer is the same.
std::size_t steps_unpadded(GraphCase& graph, const PaddedOptions& options) {
  const auto want = graph.run_reference();
  const auto session = graph.load({.without = {PassFamily::padding}});
  if (!want || !session) {
    return 0;
  }
  const auto execution = (*session)->new_execution();
  NamedTensor x = random_floats(options.x, 1);
  x.name = "x";
  const auto got =
      model::run_tensors(*execution, (*session)->info(), {x}, std::vector<std::size_t>{0});
  EXPECT_EQ(mismatch(got, (*want)[0], 1e-5, 1e-5), "");
  return figures_of(*execution).steps;
}

std::string by_the_reference(GraphCase& graph) {
  const auto want = graph.run_reference();
  return want ? mismatch(graph.run(), (*want)[0], 1e-5, 1e-5) : error_of(want);
}

TEST(PaddedWindows, AConvolutionPadsByItself) {
  const PaddedOptions cases[] = {
      {},
      {.border = {0, 0, 0, 0, 0, 0, 1, 1}, .of_conv = {integers("strides", {2, 2})}},
      {.border = {0, 0, 2, 0, 0, 0, 1, 2}, .value = 0.0F},
      {.border = {0, 0, 1, 0, 0, 0, 0, 1}, .of_conv = {integers("pads", {1, 0, 2, 1})}},
      {.of_conv = {text("auto_pad", "VALID")}},
      {.of_conv = {text("auto_pad", "NOTSET"), integers("pads", {0, 1, 0, 1})}},
      {.border = {0, 0, 4, 4, 0, 0, 4, 3}, .of_conv = {integers("dilations", {2, 2})}},
      {.border = {2, 1}, .axes = Pads{-1}},
      {.border = {1, 2, 0, 1}, .axes = Pads{3, 2}},
      {.x = {2, 6, 9, 9},
       .w = {6, 1, 3, 3},
       .of_conv = {integer("group", 6), integers("strides", {2, 2})}},
      {.x = {1, 2, 11}, .w = {3, 2, 5}, .border = {0, 0, 4, 0, 0, 0}},
      {.x = {1, 2, 3, 4, 5}, .w = {3, 2, 2, 3, 1}, .border = {0, 0, 1, 2, 0, 0, 0, 0, 1, 0}},
      {.x = {1, 3, 1, 1}},
      {.x = {0, 3, 7, 6}},
      {.open = true},
      {.of_pad = {text("mode", "constant"), real("value", 0)}, .opset = 10},
  };
  for (const PaddedOptions& options : cases) {
    const auto at = &options - cases;
    GraphCase graph = padded_conv(options);
    EXPECT_EQ(by_the_reference(graph), "") << at;
    const std::size_t steps = graph.figures().steps;
    EXPECT_LT(steps, steps_unpadded(graph, options)) << at;
  }
}

TEST(PaddedWindows, PaddingHasTheNumbersOfZeros) {
  GraphCase graph(13);
  graph.input("x", floats({1, 1, 2, 2}, {1, 2, 3, 4}))
      .constant("w", floats({1, 1, 2, 2}, {1, 10, 100, 1000}))
      .constant("border", int64s({8}, {0, 0, 1, 0, 0, 0, 0, 1}))
      .node("Pad", {"x", "border"}, {"p"})
      .node("Conv", {"p", "w"}, {"y"})
      .output("y");
  EXPECT_EQ(mismatch(graph.run(), floats({1, 1, 2, 2}, {2100, 200, 4321, 402})), "");
  EXPECT_EQ(graph.figures().steps, 1U);
}

TEST(PaddedWindows, WhatAWindowCannotPadStays) {
  const PaddedOptions cases[] = {
      {.value = 1.0F},
      {.of_pad = {text("mode", "edge")}},
      {.of_pad = {text("mode", "reflect")}},
      {.border = {0, 0, -1, 1, 0, 0, 1, 1}},  // cuts
      {.w = {4, 5, 3, 3}, .border = {0, 1, 1, 1, 0, 1, 1, 1}},
      {.border = {1, 0, 1, 1, 0, 0, 1, 1}},
      {.border = {0, 0, 3, 0, 0, 0, 0, 0}},  // a window of nothing but padding
      {.border = {0, 0, 2, 0, 0, 0, 0, 0}, .of_conv = {integers("pads", {1, 0, 0, 0})}},
      {.of_conv = {text("auto_pad", "SAME_UPPER"), integers("strides", {2, 2})}},
      {.also = true},
      {.of_pad = {real("value", 2)}, .opset = 10},
  };
  for (const PaddedOptions& options : cases) {
    GraphCase graph = padded_conv(options);
    EXPECT_EQ(by_the_reference(graph), "") << &options - cases;
    const std::size_t steps = graph.figures().steps;
    EXPECT_EQ(steps, steps_unpadded(graph, options)) << &options - cases;
  }
  GraphCase given(18);  // how much, a request says
  given.input("x", random_floats({1, 3, 7, 6}, 1))
      .input("border", int64s({8}, {0, 0, 1, 1, 0, 0, 1, 1}))
      .constant("w", random_floats({4, 3, 3, 3}, 2))
      .node("Pad", {"x", "border"}, {"p"})
      .node("Conv", {"p", "w"}, {"y"})
      .output("y");
  EXPECT_EQ(by_the_reference(given), "");
}

TEST(PaddedWindows, SixteenBitsStayRounded) {
  GraphCase graph(13);
  graph.input("x", halves({1, 1, 2}, {1, 2049.0F / 2048}))
      .constant("w", halves({1, 1, 2}, {1, 1.0F / 2048}))
      .constant("border", int64s({6}, {0, 0, 1, 0, 0, 1}))
      .constant("zero", halves({}, {0}))
      .node("Pad", {"x", "border", "zero"}, {"p"})
      .node("Conv", {"p", "w"}, {"y"})
      .output("y");
  EXPECT_EQ(mismatch(graph.run(), halves({1, 1, 3}, {1.0F / 2048, 1, 1}), 0, 0), "");
}

// With ones for weights: x, less its zero point of 3, by pairs.
TEST(PaddedWindows, BytesArePaddedWithTheirZeroPoint) {
  struct Row {
    std::vector<std::uint8_t> value;  // the Pad's; empty: none, 0
    std::vector<std::uint8_t> zero;   // the convolution's; likewise
    std::size_t steps;
    std::vector<std::int32_t> want;
  };
  const Row rows[] = {{{3}, {3}, 1, {1, 3, 2}},
                      {{}, {}, 1, {4, 9, 5}},
                      {{0}, {}, 1, {4, 9, 5}},
                      {{}, {3}, 2, {-2, 3, -1}},
                      {{3}, {}, 2, {7, 9, 8}}};
  for (const Row& row : rows) {
    const auto at = &row - rows;
    GraphCase graph(13);
    graph.input("x", uint8s({1, 1, 2}, {4, 5}))
        .constant("w", uint8s({1, 1, 2}, {1, 1}))
        .constant("border", int64s({6}, {0, 0, 1, 0, 0, 1}));
    if (!row.value.empty()) {
      graph.constant("value", uint8s({}, row.value));
    }
    if (!row.zero.empty()) {
      graph.constant("zero", uint8s({}, row.zero));
    }
    graph.node("Pad", {"x", "border", row.value.empty() ? "" : "value"}, {"p"})
        .node("ConvInteger", {"p", "w", row.zero.empty() ? "" : "zero"}, {"y"})
        .output("y");
    EXPECT_EQ(mismatch(graph.run(), int32s({1, 1, 3}, row.want), 0, 0), "") << at;
    EXPECT_EQ(graph.figures().steps, row.steps) << at;
  }
  GraphCase graph(13);
  graph.input("x", uint8s({1, 1, 2}, {4, 5}))
      .constant("w", uint8s({1, 1, 2}, {1, 1}))
      .constant("border", int64s({6}, {0, 0, 1, 0, 0, 1}))
      .constant("one", floats({}, {1}))
      .constant("three", uint8s({}, {3}))
      .constant("none", uint8s({}, {0}))
      .node("Pad", {"x", "border", "three"}, {"p"})
      .node("QLinearConv", {"p", "one", "three", "w", "one", "none", "one", "none"}, {"y"})
      .output("y");
  EXPECT_EQ(mismatch(graph.run(), uint8s({1, 1, 3}, {1, 3, 2}), 0, 0), "");
  EXPECT_EQ(graph.figures().steps, 1U);
}

TEST(PaddedWindows, AnAverageCountsThem) {
  struct Row {
    std::vector<Attribute> of_pool;
    std::size_t steps;
    std::vector<float> want;
  };
  const Row rows[] = {
      {{}, 1, {1, 3, 2}},
      {{integer("count_include_pad", 1)}, 1, {1, 3, 2}},
      {{integer("count_include_pad", 1), integers("pads", {0, 1})}, 2, {1, 3, 2, 0}},
      {{integers("pads", {1, 0}), integers("kernel_shape", {3})}, 2, {1, 2, 2}},
      {{integer("ceil_mode", 1)}, 2, {1, 3, 2}},
  };
  for (const Row& row : rows) {
    const auto at = &row - rows;
    std::vector<Attribute> attributes = row.of_pool;
    if (at != 3) {
      attributes.push_back(integers("kernel_shape", {2}));
    }
    GraphCase graph(13);
    graph.input("x", floats({1, 1, 2}, {2, 4}))
        .constant("border", int64s({6}, {0, 0, 1, 0, 0, 1}))
        .node("Pad", {"x", "border"}, {"p"})
        .node("AveragePool", {"p"}, {"y"}, attributes)
        .output("y");
    const auto count = static_cast<std::int64_t>(row.want.size());
    EXPECT_EQ(mismatch(graph.run(), floats({1, 1, count}, row.want)), "") << at;
    EXPECT_EQ(graph.figures().steps, row.steps) << at;
  }
}

}  // namespace
}  // namespace sluice::engine::testing
