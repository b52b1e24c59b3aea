// Which of the operators that move, pick and sort elements keep the rows of a batch apart.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/rows_case.h"

namespace sluice::engine::testing {
namespace {

struct Row {
  std::string name;
  GraphCase graph;
  bool apart;
};

void expect_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    EXPECT_EQ(independent(row.graph), row.apart) << row.name;
  }
}

NamedTensor axis(std::int64_t value) {
  return int64s({1}, {value});
}

TEST(RowsShape, PaddingAndTilingBesideTheBatch) {
  expect_rows({
      {"Pad of columns", chain({3, 4}, "Pad", {{"p", int64s({4}, {0, 1, 0, 1})}}, {6}), true},
      {"Pad by an attribute",
       chain({3, 4}, "Pad", {}, {6}, {integers("pads", {0, 1, 0, 1})}, 10),
       true},
      {"Pad that turns the batch",
       chain({3, 4}, "Pad", {{"p", int64s({4}, {1, 0, -1, 0})}}, {4}),
       false},
      {"Pad by axes",
       chain({3, 4},
             "Pad",
             {{"p", int64s({2}, {1, 1})}, {"v", floats({}, {0})}, {"a", axis(-1)}},
             {6},
             {},
             18),
       true},
      {"Pad by axes, of the batch",
       chain({3, 4},
             "Pad",
             {{"p", int64s({2}, {1, -1})}, {"v", floats({}, {0})}, {"a", axis(0)}},
             {4},
             {},
             18),
       false},
      {"Tile of columns", chain({3, 4}, "Tile", {{"r", int64s({2}, {1, 2})}}, {8}), true},
      {"CenterCropPad of columns",
       chain({3, 4}, "CenterCropPad", {{"s", axis(2)}}, {2}, {integers("axes", {1})}, 18),
       true},
  });
}

TEST(RowsShape, SplittingBesideTheBatch) {
  const auto split = [](std::int64_t along) {
    GraphCase graph(13);
    graph.rows_input("x", x({4, 4}))
        .node("Split", {"x"}, {"a", "b"}, {integer("axis", along)})
        .node("Sub", {"a", "b"}, {"y"})
        .rows_output("y", {along == 1 ? 2 : 4});
    return graph;
  };
  expect_rows({{"Split of columns", split(1), true}, {"Split of the batch", split(0), false}});
}

TEST(RowsShape, PickingBesideTheBatch) {
  const auto pick = [](const char* op, std::vector<Attribute> attributes, const Shape& behind) {
    GraphCase graph;
    graph.rows_input("x", x({3, 4}))
        .rows_input("i", int64s({3, 1}, {0, 1, 2}))
        .node(op, {"x", "i"}, {"y"}, std::move(attributes))
        .rows_output("y", behind);
    return graph;
  };
  expect_rows({
      {"GatherElements of columns", pick("GatherElements", {integer("axis", 1)}, {1}), true},
      {"GatherElements of rows", pick("GatherElements", {integer("axis", 0)}, {1}), false},
      {"GatherND in each row", pick("GatherND", {integer("batch_dims", 1)}, {}), true},
      {"GatherND of rows", pick("GatherND", {}, {4}), false},
  });
}

TEST(RowsShape, BlocksAndMatricesBehindTheBatch) {
  expect_rows({
      {"DepthToSpace",
       chain({3, 4, 1, 1}, "DepthToSpace", {}, {1, 2, 2}, {integer("blocksize", 2)}),
       true},
      {"SpaceToDepth",
       chain({3, 1, 2, 2}, "SpaceToDepth", {}, {4, 1, 1}, {integer("blocksize", 2)}),
       true},
  });
}

TEST(RowsShape, SortingAndSummingBesideTheBatch) {
  const auto first = [](std::int64_t along) {
    GraphCase graph;
    graph.rows_input("x", x({4, 4}))
        .constant("k", axis(2))
        .node("TopK", {"x", "k"}, {"v", "i"}, {integer("axis", along)})
        .node("GatherElements", {"x", "i"}, {"y"}, {integer("axis", along)})
        .rows_output("y", {along == 1 ? 2 : 4});
    return graph;
  };
  expect_rows({
      {"TopK of columns", first(1), true},
      {"TopK of the batch", first(0), false},
      {"CumSum of columns", chain({3, 4}, "CumSum", {{"a", axis(-1)}}, {4}), true},
      {"CumSum of the batch", chain({3, 4}, "CumSum", {{"a", axis(0)}}, {4}), false},
      {"Hardmax of rows", chain({3, 4}, "Hardmax", {}, {4}), true},
      {"Hardmax of the batch", chain({3, 4}, "Hardmax", {}, {4}, {integer("axis", 0)}), false},
      {"ReduceL2 of rows", chain({3, 4}, "ReduceL2", {}, {1}, {integers("axes", {1})}), true},
      {"ReduceLogSumExp of the batch",
       chain({3, 4}, "ReduceLogSumExp", {}, {4}, {integers("axes", {0})}),
       false},
      {"Trilu of matrices", chain({3, 4, 4}, "Trilu", {}, {4, 4}), true},
      {"Trilu of the batch", chain({3, 4}, "Trilu", {}, {4}), false},
      {"Det of matrices", chain({3, 2, 2}, "Det", {}, {}, {}), true},
      {"OneHot",
       chain({3, 4}, "OneHot", {{"d", axis(5)}, {"v", floats({2}, {0, 1})}}, {4, 5}),
       true},
      {"Col2Im",
       chain({3, 2, 2}, "Col2Im", {{"i", axis(3)}, {"b", axis(2)}}, {1, 3}, {}, 18),
       true},
      {"DFT of rows", chain({3, 4, 1}, "DFT", {}, {4, 2}), true},
      {"DFT of the batch", chain({3, 4, 1}, "DFT", {}, {4, 2}, {integer("axis", 0)}), false},
      {"DFT of rows by an input",
       chain({3, 4, 1}, "DFT", {{"n", axis(4)}, {"a", axis(1)}}, {4, 2}, {}, 20),
       true},
      {"STFT",
       chain({3, 4, 1}, "STFT", {{"s", axis(1)}, {"w", floats({2}, {1, 1})}}, {3, 2, 2}),
       true},
      {"NonZero", chain({3}, "NonZero", {}, {3}), false},
      {"Unique", chain({3}, "Unique", {}, {}), false},
  });
}

TEST(RowsShape, EinsumWithTheBatchUnderOneLetter) {
  const auto of = [](const std::string& equation, const Shape& behind) {
    return chain(
        {3, 4}, "Einsum", {{"w", random_floats({4, 5}, 2)}}, behind, {text("equation", equation)});
  };
  const auto with_itself = [](const std::string& equation, const Shape& behind) {
    GraphCase graph;
    graph.rows_input("x", x({3, 4}))
        .node("Einsum", {"x", "x"}, {"y"}, {text("equation", equation)});
    graph.rows_output("y", behind);
    return graph;
  };
  expect_rows({
      {"of each row", with_itself("bi, bo -> bio", {4, 4}), true},
      {"a product with the batch in its rows", of("bi, io -> bo", {5}), false},
      {"transposed", of("bi,io->ob", {3}), false},
      {"an implicit result", of("bi,io", {5}), false},
      {"an ellipsis", of("...i,io->...o", {5}), false},
      {"row by row", with_itself("bi,bi->b", {}), true},
      {"rows against each other", with_itself("bi,ci->bc", {3}), false},
  });
}

}  // namespace
}  // namespace sluice::engine::testing
