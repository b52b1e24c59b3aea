// Values that are channels-last behind a convolution: the operators that keep that order, against
// the session in which every value is row-major.

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

// c: the result of a convolution [2, 6, 5, 7].
GraphCase convolved(int opset = 18) {
  GraphCase graph(opset);
  graph.input("x", random_floats({2, 3, 5, 7}, 1));
  graph.constant("w", random_floats({6, 3, 3, 3}, 2));
  graph.node("Conv", {"x", "w"}, {"c"}, {integers("pads", {1, 1, 1, 1})});
  return graph;
}

// The same with a second convolution over `name`, so that its order is wanted again.
void expect_agreement(GraphCase& graph, const std::string& name, std::int64_t channels) {
  graph.constant("v", random_floats({2, channels, 1, 1}, 3));
  graph.node("Conv", {name, "v"}, {"again"}).output("again").output(name);
  const auto want = graph.run_reference();
  const auto got = graph.run();
  ASSERT_TRUE(want && got) << error_of(want) << error_of(got);
  for (std::size_t i = 0; i < want->size(); ++i) {
    EXPECT_EQ(mismatch_at(got, i, (*want)[i], 1e-5, 1e-5), "") << name << " " << i;
  }
}

TEST(Layout, IsKeptByConcatAlongEveryAxis) {
  for (const std::int64_t axis : {0, 1, 2, 3, -1, -3}) {
    GraphCase graph = convolved();
    graph.node("Relu", {"c"}, {"r"});
    graph.node("Concat", {"r", "c", "r"}, {"y"}, {integer("axis", axis)});
    expect_agreement(graph, "y", axis == 1 || axis == -3 ? 18 : 6);
    EXPECT_EQ(graph.figures().reorders, 3U) << "one input, two outputs; axis " << axis;
  }
}

TEST(Layout, OfARowMajorTensorIsTurnedForConcat) {
  GraphCase graph = convolved();
  graph.input("p", random_floats({2, 1, 5, 7}, 4)).input("q", random_floats({2, 2, 5, 7}, 5));
  graph.node("Concat", {"p", "c", "q"}, {"y"}, {integer("axis", 1)});
  expect_agreement(graph, "y", 9);
}

// Whatever is reduced: a result of four dimensions is channels-last again, one of fewer row-major.
TEST(Layout, IsReadByReductions) {
  const std::vector<std::vector<std::int64_t>> subsets = {
      {2, 3}, {-1, -2}, {1}, {1, 2, 3}, {0, 2}, {3}, {0}, {0, 1, 2, 3}};
  for (const std::vector<std::int64_t>& axes : subsets) {
    for (const char* const op : {"ReduceMean", "ReduceMax", "ReduceLogSumExp", "ReduceL1"}) {
      for (const std::int64_t keep : {0, 1}) {
        GraphCase graph = convolved();
        graph.constant("axes", int64s({static_cast<std::int64_t>(axes.size())}, axes));
        graph.node(op, {"c", "axes"}, {"y"}, {integer("keepdims", keep)}).output("y");
        if (keep == 1) {
          graph.node("Sub", {"c", "y"}, {"z"}).output("z");
        }
        const auto want = graph.run_reference();
        const auto got = graph.run();
        ASSERT_TRUE(want && got) << error_of(want) << error_of(got);
        for (std::size_t i = 0; i < want->size(); ++i) {
          EXPECT_EQ(mismatch_at(got, i, (*want)[i], 1e-5, 1e-5), "")
              << op << " " << to_string(axes) << " " << keep << " " << i;
        }
      }
    }
  }
  GraphCase mean = convolved();
  mean.constant("axes", int64s({2}, {2, 3}));
  mean.node("ReduceMean", {"c", "axes"}, {"m"}, {integer("keepdims", 1)});
  mean.node("Mul", {"c", "m"}, {"y"});
  expect_agreement(mean, "y", 6);
  EXPECT_EQ(mean.figures().reorders, 3U) << "one input, two outputs";
}

TEST(Layout, IsKeptBySplit) {
  for (const std::int64_t axis : {0, 1, 3}) {
    GraphCase graph = convolved();
    const std::int64_t extent = axis == 0 ? 2 : axis == 1 ? 6 : 7;
    graph.constant("parts", int64s({2}, {1, extent - 1}));
    graph.node("Split", {"c", "parts"}, {"a", "y"}, {integer("axis", axis)}).output("a");
    expect_agreement(graph, "y", axis == 1 ? 5 : 6);
  }
}

TEST(Layout, IsKeptBySlice) {
  const struct {
    std::vector<std::int64_t> starts, ends, axes, steps;
    std::int64_t channels;
  } rows[] = {{{1}, {5}, {1}, {2}, 2},
              {{-1, 0}, {-100, 4}, {3, 2}, {-2, 1}, 6},
              {{0, 1, 2}, {1, 6, 7}, {0, 1, 3}, {1, 1, 1}, 5}};
  for (const auto& row : rows) {
    GraphCase graph = convolved();
    const Shape one{static_cast<std::int64_t>(row.starts.size())};
    graph.constant("s", int64s(one, row.starts)).constant("e", int64s(one, row.ends));
    graph.constant("a", int64s(one, row.axes)).constant("t", int64s(one, row.steps));
    graph.node("Slice", {"c", "s", "e", "a", "t"}, {"y"});
    expect_agreement(graph, "y", row.channels);
  }
}

