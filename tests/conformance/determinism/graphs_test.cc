// Graphs of a node or two, eight rows in front, so that every kernel is met whose sums could take
// another order: products, convolutions, reductions and recurrences of odd and even sizes.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/conformance/determinism/same_bits.h"
#include "tests/ops/graph_case.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr std::int64_t kRows = 8;

std::string dims_text(const std::vector<Shape>& shapes) {
  std::string text;
  for (const Shape& shape : shapes) {
    text += " " + to_string(shape);
  }
  return text;
}

// `graph` has these inputs, its batch in front.
void expect_same_bits(const GraphCase& graph,
                      const std::vector<NamedTensor>& inputs,
                      const std::string& what) {
  auto registry = std::make_shared<Registry>();
  register_all(*registry);
  const sluice::testing::Load load = [&](int threads) -> Result<std::unique_ptr<Session>> {
    SLUICE_TRY_ASSIGN(Model model, graph.model());
    return make_session(std::move(model), threads, registry, {});
  };
  const auto same = sluice::testing::same_bits(load, inputs);
  ASSERT_TRUE(same) << what << ": " << same.error().detail;
  EXPECT_TRUE(same->joined) << what;
  EXPECT_EQ(same->difference, "") << what;
}

Shape with_rows(const Shape& row) {
  Shape dims(row.size() + 1, kRows);
  std::ranges::copy(row, dims.begin() + 1);
  return dims;
}

// One node from "x" and constants to "y".
void expect_of_node(const std::string& op,
                    const Shape& row,
                    const std::vector<Shape>& weights,
                    const Shape& result,
                    const std::vector<Attribute>& attributes = {},
                    const std::string& domain = "",
                    int opset = 18) {
  GraphCase graph(18);
  const NamedTensor x = random_floats(with_rows(row), 1);
  graph.rows_input("x", x);
  std::vector<std::string> inputs{"x"};
  for (const Shape& weight : weights) {
    inputs.push_back(weight.empty() ? "" : "w" + std::to_string(inputs.size()));
    if (!weight.empty()) {
      graph.constant(inputs.back(),
                     random_floats(weight, static_cast<std::uint32_t>(inputs.size())));
    }
  }
  graph.domain_node(domain, opset, op, inputs, {"y"}, attributes).rows_output("y", result);
  expect_same_bits(graph, {x}, op + " " + to_string(row) + " by" + dims_text(weights));
}

