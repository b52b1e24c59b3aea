// unary.cc, binary.cc, power.cc, variadic.cc, prelu.cc, cast.cc.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

struct UnaryRow {
  const char* op;
  std::vector<Attribute> attributes;
  std::vector<float> x;
  std::vector<float> y;
};

TEST(Unary, GivesTheValuesOfTheSpecificationWithNanAndInfinity) {
  const UnaryRow rows[] = {
      {"Abs", {}, {-1.5F, 0, 2, kNan, -kInf}, {1.5F, 0, 2, kNan, kInf}},
      {"Neg", {}, {-1.5F, 2, kNan, kInf}, {1.5F, -2, kNan, -kInf}},
      {"Relu", {}, {-1, -0.5F, 0, 3, kNan, kInf, -kInf}, {0, 0, 0, 3, kNan, kInf, 0}},
      {"LeakyRelu", {real("alpha", 0.1F)}, {-10, 5, kNan, -kInf}, {-1, 5, kNan, -kInf}},
      {"LeakyRelu", {}, {-10}, {-0.1F}},
      {"Sqrt", {}, {4, 0, -1, kNan, kInf}, {2, 0, kNan, kNan, kInf}},
      {"Reciprocal", {}, {4, -0.5F, 0, kNan, kInf}, {0.25F, -2, kInf, kNan, 0}},
      {"Floor", {}, {1.7F, -1.2F, kNan}, {1, -2, kNan}},
      {"Ceil", {}, {1.2F, -1.7F, kNan}, {2, -1, kNan}},
      {"Round", {}, {0.5F, 1.5F, 2.5F, -0.5F, -2.6F}, {0, 2, 2, 0, -3}},
      {"Exp",
       {},
       {0, 1, -1, kNan, kInf, -kInf, 1000, -2000, 3e38F, -3e38F, 1e9F, -1e9F},
       {1, 2.7182818F, 0.36787944F, kNan, kInf, 0, kInf, 0, kInf, 0, kInf, 0}},
      {"Log", {}, {1, 2.7182818F, 0, -1, kNan, kInf}, {0, 1, -kInf, kNan, kNan, kInf}},
      {"Tanh",
       {},
       {0, 0.1F, 1, -1, 100, -kInf, kNan},
       {0, 0.099667995F, 0.76159416F, -0.76159416F, 1, -1, kNan}},
      {"Sigmoid",
       {},
       {0, 2, -2, kInf, -kInf, kNan, -200, 3e38F, -3e38F},
       {0.5F, 0.88079708F, 0.11920292F, 1, 0, kNan, 0, 1, 0}},
      {"HardSigmoid", {}, {0, 10, -10, 1, kNan}, {0.5F, 1, 0, 0.7F, kNan}},
      {"HardSigmoid", {real("alpha", 0.5F), real("beta", 0.25F)}, {1}, {0.75F}},
      {"Elu", {real("alpha", 2)}, {1, 0, -1, -kInf, kNan}, {1, 0, -1.2642411F, -2, kNan}},
      {"Softplus", {}, {0, 1, -1, 100, kNan}, {0.6931472F, 1.3132617F, 0.3132617F, 100, kNan}},
  };
  for (const UnaryRow& row : rows) {
    const Shape shape{static_cast<std::int64_t>(row.x.size())};
    EXPECT_EQ(
        mismatch(
            run_op(row.op, {floats(shape, row.x)}, row.attributes), floats(shape, row.y), 5e-7),
        "")
        << row.op;
    EXPECT_EQ(mismatch(run_op(row.op,
                              {doubles(shape, std::vector<double>(row.x.begin(), row.x.end()))},
                              row.attributes),
                       doubles(shape, std::vector<double>(row.y.begin(), row.y.end())),
                       1e-6),
              "")
        << row.op << " of float64";
  }
}

TEST(Unary, AnElementDoesNotDependOnItsPlace) {
  for (const char* op : {"Exp", "Log", "Tanh", "Sigmoid", "Softplus"}) {
    const NamedTensor many = random_floats({67}, 7);
    const auto together = run_op(op, {many});
    ASSERT_TRUE(together) << error_of(together);
    const auto values = floats_of(many);
    const auto results = floats_of((*together)[0]);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto alone = run_op(op, {floats({1}, {values[i]})});
      ASSERT_TRUE(alone);
      const float result = floats_of((*alone)[0])[0];
      EXPECT_TRUE(result == results[i] || (std::isnan(result) && std::isnan(results[i])))
          << op << " at " << i;
    }
  }
}

