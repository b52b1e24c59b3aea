// A family of passes that is left out leaves its steps as the file has them, and the answer.

#include "worker/engine/plan/families.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/model/engine_run.h"

namespace sluice::engine::testing {
namespace {

TEST(PassFamilies, OneThatIsLeftOutLeavesItsStepsAsTheyAre) {
  const NamedTensor x = random_floats({2, 8}, 1);
  GraphCase graph(13);
  graph.input("x", x)
      .constant("weight", random_floats({8, 8}, 2))
      .constant("bias", random_floats({8}, 3))
      .constant("one", floats({1}, {1}))
      .node("Add", {"one", "one"}, {"two"})
      .node("Identity", {"x"}, {"same"})
      .node("MatMul", {"same", "weight"}, {"m"})
      .node("Add", {"m", "bias"}, {"b"})
      .node("Relu", {"b"}, {"r"})
      .node("Sigmoid", {"r"}, {"s"})
      .node("Mul", {"r", "s"}, {"t"})
      .node("Sigmoid", {"r"}, {"u"})
      .node("Mul", {"r", "u"}, {"v"})
      .node("Add", {"t", "v"}, {"w"})
      .node("Mul", {"w", "two"}, {"y"})
      .output("y");
  const auto want = graph.run_reference();
  ASSERT_TRUE(want) << error_of(want);
  struct Row {
    std::vector<std::string> without;
    std::size_t steps;
  };
  const Row rows[] = {
      {{}, 4},              // MatMul, Swish, Add, Mul
      {{"constants"}, 4},   // the binding computes it instead
      {{"identities"}, 4},  // Identity is no step at run time
      {{"duplicates"}, 5},
      {{"swish"}, 5},  // Sigmoid and Mul, once each
      {{"activation"}, 5},
      {{"bias"}, 6},  // what is behind the Add is not the product's either
      {{"gelu", "layer_norm", "rotary"}, 4},
  };
  for (const Row& row : rows) {
    const auto families = families_named(row.without);
    ASSERT_TRUE(families);
    const auto session = graph.load({.without = *families});
    ASSERT_TRUE(session) << session.error().detail;
    const auto execution = (*session)->new_execution();
    const std::vector<std::size_t> outputs{0};
    NamedTensor input = x;
    input.name = "x";
    const auto got = model::run_tensors(*execution, (*session)->info(), {input}, outputs);
    EXPECT_EQ(mismatch(got, (*want)[0], 1e-5, 1e-6), "");
    EXPECT_EQ(figures_of(*execution).steps, row.steps)
        << (row.without.empty() ? "all" : row.without[0]);
  }
}

TEST(PassFamilies, AnUnknownNameIsRefusedWithThoseThatThereAre) {
  const std::vector<std::string> names{"swish", "luck"};
  const auto families = families_named(names);
  ASSERT_FALSE(families);
  EXPECT_EQ(families.error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(families.error().detail.starts_with("no family of passes 'luck', but: constants "));
}

}  // namespace
}  // namespace sluice::engine::testing