TEST(Determinism, OfProductsWithConstants) {
  const std::vector<std::pair<std::int64_t, std::int64_t>> sizes{{1, 300},
                                                                 {19, 20},
                                                                 {70, 50},
                                                                 {300, 250},
                                                                 {768, 768},
                                                                 {2048, 1000},
                                                                 {4096, 64},
                                                                 {9000, 16},
                                                                 {64, 4096},
                                                                 {4000, 30},
                                                                 {9216, 33},
                                                                 {70'000, 4}};
  for (const auto& [k, n] : sizes) {
    expect_of_node("MatMul", {k}, {{k, n}}, {n});
    expect_of_node("Gemm", {k}, {{n, k}, {n}}, {n}, {integer("transB", 1)});
  }
  expect_of_node("MatMul", {7, 300}, {{300, 250}}, {7, 250});
  expect_of_node("MatMul", {128, 768}, {{768, 300}}, {128, 300});
  expect_of_node("MatMul", {33, 3000}, {{3000, 17}}, {33, 17});
}

TEST(Determinism, OfProductsOfTwoInputs) {
  struct Case {
    Shape a;
    Shape b;
    Shape c;
  };
  const Case cases[] = {{{12, 64, 64}, {12, 64, 64}, {12, 64, 64}},
                        {{4, 1, 64}, {4, 64, 77}, {4, 1, 77}},
                        {{2, 5, 16}, {2, 16, 9}, {2, 5, 9}},
                        {{5, 600}, {600, 300}, {5, 300}},
                        {{3, 9000}, {9000, 5}, {3, 5}},
                        {{128, 2048}, {2048, 40}, {128, 40}}};
  for (const Case& given : cases) {
    const std::vector<NamedTensor> inputs{random_floats(with_rows(given.a), 1),
                                          random_floats(with_rows(given.b), 2)};
    GraphCase graph;
    graph.rows_input("a", inputs[0]).rows_input("b", inputs[1]);
    graph.node("MatMul", {"a", "b"}, {"y"}).rows_output("y", given.c);
    expect_same_bits(graph, inputs, "MatMul" + dims_text({given.a, given.b}));
    if (given.a.size() == 2) {
      GraphCase einsum;
      einsum.rows_input("a", inputs[0]).rows_input("b", inputs[1]);
      einsum.node("Einsum", {"a", "b"}, {"y"}, {text("equation", "bij,bjk->bik")});
      einsum.rows_output("y", given.c);
      expect_same_bits(einsum, inputs, "Einsum" + dims_text({given.a, given.b}));
    }
  }
}

TEST(Determinism, OfDoubles) {
  for (const auto& [k, n] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {19, 20}, {70, 50}, {300, 250}, {900, 1}}) {
    const NamedTensor x = random_floats({kRows, k}, 1);
    GraphCase graph;
    const std::vector<float> values = floats_of(random_floats({k, n}, 2));
    graph.rows_input("x", x).constant("w", doubles({k, n}, {values.begin(), values.end()}));
    graph.node("Cast", {"x"}, {"x64"}, {integer("to", 11)});
    graph.node("MatMul", {"x64", "w"}, {"y"}).rows_output("y", {n});
    expect_same_bits(graph, {x}, "MatMul of float64" + to_string(Shape{k, n}));
  }
}

struct ConvCase {
  Shape x;
  Shape w;
  Shape y;
  std::vector<Attribute> attributes{};
};

std::vector<Attribute> padded(std::int64_t pad, std::int64_t stride = 1, std::int64_t group = 1) {
  return {integers("pads", {pad, pad, pad, pad}),
          integers("strides", {stride, stride}),
          integer("group", group)};
}

TEST(Determinism, OfConvolutions) {
  const ConvCase cases[] = {
      {{3, 64, 64}, {64, 3, 7, 7}, {64, 32, 32}, padded(3, 2)},
      {{64, 28, 28}, {64, 64, 3, 3}, {64, 28, 28}, padded(1)},
      {{64, 28, 28}, {256, 64, 1, 1}, {256, 28, 28}, padded(0)},
      {{256, 14, 14}, {512, 256, 1, 1}, {512, 7, 7}, padded(0, 2)},
      {{512, 7, 7}, {512, 512, 3, 3}, {512, 7, 7}, padded(1)},
      {{2048, 1, 1}, {100, 2048, 1, 1}, {100, 1, 1}, padded(0)},
      {{960, 7, 7}, {160, 960, 1, 1}, {160, 7, 7}, padded(0)},
      {{32, 55, 53}, {33, 32, 3, 3}, {33, 55, 53}, padded(1)},
      {{300, 30, 31}, {70, 300, 3, 3}, {70, 28, 29}, padded(0)},
      {{5, 13, 11}, {7, 5, 3, 3}, {7, 13, 11}, padded(1)},
      {{30, 13, 11}, {20, 30, 5, 3}, {20, 9, 9}, padded(0)},
      {{32, 20, 20}, {64, 8, 3, 3}, {64, 20, 20}, padded(1, 1, 4)},
      {{6, 20, 20}, {9, 2, 3, 3}, {9, 20, 20}, padded(1, 1, 3)},
      {{32, 20, 20}, {32, 1, 3, 3}, {32, 20, 20}, padded(1, 1, 32)},
      {{19, 20, 20}, {19, 1, 5, 5}, {19, 10, 10}, padded(2, 2, 19)},
      {{64, 161, 32}, {64, 64, 3, 3}, {64, 161, 32}, padded(1)},
      {{16, 9, 10}, {3, 16, 9, 9}, {3, 9, 10}, padded(4)},
      {{16, 16, 16}, {16, 16, 9, 9}, {16, 16, 16}, padded(4)},
      {{64, 30, 30}, {32, 64, 5, 5}, {32, 30, 30}, padded(2)},
      {{8, 40}, {5, 8, 25}, {5, 16}, {}},
      {{16, 64}, {16, 16, 3}, {16, 64}, {integers("pads", {1, 1})}},
      {{16, 64}, {16, 16, 9}, {16, 64}, {integers("pads", {4, 4})}},
      {{128, 128}, {16, 128, 9}, {16, 128}, {integers("pads", {4, 4})}},
      {{16, 64}, {16, 16, 15}, {16, 64}, {integers("pads", {7, 7})}},
      {{16, 64}, {32, 16, 65}, {32, 64}, {integers("pads", {32, 32})}},
      {{1, 1024}, {128, 1, 15}, {128, 256}, {integers("pads", {6, 6}), integers("strides", {4})}},
      {{64, 100}, {64, 64, 3}, {64, 98}, {}},
      {{256, 40}, {256, 256, 5}, {256, 36}, {}},
      {{16, 6, 7, 8}, {24, 16, 3, 3, 3}, {24, 4, 5, 6}, {}}};
  for (const ConvCase& given : cases) {
    expect_of_node("Conv", given.x, {given.w, {given.w[0]}}, given.y, given.attributes);
  }
}

TEST(Determinism, OfTransposedConvolutions) {
  expect_of_node("ConvTranspose", {16, 9, 10}, {{16, 8, 3, 3}}, {8, 11, 12});
  expect_of_node("ConvTranspose",
                 {64, 8, 8},
                 {{64, 32, 4, 4}},
                 {32, 16, 16},
                 {integers("strides", {2, 2}), integers("pads", {1, 1, 1, 1})});
}

TEST(Determinism, OfReductionsAndNorms) {
  const std::vector<std::int64_t> lengths{1, 7, 33, 100, 1000, 20'000};
  for (const std::int64_t n : lengths) {
    for (const char* op : {"Softmax", "LogSoftmax", "LpNormalization"}) {
      expect_of_node(op, {3, n}, {}, {3, n}, {integer("axis", -1)});
    }
    expect_of_node("LayerNormalization", {3, n}, {{n}, {n}}, {3, n});
    for (const char* op : {"ReduceMean", "ReduceL2", "ReduceLogSumExp", "ReduceProd"}) {
      for (const std::int64_t axis : {1, 2}) {
        const NamedTensor x = random_floats({kRows, n, 5}, 1);
        GraphCase graph(18);
        graph.rows_input("x", x).constant("axes", int64s({1}, {axis}));
        graph.node(op, {"x", "axes"}, {"y"}, {integer("keepdims", 0)});
        graph.rows_output("y", {axis == 1 ? 5 : n});
        expect_same_bits(graph, {x}, op + std::to_string(axis) + " of " + std::to_string(n));
      }
    }
  }
  for (const Shape& image : {Shape{5, 9, 7}, Shape{64, 14, 14}, Shape{16, 100, 100}}) {
    const std::int64_t channels = image[0];
    expect_of_node("GlobalAveragePool", image, {}, {channels, 1, 1});
    expect_of_node("InstanceNormalization", image, {{channels}, {channels}}, image);
    expect_of_node("LRN", image, {}, image, {integer("size", 5)});
    expect_of_node("AveragePool",
                   image,
                   {},
                   image,
                   {integers("kernel_shape", {3, 3}), integers("pads", {1, 1, 1, 1})});
  }
}

TEST(Determinism, OfElementaryFunctions) {
  for (const std::int64_t n : {1, 13, 1001, 40'000}) {
    for (const char* op : {"Exp", "Tanh", "Sigmoid", "Erf", "Sin", "Softplus", "Gelu", "Mish"}) {
      expect_of_node(op, {n}, {}, {n}, {}, "", op == std::string("Gelu") ? 20 : 18);
    }
  }
}

TEST(Determinism, OfRecurrences) {
  struct Layer {
    std::string op;
    std::int64_t gates;
  };
  for (const auto& [op, gates] : {Layer{"LSTM", 4}, Layer{"GRU", 3}, Layer{"RNN", 1}}) {
    for (const auto& [in, hidden] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{5, 7}, {64, 128}, {300, 270}}) {
      const NamedTensor x = random_floats({kRows, 6, in}, 1);
      GraphCase graph;
      graph.rows_input("x", x)
          .constant("w", random_floats({1, gates * hidden, in}, 2))
          .constant("r", random_floats({1, gates * hidden, hidden}, 3))
          .node("Transpose", {"x"}, {"t"}, {integers("perm", {1, 0, 2})})
          .node(op, {"t", "w", "r"}, {"h"}, {integer("hidden_size", hidden)})
          .node("Transpose", {"h"}, {"y"}, {integers("perm", {2, 0, 1, 3})})
          .rows_output("y", {6, 1, hidden});
      expect_same_bits(graph, {x}, op + to_string(Shape{in, hidden}));
    }
  }
}

}  // namespace
}  // namespace sluice::engine
