// Integer products and the steps that make floats of them: that they become one, that the answer
// stays to the last bit, and that nothing is taken which only looks alike.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine::testing {
namespace {

template <class T>
NamedTensor random_bytes(const Shape& shape, std::uint32_t seed) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    count *= extent;
  }
  std::vector<T> bytes;
  for (std::int64_t i = 0; i < count; ++i) {
    seed = seed * 1'664'525 + 1'013'904'223;
    bytes.push_back(static_cast<T>(seed >> 24));
  }
  return numbers<T>(shape, bytes);
}

std::string as_by_the_reference(GraphCase& graph) {
  const auto want = graph.run_reference();
  return want ? mismatch(graph.run(), (*want)[0], 0, 0) : error_of(want);
}

// The graph's end: a Relu behind `last`, and a value inside that is put out too.
GraphCase ended(GraphCase graph, std::string last, bool relu, const std::string& also) {
  if (relu) {
    graph.node("Relu", {last}, {"r"});
    last = "r";
  }
  graph.output(last);
  if (!also.empty()) {
    graph.output(also);
  }
  return graph;
}

struct MatmulOptions {
  Shape x{5, 33};
  NamedTensor b = random_bytes<std::int8_t>({33, 19}, 1);
  NamedTensor b_scale = floats({}, {0.0137F});
  NamedTensor b_zero = numbers<std::int8_t>({}, {3});
  bool bias = true;
  bool relu = false;
  bool cast_like = false;
  bool open = false;
  std::string also{};  // a value inside that the graph puts out too
};

// As onnxruntime's dynamic quantisation writes x * b + bias.
GraphCase matmul(const MatmulOptions& options) {
  GraphCase graph;
  const NamedTensor x = random_floats(options.x, 7);
  options.open ? graph.rows_input("x", x) : graph.input("x", x);
  graph.constant("b", options.b)
      .constant("b_scale", options.b_scale)
      .constant("b_zero", options.b_zero)
      .node("DynamicQuantizeLinear", {"x"}, {"a", "a_scale", "a_zero"})
      .node("Mul", {"a_scale", "b_scale"}, {"scale"})
      .node("MatMulInteger", {"a", "b", "a_zero", "b_zero"}, {"sums"});
  if (options.cast_like) {
    graph.node("CastLike", {"sums", "a_scale"}, {"floats"});
  } else {
    graph.node("Cast", {"sums"}, {"floats"}, {integer("to", 1)});
  }
  graph.node("Mul", {"floats", "scale"}, {"y"});
  std::string last = "y";
  if (options.bias) {
    graph.constant("bias", random_floats({options.b.shape[1]}, 9));
    graph.node("Add", {"bias", last}, {"z"});
    last = "z";
  }
  return ended(std::move(graph), last, options.relu, options.also);
}

std::vector<float> column_scales(std::int64_t count) {
  std::vector<float> scales;
  for (std::int64_t i = 0; i < count; ++i) {
    scales.push_back(0.01F + 0.003F * static_cast<float>(i));
  }
  return scales;
}

TEST(IntegerPatterns, AProductAndItsScalesBecomeOneStep) {
  const MatmulOptions cases[] = {
      {},
      {.bias = false},
      {.relu = true},
      {.cast_like = true},
      {.b = random_bytes<std::uint8_t>({33, 19}, 2), .b_zero = uint8s({}, {128})},
      {.b_scale = floats({19}, column_scales(19)), .b_zero = random_bytes<std::int8_t>({19}, 5)},
      {.x = {2, 3, 33}},
      {.x = {2, 1, 3, 33}, .open = true},
      {.x = {0, 33}, .open = true},
      {.x = {29, 4}, .b = random_bytes<std::int8_t>({4, 16}, 3)},
      {.x = {1, 1}, .b = random_bytes<std::int8_t>({1, 1}, 3), .b_scale = floats({1}, {0.5F})},
      {.x = {3, 130}, .b = random_bytes<std::int8_t>({130, 70}, 3)},
      {.x = {33}, .bias = false},  // a vector
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    GraphCase graph = matmul(cases[i]);
    EXPECT_EQ(as_by_the_reference(graph), "") << i;
    EXPECT_EQ(graph.figures().steps, 3U) << i;  // DynamicQuantizeLinear, the scales' Mul, this
  }
}

