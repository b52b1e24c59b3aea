// contrib/qlinear_math.cc, qlinear_pool.cc.

#include <cmath>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

const NamedTensor kNone;

NamedTensor int8s(const Shape& shape, const std::vector<std::int8_t>& values) {
  NamedTensor made = uint8s(shape, std::vector<std::uint8_t>(values.begin(), values.end()));
  made.datatype = DataType::int8;
  return made;
}
NamedTensor scale(float value) {
  return floats({}, {value});
}
NamedTensor zero(std::uint8_t value) {
  return uint8s({}, {value});
}

Result<std::vector<NamedTensor>> run(const std::string& op,
                                     const std::vector<NamedTensor>& inputs,
                                     const std::vector<Attribute>& attributes = {}) {
  return run_domain_op("com.microsoft", 1, op, inputs, attributes);
}

TEST(QLinear, AddsAndMultipliesWithBroadcasting) {
  const NamedTensor a = uint8s({2, 2}, {0, 2, 4, 255});
  const NamedTensor b = uint8s({2}, {10, 11});
  // (a - 2) * 0.5 + (b - 10) * 1 = -1, 1, 1, 127.5, at a scale of 0.5 from 100.
  EXPECT_EQ(mismatch(run("QLinearAdd",
                         {a, scale(0.5F), zero(2), b, scale(1), zero(10), scale(0.5F), zero(100)}),
                     uint8s({2, 2}, {98, 102, 102, 255}),
                     0),
            "");
  // 0.5 and 1.5 round to even before an odd zero point is added.
  EXPECT_EQ(mismatch(run("QLinearAdd",
                         {uint8s({2}, {1, 3}),
                          scale(0.5F),
                          kNone,
                          uint8s({}, {0}),
                          scale(1),
                          kNone,
                          scale(1),
                          zero(1)}),
                     uint8s({2}, {1, 3}),
                     0),
            "");
  EXPECT_EQ(mismatch(run("QLinearMul",
                         {int8s({2}, {-4, 100}),
                          scale(0.5F),
                          int8s({}, {0}),
                          int8s({1}, {3}),
                          scale(1),
                          int8s({}, {1}),
                          scale(1),
                          int8s({}, {-1})}),
                     int8s({2}, {-5, 99}),
                     0),
            "");
  EXPECT_EQ(
      mismatch(
          run("QLinearAdd",
              {uint8s({0, 2}, {}), scale(1), zero(0), b, scale(1), zero(0), scale(1), zero(0)}),
          uint8s({0, 2}, {}),
          0),
      "");
  EXPECT_NE(
      error_of(run("QLinearAdd",
                   {a, floats({2}, {1, 1}), zero(0), b, scale(1), zero(0), scale(1), zero(0)}))
          .find("inputs 1 and 2"),
      std::string::npos);
  EXPECT_NE(
      error_of(
          run("QLinearAdd",
              {a, scale(1), zero(0), int8s({2}, {0, 0}), scale(1), zero(0), scale(1), zero(0)}))
          .find("int8"),
      std::string::npos);
}

TEST(QLinear, WantsItsScales) {
  const NamedTensor x = uint8s({1}, {1});
  EXPECT_NE(error_of(run("QLinearAdd", {x, scale(1)})).find("no B"), std::string::npos);
  EXPECT_NE(error_of(run("QLinearSigmoid", {x, scale(1), zero(0)})).find("inputs 3 and 4"),
            std::string::npos);
}

TEST(QLinear, AppliesFunctionsToEveryByte) {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint8_t> sigmoids;
  std::vector<std::uint8_t> leaky;
  for (int i = 0; i < 256; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(i));
    const double x = (i - 128) * 0.0625;
    sigmoids.push_back(
        static_cast<std::uint8_t>(std::min(255.0, std::nearbyint(256 / (1 + std::exp(-x))))));
    leaky.push_back(static_cast<std::uint8_t>(
        std::min(255.0, std::nearbyint((x < 0 ? x * 0.25 : x) * 8) + 100)));
  }
  EXPECT_EQ(
      mismatch(run("QLinearSigmoid",
                   {uint8s({256}, bytes), scale(0.0625F), zero(128), scale(1 / 256.0F), zero(0)}),
               uint8s({256}, sigmoids),
               0),
      "");
  EXPECT_EQ(
      mismatch(run("QLinearLeakyRelu",
                   {uint8s({256}, bytes), scale(0.0625F), zero(128), scale(0.125F), zero(100)},
                   {real("alpha", 0.25F)}),
               uint8s({256}, leaky),
               0),
      "");
  EXPECT_EQ(mismatch(run("QLinearLeakyRelu",
                         {int8s({2}, {-8, 8}), scale(1), int8s({}, {0}), scale(1), int8s({}, {0})},
                         {real("alpha", 0.5F)}),
                     int8s({2}, {-4, 8}),
                     0),
            "");
}

