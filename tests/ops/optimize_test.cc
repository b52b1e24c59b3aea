// What `sluice optimize` does to a model and how it comes out of its file again.

#include "worker/engine/plan/optimize.h"

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/model/engine_run.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

class Optimize : public ::testing::Test {
 protected:
  Optimize() { register_all(*registry_); }

  Result<Optimization> optimized(const GraphCase& graph) {
    SLUICE_TRY_ASSIGN(Model model, graph.model());
    return optimize(std::move(model), *registry_);
  }
  // Runs the file that was made.
  Result<std::vector<NamedTensor>> run(const Optimization& made,
                                       const std::vector<NamedTensor>& inputs) {
    SLUICE_TRY_ASSIGN(Model model, parse_model(std::as_bytes(std::span(made.file)), ""));
    SLUICE_TRY_ASSIGN(const auto session, make_session(std::move(model), 1, registry_, {}));
    const auto execution = session->new_execution();
    return model::run_tensors(*execution, session->info(), inputs, std::vector<std::size_t>{0});
  }

  std::shared_ptr<Registry> registry_ = std::make_shared<Registry>();
};

NamedTensor named(NamedTensor tensor, const char* name) {
  tensor.name = name;
  return tensor;
}

GraphCase normalised_conv() {
  GraphCase graph(17);
  graph.input("x", random_floats({1, 2, 5, 5}, 1))
      .constant("w", random_floats({3, 2, 3, 3}, 2))
      .constant("half", floats({3}, {0.5F, 0.5F, 0.5F}))
      .constant("scale", floats({3}, {1, 2, 3}))
      .constant("shift", floats({3}, {0.1F, 0.2F, 0.3F}))
      .constant("mean", floats({3}, {0.4F, -0.1F, 0}))
      .constant("variance", floats({3}, {0.9F, 1.1F, 2}))
      .node("Add", {"half", "half"}, {"one"})
      .node("Mul", {"scale", "one"}, {"factor"})
      .node("Identity", {"x"}, {"same"})
      .node("Conv", {"same", "w"}, {"c"})
      .node("BatchNormalization", {"c", "factor", "shift", "mean", "variance"}, {"n"})
      .node("Relu", {"n"}, {"y"})
      .node("Tanh", {"n"}, {"nobody"})
      .inner_output("y", DataType::float32, {});
  return graph;
}

TEST_F(Optimize, WritesWhatItsPassesLeave) {
  GraphCase graph = normalised_conv();
  const auto want = graph.run_reference();
  ASSERT_TRUE(want) << error_of(want);
  const auto made = optimized(graph);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->nodes, 7U);
  EXPECT_EQ(made->passes.back().nodes, 2U);  // Conv, Relu
  std::map<std::string, std::int64_t> changes;
  for (const PassReport& pass : made->passes) {
    for (const auto& [name, count] : pass.changes) {
      changes[name] += count;
    }
  }
  EXPECT_EQ(
      changes,
      (std::map<std::string, std::int64_t>{
          {"Add", -1}, {"BatchNormalization", -1}, {"Identity", -1}, {"Mul", -1}, {"Tanh", -1}}));
  const auto got = run(*made, {named(random_floats({1, 2, 5, 5}, 1), "x")});
  EXPECT_EQ(mismatch(got, (*want)[0], 1e-5, 1e-6), "");
}

TEST_F(Optimize, TakesNothingNewerThanTheFile) {
  for (const int opset : {13, 20}) {
    GraphCase graph(opset);
    graph.input("x", random_floats({4, 40}, 3))
        .constant("root", floats({}, {1.41421356F}))
        .constant("one", floats({}, {1}))
        .constant("half", floats({}, {0.5F}))
        .node("Div", {"x", "root"}, {"u"})
        .node("Erf", {"u"}, {"e"})
        .node("Add", {"e", "one"}, {"g"})
        .node("Mul", {"x", "g"}, {"h"})
        .node("Mul", {"h", "half"}, {"y"})
        .inner_output("y", DataType::float32, {});
    const auto made = optimized(graph);
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_EQ(made->passes.back().nodes, opset == 13 ? 5U : 1U);
    EXPECT_EQ(mismatch(run(*made, {named(random_floats({4, 40}, 3), "x")}),
                       (*graph.run_reference())[0],
                       1e-5,
                       1e-6),
              "");
  }
}

TEST_F(Optimize, KeepsGraphsInsideAndWhatTheyTakeFromAround) {
  GraphCase negative(17);
  negative.node("Neg", {"t"}, {"then"}).inner_output("then", DataType::float32, {});
  GraphCase doubled(17);
  doubled.node("Mul", {"t", "two"}, {"else"}).inner_output("else", DataType::float32, {});
  GraphCase graph(17);
  graph.input("x", floats({3}, {1, 2, 3}))
      .constant("two", floats({}, {2}))
      .constant("limit", floats({}, {5}))
      .node("Identity", {"x"}, {"t"})
      .node("ReduceSum", {"x"}, {"sum"}, {integer("keepdims", 0)})
      .node("Less", {"sum", "limit"}, {"small"})
      .node("If",
            {"small"},
            {"y"},
            {negative.as_attribute("then_branch"), doubled.as_attribute("else_branch")})
      .inner_output("y", DataType::float32, {});
  const auto made = optimized(graph);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->passes.back().nodes, 3U);  // without Identity
  EXPECT_EQ(mismatch(run(*made, {named(floats({3}, {1, 2, 3}), "x")}), floats({3}, {2, 4, 6})), "");
  EXPECT_EQ(mismatch(run(*made, {named(floats({3}, {1, 1, 1}), "x")}), floats({3}, {-1, -1, -1})),
            "");
}

TEST_F(Optimize, KeepsEveryDatatypeOfConstants) {
  const NamedTensor constants[] = {strings({3}, {"a", "", "snow \xE2\x98\x83"}),
                                   int64s({2}, {-1, 1LL << 40}),
                                   halves({2}, {0.5F, 65'504}),
                                   bools({2}, {1, 0}),
                                   numbers<std::uint16_t>({2}, {1, 65'535})};
  for (const NamedTensor& value : constants) {
    GraphCase graph(17);
    graph.constant("c", value)
        .input("x", int64s({1}, {1}))
        .node("Gather", {"c", "x"}, {"y"})
        .inner_output("y", value.datatype, {});
    const auto want = graph.run();
    ASSERT_TRUE(want) << error_of(want);
    const auto made = optimized(graph);
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_EQ(mismatch(run(*made, {named(int64s({1}, {1}), "x")}), (*want)[0], 0), "");
  }
}

}  // namespace
}  // namespace sluice::engine