TEST(IntegerPatterns, FloatsOfAProductAreTheseNumbers) {
  GraphCase graph;
  graph.input("a", uint8s({2, 2}, {1, 2, 3, 4}))
      .constant("b", numbers<std::int8_t>({2, 3}, {1, 0, -1, 2, 1, 0}))
      .constant("a_zero", uint8s({}, {1}))
      .constant("scale", floats({3}, {0.5F, 2, 1}))
      .constant("bias", floats({3}, {0.25F, 0, -1}))
      .node("MatMulInteger", {"a", "b", "a_zero"}, {"sums"})
      .node("Cast", {"sums"}, {"floats"}, {integer("to", 1)})
      .node("Mul", {"scale", "floats"}, {"y"})
      .node("Add", {"y", "bias"}, {"z"})
      .output("z");
  const NamedTensor want = floats({2, 3}, {1.25F, 2, -1, 4.25F, 6, -3});
  EXPECT_EQ(mismatch(graph.run(), want, 0, 0), "");
  EXPECT_EQ(graph.figures().steps, 1U);
}

struct ConvOptions {
  Shape x{2, 4, 9, 37};
  NamedTensor w = random_bytes<std::uint8_t>({6, 4, 3, 2}, 1);
  NamedTensor w_zero = uint8s({}, {131});
  NamedTensor w_scale = floats({}, {0.0137F});
  std::vector<Attribute> attributes{};
  Shape bias{};
  bool relu = false;
  bool open = false;
  std::string also{};
};

// As onnxruntime's dynamic quantisation writes conv(x, w) + bias.
GraphCase conv(const ConvOptions& options) {
  GraphCase graph;
  const NamedTensor x = random_floats(options.x, 7);
  options.open ? graph.rows_input("x", x) : graph.input("x", x);
  graph.constant("w", options.w)
      .constant("w_scale", options.w_scale)
      .constant("w_zero", options.w_zero)
      .node("DynamicQuantizeLinear", {"x"}, {"a", "a_scale", "a_zero"})
      .node("Mul", {"a_scale", "w_scale"}, {"scale"})
      .node("ConvInteger", {"a", "w", "a_zero", "w_zero"}, {"sums"}, options.attributes)
      .node("Cast", {"sums"}, {"floats"}, {integer("to", 1)})
      .node("Mul", {"floats", "scale"}, {"y"});
  std::string last = "y";
  if (!options.bias.empty()) {
    graph.constant("bias", random_floats(options.bias, 9));
    graph.node("Add", {last, "bias"}, {"z"});
    last = "z";
  }
  return ended(std::move(graph), last, options.relu, options.also);
}

TEST(IntegerPatterns, AConvolutionAndItsScaleBecomeOneStep) {
  const auto pads = integers("pads", {1, 1, 1, 1});
  const ConvOptions cases[] = {
      {},
      {.bias = {1, 6, 1, 1}},
      {.attributes = {pads}, .bias = {6, 1, 1}, .relu = true},
      {.attributes = {integers("strides", {2, 3})}, .relu = true},
      {.attributes = {integers("dilations", {2, 2}), pads}, .open = true},
      {.w = random_bytes<std::int8_t>({6, 4, 3, 2}, 3),
       .w_zero = random_bytes<std::int8_t>({6}, 4),
       .bias = {6, 1, 1}},
      {.x = {1, 4, 5, 5},
       .w = random_bytes<std::int8_t>({8, 1, 3, 3}, 3),
       .w_zero = numbers<std::int8_t>({}, {0}),
       .attributes = {integer("group", 4), pads},
       .bias = {8, 1, 1}},
      {.x = {1, 3, 40}, .w = random_bytes<std::uint8_t>({29, 3, 5}, 3), .bias = {29, 1}},
      {.x = {1, 1, 3, 4, 5}, .w = random_bytes<std::uint8_t>({2, 1, 2, 2, 2}, 3)},
      {.x = {0, 4, 5, 5}, .bias = {6, 1, 1}, .open = true},
      {.x = {1, 1, 1, 1}, .w = random_bytes<std::uint8_t>({1, 1, 1, 1}, 3), .bias = {1, 1, 1}},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    GraphCase graph = conv(cases[i]);
    EXPECT_EQ(as_by_the_reference(graph), "") << i;
    EXPECT_EQ(graph.figures().steps, 3U) << i;
  }
}

