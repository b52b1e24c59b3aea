// Patterns of elementary steps that become one operator: that they do, that the answer stays, and
// that nothing is taken which only looks alike.

#include <cmath>
#include <limits>
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
    EXPECT_GT(graph.figures().steps, 3U) << options.also << options.axis;
  }
}

// x * scale / sqrt(mean of x^2 + epsilon) over [2,3,8].
enum class Inverse { none, divides, reciprocal };

GraphCase rms_norm(Inverse inverse, bool scale_first, const Shape& scale = {8}) {
  GraphCase graph(13);
  graph.input("x", random_floats({2, 3, 8}, 7))
      .constant("two", floats({}, {2}))
      .constant("one", floats({}, {1}))
      .constant("epsilon", floats({}, {1e-5F}))
      .constant("scale", random_floats(scale, 8))
      .node("Pow", {"x", "two"}, {"p"})
      .node("ReduceMean", {"p"}, {"v"}, {integers("axes", {-1})})
      .node("Add", {"v", "epsilon"}, {"a"})
      .node("Sqrt", {"a"}, {"s"});
  if (inverse == Inverse::none) {
    graph.node("Div", {"x", "s"}, {"n"});
  } else if (inverse == Inverse::divides) {
    graph.node("Div", {"one", "s"}, {"r"}).node("Mul", {"x", "r"}, {"n"});
  } else {
    graph.node("Reciprocal", {"s"}, {"r"}).node("Mul", {"r", "x"}, {"n"});
  }
  graph.node(
      "Mul",
      scale_first ? std::vector<std::string>{"scale", "n"} : std::vector<std::string>{"n", "scale"},
      {"y"});
  return graph.output("y");
}

TEST(Patterns, AnRmsNormalizationWrittenOutBecomesOneStep) {
  for (const Inverse inverse : {Inverse::none, Inverse::divides, Inverse::reciprocal}) {
    for (const bool scale_first : {false, true}) {
      GraphCase graph = rms_norm(inverse, scale_first);
      const auto want = graph.run_reference();
      ASSERT_TRUE(want) << error_of(want);
      EXPECT_EQ(mismatch(graph.run(), (*want)[0], 1e-5, 1e-6), "");
      EXPECT_EQ(graph.figures().steps, 1U) << static_cast<int>(inverse) << scale_first;
    }
  }
  GraphCase by_rows = rms_norm(Inverse::none, false, {3, 1});
  EXPECT_EQ(mismatch(by_rows.run(), (*by_rows.run_reference())[0], 1e-5, 1e-6), "");
  EXPECT_GT(by_rows.figures().steps, 1U);
}

TEST(Patterns, WhatChangesNothingDoesNotStandBetween) {
  GraphCase graph(13);
  graph.input("x", random_floats({2, 3, 8}, 7))
      .constant("two", floats({}, {2}))
      .constant("epsilon", floats({}, {1e-5F}))
      .constant("scale", random_floats({8}, 8))
      .constant("ratio", floats({}, {0.5F}))
      .constant("training", bools({}, {0}))
      .node("Cast", {"x"}, {"same"}, {integer("to", 1)})
      .node("Pow", {"same", "two"}, {"p"})
      .node("Identity", {"p"}, {"q"})
      .node("ReduceMean", {"q"}, {"v"}, {integers("axes", {-1})})
      .node("Add", {"v", "epsilon"}, {"a"})
      .node("Sqrt", {"a"}, {"s"})
      .node("Div", {"x", "s"}, {"n"})
      .node("Dropout", {"n", "ratio", "training"}, {"d"})
      .node("Mul", {"d", "scale"}, {"y"})
      .node("Identity", {"y"}, {"z"})
      .output("y")
      .output("z");
  const auto want = graph.run_reference();
  ASSERT_TRUE(want) << error_of(want);
  const auto got = graph.run();
  EXPECT_EQ(mismatch(got, (*want)[0], 1e-5, 1e-6), "");
  EXPECT_EQ(mismatch_at(got, 1, (*want)[1], 1e-5, 1e-6), "");
  EXPECT_EQ(graph.figures().steps, 1U);
}

