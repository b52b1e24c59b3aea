// Which graphs keep the rows of a batch apart; and that those which do give the same bits for rows
// run together as for each alone.

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "tests/ops/rows_case.h"
#include "worker/model/engine_run.h"

namespace sluice::engine::testing {
namespace {

// Positive elements of x [3,4], others from a constant.
GraphCase where(const Shape& others) {
  GraphCase graph;
  graph.rows_input("x", x({3, 4}))
      .constant("zero", floats({}, {0}))
      .constant("others", random_floats(others, 2))
      .node("Greater", {"x", "zero"}, {"positive"})
      .node("Where", {"positive", "x", "others"}, {"y"})
      .rows_output("y", {4});
  return graph;
}

// x [3,4] by a matrix that is made in the run: how it is summed hangs on the rows.
GraphCase by_made(const std::string& op) {
  GraphCase graph;
  graph.rows_input("x", x({3, 4}))
      .constant("shape", int64s({2}, {4, 20'000}))
      .constant("w", random_floats({4, 1}, 2))
      .node("Expand", {"w", "shape"}, {"made"})
      .node(op, {"x", "made"}, {"y"})
      .rows_output("y", {20'000});
  return graph;
}

GraphCase in_columns() {
  GraphCase graph;
  graph.rows_input("x", x({3, 4}))
      .constant("w", random_floats({5, 4}, 2))
      .node("Transpose", {"x"}, {"t"})
      .node("MatMul", {"w", "t"}, {"h"})
      .node("Transpose", {"h"}, {"y"})
      .rows_output("y", {5});
  return graph;
}

TEST(Rows, OneOperatorKeepsThemApartOrDoesNot) {
  const NamedTensor w45 = random_floats({4, 5}, 2);
  const struct {
    std::string name;
    GraphCase graph;
    bool apart;
  } rows[] = {
      {"Relu", chain({3, 4}, "Relu", {}, {4}), true},
      {"Add of a row", chain({3, 4}, "Add", {{"b", floats({4}, {1, 2, 3, 4})}}, {4}), true},
      {"Add of [1,4]", chain({3, 4}, "Add", {{"b", floats({1, 4}, {1, 2, 3, 4})}}, {4}), true},
      {"Erf", chain({3, 4}, "Erf", {}, {4}), true},
      {"Mod of a row",
       chain({3, 4}, "Mod", {{"b", floats({4}, {1, 2, 3, 4})}}, {4}, {integer("fmod", 1)}),
       true},
      {"Where", where({1, 4}), true},
      {"Where that gains an axis", where({3, 1, 4}), false},
      {"Add that gains an axis", chain({3}, "Add", {{"b", floats({2, 1}, {1, 2})}}, {3}), false},
      {"MatMul", chain({3, 4}, "MatMul", {{"w", w45}}, {5}), true},
      {"MatMul by what the run makes", by_made("MatMul"), false},
      {"Gemm by what the run makes", by_made("Gemm"), false},
      {"MatMul with the batch in columns", in_columns(), false},
      {"Gemm", chain({3, 4}, "Gemm", {{"w", w45}}, {5}), true},
      {"Gemm transposed", chain({4, 4}, "Gemm", {{"w", w45}}, {5}, {integer("transA", 1)}), false},
      {"Softmax over the row", chain({3, 4}, "Softmax", {}, {4}, {integer("axis", 1)}), true},
      {"Softmax over the batch", chain({3, 4}, "Softmax", {}, {4}, {integer("axis", 0)}), false},
      {"Softmax of opset 11 from axis 1",
       chain({3, 4}, "Softmax", {}, {4}, {integer("axis", 1)}, 11),
       true},
      {"Softmax of opset 11 from axis 0",
       chain({3, 4}, "Softmax", {}, {4}, {integer("axis", 0)}, 11),
       false},
      {"ReduceMean over the row",
       chain({3, 4}, "ReduceMean", {}, {1}, {integers("axes", {1})}),
       true},
      {"ReduceMean over the batch",
       chain({3, 4}, "ReduceMean", {}, {4}, {integers("axes", {0})}),
       false},
      {"ReduceMean over everything", chain({3, 4}, "ReduceMean", {}, {1}), false},
      {"ReduceSum by an input",
       chain({3, 4}, "ReduceSum", {{"axes", int64s({1}, {-1})}}, {1}),
       true},
      {"ReduceSum by an input, of the batch",
       chain({3, 4}, "ReduceSum", {{"axes", int64s({1}, {-2})}}, {4}),
       false},
      {"ArgMax of the row", chain({3, 4}, "ArgMax", {}, {1}, {integer("axis", 1)}), true},
      {"ArgMax of the batch", chain({3, 4}, "ArgMax", {}, {4}, {integer("axis", 0)}), false},
      {"Transpose", chain({3, 4}, "Transpose", {}, {3}), false},
      {"Transpose behind the batch",
       chain({3, 4, 2}, "Transpose", {}, {2, 4}, {integers("perm", {0, 2, 1})}),
       true},
      {"Flatten", chain({3, 4, 2}, "Flatten", {}, {8}), true},
      {"Flatten that takes from the rows",
       chain({3, 4, 2}, "Flatten", {}, {2}, {integer("axis", 2)}),
       false},
      {"Reshape", chain({3, 4}, "Reshape", {{"s", int64s({3}, {-1, 2, 2})}}, {2, 2}), true},
      {"Reshape by 0", chain({3, 4}, "Reshape", {{"s", int64s({3}, {0, 2, -1})}}, {2, 2}), true},
      {"Reshape into more rows",
       chain({3, 4}, "Reshape", {{"s", int64s({2}, {-1, 2})}}, {2}),
       false},
      {"Reshape with the rows behind",
       chain({3, 4}, "Reshape", {{"s", int64s({2}, {4, -1})}}, {3}),
       false},
      {"Slice of the row",
       chain({3, 4},
             "Slice",
             {{"a", int64s({1}, {1})}, {"b", int64s({1}, {3})}, {"c", int64s({1}, {1})}},
             {2}),
       true},
      {"Slice that turns the batch round",
       chain({3, 4},
             "Slice",
             {{"a", int64s({1}, {-1})},
              {"b", int64s({1}, {-1000})},
              {"c", int64s({1}, {0})},
              {"d", int64s({1}, {-1})}},
             {4}),
       false},
      {"Slice without axes",
       chain({3, 4}, "Slice", {{"a", int64s({1}, {0})}, {"b", int64s({1}, {1000})}}, {4}),
       false},
      {"Gather of columns",
       chain({3, 4}, "Gather", {{"i", int64s({2}, {0, 3})}}, {2}, {integer("axis", 1)}),
       true},
      {"Gather of rows", chain({3, 4}, "Gather", {{"i", int64s({2}, {0, 0})}}, {4}), false},
      {"Squeeze without axes", chain({3, 1, 4}, "Squeeze", {}, {4}), false},
      {"Squeeze", chain({3, 1, 4}, "Squeeze", {{"axes", int64s({1}, {1})}}, {4}), true},
      {"Unsqueeze in front",
       chain({3, 4}, "Unsqueeze", {{"axes", int64s({1}, {0})}}, {3, 4}),
       false},
      {"Conv",
       chain({3, 2, 4, 4}, "Conv", {{"w", random_floats({3, 2, 3, 3}, 3)}}, {3, 2, 2}),
       true},
      {"MaxPool",
       chain({3, 2, 4, 4}, "MaxPool", {}, {2, 3, 3}, {integers("kernel_shape", {2, 2})}),
       true},
      {"ConvTranspose",
       chain({3, 2, 4, 4}, "ConvTranspose", {{"w", random_floats({2, 3, 1, 1}, 3)}}, {3, 4, 4}),
       true},
      {"InstanceNormalization",
       chain({3, 2, 4},
             "InstanceNormalization",
             {{"s", floats({2}, {1, 2})}, {"b", floats({2}, {1, 2})}},
             {2, 4}),
       true},
      {"LayerNormalization of the row",
       chain({3, 2}, "LayerNormalization", {{"s", floats({2}, {1, 2})}}, {2}),
       true},
      {"LayerNormalization of everything",
       chain({3, 2}, "LayerNormalization", {{"s", floats({1}, {2})}}, {2}, {integer("axis", 0)}),
       false},
      {"LpNormalization", chain({3, 2}, "LpNormalization", {}, {2}), true},
      {"LpNormalization of the batch",
       chain({3, 2}, "LpNormalization", {}, {2}, {integer("axis", 0)}),
       false},
      {"Resize", chain({3, 2, 4}, "Resize", {{"s", floats({3}, {1, 1, 2})}}, {2, 8}, {}, 10), true},
      {"Resize of the batch",
       chain({3, 2, 4}, "Resize", {{"s", floats({3}, {2, 1, 1})}}, {2, 4}, {}, 10),
       false},
      {"RNN with the batch first",
       chain({3, 4, 2},
             "RNN",
             {{"w", random_floats({1, 5, 2}, 3)}, {"r", random_floats({1, 5, 5}, 4)}},
             {4, 1, 5},
             {integer("layout", 1)}),
       true},
      {"RNN over the rows",
       chain({3, 4, 2},
             "RNN",
             {{"w", random_floats({1, 5, 2}, 3)}, {"r", random_floats({1, 5, 5}, 4)}},
             {1, 4, 5}),
       false},
      {"LpPool", chain({3, 2, 4}, "LpPool", {}, {2, 3}, {integers("kernel_shape", {2})}), true},
      {"Size of it is not its rows", chain({3, 4}, "Size", {}, {}), false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(independent(row.graph), row.apart) << row.name;
  }
}

TEST(Rows, InputsMustAllBringTheBatch) {
  const auto sum = [](auto declare) {
    GraphCase graph;
    declare(graph);
    graph.node("Add", {"a", "b"}, {"y"}).rows_output("y", {4});
    return independent(std::move(graph));
  };
  EXPECT_TRUE(sum([](GraphCase& graph) {
    graph.rows_input("a", x({3, 4}), "N").rows_input("b", x({3, 4}), "N");
  }));
  EXPECT_TRUE(sum([](GraphCase& graph) {
    graph.rows_input("a", x({3, 4}), "N").rows_input("b", x({3, 4}));
  }));
  EXPECT_FALSE(sum([](GraphCase& graph) {
    graph.rows_input("a", x({3, 4}), "N").rows_input("b", x({3, 4}), "M");
  })) << "two batches of different sizes";
  EXPECT_FALSE(sum([](GraphCase& graph) {
    graph.rows_input("a", x({3, 4})).input("b", x({4}));
  })) << "an input of the request as a whole";
}

TEST(Rows, AnOutputOfTheWholeBatchEndsIt) {
  GraphCase graph;
  graph.rows_input("x", x({3, 4}))
      .node("Relu", {"x"}, {"y"})
      .node("ReduceMean", {"y"}, {"m"}, {integers("axes", {0})})
      .rows_output("y", {4})
      .rows_output("m", {4});
  EXPECT_FALSE(independent(graph));
}

TEST(Rows, MixingInTheMiddleIsNotForgotten) {
  GraphCase graph;  // centred by the mean of the batch
  graph.rows_input("x", x({3, 4}))
      .node("ReduceMean", {"x"}, {"m"}, {integers("axes", {0}), integer("keepdims", 1)})
      .node("Sub", {"x", "m"}, {"y"})
      .rows_output("y", {4});
  EXPECT_FALSE(independent(graph));
  GraphCase size;  // divided by the number of rows
  size.rows_input("x", x({3, 4}))
      .constant("zero", int64s({}, {0}))
      .node("Shape", {"x"}, {"s"})
      .node("Gather", {"s", "zero"}, {"n"})
      .node("Cast", {"n"}, {"f"}, {integer("to", 1)})
      .node("Div", {"x", "f"}, {"y"})
      .rows_output("y", {4});
  EXPECT_FALSE(independent(size));
}

// As exporters write `x.view(x.size(0), -1)`, and attention's transposes.
GraphCase flatten_by_shape() {
  GraphCase graph;
  graph.rows_input("x", x({3, 2, 2}))
      .constant("zero", int64s({}, {0}))
      .constant("rest", int64s({1}, {-1}))
      .constant("front", int64s({1}, {0}))
      .node("Shape", {"x"}, {"s"})
      .node("Gather", {"s", "zero"}, {"n"})
      .node("Unsqueeze", {"n", "front"}, {"n1"})
      .node("Concat", {"n1", "rest"}, {"shape"}, {integer("axis", 0)})
      .node("Reshape", {"x", "shape"}, {"y"})
      .rows_output("y", {4});
  return graph;
}

// Two heads of attention over four tokens: the batch wanders through axes and comes back.
GraphCase attention() {
  GraphCase graph;
  graph.rows_input("x", x({3, 4, 6}))
      .constant("wq", random_floats({6, 6}, 4))
      .constant("wk", random_floats({6, 6}, 5))
      .constant("heads", int64s({4}, {0, 4, 2, 3}))
      .constant("whole", int64s({3}, {0, 4, 6}))
      .node("MatMul", {"x", "wq"}, {"q0"})
      .node("MatMul", {"x", "wk"}, {"k0"})
      .node("Reshape", {"q0", "heads"}, {"q1"})
      .node("Reshape", {"k0", "heads"}, {"k1"})
      .node("Transpose", {"q1"}, {"q"}, {integers("perm", {0, 2, 1, 3})})
      .node("Transpose", {"k1"}, {"k"}, {integers("perm", {0, 2, 3, 1})})
      .node("MatMul", {"q", "k"}, {"scores"})
      .node("Softmax", {"scores"}, {"p"}, {integer("axis", -1)})
      .node("MatMul", {"p", "q"}, {"mixed"})
      .node("Transpose", {"mixed"}, {"back"}, {integers("perm", {0, 2, 1, 3})})
      .node("Reshape", {"back", "whole"}, {"y"})
      .rows_output("y", {4, 6});
  return graph;
}

// The batch in the second axis for a while, as recurrent layers have it.
GraphCase sequence_first() {
  GraphCase graph;
  graph.rows_input("x", x({3, 4, 6}))
      .constant("w", random_floats({6, 5}, 4))
      .constant("last", int64s({}, {3}))
      .node("Transpose", {"x"}, {"t"}, {integers("perm", {1, 0, 2})})
      .node("MatMul", {"t", "w"}, {"h"})
      .node("Tanh", {"h"}, {"a"})
      .node("Gather", {"a", "last"}, {"y"}, {integer("axis", 0)})
      .rows_output("y", {5});
  return graph;
}

// A classifier of sequences as PyTorch exports it: the last states of both directions.
GraphCase last_state() {
  GraphCase graph;
  graph.rows_input("x", x({3, 4, 6}))
      .constant("w", random_floats({2, 20, 6}, 4))
      .constant("r", random_floats({2, 20, 5}, 5))
      .constant("one", int64s({}, {1}))
      .constant("front", int64s({1}, {0}))
      .constant("directions", int64s({1}, {2}))
      .constant("hidden", int64s({1}, {5}))
      .constant("forward", int64s({}, {0}))
      .node("Transpose", {"x"}, {"t"}, {integers("perm", {1, 0, 2})})
      .node("Shape", {"t"}, {"s"})
      .node("Gather", {"s", "one"}, {"n"}, {integer("axis", 0)})
      .node("Unsqueeze", {"n", "front"}, {"n1"})
      .node("Concat", {"directions", "n1", "hidden"}, {"zeros"}, {integer("axis", 0)})
      .node("ConstantOfShape", {"zeros"}, {"state"})
      .node("LSTM",
            {"t", "w", "r", "", "", "state", "state"},
            {"h", "h_last", "c_last"},
            {text("direction", "bidirectional"), integer("hidden_size", 5)})
      .node("Gather", {"h_last", "forward"}, {"ahead"}, {integer("axis", 0)})
      .node("Gather", {"c_last", "one"}, {"back"}, {integer("axis", 0)})
      .node("Concat", {"ahead", "back"}, {"y"}, {integer("axis", 1)})
      .rows_output("y", {10});
  return graph;
}

GraphCase perceptron() {
  GraphCase graph;
  graph.rows_input("x", x({3, 20}))
      .constant("w1", random_floats({20, 32}, 4))
      .constant("b1", random_floats({32}, 5))
      .constant("w2", random_floats({32, 10}, 6))
      .node("Gemm", {"x", "w1", "b1"}, {"h"})
      .node("Relu", {"h"}, {"a"})
      .node("MatMul", {"a", "w2"}, {"l"})
      .node("Softmax", {"l"}, {"y"})
      .rows_output("y", {10});
  return graph;
}

GraphCase embedding() {
  GraphCase graph;
  graph.rows_input("x", int64s({3, 4}, {0, 1, 2, 3, 3, 2, 1, 0, 1, 1, 1, 1}))
      .constant("table", random_floats({4, 6}, 4))
      .node("Gather", {"table", "x"}, {"e"})
      .node("ReduceMean", {"e"}, {"y"}, {integers("axes", {1}), integer("keepdims", 0)})
      .rows_output("y", {6});
  return graph;
}

std::vector<NamedTensor> run(const Session& session, const NamedTensor& input) {
  const auto execution = session.new_execution();
  auto result = model::run_tensors(*execution, session.info(), {input}, {0});
  EXPECT_TRUE(result) << result.error().detail;
  return result ? *std::move(result) : std::vector<NamedTensor>(1);
}

TEST(Rows, OfWholeModelsComeOutAsTheyWouldAlone) {
  const struct {
    std::string name;
    GraphCase graph;
    NamedTensor input;
  } rows[] = {
      {"flatten by shape", flatten_by_shape(), x({3, 2, 2})},
      {"attention", attention(), x({3, 4, 6})},
      {"sequence first", sequence_first(), x({3, 4, 6})},
      {"last state", last_state(), x({3, 4, 6})},
      {"perceptron", perceptron(), x({3, 20})},
      {"embedding", embedding(), int64s({3, 4}, {0, 1, 2, 3, 3, 2, 1, 0, 1, 1, 1, 1})},
  };
  for (const auto& row : rows) {
    GraphCase graph = row.graph;
    const auto session = graph.load();
    ASSERT_TRUE(session) << row.name << ": " << session.error().detail;
    EXPECT_TRUE((*session)->rows_independent()) << row.name;
    const std::vector<NamedTensor> together = run(**session, row.input);
    const std::size_t in = row.input.data.size() / 3;
    const std::size_t out = together[0].data.size() / 3;
    for (std::size_t i = 0; i < 3; ++i) {
      NamedTensor one = row.input;
      one.shape[0] = 1;
      one.data = row.input.data.slice(i * in, in);
      const std::vector<NamedTensor> alone = run(**session, one);
      ASSERT_EQ(alone[0].data.size(), out) << row.name;
      const std::vector<float> want = floats_of(alone[0]);
      const std::vector<float> got = floats_of(together[0]);
      for (std::size_t k = 0; k < want.size(); ++k) {
        EXPECT_NEAR(got[i * want.size() + k], want[k], 1e-5F) << row.name << " row " << i;
      }
    }
  }
}

}  // namespace
}  // namespace sluice::engine::testing
