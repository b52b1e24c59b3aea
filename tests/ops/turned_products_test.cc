// Transposes around products: that they become the product's strides, and the answer stays.

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine::testing {
namespace {

using Order = std::vector<std::int64_t>;

struct TurnedOptions {
  Shape a{};  // as the product reads them
  Shape b{};
  Order a_order{};  // of the Transpose before; empty: none
  Order b_order{};
  Order c_order{};
  bool also_b = false;  // somebody else reads the transposed B
  bool also_c = false;  // and the result before its Transpose
};

// What an input must be so that its transposition is `dims`.
Shape before(const Shape& dims, const Order& order) {
  Shape from = dims;
  for (std::size_t i = 0; i < order.size(); ++i) {
    from[static_cast<std::size_t>(order[i])] = dims[i];
  }
  return from;
}

GraphCase turned(const TurnedOptions& options) {
  GraphCase graph(17);
  graph.input("a", random_floats(before(options.a, options.a_order), 1))
      .input("b", random_floats(before(options.b, options.b_order), 2));
  const auto transposed = [&](const char* from, const char* to, const Order& order) {
    if (!order.empty()) {
      graph.node("Transpose", {from}, {to}, {integers("perm", order)});
    }
    return std::string(order.empty() ? from : to);
  };
  const std::string a = transposed("a", "at", options.a_order);
  const std::string b = transposed("b", "bt", options.b_order);
  graph.node("MatMul", {a, b}, {"c"});
  graph.output(transposed("c", "ct", options.c_order));
  if (options.also_b) {
    graph.output("bt");
  }
  if (options.also_c) {
    graph.output("c");
  }
  return graph;
}

std::string compared(GraphCase& graph) {
  const auto want = graph.run_reference();
  return want ? mismatch(graph.run(), (*want)[0], 1e-5, 1e-5) : error_of(want);
}

TEST(TurnedProducts, AttentionsTransposesBecomeStrides) {
  const Order heads = {0, 2, 1, 3};
  const Order keys = {0, 2, 3, 1};
  const TurnedOptions cases[] = {
      {.a = {1, 12, 33, 32}, .b = {1, 12, 32, 33}, .a_order = heads, .b_order = keys},
      {.a = {2, 3, 5, 7}, .b = {2, 3, 7, 5}, .a_order = heads, .b_order = keys, .c_order = heads},
      {.a = {2, 3, 5, 7}, .b = {2, 3, 7, 9}, .b_order = heads, .c_order = heads},
      {.a = {2, 3, 50, 70}, .b = {2, 3, 70, 90}, .c_order = {2, 0, 3, 1}},
      {.a = {2, 3, 1, 7}, .b = {2, 3, 7, 9}, .b_order = heads, .c_order = heads},  // thin
      {.a = {2, 3, 4, 7}, .b = {2, 3, 7, 9}, .a_order = {0, 1, 3, 2}},
      {.a = {2, 3, 6, 7}, .b = {1, 3, 7, 9}, .a_order = heads, .b_order = keys},  // one batch of B
      {.a = {2, 1, 6, 7}, .b = {2, 3, 7, 9}, .a_order = heads, .b_order = heads},
      {.a = {4, 51, 16}, .b = {4, 16, 51}, .a_order = {1, 0, 2}, .b_order = {1, 2, 0}},
      {.a = {4, 51, 51}, .b = {4, 51, 16}, .b_order = {1, 0, 2}, .c_order = {1, 0, 2}},
      {.a = {2, 2, 3, 6, 7}, .b = {2, 2, 3, 7, 9}, .a_order = {4, 3, 2, 1, 0}},
      {.a = {2, 3, 5, 0}, .b = {2, 3, 0, 9}, .a_order = heads},
      {.a = {2, 3, 0, 5}, .b = {2, 3, 5, 9}, .a_order = heads, .c_order = heads},
  };
  for (const TurnedOptions& options : cases) {
    GraphCase graph = turned(options);
    EXPECT_EQ(compared(graph), "");
    EXPECT_EQ(graph.figures().steps, 1U) << &options - cases;
  }
}

TEST(TurnedProducts, AProductOfTransposedMatricesHasTheirNumbers) {
  GraphCase graph(17);
  graph.input("a", floats({2, 1, 2}, {1, 2, 3, 4}))
      .input("b", floats({1, 2, 2}, {5, 6, 7, 8}))
      .node("Transpose", {"a"}, {"at"}, {integers("perm", {1, 0, 2})})
      .node("Transpose", {"b"}, {"bt"}, {integers("perm", {0, 2, 1})})
      .node("MatMul", {"at", "bt"}, {"c"})
      .node("Transpose", {"c"}, {"ct"}, {integers("perm", {1, 2, 0})})
      .output("ct");
  EXPECT_EQ(mismatch(graph.run(), floats({2, 2, 1}, {17, 23, 39, 53})), "");
  EXPECT_EQ(graph.figures().steps, 1U);
}

TEST(TurnedProducts, ATransposeThatOthersReadStays) {
  const Order heads = {0, 2, 1, 3};
  for (const bool also_b : {false, true}) {
    GraphCase graph = turned({.a = {2, 3, 5, 7},
                              .b = {2, 3, 7, 9},
                              .a_order = heads,
                              .b_order = heads,
                              .c_order = heads,
                              .also_b = also_b,
                              .also_c = !also_b});
    EXPECT_EQ(compared(graph), "");
    EXPECT_EQ(graph.figures().steps, 2U);
  }
  GraphCase constant(17);
  constant.input("a", random_floats({2, 5, 3, 7}, 1))
      .constant("b", random_floats({7, 9}, 2))
      .node("Transpose", {"a"}, {"at"}, {integers("perm", heads)})
      .node("MatMul", {"at", "b"}, {"c"})
      .output("c");
  EXPECT_EQ(compared(constant), "");
  EXPECT_EQ(constant.figures().steps, 2U);
}

}  // namespace
}  // namespace sluice::engine::testing
