// Models on bytes: requests may share a run where scales are fixed, and answer what they would
// alone, to the byte.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/rows_case.h"
#include "worker/model/engine_run.h"

namespace sluice::engine::testing {
namespace {

NamedTensor signed_bytes(const Shape& shape, std::uint32_t seed) {
  std::vector<std::int8_t> values;
  for (const float number : floats_of(random_floats(shape, seed))) {
    values.push_back(static_cast<std::int8_t>(number * 127));
  }
  return numbers(shape, values);
}

// `name` as bytes, and what they stand for.
void quantize(GraphCase& graph, const std::string& name, const std::string& to) {
  graph.node("QuantizeLinear", {name, "scale", "zero"}, {to + "_bytes"})
      .node("DequantizeLinear", {to + "_bytes", "scale", "zero"}, {to});
}

// Weights, by filter or column.
void dequantize(GraphCase& graph,
                const std::string& name,
                const NamedTensor& w,
                std::int64_t axis) {
  const std::int64_t many = w.shape[static_cast<std::size_t>(axis)];
  graph.constant(name + "_bytes", w)
      .constant(name + "_scale",
                floats({many}, std::vector<float>(static_cast<std::size_t>(many), 0.01F)))
      .constant(name + "_zero",
                numbers({many}, std::vector<std::int8_t>(static_cast<std::size_t>(many), 0)))
      .node("DequantizeLinear",
            {name + "_bytes", name + "_scale", name + "_zero"},
            {name},
            {integer("axis", axis)});
}

// Convolutions with and without groups, a sum, and two products, one of which stays floats.
GraphCase network() {
  GraphCase graph;
  graph.rows_input("x", x({3, 4, 5, 5}))
      .constant("scale", floats({}, {0.02F}))
      .constant("zero", uint8s({}, {100}))
      .constant("b", floats({4}, {0.1F, -0.2F, 0.3F, 0}))
      .constant("shape", int64s({2}, {0, -1}));
  dequantize(graph, "w1", signed_bytes({4, 4, 3, 3}, 2), 0);
  dequantize(graph, "w2", signed_bytes({4, 1, 3, 3}, 3), 0);
  dequantize(graph, "w3", signed_bytes({100, 6}, 4), 1);
  dequantize(graph, "w4", signed_bytes({3, 6}, 5), 0);
  quantize(graph, "x", "q");
  graph.node("Conv", {"q", "w1", "b"}, {"c1"}, {integers("pads", {1, 1, 1, 1})});
  quantize(graph, "c1", "q1");
  graph.node(
      "Conv", {"q1", "w2", "b"}, {"c2"}, {integers("pads", {1, 1, 1, 1}), integer("group", 4)});
  quantize(graph, "c2", "q2");
  graph.node("Add", {"q1", "q2"}, {"s"});
  quantize(graph, "s", "q3");
  graph.node("Reshape", {"q3", "shape"}, {"r"});
  quantize(graph, "r", "q4");
  graph.node("MatMul", {"q4", "w3"}, {"p"});
  quantize(graph, "p", "q5");
  graph.node("Gemm", {"q5", "w4"}, {"y"}, {integer("transB", 1)}).rows_output("y", {3});
  return graph;
}

std::vector<float> answer_to(const Session& session, const NamedTensor& input) {
  const auto execution = session.new_execution();
  const auto result = model::run_tensors(*execution, session.info(), {input}, {0});
  EXPECT_TRUE(result) << result.error().detail;
  return result ? floats_of((*result)[0]) : std::vector<float>{};
}

TEST(RowsQuantized, ANetworkOnBytesAnswersEachAsAlone) {
  const auto session = network().load();
  ASSERT_TRUE(session) << session.error().detail;
  EXPECT_TRUE((*session)->rows_independent());
  const NamedTensor all = x({3, 4, 5, 5});
  const std::vector<float> together = answer_to(**session, all);
  const std::size_t size = all.data.size() / 3;
  for (std::size_t i = 0; i < 3; ++i) {
    NamedTensor one = all;
    one.shape[0] = 1;
    one.data = all.data.slice(i * size, size);
    const std::vector<float> alone = answer_to(**session, one);
    ASSERT_EQ(3 * alone.size(), together.size());
    EXPECT_EQ(alone,
              std::vector<float>(together.begin() + static_cast<std::ptrdiff_t>(3 * i),
                                 together.begin() + static_cast<std::ptrdiff_t>(3 * i + 3)));
  }
}

TEST(RowsQuantized, ScalesOfTheWholeBatchMixRows) {
  GraphCase graph;
  graph.rows_input("x", x({3, 20}))
      .node("DynamicQuantizeLinear", {"x"}, {"q", "scale", "zero"})
      .node("DequantizeLinear", {"q", "scale", "zero"}, {"y"})
      .rows_output("y", {20});
  EXPECT_FALSE(independent(graph));
}

}  // namespace
}  // namespace sluice::engine::testing