TEST(Unary, FastFunctionsStayWithinFourUlp) {
  struct Row {
    const char* op;
    double (*exact)(double);
    float low;
    float high;
  };
  const Row rows[] = {
      {"Exp", [](double x) { return std::exp(x); }, -87, 88},
      {"Exp", [](double x) { return std::exp(x); }, -106, -87},  // subnormal, at last 0
      {"Exp", [](double x) { return std::exp(x); }, 88, 88.72F},
      {"Log", [](double x) { return std::log(x); }, 1e-6F, 1e6F},
      {"Tanh", [](double x) { return std::tanh(x); }, -9, 9},
      {"Sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }, -30, 30},
      {"Erf", [](double x) { return std::erf(x); }, -5, 5},
      {"Erf", [](double x) { return std::erf(x); }, -1e-3F, 1e-3F},
      {"Erf", [](double x) { return std::erf(x); }, 1e-38F, 1e-30F},
  };
  constexpr int kPoints = 20'000;
  for (const Row& row : rows) {
    std::vector<float> x;
    for (int i = 0; i < kPoints; ++i) {
      x.push_back(row.low + (row.high - row.low) * static_cast<float>(i) / kPoints);
    }
    const auto got = run_op(row.op, {floats({kPoints}, x)});
    ASSERT_TRUE(got) << error_of(got);
    const auto y = floats_of((*got)[0]);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto want = static_cast<float>(row.exact(static_cast<double>(x[i])));
      const float ulp = std::nextafter(std::abs(want), kInf) - std::abs(want);
      ASSERT_LE(std::abs(y[i] - want), 4 * ulp) << row.op << "(" << x[i] << ")";
    }
  }
}

TEST(Unary, ExponentsBeyondTheLargestNumberAreInfinite) {
  EXPECT_EQ(mismatch(run_op("Exp", {floats({4}, {88.73F, 89, 1e30F, -1e30F})}),
                     floats({4}, {kInf, kInf, kInf, 0}),
                     0),
            "");
}

TEST(Unary, WorksOnIntegersAndOnNothing) {
  EXPECT_EQ(mismatch(run_op("Abs", {int32s({3}, {-5, 0, 7})}), int32s({3}, {5, 0, 7})), "");
  EXPECT_EQ(mismatch(run_op("Neg", {int64s({2}, {-5, 7})}), int64s({2}, {5, -7})), "");
  EXPECT_EQ(mismatch(run_op("Relu", {int32s({2}, {-5, 7})}), int32s({2}, {0, 7})), "");
  EXPECT_EQ(mismatch(run_op("Exp", {floats({0, 3}, {})}), floats({0, 3}, {})), "");
  EXPECT_EQ(mismatch(run_op("Exp", {floats({}, {0})}), floats({}, {1})), "");
}

TEST(Unary, RefusesWhatItDoesNotKnow) {
  EXPECT_NE(error_of(run_op("Exp", {int32s({1}, {1})})).find("int32"), std::string::npos);
  EXPECT_NE(error_of(run_op("Relu", {floats({1}, {1})}, {integer("alpha", 1)})).find("'alpha'"),
            std::string::npos);
  EXPECT_NE(
      error_of(run_op("LeakyRelu", {floats({1}, {1})}, {integer("alpha", 1)})).find("not a float"),
      std::string::npos);
}

TEST(Clip, TakesItsBoundsFromInputsOrAttributes) {
  const NamedTensor x = floats({5}, {-kInf, -2, 0.5F, 9, kNan});
  EXPECT_EQ(mismatch(run_op("Clip", {x, floats({}, {-1}), floats({}, {1})}),
                     floats({5}, {-1, -1, 0.5F, 1, kNan})),
            "");
  EXPECT_EQ(mismatch(run_op("Clip", {x, {}, floats({}, {1})}),
                     floats({5}, {std::numeric_limits<float>::lowest(), -2, 0.5F, 1, kNan})),
            "");
  EXPECT_EQ(mismatch(run_op("Clip", {x}, {real("min", 0), real("max", 6)}, 6),
                     floats({5}, {0, 0, 0.5F, 6, kNan})),
            "");
  EXPECT_EQ(mismatch(run_op("Clip", {int64s({3}, {-4, 2, 9}), int64s({}, {0}), int64s({}, {5})}),
                     int64s({3}, {0, 2, 5})),
            "");
  EXPECT_NE(error_of(run_op("Clip", {x, floats({2}, {0, 1})})), "no error");
}

