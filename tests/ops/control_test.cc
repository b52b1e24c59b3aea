// worker/ops/control, and what the engine does for it: graphs inside nodes, sequences, optionals.

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

// y = x + `by`, where x is from around.
GraphCase branch(float by) {
  GraphCase graph;
  graph.constant("by", floats({1}, {by})).node("Add", {"x", "by"}, {"sum"}).output("sum");
  return graph;
}

GraphCase choice(bool which) {
  GraphCase graph;
  graph.input("x", floats({2}, {1, 2}))
      .input("c", bools({}, {which ? std::uint8_t{1} : std::uint8_t{0}}));
  graph.node("If",
             {"c"},
             {"y"},
             {branch(10).as_attribute("then_branch"), branch(20).as_attribute("else_branch")});
  graph.node("Neg", {"y"}, {"z"}).output("z");
  return graph;
}

TEST(If, RunsTheBranchThatHoldsOverValuesFromAround) {
  EXPECT_EQ(mismatch(choice(true).run(), floats({2}, {-11, -12})), "");
  EXPECT_EQ(mismatch(choice(false).run(), floats({2}, {-21, -22})), "");
  EXPECT_NE(error_of(run_op("If", {bools({}, {1})}, {branch(1).as_attribute("then_branch")}))
                .find("no graph 'else_branch'"),
            std::string::npos);
}

TEST(If, TakesConstantsFromAround) {
  GraphCase inside;
  inside.node("MatMul", {"x", "w"}, {"p"}).output("p");
  GraphCase graph;
  graph.input("x", floats({1, 2}, {1, 2})).input("c", bools({}, {1}));
  graph.constant("w", floats({2, 1}, {3, 4}));
  graph.node(
      "If", {"c"}, {"y"}, {inside.as_attribute("then_branch"), inside.as_attribute("else_branch")});
  graph.node("Transpose", {"w"}, {"t"}).output("y").output("t");
  const auto got = graph.run();
  EXPECT_EQ(mismatch(got, floats({1, 1}, {11})), "");
  ASSERT_TRUE(got);
  EXPECT_EQ(floats_of((*got)[1]), (std::vector<float>{3, 4}));
}

// What comes out of a branch has dims that only the run knows: the step behind it is bound then,
// and its kernel has packed its weights for channels-last all the same.
TEST(If, AConvolutionBehindItKeepsTheOrderOfItsNumbers) {
  const auto by_choice = [](bool chooses) {
    GraphCase inside;
    inside.node("Identity", {"x"}, {"same"}).output("same");
    GraphCase graph;
    graph.input("x", random_floats({1, 3, 9}, 4)).input("c", bools({}, {1}));
    graph.input("r", random_floats({1, 5, 7}, 6)).constant("w", random_floats({5, 3, 3}, 5));
    if (chooses) {
      graph.node("If",
                 {"c"},
                 {"z"},
                 {inside.as_attribute("then_branch"), inside.as_attribute("else_branch")});
    } else {
      graph.node("Identity", {"x"}, {"z"});
    }
    graph.node("Conv", {"z", "w"}, {"v"}).node("Add", {"v", "r"}, {"s"});
    return graph.node("MaxPool", {"s"}, {"y"}, {integers("kernel_shape", {2})}).output("y");
  };
  GraphCase plain = by_choice(false);
  const auto want = plain.run();
  ASSERT_TRUE(want) << error_of(want);
  GraphCase chosen = by_choice(true);
  EXPECT_EQ(mismatch(chosen.run(), (*want)[0], 1e-5, 1e-6), "");
}

// Sums 1, 2, ... and goes on while the sum is below `limit`; collects the sums.
GraphCase counting(float limit) {
  GraphCase graph;
  graph.inner_input("i").inner_input("go").inner_input("sum");
  graph.constant("one", floats({}, {1})).constant("limit", floats({}, {limit}));
  graph.node("Cast", {"i"}, {"f"}, {integer("to", 1)}).node("Add", {"f", "one"}, {"step"});
  graph.node("Add", {"sum", "step"}, {"next"}).node("Less", {"next", "limit"}, {"more"});
  graph.node("Identity", {"next"}, {"seen"});
  graph.output("more").output("next").inner_output("seen", DataType::float32, {});
  return graph;
}

