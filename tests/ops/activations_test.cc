// elementary.cc, activations.cc, classify.cc.

#include <cmath>
#include <cstring>
#include <limits>

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
  std::vector<Attribute> attributes;
  std::vector<float> x;
  std::vector<double> y;  // to eight digits
  int opset = 17;
};

void expect_rows(std::span<const Row> rows) {
  for (const Row& row : rows) {
    const Shape shape{static_cast<std::int64_t>(row.x.size())};
    const NamedTensor single = floats(shape, row.x);
    const NamedTensor wide = doubles(shape, std::vector<double>(row.x.begin(), row.x.end()));
    EXPECT_EQ(mismatch(run_op(row.op, {single}, row.attributes, row.opset),
                       floats(shape, std::vector<float>(row.y.begin(), row.y.end())),
                       1e-6),
              "")
        << row.op;
    EXPECT_EQ(
        mismatch(run_op(row.op, {wide}, row.attributes, row.opset), doubles(shape, row.y), 1e-6),
        "")
        << row.op << " of float64";
  }
}

TEST(Elementary, GivesTheValuesOfTheSpecificationWithNanAndInfinity) {
  const Row rows[] = {
      {"Acos", {}, {-1, 0, 0.5F, 2, kNan}, {3.14159265, 1.57079633, 1.04719755, kNan, kNan}},
      {"Acosh", {}, {1, 10, 0.5F, kInf, kNan}, {0, 2.99322285, kNan, kInf, kNan}},
      {"Asin", {}, {-1, 0, 0.5F, 2, kNan}, {-1.57079633, 0, 0.52359878, kNan, kNan}},
      {"Asinh", {}, {-1, 0, 1, kInf, kNan}, {-0.88137359, 0, 0.88137359, kInf, kNan}},
      {"Atan", {}, {-1, 0, kInf, -kInf, kNan}, {-0.78539816, 0, 1.57079633, -1.57079633, kNan}},
      {"Atanh", {}, {-0.5F, 0, 1, 2, kNan}, {-0.54930614, 0, kInf, kNan, kNan}},
      {"Cos", {}, {0, 1, -1, kInf, kNan}, {1, 0.54030231, 0.54030231, kNan, kNan}},
      {"Cosh", {}, {0, 1, -1, -kInf, kNan}, {1, 1.54308063, 1.54308063, kInf, kNan}},
      {"Erf", {}, {0, 0.5F, -1, kInf, -kInf, kNan}, {0, 0.52049988, -0.84270079, 1, -1, kNan}},
      {"Erf", {}, {1}, {0.84270079}, 9},
      {"Sin", {}, {0, 1, -1, kInf, kNan}, {0, 0.84147098, -0.84147098, kNan, kNan}},
      {"Sinh", {}, {0, 1, -1, -kInf, kNan}, {0, 1.17520119, -1.17520119, -kInf, kNan}},
      {"Tan", {}, {0, 1, -1, kInf, kNan}, {0, 1.55740772, -1.55740772, kNan, kNan}},
      {"Sin", {}, {1}, {0.84147098}, 7},
      {"Sin", {}, {1}, {0.84147098}, 22},
  };
  expect_rows(rows);
}

// By vectors in float32 and by the C library in float64: the same, tails and odd ends included.
TEST(Activations, AgreeWithFloat64) {
  std::vector<float> x;
  for (int i = -1213; i <= 1213; ++i) {
    x.push_back(static_cast<float>(i) * 0.01F);
  }
  x.insert(x.end(), {-1e30F, 1e30F, -100, 100, 1e-20F, -1e-20F});
  const Shape shape{static_cast<std::int64_t>(x.size())};
  const Row rows[] = {
      {"Gelu", {}, {}, {}, 20},
      {"Gelu", {text("approximate", "tanh")}, {}, {}, 20},
      {"HardSwish", {}, {}, {}},
      {"Mish", {}, {}, {}, 18},
      {"Selu", {}, {}, {}},
      {"Swish", {}, {}, {}, 24},
      {"Swish", {real("alpha", 1.7F)}, {}, {}, 24},
  };
  for (const Row& row : rows) {
    const auto wide = run_op(row.op,
                             {doubles(shape, std::vector<double>(x.begin(), x.end()))},
                             row.attributes,
                             row.opset);
    ASSERT_TRUE(wide) << error_of(wide);
    std::vector<double> numbers(x.size());
    ASSERT_EQ((*wide)[0].data.size(), numbers.size() * sizeof(double));
    std::memcpy(numbers.data(), (*wide)[0].data.data(), (*wide)[0].data.size());
    const std::vector<float> want(numbers.begin(), numbers.end());
    const auto got = run_op(row.op, {floats(shape, x)}, row.attributes, row.opset);
    ASSERT_TRUE(got) << error_of(got);
    const std::vector<float> values = floats_of((*got)[0]);
    for (std::size_t i = 0; i < x.size(); ++i) {
      EXPECT_NEAR(values[i], want[i], 5e-8 + 1e-6 * std::abs(want[i]))
          << row.op << "(" << x[i] << ")";
    }
  }
}

TEST(Elementary, WorksOnNothingAndScalarsAndRefusesIntegers) {
  EXPECT_EQ(mismatch(run_op("Cos", {floats({2, 0}, {})}), floats({2, 0}, {})), "");
  EXPECT_EQ(mismatch(run_op("Cos", {floats({}, {0})}), floats({}, {1})), "");
  EXPECT_NE(error_of(run_op("Cos", {int32s({1}, {1})})).find("int32"), std::string::npos);
  EXPECT_NE(error_of(run_op("Cosh", {floats({1}, {1})}, {}, 8)).find("exists since opset 9"),
            std::string::npos);
}