TEST(Binary, BroadcastsLikeNumpy) {
  const NamedTensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const NamedTensor row = floats({3}, {10, 20, 30});
  const NamedTensor column = floats({2, 1}, {100, 200});
  EXPECT_EQ(mismatch(run_op("Add", {a, row}), floats({2, 3}, {11, 22, 33, 14, 25, 36})), "");
  EXPECT_EQ(mismatch(run_op("Add", {column, row}), floats({2, 3}, {110, 120, 130, 210, 220, 230})),
            "");
  EXPECT_EQ(mismatch(run_op("Sub", {a, floats({}, {1})}), floats({2, 3}, {0, 1, 2, 3, 4, 5})), "");
  EXPECT_EQ(mismatch(run_op("Mul", {floats({1}, {2}), a}), floats({2, 3}, {2, 4, 6, 8, 10, 12})),
            "");
  EXPECT_EQ(mismatch(run_op("Div", {a, column}),
                     floats({2, 3}, {0.01F, 0.02F, 0.03F, 0.02F, 0.025F, 0.03F})),
            "");
  EXPECT_EQ(mismatch(run_op("Add", {floats({0, 3}, {}), row}), floats({0, 3}, {})), "");
  EXPECT_EQ(error_of(run_op("Add", {a, floats({2}, {1, 2})})),
            "node 'Add_0' (Add): shapes [2,3] and [2] cannot be broadcast");
}

TEST(Binary, AgreesWithAPlainLoopForEveryWayOfStretching) {
  const Shape full{2, 3, 4, 5};
  for (int mask = 0; mask < 16; ++mask) {
    Shape part = full;
    for (std::size_t d = 0; d < 4; ++d) {
      part[d] = (mask >> d & 1) != 0 ? 1 : full[d];
    }
    const NamedTensor a = random_floats(full, 1);
    const NamedTensor b = random_floats(part, 2);
    const auto x = floats_of(a);
    const auto y = floats_of(b);
    std::vector<float> want;
    for (std::int64_t i = 0; i < 120; ++i) {
      const std::int64_t index[] = {i / 60, i / 20 % 3, i / 5 % 4, i % 5};
      std::int64_t at = 0;
      for (std::size_t d = 0; d < 4; ++d) {
        at = at * part[d] + (part[d] == 1 ? 0 : index[d]);
      }
      want.push_back(x[static_cast<std::size_t>(i)] - y[static_cast<std::size_t>(at)]);
    }
    EXPECT_EQ(mismatch(run_op("Sub", {a, b}), floats(full, want), 0), "") << "mask " << mask;
    for (float& value : want) {
      value = -value;
    }
    EXPECT_EQ(mismatch(run_op("Sub", {b, a}), floats(full, want), 0), "") << "mask " << mask;
  }
}

TEST(Binary, CountsIntegersAsNumpyDoes) {
  EXPECT_EQ(mismatch(run_op("Div", {int32s({4}, {7, -7, 7, -7}), int32s({4}, {2, 2, -2, -2})}),
                     int32s({4}, {3, -3, -3, 3}),
                     0),
            "");
  EXPECT_EQ(
      mismatch(
          run_op("Add", {uint8s({2}, {250, 1}), uint8s({2}, {10, 1})}), uint8s({2}, {4, 2}), 0),
      "");
  const auto lowest = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(
      mismatch(run_op("Div", {int64s({1}, {lowest}), int64s({1}, {-1})}), int64s({1}, {lowest}), 0),
      "");
  EXPECT_EQ(mismatch(run_op("Div", {int32s({2}, {7, 0}), int32s({1}, {0})}), int32s({2}, {0, 0})),
            "");
  EXPECT_NE(error_of(run_op("Add", {int32s({1}, {1}), int64s({1}, {1})})), "no error");
}

TEST(Binary, FollowsTheAttributesOfOldOpsets) {
  const NamedTensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(
      mismatch(
          run_op(
              "Add", {a, floats({2}, {10, 20})}, {integer("broadcast", 1), integer("axis", 0)}, 6),
          floats({2, 3}, {11, 12, 13, 24, 25, 26})),
      "");
  EXPECT_NE(error_of(run_op("Add", {a, floats({3}, {1, 2, 3})}, {}, 6)), "no error");
}

