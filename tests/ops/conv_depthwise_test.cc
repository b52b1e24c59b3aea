// conv_depthwise_rows.cc: depthwise convolutions by rows, where the machine has the registers,
// against the loops. Lines shorter than the kernel, every remainder of eight places, channels that
// are no multiple of a vector, places that see nothing but padding.

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

void expect_as_loops(GraphCase& graph, const std::string& what) {
  const auto want = graph.run_reference();
  ASSERT_TRUE(want) << what << ": " << error_of(want);
  EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1e-5), "") << what;
}

TEST(ConvDepthwise, AgreesWithTheLoopsForEveryExtent) {
  for (const std::int64_t kernel : {3, 5}) {
    for (const std::int64_t stride : {1, 2}) {
      for (const std::int64_t pad : {0, 1, 4}) {
        for (const std::int64_t width : {1, 4, 9, 12, 21, 38}) {
          for (const std::int64_t channels : {16, 23, 64}) {
            if (width + 2 * pad < kernel) {
              continue;
            }
            GraphCase graph;
            graph.input("x", random_floats({2, channels, 6, width}, 1));
            graph.constant("w", random_floats({channels, 1, 3, kernel}, 2));
            graph.constant("b", random_floats({channels}, 3));
            graph.node("Conv",
                       {"x", "w", "b"},
                       {"c"},
                       {integer("group", channels),
                        integers("strides", {stride, stride}),
                        integers("dilations", {2, 1}),
                        integers("pads", {2, pad, 1, pad})});
            graph.output("c");
            expect_as_loops(graph,
                            std::to_string(kernel) + ", stride " + std::to_string(stride) +
                                ", pad " + std::to_string(pad) + ", width " +
                                std::to_string(width) + ", channels " + std::to_string(channels));
          }
        }
      }
    }
  }
}

// Of one dimension and of three, with taps that lie apart, with long kernels.
TEST(ConvDepthwise, AgreesWithTheLoopsForEveryRank) {
  struct Row {
    Shape spatial;
    Shape kernel;
    std::int64_t stride = 1;
    std::int64_t dilation = 1;
    std::int64_t pad = 0;
  };
  const Row rows[] = {
      {{40}, {3}, 1, 1, 1},
      {{601}, {3}, 2, 1, 1},
      {{530}, {5}, 1, 1, 4},
      {{2}, {5}, 1, 1, 2},
      {{300}, {3}, 1, 16, 16},
      {{90}, {31}, 1, 1, 15},
      {{50}, {4}, 3, 2, 0},
      {{9, 11}, {3, 3}, 1, 2, 2},
      {{7, 8}, {5, 3}, 2, 3, 4},
      {{4, 5, 6}, {3, 3, 3}, 1, 1, 1},
      {{5, 4, 6}, {3, 1, 2}, 2, 2, 1},
  };
  for (const Row& row : rows) {
    for (const std::int64_t channels : {5, 16, 40}) {
      Shape x{2, channels};
      x.insert(x.end(), row.spatial.begin(), row.spatial.end());
      Shape w{channels, 1};
      w.insert(w.end(), row.kernel.begin(), row.kernel.end());
      const std::size_t rank = row.kernel.size();
      GraphCase graph;
      graph.input("x", random_floats(x, 1)).constant("w", random_floats(w, 2));
      graph.constant("b", random_floats({channels}, 3));
      graph.node("Conv",
                 {"x", "w", "b"},
                 {"c"},
                 {integer("group", channels),
                  integers("strides", Shape(rank, row.stride)),
                  integers("dilations", Shape(rank, row.dilation)),
                  integers("pads", Shape(2 * rank, row.pad))});
      graph.node("Relu", {"c"}, {"y"}).output("y");
      expect_as_loops(graph, to_string(x) + " by " + to_string(w));
    }
  }
}

TEST(ConvDepthwise, ActivatesAndKeepsNan) {
  std::vector<float> image(2 * 16 * 5 * 17);
  for (std::size_t i = 0; i < image.size(); ++i) {
    image[i] = static_cast<float>(i % 13) - 6;
  }
  image[100] = std::numeric_limits<float>::quiet_NaN();
  image[200] = std::numeric_limits<float>::infinity();
  for (const std::string activation : {"Relu", "Clip", "LeakyRelu", "Add"}) {
    GraphCase graph;
    graph.input("x", floats({2, 16, 5, 17}, image)).constant("w", random_floats({16, 1, 3, 3}, 2));
    graph.constant("low", floats({}, {-1})).constant("high", floats({}, {3}));
    graph.node("Conv", {"x", "w"}, {"c"}, {integer("group", 16), integers("pads", {1, 1, 1, 1})});
    if (activation == "Clip") {
      graph.node("Clip", {"c", "low", "high"}, {"y"});
    } else if (activation == "Add") {
      graph.node("Add", {"c", "x"}, {"s"}).node("Relu", {"s"}, {"y"});
    } else {
      graph.node(activation, {"c"}, {"y"});
    }
    graph.output("y");
    expect_as_loops(graph, activation);
  }
}

}  // namespace
}  // namespace sluice::engine