TEST(Layout, IsKeptByPadInEveryMode) {
  for (const char* mode : {"constant", "edge", "reflect", "wrap"}) {
    GraphCase graph = convolved(19);
    graph.constant("p", int64s({8}, {0, 1, 2, -1, 1, 0, 3, 2}));
    graph.node("Pad", {"c", "p"}, {"y"}, {text("mode", mode)});
    expect_agreement(graph, "y", 7);
  }
}

TEST(Layout, IsKeptByInstanceNormalization) {
  for (const std::int64_t channels : {6, 70}) {
    GraphCase graph;
    graph.input("x", random_floats({2, 3, 5, 7}, 1));
    graph.constant("w", random_floats({channels, 3, 1, 1}, 2)).node("Conv", {"x", "w"}, {"c"});
    graph.constant("s", random_floats({channels}, 6)).constant("b", random_floats({channels}, 7));
    graph.node("InstanceNormalization", {"c", "s", "b"}, {"y"});
    expect_agreement(graph, "y", channels);
  }
}

TEST(Layout, IsKeptByBatchNormalization) {
  for (const std::int64_t channels : {1, 6, 70, 300}) {
    GraphCase graph;
    graph.input("x", random_floats({2, 3, 5, 7}, 1));
    graph.constant("w", random_floats({channels, 3, 1, 1}, 2)).node("Conv", {"x", "w"}, {"c"});
    graph.node("Relu", {"c"}, {"r"});  // so that the convolution does not take it along
    graph.constant("s", random_floats({channels}, 6)).constant("m", random_floats({channels}, 7));
    graph.constant("var",
                   floats({channels}, std::vector<float>(static_cast<std::size_t>(channels), 2)));
    graph.node("BatchNormalization", {"r", "s", "m", "m", "var"}, {"y"});
    expect_agreement(graph, "y", channels);
  }
}

TEST(Layout, IsKeptByFactorsForEachChannel) {
  for (const char* op : {"Mul", "Sub", "PRelu"}) {
    for (const std::int64_t rank : {3, 4}) {
      GraphCase graph = convolved();
      graph.constant("f", random_floats(rank == 3 ? Shape{6, 1, 1} : Shape{1, 6, 1, 1}, 8));
      graph.node(op, {"c", "f"}, {"y"});
      expect_agreement(graph, "y", 6);
    }
  }
  GraphCase turned = convolved();
  turned.constant("f", random_floats({6, 1, 1}, 8)).node("Sub", {"f", "c"}, {"y"});
  expect_agreement(turned, "y", 6);
}

TEST(Layout, ATransposeBetweenTheTwoMovesNothing) {
  GraphCase graph;
  graph.input("x", random_floats({2, 5, 7, 3}, 1));
  graph.node("Transpose", {"x"}, {"n"}, {integers("perm", {0, 3, 1, 2})});
  graph.constant("w", random_floats({6, 3, 3, 3}, 2)).node("Conv", {"n", "w"}, {"c"});
  graph.node("Relu", {"c"}, {"r"});
  graph.node("Transpose", {"r"}, {"y"}, {integers("perm", {0, 2, 3, 1})}).output("y");
  const auto want = graph.run_reference();
  ASSERT_TRUE(want) << error_of(want);
  EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1e-5), "");
  EXPECT_EQ(graph.figures().reorders, 0U);
}

TEST(Layout, ATransposeWhoseResultIsReadInBothOrdersIsRightInBoth) {
  for (const bool sequence : {false, true}) {
    GraphCase graph;
    graph.input("x", random_floats(sequence ? Shape{2, 9, 3} : Shape{2, 5, 7, 3}, 1));
    graph.node("Transpose",
               {"x"},
               {"n"},
               {integers("perm",
                         sequence ? std::vector<std::int64_t>{0, 2, 1}
                                  : std::vector<std::int64_t>{0, 3, 1, 2})});
    graph.constant("w", random_floats(sequence ? Shape{3, 3, 1} : Shape{3, 3, 1, 1}, 2));
    graph.node("Conv", {"n", "w"}, {"c"}).node("Add", {"c", "n"}, {"s"});
    graph.constant("flat", int64s({2}, {2, -1})).node("Reshape", {"n", "flat"}, {"f"});
    graph.output("s").output("f").output("n");
    const auto want = graph.run_reference();
    const auto got = graph.run();
    ASSERT_TRUE(want && got) << error_of(want) << error_of(got);
    for (std::size_t i = 0; i < want->size(); ++i) {
      EXPECT_EQ(mismatch_at(got, i, (*want)[i], 1e-5, 1e-5), "") << i;
    }
  }
}

