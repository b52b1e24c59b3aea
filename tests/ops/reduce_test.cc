// reduce.cc, arg_reduce.cc.

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

struct Row {
  const char* op;
  float of_rows[2];        // of {1, -2, 3} and {4, 5, 6} (logarithms: of {1, 2, 3})
  float of_nothing;        // float32
  std::int32_t of_counts;  // of {2, 3, 4} as int32
};

const Row kRows[] = {
    {"ReduceL1", {6, 15}, 0, 9},
    {"ReduceL2", {3.7416574F, 8.7749644F}, 0, 5},
    {"ReduceLogSum", {0.69314718F, 2.7080502F}, -kInf, 2},
    {"ReduceLogSumExp", {3.1328452F, 6.4076059F}, -kInf, 4},
    {"ReduceMax", {3, 6}, -kInf, 4},
    {"ReduceMean", {0.66666667F, 5}, kNan, 3},
    {"ReduceMin", {-2, 4}, kInf, 2},
    {"ReduceProd", {-6, 120}, 1, 24},
    {"ReduceSum", {2, 15}, 0, 9},
    {"ReduceSumSquare", {14, 77}, 0, 29},
};

TEST(Reduce, GivesTheValuesOfTheSpecificationInEveryOpset) {
  const NamedTensor x = floats({2, 3}, {1, -2, 3, 4, 5, 6});
  for (const Row& row : kRows) {
    const NamedTensor want = floats({2, 1}, {row.of_rows[0], row.of_rows[1]});
    const NamedTensor flat = floats({2}, {row.of_rows[0], row.of_rows[1]});
    for (const int opset : {1, 11, 12}) {
      EXPECT_EQ(mismatch(run_op(row.op, {x}, {integers("axes", {1})}, opset), want), "")
          << row.op << " of opset " << opset;
    }
    for (const int opset : {18, 20, 22}) {
      EXPECT_EQ(mismatch(run_op(row.op, {x, int64s({1}, {-1})}, {}, opset), want), "")
          << row.op << " of opset " << opset;
      EXPECT_EQ(
          mismatch(run_op(row.op, {x, int64s({1}, {1})}, {integer("keepdims", 0)}, opset), flat),
          "")
          << row.op << " of opset " << opset;
    }
    EXPECT_EQ(
        mismatch(
            run_op(row.op, {doubles({2, 3}, {1, -2, 3, 4, 5, 6}), int64s({1}, {1})}, {}, 18),
            doubles({2, 1},
                    {static_cast<double>(row.of_rows[0]), static_cast<double>(row.of_rows[1])})),
        "")
        << row.op << " of float64";
  }
}

TEST(Reduce, OfNothingIsNeutral) {
  for (const Row& row : kRows) {
    EXPECT_EQ(mismatch(run_op(row.op, {floats({2, 0}, {}), int64s({1}, {1})}, {}, 18),
                       floats({2, 1}, {row.of_nothing, row.of_nothing})),
              "")
        << row.op;
    EXPECT_EQ(mismatch(run_op(row.op, {floats({0, 2}, {}), int64s({1}, {1})}, {}, 18),
                       floats({0, 1}, {})),
              "")
        << row.op;
  }
  EXPECT_EQ(mismatch(run_op("ReduceMax", {int32s({0}, {})}),
                     int32s({1}, {std::numeric_limits<std::int32_t>::lowest()})),
            "");
  EXPECT_EQ(mismatch(run_op("ReduceMin", {uint8s({0}, {})}), uint8s({1}, {255})), "");
}

TEST(Reduce, CountsIntegersExactly) {
  for (const Row& row : kRows) {
    EXPECT_EQ(mismatch(run_op(row.op, {int32s({3}, {2, 3, 4})}), int32s({1}, {row.of_counts})), "")
        << row.op;
  }
  EXPECT_EQ(mismatch(run_op("ReduceSum", {uint8s({2}, {200, 100})}), uint8s({1}, {44})), "");
  EXPECT_EQ(mismatch(run_op("ReduceMean", {int64s({2}, {-3, -4})}), int64s({1}, {-3})), "");
  EXPECT_EQ(mismatch(run_op("ReduceL1", {numbers<std::int8_t>({3}, {-100, 20, -3})}),
                     numbers<std::int8_t>({1}, {123})),
            "");
  EXPECT_EQ(mismatch(run_op("ReduceMax", {bools({2, 2}, {0, 0, 0, 1}), int64s({1}, {1})}, {}, 20),
                     bools({2, 1}, {0, 1})),
            "");
  EXPECT_EQ(mismatch(run_op("ReduceMin", {bools({2, 2}, {1, 1, 0, 1}), int64s({1}, {1})}, {}, 20),
                     bools({2, 1}, {1, 0})),
            "");
  EXPECT_NE(error_of(run_op("ReduceMax", {bools({1}, {1})}, {}, 18)).find("bool"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("ReduceSum", {bools({1}, {1})}, {}, 20)).find("bool"),
            std::string::npos);
}

