// Transposes on both sides of a Concat: which of them vanish, and that the answer stays.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine::testing {
namespace {

using Order = std::vector<std::int64_t>;

struct ConcatOptions {
  Shape a{};
  Shape b{};
  Order a_order{};  // of the Transpose before; empty: none
  Order b_order{};
  std::int64_t axis = 0;
  Order behind{};
  std::string reader{};      // an operator that reads the Concat too
  bool also_part = false;    // somebody reads the first part too
  bool also_concat = false;  // and the Concat
};

GraphCase joined(const ConcatOptions& options) {
  GraphCase graph(17);
  graph.open_input("a", random_floats(options.a, 1)).open_input("b", random_floats(options.b, 2));
  const auto transposed = [&](const char* from, const char* to, const Order& order) {
    if (!order.empty()) {
      graph.node("Transpose", {from}, {to}, {integers("perm", order)});
    }
    return std::string(order.empty() ? from : to);
  };
  const std::string a = transposed("a", "at", options.a_order);
  const std::string b = transposed("b", "bt", options.b_order);
  graph.node("Concat", {a, b}, {"c"}, {integer("axis", options.axis)});
  if (!options.reader.empty()) {
    graph.node(options.reader, {"c"}, {"r"});
  }
  graph.node("Transpose", {"c"}, {"y"}, {integers("perm", options.behind)}).output("y");
  if (!options.reader.empty()) {
    graph.output("r");
  }
  if (options.also_part) {
    graph.node("Neg", {a}, {"n"}).output("n");
  }
  if (options.also_concat) {
    graph.output("c");
  }
  return graph;
}

struct Row {
  ConcatOptions options;
  std::size_t steps;
};

void expect_steps(const Row& row, const std::string& what) {
  GraphCase graph = joined(row.options);
  const auto want = graph.run_reference();
  ASSERT_TRUE(want) << error_of(want);
  const auto got = graph.run();
  for (std::size_t i = 0; i < want->size(); ++i) {
    EXPECT_EQ(mismatch_at(got, i, (*want)[i], 0), "") << what;
  }
  EXPECT_EQ(graph.figures().steps, row.steps) << what;
}

TEST(TurnedConcats, TransposesOnBothSidesAreOneOrNone) {
  const Order last_two = {0, 1, 3, 2};
  const Row rows[] = {
      // Keys of before, and of now from their own order.
      {{.a = {1, 2, 3, 4},
        .b = {1, 5, 2, 4},
        .a_order = last_two,
        .b_order = {0, 2, 3, 1},
        .axis = -1,
        .behind = last_two},
       2},
      {{.a = {2, 3},
        .b = {2, 5},
        .a_order = {1, 0},
        .b_order = {1, 0},
        .axis = 0,
        .behind = {1, 0}},
       1},
      // Each way round of three dimensions is another.
      {{.a = {2, 3, 4},
        .b = {2, 3, 5},
        .a_order = {1, 2, 0},
        .b_order = {1, 2, 0},
        .axis = 1,
        .behind = {2, 0, 1}},
       1},
      {{.a = {2, 3, 4},
        .b = {3, 4, 2},
        .a_order = {1, 2, 0},
        .b_order = {0, 1, 2},
        .axis = -2,
        .behind = {2, 0, 1}},
       2},
      {{.a = {2, 0},
        .b = {2, 5},
        .a_order = {1, 0},
        .b_order = {1, 0},
        .axis = 0,
        .behind = {1, 0}},
       1},
  };
  for (const Row& row : rows) {
    expect_steps(row, std::to_string(&row - rows));
  }
}

// Somebody else gets by one Transpose back what the Concat was.
TEST(TurnedConcats, WhoReadsTheConcatTooGetsItTurnedBack) {
  expect_steps({{.a = {2, 3, 4},
                 .b = {2, 3, 5},
                 .a_order = {1, 2, 0},
                 .b_order = {1, 2, 0},
                 .axis = 1,
                 .behind = {2, 0, 1},
                 .reader = "Neg"},
                3},
               "Concat, Transpose, Neg");
}

TEST(TurnedConcats, WhereNoTransposeComesToNothingAllStay) {
  const Order swap = {1, 0};
  const Row rows[] = {
      {{.a = {2, 3}, .b = {3, 5}, .a_order = swap, .axis = 1, .behind = swap}, 3},
      {{.a = {2, 3},
        .b = {2, 5},
        .a_order = swap,
        .b_order = swap,
        .axis = 0,
        .behind = swap,
        .also_concat = true},
       4},
      {{.a = {2, 3},
        .b = {2, 5},
        .a_order = swap,
        .b_order = swap,
        .axis = 0,
        .behind = swap,
        .also_part = true},
       5},
      {{.a = {2, 3, 4},
        .b = {2, 3, 5},
        .a_order = {1, 2, 0},
        .b_order = {1, 2, 0},
        .axis = 1,
        .behind = {1, 2, 0}},
       4},
  };
  for (const Row& row : rows) {
    expect_steps(row, std::to_string(&row - rows));
  }
}

}  // namespace
}  // namespace sluice::engine::testing
