// conv.cc, pool.cc, batch_norm.cc, and what the plan fuses into a convolution.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// The reference session's answer, as a tensor; fails the test when there is none.
NamedTensor reference(GraphCase& graph) {
  auto got = graph.run_reference();
  EXPECT_TRUE(got) << error_of(got);
  return got ? got->front() : NamedTensor{};
}

TEST(Conv, MultipliesByHandCheckableNumbers) {
  const NamedTensor x = floats({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const NamedTensor w = floats({1, 1, 2, 2}, {1, 0, 0, -1});
  GraphCase graph;
  graph.input("x", x).constant("w", w).node("Conv", {"x", "w"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), floats({1, 1, 2, 2}, {-4, -4, -4, -4})), "");
  EXPECT_EQ(mismatch(graph.run_reference(), floats({1, 1, 2, 2}, {-4, -4, -4, -4})), "");
  EXPECT_EQ(mismatch(run_op("Conv", {x, w, floats({1}, {10})}, {integers("pads", {1, 1, 1, 1})}),
                     floats({1, 1, 4, 4}, {9, 8, 7, 10, 6, 6, 6, 13, 3, 6, 6, 16, 10, 17, 18, 19})),
            "")
      << "weights and bias that come at run time";
}

TEST(Conv, PadsByItselfWhereAsked) {
  const NamedTensor x = floats({1, 1, 4}, {1, 2, 3, 4});
  const NamedTensor w = floats({1, 1, 2}, {1, 10});
  struct Row {
    const char* pad;
    NamedTensor want;
  };
  const Row rows[] = {{"SAME_UPPER", floats({1, 1, 4}, {21, 32, 43, 4})},
                      {"SAME_LOWER", floats({1, 1, 4}, {10, 21, 32, 43})},
                      {"VALID", floats({1, 1, 3}, {21, 32, 43})}};
  for (const Row& row : rows) {
    GraphCase graph;
    graph.input("x", x).constant("w", w);
    graph.node("Conv", {"x", "w"}, {"y"}, {text("auto_pad", row.pad)}).output("y");
    EXPECT_EQ(mismatch(graph.run(), row.want), "") << row.pad;
  }
}

struct ConvRow {
  Shape x;
  Shape w;
  std::vector<std::int64_t> pads;
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> dilations;
  std::int64_t group;
};

TEST(Conv, AgreesWithTheScalarLoopsForEveryKindOfWindow) {
  const ConvRow rows[] = {
      {{2, 3, 9, 8}, {5, 3, 3, 3}, {1, 1, 1, 1}, {1, 1}, {1, 1}, 1},
      {{1, 16, 7, 7}, {32, 16, 1, 1}, {0, 0, 0, 0}, {1, 1}, {1, 1}, 1},
      {{1, 24, 9, 9}, {24, 1, 3, 3}, {1, 1, 1, 1}, {2, 2}, {1, 1}, 24},
      {{3, 8, 6, 5}, {12, 2, 3, 2}, {0, 1, 2, 0}, {2, 1}, {1, 2}, 4},
      {{1, 3, 17}, {4, 3, 5}, {2, 2}, {3}, {1}, 1},
      {{1, 2, 5, 6, 7}, {3, 2, 2, 3, 3}, {0, 1, 1, 1, 1, 0}, {1, 1, 2}, {1, 1, 1}, 1},
      {{1, 1, 12, 12}, {8, 1, 5, 5}, {2, 2, 2, 2}, {1, 1}, {1, 1}, 1},
      {{1, 2, 3, 3, 3, 3}, {2, 2, 2, 2, 2, 2}, {}, {}, {}, 1},            // more than oneDNN has
      {{1, 16, 6, 600}, {8, 16, 3, 3}, {1, 1, 1, 1}, {1, 1}, {1, 1}, 1},  // rows beyond a cache
      {{2, 8, 40, 1}, {4, 8, 5, 1}, {2, 0, 2, 0}, {1, 1}, {1, 1}, 1},     // one place wide
      {{1, 1, 600}, {10, 1, 256}, {0, 0}, {128}, {1}, 1},                 // a short-time transform
      {{2, 5, 9, 8}, {5, 1, 3, 3}, {1, 0, 1, 2}, {2, 1}, {1, 2}, 5},      // depthwise, odd channels
      {{2, 37, 40}, {37, 1, 35}, {17, 17}, {1}, {1}, 37},                 // many taps
  };
  for (const ConvRow& row : rows) {
    for (const bool open : {false, true}) {
      GraphCase graph;
      const NamedTensor x = random_floats(row.x, 3);
      open ? graph.open_input("x", x) : graph.input("x", x);
      graph.constant("w", random_floats(row.w, 4)).constant("b", random_floats({row.w[0]}, 5));
      graph.node("Conv",
                 {"x", "w", "b"},
                 {"y"},
                 {integers("pads", row.pads),
                  integers("strides", row.strides),
                  integers("dilations", row.dilations),
                  integer("group", row.group)});
      graph.output("y");
      EXPECT_EQ(mismatch(graph.run(), reference(graph), 1e-5, 1e-6), "") << to_string(row.w);
    }
  }
}

TEST(Conv, OfFloat64AndOfNothing) {
  EXPECT_EQ(mismatch(run_op("Conv", {doubles({1, 1, 3}, {1, 2, 3}), doubles({1, 1, 2}, {1, 1})}),
                     doubles({1, 1, 2}, {3, 5})),
            "");
  GraphCase graph;
  graph.input("x", floats({0, 1, 3, 3}, {})).constant("w", random_floats({2, 1, 2, 2}, 1));
  graph.node("Conv", {"x", "w"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), floats({0, 2, 2, 2}, {})), "");
}