NamedTensor truth(bool value) {
  return bools({}, {value ? std::uint8_t{1} : std::uint8_t{0}});
}

GraphCase loop(std::int64_t most, bool go, float limit) {
  GraphCase graph;
  graph.input("m", int64s({}, {most})).input("c", truth(go)).input("zero", floats({}, {0}));
  graph.node("Loop", {"m", "c", "zero"}, {"sum", "sums"}, {counting(limit).as_attribute("body")});
  graph.output("sums").output("sum");
  return graph;
}

TEST(Loop, EndsByItsCountOrItsCondition) {
  EXPECT_EQ(mismatch(loop(3, true, 100).run(), floats({3}, {1, 3, 6})), "");
  EXPECT_EQ(mismatch(loop(100, true, 5).run(), floats({3}, {1, 3, 6})), "");
  const auto none = loop(0, true, 100).run();
  EXPECT_EQ(mismatch(none, floats({0}, {})), "");
  ASSERT_TRUE(none);
  EXPECT_EQ(floats_of((*none)[1]), std::vector<float>{0});
  EXPECT_EQ(mismatch(loop(7, false, 100).run(), floats({0}, {})), "");
}

TEST(Loop, CarriesValuesThatGrowAndSequences) {
  GraphCase body;
  body.inner_input("i").inner_input("go").inner_input("x").inner_input("list");
  body.node("Concat", {"x", "x"}, {"twice"}, {integer("axis", 0)});
  body.node("SequenceInsert", {"list", "twice"}, {"longer"});
  body.output("go").output("twice").output("longer");
  GraphCase graph;
  graph.input("m", int64s({}, {2})).input("x", floats({1}, {5}));
  graph.node("SequenceEmpty", {}, {"empty"});
  graph.node("Loop", {"m", "", "x", "empty"}, {"last", "list"}, {body.as_attribute("body")});
  graph.node("ConcatFromSequence", {"list"}, {"all"}, {integer("axis", 0)});
  graph.node("SequenceLength", {"list"}, {"n"}).output("all").output("n");
  const auto got = graph.run();
  EXPECT_EQ(mismatch(got, floats({6}, {5, 5, 5, 5, 5, 5})), "");
  ASSERT_TRUE(got);
  EXPECT_EQ((*got)[1].data.text(), int64s({}, {2}).data.text());
}

// Running sums.
GraphCase running() {
  GraphCase graph;
  graph.inner_input("sum").inner_input("x");
  graph.node("Add", {"sum", "x"}, {"next"}).node("Identity", {"next"}, {"seen"});
  graph.output("next").inner_output("seen", DataType::float32, {2});
  return graph;
}

Result<std::vector<NamedTensor>> scan(const NamedTensor& x, std::vector<Attribute> attributes) {
  GraphCase graph;
  graph.input("zero", floats({2}, {0, 0})).input("x", x);
  attributes.push_back(running().as_attribute("body"));
  attributes.push_back(integer("num_scan_inputs", 1));
  graph.node("Scan", {"zero", "x"}, {"sum", "sums"}, std::move(attributes));
  graph.output("sums").output("sum");
  return graph.run();
}

