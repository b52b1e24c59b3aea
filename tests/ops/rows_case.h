// Graphs for the tests of which operators keep the rows of a batch apart.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine::testing {

// Whether the engine finds that the rows of a batch may be run together.
inline bool independent(GraphCase graph) {
  const auto session = graph.load();
  EXPECT_TRUE(session) << session.error().detail;
  return session && (*session)->rows_independent();
}

inline NamedTensor x(const Shape& shape) {
  return random_floats(shape, 1);
}

// One node from "x" (and constants) to "y".
inline GraphCase chain(const Shape& shape,
                       const std::string& op,
                       const std::vector<std::pair<std::string, NamedTensor>>& constants,
                       const Shape& behind_rows,
                       std::vector<Attribute> attributes = {},
                       int opset = 17) {
  GraphCase graph(opset);
  graph.rows_input("x", x(shape));
  std::vector<std::string> inputs{"x"};
  for (const auto& [name, value] : constants) {
    graph.constant(name, value);
    inputs.push_back(name);
  }
  graph.node(op, inputs, {"y"}, std::move(attributes)).rows_output("y", behind_rows);
  return graph;
}

}  // namespace sluice::engine::testing