TEST(Conv, RefusesWhatDoesNotFit) {
  const NamedTensor x = random_floats({1, 4, 5, 5}, 1);
  EXPECT_NE(error_of(run_op("Conv", {x, random_floats({2, 3, 3, 3}, 1)})).find("does not fit"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Conv", {x, random_floats({2, 4, 7, 7}, 1)})).find("window of 7"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Conv", {x, random_floats({2, 4, 3, 3}, 1)}, {integer("group", 0)}))
                .find("group is 0"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Conv", {x, random_floats({2, 4, 3, 3}, 1), floats({3}, {1, 2, 3})}))
                .find("bias"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Conv", {x, random_floats({2, 4, 3, 3}, 1)}, {text("auto_pad", "X")})),
            "no error");
}

// A residual block: conv, batch norm, relu, conv, add, relu.
void residual_block(GraphCase& graph, const std::string& activation) {
  graph.input("x", random_floats({2, 16, 8, 8}, 1));
  graph.constant("w1", random_floats({16, 16, 3, 3}, 2))
      .constant("w2", random_floats({16, 16, 1, 1}, 3));
  graph.constant("scale", random_floats({16}, 4)).constant("shift", random_floats({16}, 5));
  graph.constant("mean", random_floats({16}, 6));
  graph.constant("variance", floats({16}, std::vector<float>(16, 0.7F)));
  graph.constant("bias", random_floats({16, 1, 1}, 7));
  graph.node("Relu", {"x"}, {"in"});
  graph.node("Conv", {"in", "w1"}, {"c1"}, {integers("pads", {1, 1, 1, 1})});
  graph.node("BatchNormalization", {"c1", "scale", "shift", "mean", "variance"}, {"n1"});
  graph.node("Relu", {"n1"}, {"r1"});
  graph.node("Conv", {"r1", "w2"}, {"c2"});
  graph.node("Add", {"bias", "c2"}, {"b2"});
  graph.node("Add", {"in", "b2"}, {"sum"});
  graph.node(activation, {"sum"}, {"y"});
  graph.output("y");
}

TEST(Fusion, AResidualBlockIsTwoConvolutions) {
  for (const std::string activation : {"Relu", "LeakyRelu"}) {
    GraphCase graph;
    residual_block(graph, activation);
    EXPECT_EQ(mismatch(graph.run(), reference(graph), 1e-5, 1e-6), "") << activation;
    // Relu of the input, two convolutions, and a change of layout at both ends.
    EXPECT_EQ(graph.figures().steps, 5U);
    EXPECT_EQ(graph.figures().reorders, 2U);
  }
}

TEST(Fusion, AResidualMayBeTheConvolutionsOwnInput) {
  for (const std::int64_t kernel : {1, 3}) {
    GraphCase graph;
    graph.input("x", random_floats({2, 16, 8, 8}, 1));
    graph.constant("w", random_floats({16, 16, kernel, kernel}, 2)).node("Tanh", {"x"}, {"t"});
    const std::int64_t pad = kernel / 2;
    graph.node("Conv", {"t", "w"}, {"c"}, {integers("pads", {pad, pad, pad, pad})});
    graph.node("Add", {"c", "t"}, {"y"}).output("y");
    EXPECT_EQ(mismatch(graph.run(), reference(graph), 1e-5, 1e-6), "") << kernel;
  }
}

TEST(Fusion, WhatIsAlsoReadElsewhereStays) {
  GraphCase graph;
  residual_block(graph, "Relu");
  graph.output("sum").output("c2");
  const auto got = graph.run();
  const auto want = graph.run_reference();
  ASSERT_TRUE(got && want) << error_of(got) << error_of(want);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(mismatch(std::vector<NamedTensor>{(*got)[i]}, (*want)[i], 1e-5, 1e-6), "") << i;
  }
}

