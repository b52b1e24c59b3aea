// Rotary positions that are written out: that they become one step with the same bits, and that
// nothing is taken which only looks alike.

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine::testing {
namespace {

struct RotaryOptions {
  Shape x = {2, 5, 3, 4, 2};
  Shape angles = {2, 5, 1, 4};
  std::int64_t second = 1;       // the element that Gather takes
  bool turned = false;           // operands of Mul and Add the other way round
  bool other_sine = false;       // the sum has another sine than the difference
  bool difference_back = false;  // b * sine - a * cosine
  std::int64_t axis = -1;        // of Unsqueeze and Concat
  std::string also{};            // a value inside that the graph puts out too
};

GraphCase rotary(const RotaryOptions& options) {
  GraphCase graph(17);
  const auto node = [&](const char* op, const char* a, const char* b, const char* y) {
    const bool swap = options.turned && std::string(op) != "Sub";
    graph.node(op, {swap ? b : a, swap ? a : b}, {y});
  };
  graph.input("x", random_floats(options.x, 1))
      .input("cosine", random_floats(options.angles, 2))
      .input("sine", random_floats(options.angles, 3))
      .input("other", random_floats(options.angles, 4))
      .constant("zero", int64s({}, {0}))
      .constant("one", int64s({}, {options.second}))
      .constant("axis", int64s({1}, {options.axis}))
      .node("Gather", {"x", "zero"}, {"a"}, {integer("axis", -1)})
      .node("Gather", {"x", "one"}, {"b"}, {integer("axis", 4)});
  node("Mul", "a", "cosine", "ac");
  node("Mul", "b", "sine", "bs");
  node("Sub", options.difference_back ? "bs" : "ac", options.difference_back ? "ac" : "bs", "d");
  node("Mul", "a", options.other_sine ? "other" : "sine", "as");
  node("Mul", "b", "cosine", "bc");
  node("Add", "as", "bc", "s");
  graph.node("Unsqueeze", {"d", "axis"}, {"left"})
      .node("Unsqueeze", {"s", "axis"}, {"right"})
      .node("Concat", {"left", "right"}, {"y"}, {integer("axis", options.axis)})
      .output("y");
  if (!options.also.empty()) {
    graph.output(options.also);
  }
  return graph;
}

TEST(RotaryPatterns, PairsThatAreTurnedBecomeOneStep) {
  const RotaryOptions cases[] = {
      {},
      {.turned = true},
      {.axis = 4},
      {.angles = {4}},
      {.x = {1, 5, 3, 4, 2}},  // the angles have more rows
      {.x = {2, 5, 3, 4, 3}},  // a third element that nobody reads
      {.x = {2, 5, 3, 1, 2}},  // the angles have more pairs
      {.x = {2, 0, 3, 4, 2}, .angles = {4}},
  };
  for (const RotaryOptions& options : cases) {
    GraphCase graph = rotary(options);
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), (*want)[0], 0), "");
    EXPECT_EQ(graph.figures().steps, 1U) << options.turned << options.axis;
  }
}

TEST(RotaryPatterns, APairIsTurnedByItsAngle) {
  GraphCase graph(17);
  graph.input("x", floats({1, 1, 1, 2, 2}, {1, 2, 3, 4}))
      .constant("cosine", floats({2}, {0, 0.5F}))
      .constant("sine", floats({2}, {1, 2}))
      .constant("zero", int64s({}, {0}))
      .constant("one", int64s({}, {1}))
      .constant("axis", int64s({1}, {-1}))
      .node("Gather", {"x", "zero"}, {"a"}, {integer("axis", -1)})
      .node("Gather", {"x", "one"}, {"b"}, {integer("axis", -1)})
      .node("Mul", {"a", "cosine"}, {"ac"})
      .node("Mul", {"b", "sine"}, {"bs"})
      .node("Sub", {"ac", "bs"}, {"d"})
      .node("Mul", {"a", "sine"}, {"as"})
      .node("Mul", {"b", "cosine"}, {"bc"})
      .node("Add", {"as", "bc"}, {"s"})
      .node("Unsqueeze", {"d", "axis"}, {"left"})
      .node("Unsqueeze", {"s", "axis"}, {"right"})
      .node("Concat", {"left", "right"}, {"y"}, {integer("axis", -1)})
      .output("y");
  EXPECT_EQ(mismatch(graph.run(), floats({1, 1, 1, 2, 2}, {-2, 1, -6.5F, 8}), 0), "");
  EXPECT_EQ(graph.figures().steps, 1U);
}

TEST(RotaryPatterns, WhatOnlyLooksLikePairsThatAreTurnedStays) {
  const RotaryOptions cases[] = {
      {.second = 0},
      {.other_sine = true},
      {.difference_back = true},
      {.axis = 3},
      {.also = "d"},
      {.also = "b"},
  };
  for (const RotaryOptions& options : cases) {
    GraphCase graph = rotary(options);
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), (*want)[0], 0), "");
    EXPECT_GT(graph.figures().steps, 5U) << options.also << options.axis;
  }
}

}  // namespace
}  // namespace sluice::engine::testing