TEST(Patterns, WhatIsComputedTwiceIsComputedOnce) {
  const auto graph_of = [](std::int64_t other_axis, bool also_out) {
    GraphCase graph(13);
    graph.input("x", random_floats({4, 8}, 7))
        .node("Softmax", {"x"}, {"a"}, {integer("axis", 1)})
        .node("Softmax", {"x"}, {"b"}, {integer("axis", other_axis)})
        .node("Exp", {"a"}, {"c"})
        .node("Exp", {"b"}, {"d"})
        .node("Add", {"c", "d"}, {"y"})
        .output("y");
    if (also_out) {
      graph.output("b");
    }
    return graph;
  };
  struct Row {
    std::int64_t axis;
    bool also_out;
    std::size_t steps;
  };
  for (const Row& row : {Row{1, false, 3}, Row{0, false, 5}, Row{1, true, 5}}) {
    GraphCase graph = graph_of(row.axis, row.also_out);
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), (*want)[0], 1e-6), "");
    EXPECT_EQ(graph.figures().steps, row.steps) << row.axis << row.also_out;
  }
}

// What is drawn twice is drawn twice.
TEST(Patterns, RandomNumbersAreNotTheSame) {
  GraphCase graph(15);
  graph.input("x", random_floats({64}, 7))
      .node("RandomUniformLike", {"x"}, {"a"})
      .node("RandomUniformLike", {"x"}, {"b"})
      .node("Sub", {"a", "b"}, {"y"})
      .output("y");
  EXPECT_NE(mismatch(graph.run(), floats({64}, std::vector<float>(64, 0)), 0), "");
}

TEST(Patterns, ACastThatRoundsStays) {
  GraphCase graph(13);
  graph.input("x", random_floats({64}, 7))
      .node("Cast", {"x"}, {"narrow"}, {integer("to", 10)})
      .node("Cast", {"narrow"}, {"y"}, {integer("to", 1)})
      .output("y");
  EXPECT_EQ(mismatch(graph.run(), (*graph.run_reference())[0]), "");
  EXPECT_NE(mismatch(graph.run(), random_floats({64}, 7)), "");
}

// A mask is as long as the past and what is new, which no guess of one symbol at a time says.
TEST(Patterns, AreFoundBehindAMaskOfThePastAndWhatIsNew) {
  GraphCase graph(13);
  graph.symbol_input("new", random_floats({1, 2, 8}, 1), {"batch", "sequence", ""})
      .symbol_input("past", random_floats({1, 3, 8}, 2), {"batch", "past", ""})
      .symbol_input("mask", random_floats({1, 5, 8}, 3), {"batch", "total", ""})
      .node("Concat", {"past", "new"}, {"all"}, {integer("axis", 1)})
      .node("Mul", {"all", "mask"}, {"x"})
      .node("Sigmoid", {"x"}, {"s"})
      .node("Mul", {"x", "s"}, {"y"})
      .output("y");
  EXPECT_EQ(mismatch(graph.run(), (*graph.run_reference())[0], 1e-5, 1e-6), "");
  EXPECT_EQ(graph.figures().steps, 3U);  // Concat, Mul, Silu
}

