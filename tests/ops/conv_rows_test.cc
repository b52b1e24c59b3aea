// Convolutions as products of rows (worker/ops/nn/conv_rows.h) against the scalar loops.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

struct RowsCase {
  Shape x;
  Shape w;
  std::vector<std::int64_t> pads;
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> dilations;
};

const RowsCase kCases[] = {
    // One to three filters over pieces of whole vectors and not, with 4 n + 3 places a row.
    {{2, 8, 5, 11}, {1, 8, 3, 3}, {1, 1, 1, 1}, {1, 1}, {1, 1}},
    {{1, 7, 6, 9}, {2, 7, 3, 5}, {0, 2, 2, 0}, {1, 2}, {1, 1}},
    {{1, 19, 4, 7}, {3, 19, 2, 1}, {1, 0, 0, 0}, {2, 1}, {2, 1}},
    {{1, 16, 6, 13}, {3, 16, 3, 3}, {2, 2, 2, 2}, {1, 1}, {2, 2}},  // wide dilations: many pieces
    {{1, 1, 90}, {1, 1, 40}, {3, 5}, {2}, {1}},
    {{1, 1, 90}, {2, 1, 20}, {0, 0}, {1}, {3}},
    {{1, 16, 9, 9}, {1, 16, 9, 9}, {4, 4, 4, 4}, {1, 1}, {1, 2}},  // more pieces than go together
    {{2, 3, 3, 4, 5}, {2, 3, 2, 2, 7}, {1, 0, 3, 0, 1, 3}, {1, 2, 1}, {1, 1, 1}},
    {{1, 20, 30, 1}, {1, 20, 4, 1}, {1, 0, 2, 0}, {1, 1}, {1, 1}},  // one place wide
    {{1, 16, 2, 3}, {2, 16, 1, 3}, {3, 1, 3, 1}, {1, 1}, {1, 1}},   // rows of padding alone
    // Long rows, which oneDNN gathers: half panels, whole ones, several.
    {{1, 3, 12, 20}, {16, 3, 9, 9}, {4, 4, 4, 4}, {1, 1}, {1, 1}},
    {{1, 8, 7, 30}, {8, 8, 3, 39}, {1, 19, 1, 19}, {1, 1}, {1, 1}},
    {{1, 4, 200}, {70, 4, 64}, {31, 32}, {1}, {1}},
    {{1, 1, 700}, {20, 1, 300}, {150, 149}, {4}, {1}},
    {{2, 16, 12, 14}, {16, 16, 3, 3}, {5, 5, 5, 5}, {1, 1}, {5, 5}},
    {{1, 4, 2, 3}, {5, 4, 1, 33}, {2, 16, 2, 16}, {1, 1}, {1, 1}},
};

TEST(ConvRows, AgreesWithTheScalarLoops) {
  for (const RowsCase& row : kCases) {
    for (const char* activation : {"", "Relu", "LeakyRelu"}) {
      GraphCase graph;
      graph.input("x", random_floats(row.x, 3));
      graph.constant("w", random_floats(row.w, 4)).constant("b", random_floats({row.w[0]}, 5));
      const bool plain = std::string(activation).empty();
      graph.node("Conv",
                 {"x", "w", "b"},
                 {plain ? "y" : "c"},
                 {integers("pads", row.pads),
                  integers("strides", row.strides),
                  integers("dilations", row.dilations)});
      if (!plain) {
        graph.node(activation, {"c"}, {"y"});
      }
      graph.output("y");
      const auto want = graph.run_reference();
      ASSERT_TRUE(want) << error_of(want);
      EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 2e-6), "")
          << to_string(row.w) << activation;
    }
  }
}

TEST(ConvRows, AddsAResidualAndABias) {
  for (const std::int64_t filters : {3, 16}) {
    GraphCase graph;
    graph.input("x", random_floats({2, filters, 9, 10}, 1))
        .constant("w", random_floats({filters, filters, 9, 9}, 2));
    graph.constant("b", random_floats({filters}, 3)).node("Tanh", {"x"}, {"t"});
    graph.node("Conv", {"t", "w", "b"}, {"c"}, {integers("pads", {4, 4, 4, 4})});
    graph.node("Add", {"c", "t"}, {"s"}).node("Relu", {"s"}, {"y"}).output("y");
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1e-5), "") << filters;
  }
}

// One row of 16 taps and more, of any number of filters; and several rows.
TEST(ConvRows, LongKernelsAgreeWithTheScalarLoops) {
  struct Case {
    Shape x;
    Shape w;
    std::vector<Attribute> attributes{};
  };
  const Case cases[] = {
      {{2, 20, 50}, {24, 20, 17}, {integers("pads", {8, 8})}},
      {{1, 1, 99}, {33, 1, 64}, {integers("pads", {30, 33}), integers("strides", {4})}},
      {{1, 7, 5, 40}, {19, 7, 1, 16}, {integers("dilations", {1, 2})}},
      {{1, 7, 40, 5}, {5, 7, 20, 1}, {integers("pads", {3, 1, 4, 1})}},
      {{1, 7, 5, 40}, {19, 7, 3, 16}}};
  for (const Case& given : cases) {
    GraphCase graph;
    graph.input("x", random_floats(given.x, 1)).constant("w", random_floats(given.w, 2));
    graph.node("Conv", {"x", "w"}, {"c"}, given.attributes).node("Relu", {"c"}, {"y"}).output("y");
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1e-5), "") << to_string(given.w);
  }
}

TEST(ConvRows, APlacesSumDoesNotDependOnItsNeighbours) {
  const NamedTensor x = random_floats({1, 8, 1, 40}, 1);
  const std::vector<float> values = floats_of(x);
  for (const std::int64_t filters : {2, 5}) {
    std::vector<std::vector<float>> results;
    for (const std::int64_t width : {40, 31}) {
      std::vector<float> part;
      for (std::int64_t c = 0; c < 8; ++c) {
        part.insert(part.end(), values.begin() + c * 40, values.begin() + c * 40 + width);
      }
      GraphCase graph;
      graph.input("x", floats({1, 8, 1, width}, part));
      graph.constant("w", random_floats({filters, 8, 1, 25}, 2)).node("Conv", {"x", "w"}, {"y"});
      const auto got = graph.output("y").run();
      ASSERT_TRUE(got) << error_of(got);
      results.push_back(floats_of(got->front()));
    }
    for (std::int64_t f = 0; f < filters; ++f) {
      for (std::int64_t i = 0; i < 7; ++i) {
        EXPECT_EQ(results[0][static_cast<std::size_t>(f * 16 + i)],
                  results[1][static_cast<std::size_t>(f * 7 + i)]);
      }
    }
  }
}

}  // namespace
}  // namespace sluice::engine
