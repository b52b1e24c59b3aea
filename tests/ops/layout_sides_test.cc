// Where the order of a value is changed, so that the fewest bytes are moved in all; and that
// whatever is chosen gives the numbers of the session in which every value is row-major.

#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

using Longs = std::vector<std::int64_t>;

void expect_agreement(GraphCase& graph, std::size_t reorders, const char* what) {
  const auto want = graph.run_reference();
  const auto got = graph.run();
  ASSERT_TRUE(want && got) << what << error_of(want) << error_of(got);
  for (std::size_t i = 0; i < want->size(); ++i) {
    EXPECT_EQ(mismatch_at(got, i, (*want)[i], 1e-5, 1e-5), "") << what << " " << i;
  }
  EXPECT_EQ(graph.figures().reorders, reorders) << what;
}

// A convolution of one tap over `from`, which has so many channels.
void convolve(GraphCase& graph,
              const std::string& from,
              std::int64_t channels,
              const std::string& to,
              std::size_t places = 2) {
  Shape weights{4, channels};
  weights.resize(2 + places, 1);
  graph.constant(to + "_w", random_floats(weights, 7)).node("Conv", {from, to + "_w"}, {to});
}

TEST(LayoutSides, AValueIsTurnedWhereItIsSmallest) {
  GraphCase grows;  // rather the image than what is made of it
  grows.input("x", random_floats({2, 3, 40, 50}, 1));
  grows.constant("scales", floats({4}, {1, 1, 2, 2}));
  grows.node("Resize", {"x", "", "scales"}, {"y"}, {text("mode", "nearest")});
  convolve(grows, "y", 3, "c");
  grows.constant("axes", int64s({2}, {2, 3})).node("ReduceMax", {"c", "axes"}, {"m"}).output("m");
  expect_agreement(grows, 1, "an image that grows");
  EXPECT_EQ(grows.figures().reordered_bytes, 4U * 2 * 3 * 40 * 50);

  GraphCase shared;  // one reorder for both
  shared.input("x", random_floats({2, 3, 40, 50}, 1)).node("Sin", {"x"}, {"s"});
  shared.node("Cos", {"x"}, {"t"});
  convolve(shared, "s", 3, "c");
  convolve(shared, "t", 3, "d");
  shared.node("Add", {"c", "d"}, {"sum"}).node("GlobalMaxPool", {"sum"}, {"m"}).output("m");
  expect_agreement(shared, 1, "two that are made of one");

  GraphCase shrinks;  // rather the half than the whole
  shrinks.input("x", random_floats({2, 3, 40, 50}, 1));
  convolve(shrinks, "x", 3, "c");
  shrinks.constant("from", int64s({1}, {0})).constant("to", int64s({1}, {5}));
  shrinks.constant("axis", int64s({1}, {2}));
  shrinks.node("Slice", {"c", "from", "to", "axis"}, {"s"}).output("s");
  expect_agreement(shrinks, 2, "a slice");
  EXPECT_EQ(shrinks.figures().reordered_bytes, 4U * 2 * (3 * 40 * 50 + 4 * 5 * 50));
}