TEST(Activations, GiveTheValuesOfTheSpecificationWithNanAndInfinity) {
  const Row rows[] = {
      {"Celu", {}, {1, 0, -1, -kInf, kInf, kNan}, {1, 0, -0.63212056, -1, kInf, kNan}},
      {"Celu", {real("alpha", 2)}, {3, -2}, {3, -1.26424112}},
      {"Gelu",
       {},
       {0, 1, -1, -2, kInf, kNan},
       {0, 0.84134475, -0.15865525, -0.0455002639, kInf, kNan},
       20},
      {"Gelu",
       {text("approximate", "tanh")},
       {0, 1, -1, 3, kInf, kNan},
       {0, 0.84119199, -0.15880801, 2.99636267, kInf, kNan},
       20},
      {"HardSwish", {}, {0, 1, -1, 4, -4, kInf, kNan}, {0, 2.0 / 3, -1.0 / 3, 4, 0, kInf, kNan}},
      {"Mish", {}, {0, 1, -1, 50, kInf, kNan}, {0, 0.86509839, -0.30340146, 50, kInf, kNan}, 18},
      {"Selu", {}, {0, 1, -1, -kInf, kNan}, {0, 1.05070102, -1.11133075, -1.75809937, kNan}},
      {"Selu", {real("alpha", 2), real("gamma", 3)}, {1, -1}, {3, -3.79272335}},
      {"Selu", {}, {1}, {1.0507}, 1},
      {"Softsign", {}, {0, 1, -3, kInf, kNan}, {0, 0.5, -0.75, kNan, kNan}},
      {"Swish", {}, {0, 1, -1, kInf, kNan}, {0, 0.73105858, -0.26894142, kInf, kNan}, 24},
      {"Swish", {}, {-20, -3e38F, 3e38F, -kInf}, {-4.12230716e-8, 0, 3e38F, kNan}, 24},
      {"Swish", {real("alpha", 2)}, {1}, {0.88079708}, 24},
      {"ThresholdedRelu", {}, {0.5F, 1, 1.5F, -3, kInf, kNan}, {0, 0, 1.5, 0, kInf, 0}},
      {"ThresholdedRelu", {real("alpha", -1)}, {-0.5F, -2}, {-0.5, 0}},
  };
  expect_rows(rows);
}

TEST(Activations, RefuseWhatTheyDoNotKnow) {
  EXPECT_NE(error_of(run_op("Gelu", {floats({1}, {1})}, {text("approximate", "sigmoid")}, 20))
                .find("'sigmoid'"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Mish", {int32s({1}, {1})}, {}, 18)).find("int32"), std::string::npos);
  EXPECT_NE(error_of(run_op("Mish", {floats({1}, {1})}, {real("alpha", 1)}, 18)).find("'alpha'"),
            std::string::npos);
}

TEST(Classify, FindsWhatIsNoNumber) {
  const NamedTensor x = floats({4}, {1, kNan, kInf, -kInf});
  EXPECT_EQ(mismatch(run_op("IsNaN", {x}), bools({4}, {0, 1, 0, 0})), "");
  EXPECT_EQ(mismatch(run_op("IsNaN", {doubles({}, {static_cast<double>(kNan)})}), bools({}, {1})),
            "");
  EXPECT_EQ(mismatch(run_op("IsInf", {x}), bools({4}, {0, 0, 1, 1})), "");
  EXPECT_EQ(
      mismatch(run_op("IsInf", {x}, {integer("detect_negative", 0)}, 20), bools({4}, {0, 0, 1, 0})),
      "");
  EXPECT_EQ(
      mismatch(run_op("IsInf", {x}, {integer("detect_positive", 0)}, 10), bools({4}, {0, 0, 0, 1})),
      "");
  EXPECT_EQ(mismatch(run_op("IsInf", {floats({0}, {})}), bools({0}, {})), "");
  EXPECT_NE(error_of(run_op("IsNaN", {int32s({1}, {1})})).find("int32"), std::string::npos);
}

TEST(Classify, SignsOfAllNumbers) {
  EXPECT_EQ(mismatch(run_op("Sign", {floats({5}, {-2, 0, 3, -kInf, kNan})}),
                     floats({5}, {-1, 0, 1, -1, kNan})),
            "");
  EXPECT_EQ(mismatch(run_op("Sign", {numbers<std::int8_t>({3}, {-128, 0, 5})}, {}, 9),
                     numbers<std::int8_t>({3}, {-1, 0, 1})),
            "");
  EXPECT_EQ(mismatch(run_op("Sign", {uint8s({2}, {0, 200})}), uint8s({2}, {0, 1})), "");
}

TEST(Shrink, SetsWhatIsNearZeroToZero) {
  const std::vector<Attribute> soft{real("bias", 1.5F), real("lambd", 1.5F)};
  EXPECT_EQ(mismatch(run_op("Shrink", {floats({6}, {-2, -1.5F, 0, 1, 2, kNan})}, soft),
                     floats({6}, {-0.5F, 0, 0, 0, 0.5F, 0})),
            "");
  EXPECT_EQ(mismatch(run_op("Shrink", {floats({2}, {0.4F, 0.6F})}), floats({2}, {0, 0.6F})), "");
  EXPECT_EQ(
      mismatch(run_op("Shrink", {int32s({4}, {-3, -1, 1, 3})}, soft), int32s({4}, {-1, 0, 0, 1})),
      "");
  EXPECT_NE(error_of(run_op("Shrink", {bools({1}, {1})})).find("bool"), std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
