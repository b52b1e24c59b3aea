// Operators between DequantizeLinear and QuantizeLinear: that they are computed on bytes, that the
// answer stays, and that nothing is taken which only looks alike.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine::testing {
namespace {

std::vector<std::uint8_t> random_bytes(std::size_t count, std::uint32_t seed) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < count; ++i) {
    seed = seed * 1'664'525 + 1'013'904'223;
    bytes.push_back(static_cast<std::uint8_t>(seed >> 24));
  }
  return bytes;
}

NamedTensor bytes(const Shape& shape, std::uint32_t seed) {
  std::size_t count = 1;
  for (const std::int64_t extent : shape) {
    count *= static_cast<std::size_t>(extent);
  }
  return uint8s(shape, random_bytes(count, seed));
}

// The bytes of `name` as floats in `to`.
void dequantize(GraphCase& graph,
                const std::string& name,
                const std::string& to,
                const NamedTensor& scale,
                const NamedTensor& zero,
                std::vector<Attribute> attributes = {}) {
  graph.constant(to + "_scale", scale)
      .constant(to + "_zero", zero)
      .node("DequantizeLinear", {name, to + "_scale", to + "_zero"}, {to}, std::move(attributes));
}

void quantize(GraphCase& graph, const std::string& name, float scale, std::uint8_t zero) {
  graph.constant("y_scale", floats({}, {scale}))
      .constant("y_zero", uint8s({}, {zero}))
      .node("QuantizeLinear", {name, "y_scale", "y_zero"}, {"y"});
}

struct ConvOptions {
  bool bias = true;
  bool float_bias = false;
  float bias_scale = 0.02F * 0.01F;
  bool relu = false;
  std::uint8_t zero = 0;  // of y
  bool by_filter = false;
  std::int64_t axis = 0;
  std::string also{};  // a value inside that the graph puts out too
};

GraphCase conv(const ConvOptions& options) {
  GraphCase graph;
  graph.input("x", bytes({1, 3, 6, 6}, 1)).constant("w", bytes({3, 3, 3, 3}, 2));
  dequantize(graph, "x", "fx", floats({}, {0.02F}), uint8s({}, {120}));
  if (options.by_filter) {
    dequantize(graph,
               "w",
               "fw",
               floats({3}, {0.01F, 0.02F, 0.005F}),
               uint8s({3}, {128, 100, 130}),
               {integer("axis", options.axis)});
  } else {
    dequantize(graph, "w", "fw", floats({}, {0.01F}), uint8s({}, {128}));
  }
  std::vector<std::string> inputs{"fx", "fw"};
  if (options.float_bias) {
    graph.constant("b", floats({3}, {0.3F, -1.7F, 0.04F}));
    inputs.emplace_back("b");
  } else if (options.bias) {
    graph.constant("b", int32s({3}, {500, -900, 40}))
        .constant("b_scale", floats({}, {options.bias_scale}))
        .node("DequantizeLinear", {"b", "b_scale"}, {"fb"});
    inputs.emplace_back("fb");
  }
  graph.node("Conv", inputs, {"c"}, {integers("pads", {1, 1, 1, 1})});
  if (options.relu) {
    graph.node("Relu", {"c"}, {"r"});
  }
  quantize(graph, options.relu ? "r" : "c", 0.05F, options.zero);
  graph.output("y");
  if (!options.also.empty()) {
    graph.output(options.also);
  }
  return graph;
}

std::string as_by_the_reference(GraphCase& graph) {
  const auto want = graph.run_reference();
  return want ? mismatch(graph.run(), (*want)[0], 0, 0) : error_of(want);
}

TEST(QuantizedPatterns, AConvolutionIsComputedOnBytes) {
  const ConvOptions cases[] = {
      {},
      {.bias = false},
      {.zero = 77},
      {.relu = true},
      {.bias = false, .by_filter = true},
      {.float_bias = true},
      {.float_bias = true, .relu = true},
      {.float_bias = true, .zero = 77, .by_filter = true},
      {.bias_scale = 0.03F},  // not the scale of the sums: as floats
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    GraphCase graph = conv(cases[i]);
    EXPECT_EQ(as_by_the_reference(graph), "") << i;
    EXPECT_EQ(graph.figures().steps - graph.figures().reorders, 1U) << i;
  }
}

TEST(QuantizedPatterns, WhatOnlyLooksLikeOneStays) {
  const ConvOptions cases[] = {
      {.bias = false, .by_filter = true, .axis = 1},  // scales by channels of x
      {.also = "c"},                                  // somebody else reads the floats
      {.relu = true, .also = "c"},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    GraphCase graph = conv(cases[i]);
    EXPECT_EQ(as_by_the_reference(graph), "") << i;
    EXPECT_GT(graph.figures().steps, 1U) << i;
  }
}

