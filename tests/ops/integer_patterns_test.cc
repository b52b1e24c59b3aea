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
  if (options.relu) {
    graph.node("Relu", {last}, {"r"});
    last = "r";
  }
  graph.output(last);
  if (!options.also.empty()) {
    graph.output(options.also);
  }
  return graph;
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