TEST(Fusion, ABatchNormalisationBehindAnActivationIsNotFolded) {
  GraphCase graph;
  graph.input("x", random_floats({1, 3, 6, 6}, 1)).constant("w", random_floats({4, 3, 3, 3}, 2));
  graph.constant("s", floats({4}, {1, 2, -3, 4})).constant("v", floats({4}, {1, 1, 1, 1}));
  graph.node("Conv", {"x", "w"}, {"c"}).node("Relu", {"c"}, {"r"});
  graph.node("BatchNormalization", {"r", "s", "s", "s", "v"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), reference(graph), 1e-5, 1e-6), "");
}

TEST(Fusion, ActivationsKeepNan) {
  for (const char* activation : {"Relu", "LeakyRelu", "Clip"}) {
    GraphCase graph;
    graph.input("x", floats({1, 1, 2, 2}, {kNan, 1, -kInf, kInf}));
    graph.constant("w", floats({2, 1, 1, 1}, {1, -1}));
    graph.constant("zero", floats({}, {0})).constant("six", floats({}, {6}));
    graph.node("Conv", {"x", "w"}, {"c"});
    if (std::string(activation) == "Clip") {
      graph.node("Clip", {"c", "zero", "six"}, {"y"});
    } else {
      graph.node(activation, {"c"}, {"y"});
    }
    graph.output("y");
    EXPECT_EQ(mismatch(graph.run(), reference(graph)), "") << activation;
  }
}