GraphCase gelu(bool divides,
               bool half_first,
               float inner,
               float half,
               const NamedTensor& x = random_floats({4, 40}, 3)) {
  GraphCase graph(13);
  graph.input("x", x)
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

GraphCase gelu_by_tanh(bool by_power, bool half_first, bool turned, float cubic) {
  GraphCase graph(13);
  const auto pair = [&](const char* a, const char* b) {
    return turned ? std::vector<std::string>{b, a} : std::vector<std::string>{a, b};
  };
  graph.input("x", random_floats({4, 40}, 3))
      .constant("three", floats({}, {3}))
      .constant("cubic", floats({}, {cubic}))
      .constant("scale", floats({}, {0.7978845608F}))
      .constant("one", floats({}, {1}))
      .constant("half", floats({}, {0.5F}));
  if (by_power) {
    graph.node("Pow", {"x", "three"}, {"p"});
  } else {
    graph.node("Mul", {"x", "x"}, {"q"}).node("Mul", pair("x", "q"), {"p"});
  }
  graph.node("Mul", pair("cubic", "p"), {"c"})
      .node("Add", pair("x", "c"), {"a"})
      .node("Mul", pair("scale", "a"), {"u"})
      .node("Tanh", {"u"}, {"t"})
      .node("Add", pair("one", "t"), {"g"});
  if (half_first) {
    graph.node("Mul", pair("half", "x"), {"h"}).node("Mul", pair("h", "g"), {"z"});
  } else {
    graph.node("Mul", pair("x", "g"), {"h"}).node("Mul", pair("h", "half"), {"z"});
  }
  return graph.output("z");
}

TEST(Patterns, AGeluByTanhWrittenOutBecomesOneStep) {
  for (const bool by_power : {false, true}) {
    for (const bool half_first : {false, true}) {
      for (const bool turned : {false, true}) {
        GraphCase graph = gelu_by_tanh(by_power, half_first, turned, 0.044715F);
        const auto want = graph.run_reference();
        ASSERT_TRUE(want) << error_of(want);
        EXPECT_EQ(mismatch(graph.run(), (*want)[0], 1e-5, 1e-6), "");
        EXPECT_EQ(graph.figures().steps, 1U) << by_power << half_first << turned;
      }
    }
  }
  GraphCase other = gelu_by_tanh(true, true, false, 0.05F);
  EXPECT_EQ(mismatch(other.run(), (*other.run_reference())[0], 1e-5, 1e-6), "");
  EXPECT_GT(other.figures().steps, 1U);
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

// Where 1 + erf(x) as it is written has lost all digits.
TEST(Patterns, AGeluIsAccurateFarBelowZero) {
  constexpr int kPoints = 20'001;
  std::vector<float> x;
  for (int i = 0; i < kPoints; ++i) {
    x.push_back(-5.6F + 11.2F * static_cast<float>(i) / (kPoints - 1));
  }
  GraphCase graph = gelu(false, true, std::sqrt(0.5F), 0.5F, floats({kPoints}, x));
  const auto got = graph.run();
  ASSERT_TRUE(got) << error_of(got);
  EXPECT_EQ(graph.figures().steps, 1U);
  const auto y = floats_of((*got)[0]);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = x[i] / 2.0 * std::erfc(-static_cast<double>(x[i]) / std::sqrt(2.0));
    const double most = (x[i] < 0 ? 6e-6 : 3e-7) * std::abs(exact);
    ASSERT_NEAR(static_cast<double>(y[i]), exact, most) << x[i];
  }
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const NamedTensor special = floats({7}, {0, -0.0F, -1000, 1000, kInf, -kInf, kNan});
  EXPECT_EQ(mismatch(gelu(false, true, std::sqrt(0.5F), 0.5F, special).run(),
                     floats({7}, {0, 0, 0, 1000, kInf, kNan, kNan}),
                     0,
                     0),
            "");
}

struct HardSwishOptions {
  bool divides = true;
  bool attributes = false;  // Clip as before opset 11
  float plus = 3;
  float high = 6;
  float by = 6;
  std::string also{};
};

GraphCase hard_swish(const HardSwishOptions& options) {
  GraphCase graph(options.attributes ? 10 : 13);
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  graph.input("x", floats({11}, {-4, -3, -2.5F, -1, 0, 0.75F, 2.9F, 3, 100, kInf, kNan}))
      .constant("plus", floats({}, {options.plus}))
      .constant("low", floats({}, {0}))
      .constant("high", floats({}, {options.high}))
      .constant("by", floats({}, {options.divides ? options.by : 1 / options.by}))
      .node("Add", {"x", "plus"}, {"a"});
  if (options.attributes) {
    graph.node("Clip", {"a"}, {"c"}, {real("min", 0), real("max", options.high)});
  } else {
    graph.node("Clip", {"a", "low", "high"}, {"c"});
  }
  graph.node("Mul", {"x", "c"}, {"p"})
      .node(options.divides ? "Div" : "Mul", {"p", "by"}, {"y"})
      .output("y");
  if (!options.also.empty()) {
    graph.output(options.also);
  }
  return graph;
}

TEST(Patterns, AHardSwishWrittenOutBecomesOneStep) {
  for (const bool divides : {false, true}) {
    for (const bool attributes : {false, true}) {
      GraphCase graph = hard_swish({.divides = divides, .attributes = attributes});
      const auto want = graph.run_reference();
      ASSERT_TRUE(want) << error_of(want);
      EXPECT_EQ(mismatch(graph.run(), (*want)[0], 1e-6, 1e-6), "");
      EXPECT_EQ(graph.figures().steps, 1U) << divides << attributes;
    }
  }
  const HardSwishOptions others[] = {{.plus = 2}, {.high = 5}, {.by = 5}, {.also = "c"}};
  for (const HardSwishOptions& options : others) {
    GraphCase graph = hard_swish(options);
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), (*want)[0], 1e-6, 1e-6), "");
    EXPECT_GT(graph.figures().steps, 1U);
  }
}

TEST(Patterns, AModelCannotNameWhatOnlyThePlanMakes) {
  const auto made = run_domain_op("sluice.fused", 1, "Gelu", {floats({1}, {1})});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace sluice::engine::testing
