// Slices, Pads and Concats in a row: how many steps are left, and that the answer stays.

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/engine/plan/optimize.h"
#include "worker/ops/register.h"

namespace sluice::engine::testing {
namespace {

using List = std::vector<std::int64_t>;

// A Slice or Pad, with lists as constants or, for a Slice before opset 10, as attributes.
void slice(GraphCase& graph,
           const std::string& from,
           const std::string& to,
           const std::vector<List>& lists) {
  std::vector<std::string> inputs{from};
  for (const List& list : lists) {
    inputs.push_back(to + std::to_string(inputs.size()));
    graph.constant(inputs.back(), int64s({static_cast<std::int64_t>(list.size())}, list));
  }
  graph.node("Slice", inputs, {to});
}
void pad(GraphCase& graph, const std::string& from, const std::string& to, const List& pads) {
  graph.constant(to + "p", int64s({static_cast<std::int64_t>(pads.size())}, pads));
  graph.node("Pad", {from, to + "p"}, {to});
}
void concat(GraphCase& graph,
            const std::vector<std::string>& from,
            const std::string& to,
            std::int64_t axis) {
  graph.node("Concat", from, {to}, {integer("axis", axis)});
}

void expect_steps(GraphCase& graph, std::size_t steps, const std::string& what) {
  const auto want = graph.run_reference();
  ASSERT_TRUE(want) << error_of(want);
  const auto got = graph.run();
  for (std::size_t i = 0; i < want->size(); ++i) {
    EXPECT_EQ(mismatch_at(got, i, (*want)[i], 0), "") << what;
  }
  EXPECT_EQ(graph.figures().steps, steps) << what;
}

GraphCase images(int opset = 17) {
  GraphCase graph(opset);
  graph.open_input("x", random_floats({1, 3, 6, 8}, 1))
      .open_input("z", random_floats({1, 2, 6, 8}, 2));
  return graph;
}

TEST(PartChains, ConcatsAlongOneAxisAreOne) {
  GraphCase graph = images();
  concat(graph, {"x", "z"}, "a", 1);
  concat(graph, {"z", "a", "x"}, "b", 1);
  concat(graph, {"b", "z"}, "y", 1);
  graph.output("y");
  expect_steps(graph, 1, "nested");

  GraphCase others = images();
  concat(others, {"x", "x"}, "a", 2);
  concat(others, {"z", "z"}, "b", 2);
  concat(others, {"a", "b"}, "y", 1);
  others.output("y");
  expect_steps(others, 3, "another axis");

  GraphCase shared = images();
  concat(shared, {"x", "z"}, "a", 1);
  concat(shared, {"a", "x"}, "y", 1);
  shared.output("y").output("a");
  expect_steps(shared, 2, "somebody else reads it");
}

// Every second column of every second row, four times: what YOLO's first convolution sees.
TEST(PartChains, SlicesAreReadWhereTheyComeFrom) {
  GraphCase graph = images();
  slice(graph, "x", "even", {{0}, {INT64_MAX}, {2}, {2}});
  slice(graph, "x", "odd", {{1}, {INT64_MAX}, {2}, {2}});
  slice(graph, "even", "a", {{0}, {INT64_MAX}, {3}, {2}});
  slice(graph, "odd", "b", {{0}, {INT64_MAX}, {3}, {2}});
  slice(graph, "even", "c", {{1}, {INT64_MAX}, {-1}, {2}});
  slice(graph, "odd", "d", {{-7}, {INT64_MAX}, {-1}, {2}});
  concat(graph, {"a", "b", "c", "d"}, "y", 1);
  graph.output("y");
  expect_steps(graph, 1, "eight steps");
}

// The same image moved to both sides, with nothing where it is not: harmonics one above the other.
TEST(PartChains, PadsAndWhatIsCutBehindThem) {
  GraphCase graph = images();
  slice(graph, "x", "left", {{0, 3}, {INT64_MAX, INT64_MAX}, {1, 2}});
  pad(graph, "left", "left_filled", {0, 0, 0, 0, 0, 0, 3, 0});
  slice(graph, "x", "right", {{0}, {-2}, {2}});
  pad(graph, "right", "right_filled", {0, 0, 2, 0, 0, 0, 0, 0});
  concat(graph, {"right_filled", "x", "left_filled"}, "all", -1);
  slice(graph, "all", "y", {{0}, {5}, {2}});
  graph.output("y");
  expect_steps(graph, 1, "six steps");
}

TEST(PartChains, RowsWithoutAConcat) {
  GraphCase graph = images();
  slice(graph, "x", "a", {{4}, {-INT64_MAX}, {2}, {-1}});
  pad(graph, "a", "b", {0, 1, 0, 2, 0, 0, 1, 1});
  slice(graph, "b", "y", {{1, 0}, {9, 3}, {3, 1}, {2, 1}});
  graph.output("y");
  expect_steps(graph, 1, "three steps");
}

TEST(PartChains, ListsMayBeAttributes) {
  GraphCase graph = images(9);
  graph
      .node("Slice",
            {"x"},
            {"a"},
            {integers("starts", {1}), integers("ends", {3}), integers("axes", {2})})
      .node("Pad", {"a"}, {"b"}, {integers("pads", {0, 0, 1, 0, 0, 0, 0, 2})});
  concat(graph, {"b", "b"}, "y", 3);
  graph.output("y");
  expect_steps(graph, 1, "opset 9");
}

// What copies anyway, or is not known before the run, stays as it is.
TEST(PartChains, StaysWhereNothingIsSaved) {
  GraphCase kept = images();
  slice(kept, "x", "a", {{1}, {3}, {1}});
  concat(kept, {"a", "z"}, "y", 1);
  kept.node("Neg", {"a"}, {"n"}).output("y").output("n");
  expect_steps(kept, 3, "somebody else reads the part");

  GraphCase open = images();
  open.open_input("from", int64s({1}, {1})).constant("to", int64s({1}, {3}));
  open.node("Slice", {"x", "from", "to"}, {"a"});
  concat(open, {"a", "a"}, "y", 1);
  open.output("y");
  expect_steps(open, 2, "a start that is an input");

  GraphCase ones = images();
  ones.constant("p", int64s({8}, {0, 0, 1, 0, 0, 0, 1, 0})).constant("one", floats({}, {1}));
  ones.node("Pad", {"x", "p", "one"}, {"a"});
  concat(ones, {"a", "a"}, "y", 1);
  ones.output("y");
  expect_steps(ones, 2, "a Pad with ones");

  GraphCase negative = images();
  pad(negative, "x", "a", {0, 0, -1, 0, 0, 0, 1, 0});
  concat(negative, {"a", "a"}, "y", 1);
  negative.output("y");
  expect_steps(negative, 2, "a Pad that cuts");
}

TEST(PartChains, MovesAnyDatatype) {
  GraphCase graph(17);
  graph.open_input("x", strings({2, 2}, {"a", "b", "c", "d"}));
  slice(graph, "x", "s", {{1}, {2}, {1}});
  pad(graph, "s", "p", {0, 1, 0, 0});
  concat(graph, {"p", "x"}, "y", 1);
  graph.output("y");
  expect_steps(graph, 1, "strings");
}

TEST(PartChains, ErrorsStayErrors) {
  GraphCase rank = images();
  pad(rank, "x", "a", {1, 1, 1, 1, 1, 1});
  concat(rank, {"a", "a"}, "y", 1);
  rank.output("y");
  EXPECT_NE(error_of(rank.run()).find("6 pads for 4 axes"), std::string::npos)
      << error_of(rank.run());

  GraphCase unlike = images();
  slice(unlike, "x", "a", {{1}, {3}, {2}});
  concat(unlike, {"a", "z"}, "y", 1);
  unlike.output("y");
  EXPECT_NE(error_of(unlike.run()).find("cannot be concatenated along axis 1"), std::string::npos)
      << error_of(unlike.run());
}

// Drawn graphs: each value is a Slice or Pad of one before, or a Concat of some that fit.
TEST(PartChains, DrawnGraphsAgreeWithTheReference) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto draw = [&](std::int64_t least, std::int64_t most) {
      return std::uniform_int_distribution<std::int64_t>(least, most)(random);
    };
    GraphCase graph(17);
    const Shape dims{draw(1, 3), draw(1, 40), draw(1, 70)};
    graph.open_input("v0", random_floats(dims, seed));
    std::vector<Shape> made{dims};
    for (int step = 1; step < 9; ++step) {
      const auto from = static_cast<std::size_t>(draw(0, step - 1));
      const auto axis = static_cast<std::size_t>(draw(0, 2));
      const std::string name = "v" + std::to_string(step);
      const std::string source = "v" + std::to_string(from);
      Shape now = made[from];
      if (const std::int64_t kind = draw(0, 2); kind == 0) {
        const std::int64_t first = draw(0, now[axis] - 1);
        const std::int64_t by = draw(1, 2);
        slice(graph, source, name, {{first}, {INT64_MAX}, {static_cast<std::int64_t>(axis)}, {by}});
        now[axis] = (now[axis] - first + by - 1) / by;
      } else if (kind == 1) {
        List pads(6, 0);
        pads[axis] = draw(0, 3);
        pads[axis + 3] = draw(0, 3);
        pad(graph, source, name, pads);
        now[axis] += pads[axis] + pads[axis + 3];
      } else {
        concat(graph, {source, source}, name, static_cast<std::int64_t>(axis));
        now[axis] *= 2;
      }
      made.push_back(now);
    }
    graph.output("v8").output("v" + std::to_string(draw(1, 7)));
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    const auto got = graph.run();
    ASSERT_EQ(mismatch_at(got, 0, (*want)[0], 0), "") << seed;
    ASSERT_EQ(mismatch_at(got, 1, (*want)[1], 0), "") << seed;
  }
}

// A file has words for a Concat of more parts, and for nothing else of this.
TEST(PartChains, AFileGetsOneConcat) {
  GraphCase graph = images();
  slice(graph, "x", "s", {{1}, {3}, {1}});
  concat(graph, {"s", "z"}, "a", 1);
  concat(graph, {"a", "x"}, "b", 1);
  slice(graph, "b", "y", {{1}, {3}, {1}});
  graph.output("y");
  Registry registry;
  register_all(registry);
  auto model = graph.model();
  ASSERT_TRUE(model);
  const auto made = optimize(*std::move(model), registry);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->passes.back().nodes, 3U);
}

}  // namespace
}  // namespace sluice::engine::testing