TEST(LayoutSides, PlacesThatAreCountedAnewStayWhereTheyAre) {
  GraphCase tokens;  // as patches of an image become tokens
  tokens.input("x", random_floats({2, 3, 8, 10}, 1)).constant("w", random_floats({6, 3, 2, 2}, 2));
  tokens.node("Conv", {"x", "w"}, {"c"}, {integers("strides", {2, 2})});
  tokens.constant("flat", int64s({3}, {2, 6, -1})).node("Reshape", {"c", "flat"}, {"r"});
  tokens.node("Transpose", {"r"}, {"y"}, {integers("perm", {0, 2, 1})}).output("y");
  expect_agreement(tokens, 1, "the image");
  EXPECT_EQ(tokens.figures().steps, 2U);

  GraphCase heads;  // as boxes of several scales become one list
  heads.input("x", random_floats({2, 3, 8, 10}, 1));
  convolve(heads, "x", 3, "c");
  heads.node(
      "MaxPool", {"c"}, {"half"}, {integers("kernel_shape", {2, 2}), integers("strides", {2, 2})});
  heads.constant("flat", int64s({3}, {2, 4, -1})).node("Reshape", {"c", "flat"}, {"r"});
  heads.node("Reshape", {"half", "flat"}, {"s"})
      .node("Concat", {"r", "s"}, {"all"}, {integer("axis", 2)});
  heads.node("Transpose", {"all"}, {"y"}, {integers("perm", {0, 2, 1})}).output("y");
  expect_agreement(heads, 1, "the image");
  EXPECT_EQ(heads.figures().steps, 4U) << "reorder, convolution, pool, concatenation";

  GraphCase back;  // and tokens an image again
  back.input("x", random_floats({2, 20, 6}, 1));
  back.node("Transpose", {"x"}, {"t"}, {integers("perm", {0, 2, 1})});
  back.constant("image", int64s({4}, {2, 6, 4, 5})).node("Reshape", {"t", "image"}, {"r"});
  convolve(back, "r", 6, "c");
  back.constant("flat", int64s({3}, {2, 4, 20})).node("Reshape", {"c", "flat"}, {"f"});
  back.node("Transpose", {"f"}, {"y"}, {integers("perm", {0, 2, 1})}).output("y");
  expect_agreement(back, 0, "tokens");
  EXPECT_EQ(back.figures().steps, 1U);

  GraphCase channels;  // other channels: rows only
  channels.input("x", random_floats({2, 3, 8, 10}, 1));
  convolve(channels, "x", 3, "c");
  channels.constant("two", int64s({3}, {2, 2, -1}))
      .node("Reshape", {"c", "two"}, {"y"})
      .output("y");
  expect_agreement(channels, 2, "channels are taken together");
}

// Of three extents, either order is the other one transposed: what came before decides.
TEST(LayoutSides, ATransposeOfThreeGoesOnFromWhatItIsGiven) {
  GraphCase graph;
  graph.input("x", random_floats({2, 9, 3}, 1));
  graph.node("Transpose", {"x"}, {"t"}, {integers("perm", {0, 2, 1})});
  convolve(graph, "t", 3, "c", 1);
  graph.node("Relu", {"c"}, {"r"}).node("Transpose", {"r"}, {"y"}, {integers("perm", {0, 2, 1})});
  graph.node("Sqrt", {"y"}, {"z"}).output("z");
  expect_agreement(graph, 0, "rows to channels-last to rows");
  EXPECT_EQ(graph.figures().steps, 2U) << "convolution with Relu, Sqrt";
}

// Half and a quarter of a value: at some size two reorders are less than one of the whole.
TEST(LayoutSides, ABatchTakesNoOtherSidesThanOne) {
  std::vector<BindingFigures> figures;
  for (const std::int64_t batch : {1, 200}) {
    GraphCase graph;
    graph.rows_input("x", random_floats({batch, 3, 8, 8}, 1));
    convolve(graph, "x", 3, "c");
    graph.constant("first", int64s({1}, {0})).constant("axis", int64s({1}, {2}));
    graph.constant("half", int64s({1}, {4})).constant("quarter", int64s({1}, {2}));
    graph.node("Slice", {"c", "first", "half", "axis"}, {"a"}).rows_output("a", {4, 4, 8});
    graph.node("Slice", {"c", "first", "quarter", "axis"}, {"b"}).rows_output("b", {4, 2, 8});
    ASSERT_TRUE(graph.run());
    figures.push_back(graph.figures());
  }
  EXPECT_EQ(figures[0].reorders, 2U) << "the image and the whole";
  EXPECT_EQ(figures[1].reorders, figures[0].reorders);
  EXPECT_EQ(figures[1].reordered_bytes, 200 * figures[0].reordered_bytes);
}

// Draws what keeps, turns and counts anew, over values of three and four dimensions.
class Drawing {
 public:
  explicit Drawing(std::uint32_t seed) : random_(seed) {
    add("x0", {2, 3, 4, 6});
    add("x1", {2, 4, 6, 3});
    graph_.input("x0", random_floats(values_[0].dims, seed));
    graph_.input("x1", random_floats(values_[1].dims, seed + 1));
  }