TEST(Pool, AveragesAndFindsTheLargest) {
  const NamedTensor x =
      floats({1, 1, 4, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, kNan});
  const std::vector<Attribute> two{integers("kernel_shape", {2, 2}), integers("strides", {2, 2})};
  EXPECT_EQ(mismatch(run_op("MaxPool", {x}, two), floats({1, 1, 2, 2}, {6, 8, 14, kNan})), "");
  EXPECT_EQ(
      mismatch(run_op("AveragePool", {x}, two), floats({1, 1, 2, 2}, {3.5F, 5.5F, 11.5F, kNan})),
      "");
  const NamedTensor row = floats({1, 1, 5}, {1, 2, 3, 4, 6});
  EXPECT_EQ(
      mismatch(
          run_op("AveragePool", {row}, {integers("kernel_shape", {3}), integers("pads", {1, 1})}),
          floats({1, 1, 5}, {1.5F, 2, 3, 13.0F / 3, 5})),
      "");
  EXPECT_EQ(mismatch(run_op("AveragePool",
                            {row},
                            {integers("kernel_shape", {3}),
                             integers("pads", {1, 1}),
                             integer("count_include_pad", 1)}),
                     floats({1, 1, 5}, {1, 2, 3, 13.0F / 3, 10.0F / 3})),
            "");
  EXPECT_EQ(mismatch(run_op("MaxPool",
                            {row},
                            {integers("kernel_shape", {2}),
                             integers("strides", {2}),
                             integer("ceil_mode", 1)}),
                     floats({1, 1, 3}, {2, 4, 6})),
            "");
  EXPECT_EQ(mismatch(run_op("GlobalAveragePool", {floats({1, 2, 1, 2}, {1, 3, 5, kInf})}),
                     floats({1, 2, 1, 1}, {2, kInf})),
            "");
  EXPECT_EQ(mismatch(run_op("GlobalMaxPool", {floats({1, 2, 2}, {1, 3, -5, -7})}),
                     floats({1, 2, 1}, {3, -5})),
            "");
}

TEST(Pool, GivesTheIndicesOfTheLargest) {
  const NamedTensor x = floats({1, 2, 2, 2}, {1, 9, 3, 4, 8, 7, 6, 5});
  const std::vector<Attribute> two{integers("kernel_shape", {2, 2})};
  const auto got = run_op("MaxPool", {x}, two, 17, 2);
  ASSERT_TRUE(got) << error_of(got);
  EXPECT_EQ(mismatch(std::vector<NamedTensor>{(*got)[1]}, int64s({1, 2, 1, 1}, {1, 4}), 0), "");
  std::vector<Attribute> columns = two;
  columns.push_back(integer("storage_order", 1));
  const auto turned = run_op("MaxPool", {x}, columns, 17, 2);
  ASSERT_TRUE(turned) << error_of(turned);
  EXPECT_EQ(mismatch(std::vector<NamedTensor>{(*turned)[1]}, int64s({1, 2, 1, 1}, {2, 4}), 0), "");
}

TEST(Pool, AgreesWithThePlainLoopsInEveryLayout) {
  for (const char* op : {"MaxPool", "AveragePool"}) {
    for (const bool ceil : {false, true}) {
      GraphCase graph(22);
      graph.input("x", random_floats({2, 19, 9, 7}, 1));
      graph.node(op,
                 {"x"},
                 {"y"},
                 {integers("kernel_shape", {3, 2}),
                  integers("strides", {2, 2}),
                  integers("pads", {1, 0, 1, 1}),
                  integers("dilations", {2, 1}),
                  integer("ceil_mode", ceil ? 1 : 0)});
      graph.output("y");
      EXPECT_EQ(mismatch(graph.run(), reference(graph), 1e-6, 1e-7), "") << op;
    }
  }
}

// Windows large enough that the greatest is found over their lines first; NaN among the numbers,
// windows that see padding alone, lines without end, three dimensions.
TEST(Pool, OfEveryWindowAgreesWithThePlainLoops) {
  struct Window {
    Shape x;
    Shape kernel;
    Shape strides;
    Shape pads;
  };
  const Window windows[] = {{{1, 16, 9, 9}, {5, 5}, {1, 1}, {2, 2, 2, 2}},
                            {{2, 70, 6, 13}, {13, 13}, {1, 1}, {6, 6, 6, 6}},
                            {{1, 3, 12, 11}, {7, 4}, {3, 2}, {0, 1, 3, 2}},
                            {{1, 33, 70, 2}, {70, 2}, {1, 1}, {0, 0, 0, 0}},
                            {{1, 5, 4, 6, 7}, {4, 5, 3}, {1, 1, 1}, {2, 0, 1, 2, 3, 1}},
                            {{2, 17, 31}, {9}, {2}, {4, 4}}};
  for (const char* op : {"MaxPool", "AveragePool"}) {
    for (const Window& window : windows) {
      for (const std::int64_t counts : {0, 1}) {
        GraphCase graph(22);
        NamedTensor x = random_floats(window.x, 1);
        std::vector<float> values = floats_of(x);
        values[values.size() / 3] = kNan;
        values[values.size() / 2] = -kInf;
        graph.input("x", floats(window.x, values));
        std::vector<Attribute> attributes{integers("kernel_shape", window.kernel),
                                          integers("strides", window.strides),
                                          integers("pads", window.pads)};
        if (std::string(op) == "AveragePool") {
          attributes.push_back(integer("count_include_pad", counts));
        }
        graph.node(op, {"x"}, {"y"}, attributes).output("y");
        EXPECT_EQ(mismatch(graph.run(), reference(graph), 1e-5, 1e-6), "")
            << op << to_string(window.kernel) << " over " << to_string(window.x);
      }
    }
  }
}