TEST(Scan, GoesAlongAnyAxisInBothDirections) {
  const NamedTensor x = floats({3, 2}, {1, 10, 2, 20, 3, 30});
  EXPECT_EQ(mismatch(scan(x, {}), floats({3, 2}, {1, 10, 3, 30, 6, 60})), "");
  EXPECT_EQ(mismatch(scan(x, {integers("scan_input_directions", {1})}),
                     floats({3, 2}, {3, 30, 5, 50, 6, 60})),
            "");
  EXPECT_EQ(mismatch(scan(x, {integers("scan_output_directions", {1})}),
                     floats({3, 2}, {6, 60, 3, 30, 1, 10})),
            "");
  EXPECT_EQ(mismatch(scan(floats({2, 3}, {1, 2, 3, 10, 20, 30}),
                          {integers("scan_input_axes", {-1}), integers("scan_output_axes", {1})}),
                     floats({2, 3}, {1, 3, 6, 10, 30, 60})),
            "");
  EXPECT_EQ(mismatch(scan(floats({0, 2}, {}), {}), floats({0, 2}, {})), "");
  EXPECT_NE(error_of(scan(x, {integers("scan_input_axes", {2})})), "no error");
}

TEST(Scan, OfOpset8HasABatchAndLengths) {
  GraphCase graph(8);
  graph.input("lengths", int64s({2}, {2, 1})).input("zero", floats({2, 2}, {0, 0, 0, 0}));
  graph.input("x", floats({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  graph.node("Scan",
             {"lengths", "zero", "x"},
             {"sum", "sums"},
             {running().as_attribute("body"), integer("num_scan_inputs", 1)});
  graph.output("sums").output("sum");
  const auto got = graph.run();
  EXPECT_EQ(mismatch(got, floats({2, 2, 2}, {1, 2, 4, 6, 5, 6, 0, 0})), "");
  ASSERT_TRUE(got);
  EXPECT_EQ(floats_of((*got)[1]), (std::vector<float>{4, 6, 5, 6}));
}

// --- sequences -----------------------------------------------------------------------------------

// A sequence of x0 and x1, then `op`, joined again where it gives a sequence.
Result<std::vector<NamedTensor>> on_pair(const std::string& op,
                                         std::vector<NamedTensor> more,
                                         bool gives_sequence) {
  GraphCase graph;
  graph.input("a", floats({1}, {1})).input("b", floats({2}, {2, 3}));
  graph.node("SequenceConstruct", {"a", "b"}, {"list"});
  std::vector<std::string> inputs{"list"};
  for (std::size_t i = 0; i < more.size(); ++i) {
    inputs.push_back("m" + std::to_string(i));
    graph.input(inputs.back(), std::move(more[i]));
  }
  graph.node(op, inputs, {"r"});
  if (gives_sequence) {
    graph.node("ConcatFromSequence", {"r"}, {"y"}, {integer("axis", -1)}).output("y");
  } else {
    graph.output("r");
  }
  return graph.run();
}

TEST(Sequence, IsReadChangedAndMeasured) {
  EXPECT_EQ(mismatch(on_pair("SequenceAt", {int64s({}, {-1})}, false), floats({2}, {2, 3})), "");
  EXPECT_EQ(mismatch(on_pair("SequenceErase", {}, true), floats({1}, {1})), "");
  EXPECT_EQ(mismatch(on_pair("SequenceErase", {int64s({}, {0})}, true), floats({2}, {2, 3})), "");
  EXPECT_EQ(
      mismatch(on_pair("SequenceInsert", {floats({1}, {9})}, true), floats({4}, {1, 2, 3, 9})), "");
  EXPECT_EQ(mismatch(on_pair("SequenceInsert", {floats({1}, {9}), int64s({}, {-2})}, true),
                     floats({4}, {9, 1, 2, 3})),
            "");
  EXPECT_EQ(mismatch(on_pair("SequenceLength", {}, false), int64s({}, {2})), "");
  EXPECT_NE(error_of(on_pair("SequenceAt", {int64s({}, {2})}, false)).find("outside of a sequence"),
            std::string::npos);
  EXPECT_NE(error_of(on_pair("SequenceInsert", {int64s({1}, {9})}, true)), "no error");
  EXPECT_NE(error_of(run_op("SequenceLength", {floats({1}, {1})})).find("it wants a sequence"),
            std::string::npos);
  EXPECT_NE(error_of(on_pair("Neg", {}, false)).find("no tensor"), std::string::npos);
}

Result<std::vector<NamedTensor>> split_and_stack(const NamedTensor& x,
                                                 std::vector<Attribute> attributes,
                                                 bool fresh_axis,
                                                 const NamedTensor& split = {}) {
  GraphCase graph;
  graph.input("x", x);
  const bool given = split.datatype != DataType::undefined;
  if (given) {
    graph.input("split", split);
  }
  graph.node("SplitToSequence", {"x", given ? "split" : ""}, {"list"}, std::move(attributes));
  graph.node("ConcatFromSequence",
             {"list"},
             {"y"},
             {integer("axis", 0), integer("new_axis", fresh_axis ? 1 : 0)});
  graph.output("y");
  return graph.run();
}

TEST(Sequence, SplitsAndJoins) {
  const NamedTensor x = floats({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(mismatch(split_and_stack(x, {integer("axis", 1)}, false), floats({4, 1}, {1, 3, 2, 4})),
            "");
  EXPECT_EQ(mismatch(split_and_stack(x, {integer("axis", 1), integer("keepdims", 0)}, true),
                     floats({2, 2}, {1, 3, 2, 4})),
            "");
  EXPECT_EQ(mismatch(split_and_stack(strings({3}, {"a", "b", "c"}), {}, false, int64s({}, {2})),
                     strings({3}, {"a", "b", "c"})),
            "");
  EXPECT_NE(error_of(split_and_stack(x, {}, false, int64s({2}, {1, 2}))), "no error");
}

TEST(SequenceMap, RunsItsBodyOverEveryElement) {
  GraphCase body;
  body.inner_input("e").inner_input("by").node("Mul", {"e", "by"}, {"p"}).output("p");
  GraphCase graph;
  graph.input("a", floats({1}, {1})).input("b", floats({2}, {2, 3})).input("two", floats({}, {2}));
  graph.node("SequenceConstruct", {"a", "b"}, {"list"});
  graph.node("SequenceMap", {"list", "two"}, {"made"}, {body.as_attribute("body")});
  graph.node("ConcatFromSequence", {"made"}, {"y"}, {integer("axis", 0)}).output("y");
  EXPECT_EQ(mismatch(graph.run(), floats({3}, {2, 4, 6})), "");
}

TEST(SequenceMap, HoldsNoSequences) {
  GraphCase body;
  body.inner_input("e").output("list");  // of the graph around it
  GraphCase graph;
  graph.input("a", floats({1}, {1})).node("SequenceConstruct", {"a"}, {"list"});
  graph.node("SequenceMap", {"list"}, {"made"}, {body.as_attribute("body")});
  graph.node("ConcatFromSequence", {"made"}, {"y"}, {integer("axis", 0)}).output("y");
  EXPECT_NE(error_of(graph.run()).find("output 0 of its body is no tensor"), std::string::npos);
}

TEST(Optional, HoldsSomethingOrNothing) {
  GraphCase full;
  full.input("x", floats({1}, {4})).node("Optional", {"x"}, {"o"});
  full.node("OptionalHasElement", {"o"}, {"has"}).node("OptionalGetElement", {"o"}, {"y"});
  full.output("y").output("has");
  const auto got = full.run();
  EXPECT_EQ(mismatch(got, floats({1}, {4})), "");
  ASSERT_TRUE(got);
  EXPECT_EQ((*got)[1].data.text(), truth(true).data.text());
  GraphCase empty;
  empty.node("Optional", {}, {"o"}).node("OptionalHasElement", {"o"}, {"has"}).output("has");
  EXPECT_EQ(mismatch(empty.run(), truth(false)), "");
  GraphCase wrong;
  wrong.node("Optional", {}, {"o"}).node("OptionalGetElement", {"o"}, {"y"}).output("y");
  EXPECT_NE(error_of(wrong.run()).find("holds nothing"), std::string::npos);
  EXPECT_EQ(mismatch(run_op("OptionalHasElement", {NamedTensor{}}, {}, 18), truth(false)), "");
}

}  // namespace
}  // namespace sluice::engine