TEST(Layout, ATransposeThatMovesOnlyExtentsOfOneMovesNothing) {
  const struct {
    Shape dims;
    std::vector<std::int64_t> order;
  } rows[] = {
      {{2, 9, 3, 1}, {0, 2, 1, 3}}, {{2, 9, 3, 1}, {0, 2, 3, 1}}, {{2, 3, 1, 7}, {0, 1, 3, 2}}};
  for (const auto& row : rows) {
    GraphCase graph;
    graph.input("x", random_floats(row.dims, 1));
    graph.node("Transpose", {"x"}, {"n"}, {integers("perm", row.order)});
    graph.constant("w", random_floats({4, 3, 1, 1}, 2)).node("Conv", {"n", "w"}, {"y"}).output("y");
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1e-5), "");
    // The convolution, and what brings its input and its result from and to rows.
    const bool rows_before = row.order[1] == 1;
    EXPECT_EQ(graph.figures().steps, rows_before ? 3U : 2U) << to_string(row.order);
  }
}

TEST(Layout, IsKeptWhereExtentsOfOneComeAndGo) {
  GraphCase graph;
  graph.input("x", random_floats({2, 3, 9, 1}, 1)).constant("w", random_floats({6, 3, 1, 1}, 2));
  graph.node("Conv", {"x", "w"}, {"c"}).constant("last", int64s({1}, {3}));
  graph.node("Squeeze", {"c", "last"}, {"s"}).constant("v", random_floats({6, 6, 3}, 3));
  graph.node("Conv", {"s", "v"}, {"d"}).constant("third", int64s({1}, {2}));
  graph.node("Unsqueeze", {"d", "third"}, {"u"}).constant("t", random_floats({2, 6, 1, 1}, 4));
  graph.node("Conv", {"u", "t"}, {"y"}).output("y");
  // Other dims than that, which only rows can have.
  graph.constant("flat", int64s({3}, {2, 7, 6})).node("Reshape", {"u", "flat"}, {"r"}).output("r");
  const auto want = graph.run_reference();
  const auto got = graph.run();
  ASSERT_TRUE(want && got) << error_of(want) << error_of(got);
  for (std::size_t i = 0; i < want->size(); ++i) {
    EXPECT_EQ(mismatch_at(got, i, (*want)[i], 1e-5, 1e-5), "") << i;
  }
  EXPECT_EQ(graph.figures().reorders, 3U) << "one input, two outputs";
}

// What a step without effect is read by: a convolution, and the graph's outputs, twice.
TEST(Layout, StepsThatPassOnTheirInputVanish) {
  const struct {
    const char* what;
    const char* op;
    std::vector<NamedTensor> more;
    std::vector<Attribute> attributes;
    bool vanishes;
  } rows[] = {
      {"pads of 0", "Pad", {int64s({8}, {0, 0, 0, 0, 0, 0, 0, 0})}, {}, true},
      {"pads that move", "Pad", {int64s({8}, {0, 0, 1, 0, 0, 0, -1, 0})}, {}, false},
      {"a slice of everything", "Slice", {int64s({1}, {0}), int64s({1}, {99})}, {}, true},
      {"backwards",
       "Slice",
       {int64s({1}, {-1}), int64s({1}, {-99}), int64s({1}, {3}), int64s({1}, {-1})},
       {},
       false},
      {"backwards through one",
       "Slice",
       {int64s({1}, {-1}), int64s({1}, {-99}), int64s({1}, {4}), int64s({1}, {-1})},
       {},
       true},
      {"no larger", "Expand", {int64s({2}, {1, 7})}, {}, true},
      {"once", "Tile", {int64s({4}, {1, 1, 1, 1})}, {}, true},
      {"with nothing", "Concat", {floats({2, 6, 0, 7}, {})}, {integer("axis", 2)}, true},
      {"to what it is", "Cast", {}, {integer("to", 1)}, true},
      {"to another datatype", "Cast", {}, {integer("to", 11)}, false},
  };
  for (const auto& row : rows) {
    const bool of_one = std::string_view(row.what) == "backwards through one";
    GraphCase graph = convolved();
    std::string last = "c";
    if (of_one) {
      graph.constant("axes", int64s({1}, {4})).node("Unsqueeze", {"c", "axes"}, {"c5"});
      last = "c5";
    }
    std::vector<std::string> inputs{last};
    for (std::size_t i = 0; i < row.more.size(); ++i) {
      inputs.push_back("more" + std::to_string(i));
      graph.constant(inputs.back(), row.more[i]);
    }
    graph.node("Relu", {last}, {"r"}).node(row.op, inputs, {"y"}, row.attributes);
    graph.output(last).output("y").output("r").output("y");
    const auto want = graph.run_reference();
    const auto got = graph.run();
    ASSERT_TRUE(want && got) << row.what << error_of(want) << error_of(got);
    for (std::size_t i = 0; i < want->size(); ++i) {
      EXPECT_EQ(mismatch_at(got, i, (*want)[i], 1e-5, 1e-5), "") << row.what << " " << i;
    }
    const auto steps = graph.figures().steps;
    GraphCase without = convolved();
    without.node("Relu", {"c"}, {"r"}).output("c").output("r");
    ASSERT_TRUE(without.run());
    EXPECT_EQ(steps == without.figures().steps, row.vanishes) << row.what;
  }
}

}  // namespace
}  // namespace sluice::engine