// A byte is as good a number as the float that it is.
template <class T>
void expect_greatest_as_of_floats() {
  std::vector<T> bytes;
  std::vector<float> same;
  for (std::uint32_t i = 0, seed = 5; i < 2 * 7 * 53; ++i) {
    seed = seed * 1'664'525 + 1'013'904'223;
    bytes.push_back(static_cast<T>(seed >> 24));
    same.push_back(static_cast<float>(bytes.back()));
  }
  for (const std::int64_t kernel : {1, 2, 3, 5}) {
    for (const std::int64_t stride : {1, 2, 3, 60}) {
      for (const std::int64_t pad : {std::int64_t{0}, kernel - 1}) {
        for (const std::int64_t dilation : {1, 3}) {
          const std::vector<Attribute> window = {integers("kernel_shape", {2, kernel}),
                                                 integers("strides", {1, stride}),
                                                 integers("dilations", {1, dilation}),
                                                 integers("pads", {1, pad, 0, pad / 2}),
                                                 integer("ceil_mode", 1)};
          const auto want = run_op("MaxPool", {floats({1, 2, 7, 53}, same)}, window);
          ASSERT_TRUE(want) << error_of(want);
          std::vector<T> wanted;
          for (const float value : floats_of((*want)[0])) {
            wanted.push_back(static_cast<T>(
                std::max(value, static_cast<float>(std::numeric_limits<T>::lowest()))));
          }
          EXPECT_EQ(mismatch(run_op("MaxPool", {numbers<T>({1, 2, 7, 53}, bytes)}, window),
                             numbers<T>((*want)[0].shape, wanted),
                             0),
                    "")
              << kernel << " " << stride << " " << pad << " " << dilation;
        }
      }
    }
  }
}

TEST(Pool, FindsTheLargestOfBytes) {
  expect_greatest_as_of_floats<std::uint8_t>();
  expect_greatest_as_of_floats<std::int8_t>();
}

TEST(BatchNormalization, ScalesAndShiftsEachChannel) {
  const NamedTensor x = floats({1, 2, 2}, {1, 2, 3, kNan});
  const auto got = run_op(
      "BatchNormalization",
      {x, floats({2}, {2, 1}), floats({2}, {10, 0}), floats({2}, {1, 3}), floats({2}, {3, 0})},
      {real("epsilon", 1)});
  EXPECT_EQ(mismatch(got, floats({1, 2, 2}, {10, 11, 0, kNan})), "");
  EXPECT_NE(
      error_of(run_op(
          "BatchNormalization",
          {x, floats({1}, {2}), floats({2}, {10, 0}), floats({2}, {1, 3}), floats({2}, {3, 0})})),
      "no error");
  EXPECT_NE(
      error_of(run_op(
          "BatchNormalization",
          {x, floats({2}, {2, 1}), floats({2}, {10, 0}), floats({2}, {1, 3}), floats({2}, {3, 0})},
          {integer("training_mode", 1)})),
      "no error");
}

}  // namespace
}  // namespace sluice::engine