TEST(Reduce, WithoutAxesTakesAllOrNone) {
  const NamedTensor x = floats({2, 2}, {1, -2, 3, 4});
  EXPECT_EQ(mismatch(run_op("ReduceSum", {x}), floats({1, 1}, {6})), "");
  EXPECT_EQ(mismatch(run_op("ReduceSum", {x, int64s({0}, {})}), floats({1, 1}, {6})), "");
  EXPECT_EQ(mismatch(run_op("ReduceSum", {x}, {integer("noop_with_empty_axes", 1)}), x), "");
  EXPECT_EQ(
      mismatch(run_op("ReduceL1", {x, int64s({0}, {})}, {integer("noop_with_empty_axes", 1)}, 18),
               floats({2, 2}, {1, 2, 3, 4})),
      "");
  EXPECT_EQ(mismatch(run_op("ReduceSumSquare", {x}, {integer("noop_with_empty_axes", 1)}, 18),
                     floats({2, 2}, {1, 4, 9, 16})),
            "");
  EXPECT_EQ(mismatch(run_op("ReduceMean", {floats({}, {3})}), floats({}, {3})), "");
}

TEST(Reduce, KeepsNanAndInfinity) {
  const NamedTensor x = floats({3, 2}, {1, kNan, kInf, 2, -kInf, -kInf});
  const std::vector<Attribute> rows{integers("axes", {1}), integer("keepdims", 0)};
  EXPECT_EQ(mismatch(run_op("ReduceMax", {x}, rows), floats({3}, {kNan, kInf, -kInf})), "");
  EXPECT_EQ(mismatch(run_op("ReduceMin", {x}, rows), floats({3}, {kNan, 2, -kInf})), "");
  EXPECT_EQ(mismatch(run_op("ReduceL1", {x}, rows), floats({3}, {kNan, kInf, kInf})), "");
  EXPECT_EQ(mismatch(run_op("ReduceLogSumExp", {x}, rows), floats({3}, {kNan, kInf, -kInf})), "");
  EXPECT_EQ(
      mismatch(run_op("ReduceLogSumExp", {floats({2}, {1000, 1000})}), floats({1}, {1000.6931F})),
      "");
}

TEST(Reduce, RefusesWhatDoesNotFit) {
  const NamedTensor x = floats({2, 2}, {1, 2, 3, 4});
  EXPECT_NE(error_of(run_op("ReduceSum", {x, int64s({1}, {2})})).find("axis 2"), std::string::npos);
  EXPECT_NE(error_of(run_op("ReduceSum", {x, floats({1}, {0})})).find("float32"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("ReduceL2", {x}, {integers("axes", {0})}, 18)).find("'axes'"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("ReduceL2", {strings({1}, {"a"})})).find("string"), std::string::npos);
}

TEST(Reduce, AgreesWithAPlainLoopForEveryChoiceOfAxes) {
  constexpr std::uint32_t kSeed = 4;
  const Shape dims{2, 3, 4, 5};
  const NamedTensor x = random_floats(dims, kSeed);
  const std::vector<float> values = floats_of(x);
  for (int mask = 1; mask < 16; ++mask) {
    std::vector<std::int64_t> axes;
    Shape kept = dims;
    for (std::size_t d = 0; d < 4; ++d) {
      if ((mask >> d & 1) != 0) {
        axes.push_back(static_cast<std::int64_t>(d) - 4);
        kept[d] = 1;
      }
    }
    std::vector<double> sums(static_cast<std::size_t>(kept[0] * kept[1] * kept[2] * kept[3]));
    std::vector<float> most(sums.size(), -kInf);
    for (std::int64_t i = 0; i < 120; ++i) {
      const std::int64_t index[] = {i / 60, i / 20 % 3, i / 5 % 4, i % 5};
      std::int64_t at = 0;
      for (std::size_t d = 0; d < 4; ++d) {
        at = at * kept[d] + (kept[d] == 1 ? 0 : index[d]);
      }
      const float value = values[static_cast<std::size_t>(i)];
      sums[static_cast<std::size_t>(at)] += static_cast<double>(value) * static_cast<double>(value);
      most[static_cast<std::size_t>(at)] = std::max(most[static_cast<std::size_t>(at)], value);
    }
    const NamedTensor listed = int64s({static_cast<std::int64_t>(axes.size())}, axes);
    EXPECT_EQ(mismatch(run_op("ReduceMax", {x, listed}, {}, 18), floats(kept, most), 0), "")
        << "mask " << mask << ", seed " << kSeed;
    EXPECT_EQ(mismatch(run_op("ReduceSumSquare", {x, listed}, {}, 18),
                       floats(kept, std::vector<float>(sums.begin(), sums.end()))),
              "")
        << "mask " << mask << ", seed " << kSeed;
  }
}