TEST(IntegerPatterns, FloatsOfAConvolutionAreTheseNumbers) {
  GraphCase graph;
  graph.input("x", uint8s({1, 1, 3, 3}, {2, 3, 4, 5, 6, 7, 8, 9, 10}))
      .constant("w", uint8s({2, 1, 2, 2}, {1, 1, 1, 1, 2, 1, 1, 0}))
      .constant("x_zero", uint8s({}, {1}))
      .constant("w_zero", uint8s({2}, {0, 1}))
      .constant("scale", floats({}, {0.5F}))
      .constant("bias", floats({2, 1, 1}, {0.25F, 10}))
      .node("ConvInteger", {"x", "w", "x_zero", "w_zero"}, {"sums"})
      .node("Cast", {"sums"}, {"floats"}, {integer("to", 1)})
      .node("Mul", {"scale", "floats"}, {"y"})
      .node("Add", {"y", "bias"}, {"z"})
      .output("z");
  const NamedTensor
      want =  // of [[1, 2, 3], [4, 5, 6], [7, 8, 9]] with ones and with [[1, 0], [0, -1]]
      floats({1, 2, 2, 2}, {6.25F, 8.25F, 12.25F, 14.25F, 8, 8, 8, 8});
  EXPECT_EQ(mismatch(graph.run(), want, 0, 0), "");
  EXPECT_EQ(graph.figures().steps, 1U);
}

TEST(IntegerPatterns, AConvolutionWithMoreThanOneScaleStays) {
  const ConvOptions cases[] = {
      {.w_scale = floats({6, 1, 1}, column_scales(6))},               // by filter
      {.x = {1, 4, 5, 7}, .w_scale = floats({6}, column_scales(6))},  // by column of the image
      {.also = "sums"},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    GraphCase graph = conv(cases[i]);
    EXPECT_EQ(as_by_the_reference(graph), "") << i;
    EXPECT_GT(graph.figures().steps, 4U) << i;
  }
  GraphCase bias_by_column = conv({.bias = {36}});
  EXPECT_EQ(as_by_the_reference(bias_by_column), "");
  EXPECT_EQ(bias_by_column.figures().steps, 4U);
}

TEST(IntegerPatterns, WhatOnlyLooksLikeOneStays) {
  const MatmulOptions cases[] = {
      {.b_scale = floats({5, 1}, column_scales(5))},                    // a scale by rows
      {.b_scale = floats({1, 5, 19}, column_scales(95))},               // one that adds an extent
      {.b = random_bytes<std::int8_t>({1, 33, 19}, 1), .bias = false},  // a batch of matrices
      {.also = "sums"},  // somebody else reads what is inside
      {.also = "floats"},
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    GraphCase graph = matmul(cases[i]);
    EXPECT_EQ(as_by_the_reference(graph), "") << i;
    EXPECT_GT(graph.figures().steps, 4U) << i;
  }
  GraphCase two_matrices;  // none of them constant
  two_matrices.input("a", uint8s({1, 2}, {1, 2}))
      .input("b", numbers<std::int8_t>({2, 1}, {3, 4}))
      .constant("scale", floats({}, {0.5F}))
      .node("MatMulInteger", {"a", "b"}, {"sums"})
      .node("Cast", {"sums"}, {"floats"}, {integer("to", 1)})
      .node("Mul", {"floats", "scale"}, {"y"})
      .output("y");
  EXPECT_EQ(mismatch(two_matrices.run(), floats({1, 1}, {5.5F}), 0, 0), "");
  EXPECT_EQ(two_matrices.figures().steps, 3U);
  GraphCase given_scale;  // whose shape a request chooses
  given_scale.input("a", uint8s({1, 2}, {1, 2}))
      .open_input("scale", floats({2, 1}, {0.5F, 2}))
      .constant("b", numbers<std::int8_t>({2, 1}, {3, 4}))
      .node("MatMulInteger", {"a", "b"}, {"sums"})
      .node("Cast", {"sums"}, {"floats"}, {integer("to", 1)})
      .node("Mul", {"floats", "scale"}, {"y"})
      .output("y");
  EXPECT_EQ(mismatch(given_scale.run(), floats({2, 1}, {5.5F, 22}), 0, 0), "");
}

}  // namespace
}  // namespace sluice::engine::testing
