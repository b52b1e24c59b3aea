// Patterns of elementary steps that become one operator: that they do, that the answer stays, and
// that nothing is taken which only looks alike.

#include <cmath>
#include <string>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine::testing {
namespace {

// LayerNormalization over [2,3,8] as exporters of opsets before 17 write it.
struct NormOptions {
  std::int64_t axis = -1;
  bool by_product = false;  // d * d instead of d ^ 2
  bool twice = false;       // the mean is subtracted in two steps
  Shape scale = {8};
  std::string also;  // a value inside that the graph puts out too
};

GraphCase layer_norm(const NormOptions& options) {
  GraphCase graph(13);
  graph.input("x", random_floats({2, 3, 8}, 7))
      .constant("two", floats({}, {2}))
      .constant("epsilon", floats({}, {1e-5F}))
      .constant("scale", random_floats(options.scale, 8))
      .constant("bias", random_floats({8}, 9))
      .node("ReduceMean", {"x"}, {"m"}, {integers("axes", {options.axis})})
      .node("Sub", {"x", "m"}, {"d"});
  if (options.by_product) {
    graph.node("Mul", {"d", "d"}, {"p"});
  } else {
    graph.node("Pow", {"d", "two"}, {"p"});
  }
  graph.node("ReduceMean", {"p"}, {"v"}, {integers("axes", {options.axis})})
      .node("Add", {"v", "epsilon"}, {"a"})
      .node("Sqrt", {"a"}, {"s"});
  if (options.twice) {
    graph.node("Sub", {"x", "m"}, {"e"}).node("Div", {"e", "s"}, {"n"});
  } else {
    graph.node("Div", {"d", "s"}, {"n"});
  }
  graph.node("Mul", {"n", "scale"}, {"y"}).node("Add", {"y", "bias"}, {"z"}).output("z");
  if (!options.also.empty()) {
    graph.output(options.also);
  }
  return graph;
}

TEST(Patterns, ALayerNormalizationWrittenOutBecomesOneStep) {
  for (const bool by_product : {false, true}) {
    for (const bool twice : {false, true}) {
      for (const std::int64_t axis : {-1, 2}) {
        GraphCase graph =
            layer_norm({.axis = axis, .by_product = by_product, .twice = twice, .also = {}});
        const auto want = graph.run_reference();
        ASSERT_TRUE(want) << error_of(want);
        EXPECT_EQ(mismatch(graph.run(), (*want)[0], 1e-5, 1e-6), "");
        EXPECT_EQ(graph.figures().steps, 1U) << by_product << twice << axis;
      }
    }
  }
}

TEST(Patterns, WhatOnlyLooksLikeALayerNormalizationStays) {
  const NormOptions cases[] = {
      {.axis = 1, .also = {}},              // not the last extent
      {.scale = {3, 1}, .also = {}},        // a scale by rows
      {.scale = {2, 2, 3, 8}, .also = {}},  // a scale that adds an extent
      {.also = "d"},                        // somebody else reads what is inside
      {.also = "n"},
  };
  for (const NormOptions& options : cases) {
    GraphCase graph = layer_norm(options);
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), (*want)[0], 1e-5, 1e-6), "");
    EXPECT_GT(graph.figures().steps, 8U) << options.also << options.axis;
  }
}

GraphCase gelu(bool divides, bool half_first, float inner, float half) {
  GraphCase graph(13);
  graph.input("x", random_floats({4, 40}, 3))
      .constant("inner", floats({}, {inner}))
      .constant("one", floats({}, {1}))
      .constant("half", floats({}, {half}))
      .node(divides ? "Div" : "Mul", {"x", "inner"}, {"u"})
      .node("Erf", {"u"}, {"e"})
      .node("Add", {"e", "one"}, {"g"});
  if (half_first) {
    graph.node("Mul", {"x", "half"}, {"h"}).node("Mul", {"h", "g"}, {"z"});
  } else {
    graph.node("Mul", {"x", "g"}, {"h"}).node("Mul", {"h", "half"}, {"z"});
  }
  return graph.output("z");
}

TEST(Patterns, AGeluWrittenOutBecomesOneStep) {
  for (const bool half_first : {false, true}) {
    for (const bool divides : {false, true}) {
      GraphCase graph =
          gelu(divides, half_first, divides ? std::sqrt(2.0F) : std::sqrt(0.5F), 0.5F);
      const auto want = graph.run_reference();
      ASSERT_TRUE(want) << error_of(want);
      EXPECT_EQ(mismatch(graph.run(), (*want)[0], 1e-6, 1e-6), "");
      EXPECT_EQ(graph.figures().steps, 1U) << half_first << divides;
    }
  }
  for (GraphCase graph : {gelu(true, false, 1.5F, 0.5F), gelu(true, true, std::sqrt(2.0F), 0.4F)}) {
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), (*want)[0], 1e-6, 1e-6), "");
    EXPECT_GT(graph.figures().steps, 1U);
  }
}

TEST(Patterns, ASiluWrittenOutBecomesOneStep) {
  for (const bool turned : {false, true}) {
    GraphCase graph(13);
    graph.input("x", random_floats({4, 41}, 3)).node("Sigmoid", {"x"}, {"s"});
    graph.node("Mul",
               turned ? std::vector<std::string>{"s", "x"} : std::vector<std::string>{"x", "s"},
               {"y"});
    graph.output("y");
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), (*want)[0], 1e-6, 1e-6), "");
    EXPECT_EQ(graph.figures().steps, 1U);
  }
  GraphCase read_elsewhere(13);
  read_elsewhere.input("x", random_floats({4}, 3)).node("Sigmoid", {"x"}, {"s"});
  read_elsewhere.node("Mul", {"x", "s"}, {"y"}).output("y").output("s");
  const auto want = read_elsewhere.run_reference();
  ASSERT_TRUE(want) << error_of(want);
  EXPECT_EQ(mismatch(read_elsewhere.run(), (*want)[0], 1e-6, 1e-6), "");
  GraphCase gate(13);  // of another value
  gate.input("x", random_floats({4}, 3)).input("z", random_floats({4}, 4));
  gate.node("Sigmoid", {"x"}, {"s"}).node("Mul", {"z", "s"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(gate.run(), (*gate.run_reference())[0], 1e-6, 1e-6), "");
}

TEST(Patterns, AModelCannotNameWhatOnlyThePlanMakes) {
  const auto made = run_domain_op("sluice.fused", 1, "Gelu", {floats({1}, {1})});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace sluice::engine::testing