TEST(QuantizedPatterns, WhatAnActivationHoldsBackIsHeldOnBytes) {
  struct Row {
    std::string op;
    std::vector<float> bounds;  // of Clip
    std::uint8_t zero;
    std::size_t steps;
  };
  const Row rows[] = {
      {"Relu", {}, 0, 1},
      {"Relu", {}, 30, 2},            // the bytes below 30 become 30
      {"Clip", {-1, 100}, 20, 1},     // bounds that are the ends of the bytes
      {"Clip", {0, 12.8F}, 0, 1},     // rounded, they are, too
      {"Clip", {0, 100}, 30, 2},      // as Relu
      {"Clip", {0, 6}, 0, 5},         // bytes above 6 would come out: as it is written
      {"Clip", {-0.5F, 100}, 30, 5},  // likewise below
      {"Sigmoid", {}, 0, 5},
  };
  for (const Row& row : rows) {
    GraphCase graph;
    graph.input("a", bytes({2, 5, 4}, 5)).input("b", bytes({5, 1}, 6));
    dequantize(graph, "a", "fa", floats({}, {0.02F}), uint8s({}, {120}));
    dequantize(graph, "b", "fb", floats({}, {0.01F}), uint8s({}, {120}));
    std::vector<std::string> inputs{"s"};
    for (std::size_t i = 0; i < row.bounds.size(); ++i) {
      inputs.push_back("bound" + std::to_string(i));
      graph.constant(inputs.back(), floats({}, {row.bounds[i]}));
    }
    graph.node("Add", {"fa", "fb"}, {"s"}).node(row.op, inputs, {"r"});
    quantize(graph, "r", 0.05F, row.zero);
    graph.output("y");
    EXPECT_EQ(as_by_the_reference(graph), "") << row.op << " " << int{row.zero};
    EXPECT_EQ(graph.figures().steps, row.steps) << row.op << " " << int{row.zero};
  }
}

TEST(QuantizedPatterns, AConvolutionOfSignedBytesHasItsReluAsAFloor) {
  GraphCase graph;
  graph.input("x", bytes({1, 3, 6, 6}, 1))
      .constant("w", numbers<std::int8_t>({2, 3, 1, 1}, {5, -7, 100, -128, 64, 3}));
  dequantize(graph, "x", "fx", floats({}, {0.02F}), uint8s({}, {120}));
  dequantize(graph,
             "w",
             "fw",
             floats({2}, {0.01F, 0.03F}),
             numbers<std::int8_t>({2}, {0, 0}),
             {integer("axis", 0)});
  graph.constant("b", floats({2}, {0.7F, -0.2F}))
      .node("Conv", {"fx", "fw", "b"}, {"c"})
      .node("Relu", {"c"}, {"r"})
      .constant("y_scale", floats({}, {0.04F}))
      .constant("y_zero", numbers<std::int8_t>({}, {0}))
      .node("QuantizeLinear", {"r", "y_scale", "y_zero"}, {"y"})
      .output("y");
  EXPECT_EQ(as_by_the_reference(graph), "");
  EXPECT_EQ(graph.figures().steps - graph.figures().reorders, 1U);
}

// What nobody quantises again stays floats, made of exact sums.
TEST(QuantizedPatterns, ProductsAreMadeOfBytes) {
  struct Row {
    std::string op;
    bool bias;
    bool by_column;
    bool turned;
    std::size_t steps;
  };
  const Row rows[] = {
      {"MatMul", false, false, false, 1},
      {"MatMul", true, true, false, 1},
      {"Gemm", false, true, false, 1},
      {"Gemm", true, false, true, 1},
      {"Gemm", true, true, true, 1},
  };
  for (const Row& row : rows) {
    const bool is_gemm = row.op == "Gemm";
    GraphCase graph;
    graph.input("x", bytes({4, 20}, 3))
        .constant("w", bytes(row.turned ? Shape{7, 20} : Shape{20, 7}, 4));
    graph.constant("c", floats({7}, {0.5F, -3, 2, 0.25F, 9, -7, 1}));
    dequantize(graph, "x", "fx", floats({}, {0.02F}), uint8s({}, {120}));
    if (row.by_column) {
      dequantize(graph,
                 "w",
                 "fw",
                 floats({7}, {0.01F, 0.02F, 0.03F, 0.01F, 0.5F, 0.01F, 0.02F}),
                 uint8s({7}, {128, 127, 0, 255, 3, 128, 128}),
                 {integer("axis", row.turned ? 0 : 1)});
    } else {
      dequantize(graph, "w", "fw", floats({}, {0.01F}), uint8s({}, {128}));
    }
    const std::string product = row.bias && !is_gemm ? "p" : "y";
    std::vector<std::string> inputs{"fx", "fw"};
    std::vector<Attribute> attributes;
    if (is_gemm) {
      attributes.push_back(integer("transB", row.turned ? 1 : 0));
      if (row.bias) {
        inputs.emplace_back("c");
      }
    }
    graph.node(row.op, inputs, {product}, attributes);
    if (product == "p") {
      graph.node("Add", {"p", "c"}, {"y"});
    }
    graph.output("y");
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), (*want)[0], 1e-5, 1e-5), "")
        << row.op << row.bias << row.by_column;
    EXPECT_EQ(graph.figures().steps, row.steps) << row.op << row.bias << row.by_column;
  }
}