TEST(QLinear, SoftmaxRunsAlongItsAxis) {
  // log 2 apart: one third and two thirds; and halves.
  const NamedTensor x = uint8s({2, 2}, {10, 11, 7, 7});
  const auto with = [&](std::vector<Attribute> attributes) {
    return run(
        "QLinearSoftmax", {x, scale(0.6931472F), zero(0), scale(1 / 256.0F), zero(0)}, attributes);
  };
  EXPECT_EQ(mismatch(with({integer("opset", 13)}), uint8s({2, 2}, {85, 171, 128, 128}), 0), "");
  EXPECT_EQ(
      mismatch(
          with({integer("opset", 13), integer("axis", 0)}), uint8s({2, 2}, {228, 241, 28, 15}), 0),
      "");
  EXPECT_EQ(mismatch(with({integer("opset", 12), integer("axis", 0)}),
                     uint8s({2, 2}, {75, 151, 9, 9}),
                     1e-9,
                     1),
            "");
  EXPECT_NE(error_of(with({})).find("opset is 0"), std::string::npos);
  EXPECT_NE(error_of(with({integer("opset", 13), integer("axis", 2)})).find("axis 2"),
            std::string::npos);
}

TEST(QLinear, ConcatBringsPartsToOneScale) {
  EXPECT_EQ(mismatch(run("QLinearConcat",
                         {scale(1),
                          zero(1),
                          uint8s({2, 1}, {1, 2}),
                          scale(1),
                          zero(1),
                          uint8s({2, 2}, {2, 4, 6, 255}),
                          scale(0.5F),
                          zero(2)},
                         {integer("axis", -1)}),
                     uint8s({2, 3}, {1, 1, 2, 2, 3, 127}),
                     0),
            "");
  EXPECT_NE(error_of(run("QLinearConcat",
                         {scale(1),
                          zero(1),
                          uint8s({2, 1}, {1, 2}),
                          scale(1),
                          zero(1),
                          uint8s({1, 2}, {2, 4}),
                          scale(1),
                          zero(0)},
                         {integer("axis", 1)}))
                .find("does not fit"),
            std::string::npos);
  EXPECT_NE(error_of(run("QLinearConcat",
                         {scale(1), zero(1), uint8s({1}, {1}), scale(1), zero(1), uint8s({1}, {1})},
                         {integer("axis", 0)}))
                .find("6 inputs"),
            std::string::npos);
  EXPECT_NE(error_of(run("QLinearConcat", {scale(1), zero(1), uint8s({1}, {1}), scale(1), zero(1)}))
                .find("no axis"),
            std::string::npos);
}

TEST(QLinear, PoolsExactSums) {
  const NamedTensor x = uint8s({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const std::vector<NamedTensor> inputs{x, scale(1), zero(1), scale(0.5F), zero(3)};
  const Attribute kernel = integers("kernel_shape", {2, 2});
  // Means less the zero point are 2, 3, 5, 6; doubled, plus 3.
  EXPECT_EQ(
      mismatch(
          run("QLinearAveragePool", inputs, {kernel}), uint8s({1, 1, 2, 2}, {7, 9, 13, 15}), 0),
      "");
  // In the corner one value is inside, of four that count with the padding: 0, 0; 8 / 4 and 8.
  EXPECT_EQ(mismatch(run("QLinearAveragePool",
                         inputs,
                         {kernel, integers("pads", {1, 1, 1, 1}), integers("strides", {3, 3})}),
                     uint8s({1, 1, 2, 2}, {3, 7, 15, 19}),
                     0),
            "");
  EXPECT_EQ(mismatch(run("QLinearAveragePool",
                         inputs,
                         {kernel,
                          integers("pads", {1, 1, 1, 1}),
                          integers("strides", {3, 3}),
                          integer("count_include_pad", 1)}),
                     uint8s({1, 1, 2, 2}, {3, 4, 6, 7}),
                     0),
            "");
  EXPECT_EQ(mismatch(run("QLinearGlobalAveragePool", inputs), uint8s({1, 1, 1, 1}, {11}), 0), "");
  EXPECT_EQ(mismatch(run("QLinearGlobalAveragePool",
                         {int8s({1, 2, 1, 2}, {-3, -1, 4, 4}),
                          scale(1),
                          int8s({}, {0}),
                          scale(1),
                          int8s({}, {0})}),
                     int8s({1, 2, 1, 1}, {-2, 4}),
                     0),
            "");
  EXPECT_NE(error_of(run("QLinearAveragePool", inputs, {kernel, integer("channels_last", 1)}))
                .find("channels_last"),
            std::string::npos);
  EXPECT_NE(error_of(run("QLinearAveragePool", inputs)).find("no kernel_shape"), std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