  GraphCase& draw() {
    for (int i = 0; i < 14; ++i) {
      step("v" + std::to_string(i));
    }
    for (const auto& value : values_) {
      if (value.name[0] == 'v' && below(3) == 0) {
        graph_.output(value.name);
      }
    }
    graph_.output(values_.back().name);
    return graph_;
  }

 private:
  struct Drawn {
    std::string name;
    Shape dims;
  };

  std::size_t below(std::size_t bound) { return random_() % bound; }
  void add(const std::string& name, Shape dims) { values_.push_back({name, std::move(dims)}); }

  void step(const std::string& name) {
    const Drawn from =
        values_[values_.size() - 1 - below(std::min<std::size_t>(values_.size(), 4))];
    const bool image = from.dims.size() == 4;
    switch (below(8)) {
      case 0:
      case 1:
        convolve(graph_, from.name, from.dims[1], name, from.dims.size() - 2);
        add(name, from.dims);
        values_.back().dims[1] = 4;
        return;
      case 2: {
        const std::vector<Longs> orders =
            image ? std::vector<Longs>{{0, 3, 1, 2}, {0, 2, 3, 1}, {0, 1, 3, 2}}
                  : std::vector<Longs>{{0, 2, 1}};
        const Longs& order = orders[below(orders.size())];
        graph_.node("Transpose", {from.name}, {name}, {integers("perm", order)});
        Shape dims;
        for (const std::int64_t axis : order) {
          dims.push_back(from.dims[static_cast<std::size_t>(axis)]);
        }
        return add(name, dims);
      }
      case 3: {
        Shape dims = {from.dims[0], from.dims[1], image ? from.dims[2] * from.dims[3] : 1};
        if (!image) {
          dims.push_back(from.dims[2]);
        } else if (below(3) == 0) {  // other channels
          std::swap(dims[1], dims[2]);
        }
        graph_.constant(name + "_to", int64s({static_cast<std::int64_t>(dims.size())}, dims));
        graph_.node("Reshape", {from.name, name + "_to"}, {name});
        return add(name, dims);
      }
      case 4: {
        const std::int64_t axis = static_cast<std::int64_t>(1 + below(from.dims.size() - 1));
        graph_.node("Concat", {from.name, from.name}, {name}, {integer("axis", axis)});
        add(name, from.dims);
        values_.back().dims[static_cast<std::size_t>(axis)] *= 2;
        return;
      }
      case 5: {
        const Shape factors = {from.dims[1], 1};
        graph_.constant(name + "_f", random_floats(image ? Shape{factors[0], 1, 1} : factors, 3));
        graph_.node("Mul", {from.name, name + "_f"}, {name});
        return add(name, from.dims);
      }
      case 6: {
        graph_.constant(name + "_a", int64s({1}, {static_cast<std::int64_t>(1 + below(2))}));
        graph_.node("ReduceMean", {from.name, name + "_a"}, {name + "_m"});
        graph_.node("Sub", {from.name, name + "_m"}, {name});
        return add(name, from.dims);
      }
      default:
        graph_.node(below(2) == 0 ? "Relu" : "Neg", {from.name}, {name});
        return add(name, from.dims);
    }
  }

  std::mt19937 random_;
  GraphCase graph_{18};
  std::vector<Drawn> values_;
};

TEST(LayoutSides, DrawnGraphsAgreeWithRows) {
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    Drawing drawing(seed);
    GraphCase& graph = drawing.draw();
    const auto want = graph.run_reference();
    const auto got = graph.run();
    ASSERT_TRUE(want && got) << seed << error_of(want) << error_of(got);
    for (std::size_t i = 0; i < want->size(); ++i) {
      ASSERT_EQ(mismatch_at(got, i, (*want)[i], 1e-4, 1e-4), "") << seed << " " << i;
    }
  }
}

}  // namespace
}  // namespace sluice::engine