TEST(QuantizedPatterns, PartsOfOneMeaningAreConcatenatedAsBytes) {
  for (const float scale : {0.02F, 0.03F}) {
    GraphCase graph;
    graph.input("a", bytes({2, 5, 4}, 5)).input("b", bytes({2, 3, 4}, 6));
    dequantize(graph, "a", "fa", floats({}, {0.02F}), uint8s({}, {120}));
    dequantize(graph, "b", "fb", floats({}, {scale}), uint8s({}, {120}));
    graph.node("Concat", {"fa", "fb"}, {"s"}, {integer("axis", 1)});
    quantize(graph, "s", 0.02F, 120);
    graph.output("y");
    EXPECT_EQ(as_by_the_reference(graph), "") << scale;
    EXPECT_EQ(graph.figures().steps == 1, scale == 0.02F) << scale;
  }
}

TEST(QuantizedPatterns, ProductsAndSumsAreComputedOnBytes) {
  GraphCase product;
  product.input("x", bytes({4, 20}, 3)).constant("w", bytes({20, 7}, 4));
  dequantize(product, "x", "fx", floats({}, {0.02F}), uint8s({}, {120}));
  dequantize(product, "w", "fw", floats({}, {0.01F}), uint8s({}, {128}));
  product.node("MatMul", {"fx", "fw"}, {"p"});
  quantize(product, "p", 0.03F, 128);
  product.output("y");
  EXPECT_EQ(as_by_the_reference(product), "");
  EXPECT_EQ(product.figures().steps, 1U);

  for (const char* op : {"Add", "Mul"}) {
    GraphCase pair;
    pair.input("a", bytes({3, 5, 4}, 5)).input("b", bytes({5, 1}, 6));
    dequantize(pair, "a", "fa", floats({}, {0.02F}), uint8s({}, {120}));
    dequantize(pair, "b", "fb", floats({}, {0.01F}), uint8s({}, {7}));
    pair.node(op, {"fa", "fb"}, {"s"});
    quantize(pair, "s", 0.03F, 100);
    pair.output("y");
    EXPECT_EQ(as_by_the_reference(pair), "") << op;
    EXPECT_EQ(pair.figures().steps, 1U) << op;
  }
}

TEST(QuantizedPatterns, WhatMovesElementsWorksOnBytes) {
  struct Row {
    std::string op;
    std::vector<Attribute> attributes;
    float scale;  // of y; x has 0.02
    bool taken;
    double within = 0;  // of 255: means lie in the middle between two bytes often
  };
  const std::vector<std::int64_t> two{2, 2};
  const Row rows[] = {
      {"MaxPool", {integers("kernel_shape", two), integers("strides", two)}, 0.02F, true},
      {"MaxPool", {integers("kernel_shape", {3, 3}), integers("pads", {1, 1, 1, 1})}, 0.02F, true},
      {"MaxPool", {integers("kernel_shape", two)}, 0.03F, false},  // another scale
      {"Transpose", {integers("perm", {0, 2, 3, 1})}, 0.02F, true},
      {"Flatten", {}, 0.02F, true},  // the same bytes
      {"AveragePool",
       {integers("kernel_shape", two), integers("strides", two)},
       0.03F,
       false,
       0.005},
      {"AveragePool",
       {integers("kernel_shape", {3, 2}),
        integers("pads", {1, 0, 1, 1}),
        integer("count_include_pad", 1)},
       0.02F,
       false,
       0.005},
      {"GlobalAveragePool", {}, 0.02F, false, 0.005},
      {"Softmax", {}, 0.02F, false},
  };
  for (const Row& row : rows) {
    GraphCase graph;
    graph.input("x", bytes({2, 3, 7, 9}, 8));
    dequantize(graph, "x", "fx", floats({}, {0.02F}), uint8s({}, {120}));
    graph.node(row.op, {"fx"}, {"m"}, row.attributes);
    quantize(graph, "m", row.scale, 120);
    graph.output("y");
    const auto want = graph.run_reference();
    ASSERT_TRUE(want) << error_of(want);
    EXPECT_EQ(mismatch(graph.run(), (*want)[0], 0, row.within), "") << row.op;
    EXPECT_EQ(graph.figures().steps <= 1, row.taken) << row.op << " by " << row.scale;
  }
}

}  // namespace
}  // namespace sluice::engine::testing