TEST(Reduce, AddsUpNeighbouringColumnsAsByThemselves) {
  for (const std::int64_t columns : {1, 7, 8, 21, 256, 301}) {
    const NamedTensor x = random_floats({2, 5, columns}, 3);
    const std::vector<float> values = floats_of(x);
    std::vector<float> sums;
    std::vector<float> means;
    std::vector<float> lengths;
    for (std::int64_t i = 0; i < 2 * columns; ++i) {
      double sum = 0;
      double squares = 0;
      for (std::int64_t k = 0; k < 5; ++k) {
        const double value =
            values[static_cast<std::size_t>((i / columns * 5 + k) * columns + i % columns)];
        sum += value;
        squares += value * value;
      }
      sums.push_back(static_cast<float>(sum));
      means.push_back(static_cast<float>(sum / 5));
      lengths.push_back(static_cast<float>(std::sqrt(squares)));
    }
    const NamedTensor axis = int64s({1}, {1});
    const auto reduced = [&](const char* op) {
      return run_op(op, {x, axis}, {integer("keepdims", 0)}, 18);
    };
    EXPECT_EQ(mismatch(reduced("ReduceSum"), floats({2, columns}, sums), 0), "") << columns;
    EXPECT_EQ(mismatch(reduced("ReduceMean"), floats({2, columns}, means), 0), "") << columns;
    EXPECT_EQ(mismatch(reduced("ReduceL2"), floats({2, columns}, lengths), 1e-7), "") << columns;
  }
  const NamedTensor none = floats({0, 9}, {});
  EXPECT_EQ(mismatch(run_op("ReduceMean", {none, int64s({1}, {0})}, {}, 18),
                     floats({1, 9}, std::vector<float>(9, kNan))),
            "");
}

TEST(ArgReduce, FindsTheFirstOrLastExtreme) {
  const NamedTensor x = floats({2, 3}, {2, 2, 1, 3, 10, 10});
  EXPECT_EQ(mismatch(run_op("ArgMax", {x}, {integer("axis", 1)}), int64s({2, 1}, {0, 1})), "");
  EXPECT_EQ(mismatch(run_op("ArgMax", {x}, {integer("axis", -1), integer("select_last_index", 1)}),
                     int64s({2, 1}, {1, 2})),
            "");
  EXPECT_EQ(mismatch(run_op("ArgMin", {x}, {integer("keepdims", 0)}, 1), int64s({3}, {0, 0, 0})),
            "");
  EXPECT_EQ(
      mismatch(run_op("ArgMax", {numbers<std::int8_t>({3}, {-128, 127, 0})}), int64s({1}, {1})),
      "");
  EXPECT_EQ(mismatch(run_op("ArgMin", {numbers<std::uint64_t>({2}, {~0ULL, 1})}, {}, 13),
                     int64s({1}, {1})),
            "");
  EXPECT_EQ(mismatch(run_op("ArgMax", {floats({4}, {1, kNan, 9, kNan})}), int64s({1}, {1})), "");
  EXPECT_EQ(
      mismatch(run_op("ArgMax", {floats({0, 2}, {})}, {integer("axis", 1)}), int64s({0, 1}, {})),
      "");
  EXPECT_NE(error_of(run_op("ArgMax", {floats({0, 2}, {})})).find("is empty"), std::string::npos);
  EXPECT_NE(error_of(run_op("ArgMax", {x}, {integer("axis", 2)})).find("axis 2"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("ArgMax", {x}, {integer("select_last_index", 1)}, 11)), "no error");
}

}  // namespace
}  // namespace sluice::engine