TEST(Pow, RaisesFloatsAndIntegers) {
  EXPECT_EQ(mismatch(run_op("Pow", {floats({4}, {2, 3, -2, kNan}), floats({}, {2})}),
                     floats({4}, {4, 9, 4, kNan})),
            "");
  EXPECT_EQ(
      mismatch(run_op("Pow", {floats({2}, {4, 2}), int64s({2}, {-1, 3})}), floats({2}, {0.25F, 8})),
      "");
  EXPECT_EQ(mismatch(run_op("Pow", {int64s({3}, {3, -2, 5}), int64s({3}, {4, 3, 0})}),
                     int64s({3}, {81, -8, 1}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("Pow", {int32s({1}, {4}), floats({1}, {0.5F})}), int32s({1}, {2}), 0),
            "");
}

TEST(Variadic, MinMaxMeanAndSumTakeAnyNumberOfInputs) {
  const NamedTensor a = floats({3}, {1, 5, kNan});
  const NamedTensor b = floats({3}, {4, 2, 1});
  EXPECT_EQ(mismatch(run_op("Max", {a, b}), floats({3}, {4, 5, kNan})), "");
  EXPECT_EQ(mismatch(run_op("Min", {b, a}), floats({3}, {1, 2, kNan})), "");
  EXPECT_EQ(mismatch(run_op("Sum", {a, b, floats({}, {10})}), floats({3}, {15, 17, kNan})), "");
  EXPECT_EQ(mismatch(run_op("Mean", {b, floats({3}, {0, 0, 0})}), floats({3}, {2, 1, 0.5F})), "");
  EXPECT_EQ(mismatch(run_op("Max", {int32s({2}, {1, 9}), int32s({1}, {4})}), int32s({2}, {4, 9})),
            "");
  EXPECT_EQ(mismatch(run_op("Sum", {b}), b), "");
  EXPECT_NE(error_of(run_op("Sum", {b, floats({1}, {1})}, {}, 6)), "no error");
}

TEST(PRelu, StretchesItsSlope) {
  const NamedTensor x = floats({1, 2, 2}, {-1, 2, -3, kNan});
  EXPECT_EQ(mismatch(run_op("PRelu", {x, floats({2, 1}, {0.5F, 0.1F})}),
                     floats({1, 2, 2}, {-0.5F, 2, -0.3F, kNan})),
            "");
  EXPECT_EQ(mismatch(run_op("PRelu", {x, floats({2}, {0.5F, 0.1F})}, {}, 6),
                     floats({1, 2, 2}, {-0.5F, 2, -0.3F, kNan})),
            "");
  EXPECT_NE(error_of(run_op("PRelu", {floats({2}, {1, 1}), floats({2, 2}, {1, 1, 1, 1})})),
            "no error");
}

TEST(PRelu, OfRowsOfEveryLengthMultipliesWhatIsBelowZero) {
  for (const std::int64_t count : {1, 7, 16, 37}) {
    for (const bool each : {false, true}) {
      const NamedTensor x = random_floats({3, count}, 1);
      const NamedTensor slope = random_floats(each ? Shape{count} : Shape{3, 1}, 2);
      const auto values = floats_of(x);
      const auto slopes = floats_of(slope);
      std::vector<float> want;
      for (std::size_t i = 0; i < values.size(); ++i) {
        const auto n = static_cast<std::size_t>(count);
        want.push_back(values[i] < 0 ? values[i] * slopes[each ? i % n : i / n] : values[i]);
      }
      EXPECT_EQ(mismatch(run_op("PRelu", {x, slope}), floats({3, count}, want), 0), "") << count;
    }
  }
  const auto zero = run_op("PRelu", {floats({2}, {-0.0F, kNan}), floats({1}, {-2})});
  ASSERT_TRUE(zero) << error_of(zero);
  EXPECT_TRUE(std::signbit(floats_of(zero->front())[0]));
  EXPECT_EQ(mismatch(run_op("PRelu", {doubles({2}, {-1, 3}), doubles({1}, {0.5})}),
                     doubles({2}, {-0.5, 3})),
            "");
}

TEST(Cast, TruncatesWrapsAndKeepsTruth) {
  EXPECT_EQ(mismatch(run_op("Cast", {floats({4}, {1.9F, -1.9F, 300, -1})}, {integer("to", 2)}),
                     uint8s({4}, {1, 255, 44, 255}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("Cast", {floats({4}, {0, -0.0F, 0.1F, kNan})}, {integer("to", 9)}),
                     bools({4}, {0, 0, 1, 1}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("Cast", {bools({2}, {0, 1})}, {integer("to", 1)}), floats({2}, {0, 1})),
            "");
  EXPECT_EQ(
      mismatch(run_op("Cast", {int64s({1}, {-3})}, {text("to", "DOUBLE")}, 5), doubles({1}, {-3})),
      "");
}

}  // namespace
}  // namespace sluice::engine
