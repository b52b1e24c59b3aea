// quant/integer_core.cc, integer_matmul.cc, integer_conv.cc, dynamic_quantize.cc.

#include <cmath>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

const NamedTensor kNone;

// The bytes of an int8 tensor.
NamedTensor int8s(const Shape& shape, const std::vector<std::int8_t>& values) {
  NamedTensor made = uint8s(shape, std::vector<std::uint8_t>(values.begin(), values.end()));
  made.datatype = DataType::int8;
  return made;
}

std::vector<std::uint8_t> random_bytes(std::int64_t count, std::uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<std::uint8_t> bytes;
  for (std::int64_t i = 0; i < count; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(engine()));
  }
  return bytes;
}

TEST(MatMulInteger, TakesZeroPointsOffExactly) {
  // The example of the specification.
  const NamedTensor a = uint8s({4, 3}, {11, 7, 3, 10, 6, 2, 9, 5, 1, 8, 4, 0});
  const NamedTensor b = uint8s({3, 2}, {1, 4, 2, 5, 3, 6});
  EXPECT_EQ(mismatch(run_op("MatMulInteger", {a, b, uint8s({1}, {12}), uint8s({1}, {0})}),
                     int32s({4, 2}, {-38, -83, -44, -98, -50, -113, -56, -128}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("MatMulInteger",
                            {int8s({1, 2}, {-128, 127}),
                             uint8s({2, 2}, {255, 0, 1, 2}),
                             kNone,
                             uint8s({2}, {0, 1})}),
                     int32s({1, 2}, {-128 * 255 + 127, 128 + 127}),
                     0),
            "")
      << "a zero point for each column";
  EXPECT_EQ(mismatch(run_op("MatMulInteger",
                            {uint8s({2, 1}, {1, 2}), uint8s({1, 1}, {3}), uint8s({2}, {0, 1})}),
                     int32s({2, 1}, {3, 3}),
                     0),
            "")
      << "and for each row";
  EXPECT_EQ(mismatch(run_op("MatMulInteger",
                            {uint8s({3}, {1, 2, 3}), uint8s({2, 3, 1}, {1, 1, 1, 2, 2, 2})}),
                     int32s({2, 1}, {6, 12}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("MatMulInteger", {uint8s({0, 3}, {}), b}), int32s({0, 2}, {}), 0), "");
  EXPECT_NE(error_of(run_op("MatMulInteger", {a, a})).find("cannot be multiplied"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("MatMulInteger", {a, b, int8s({1}, {1})})).find("input 2 is int8[1]"),
            std::string::npos);
  EXPECT_NE(
      error_of(run_op("MatMulInteger", {a, b, uint8s({3}, {1, 2, 3})})).find("input 2 is uint8[3]"),
      std::string::npos);
}

TEST(MatMulInteger, AgreesWithPlainSums) {
  for (std::uint32_t seed = 1; seed <= 12; ++seed) {
    const std::int64_t m = 1 + seed * 3 % 17;
    const std::int64_t k = 1 + seed * 5 % 19;
    const std::int64_t n = 1 + seed * 7 % 23;
    const auto a = random_bytes(m * k, seed);
    const auto b = random_bytes(k * n, seed + 100);
    std::vector<std::int32_t> want;
    for (std::int64_t i = 0; i < m * n; ++i) {
      std::int32_t sum = 0;
      for (std::int64_t d = 0; d < k; ++d) {
        sum += (a[static_cast<std::size_t>(i / n * k + d)] - 113) *
               static_cast<std::int8_t>(b[static_cast<std::size_t>(d * n + i % n)]);
      }
      want.push_back(sum);
    }
    NamedTensor signed_b = uint8s({k, n}, b);
    signed_b.datatype = DataType::int8;
    EXPECT_EQ(mismatch(run_op("MatMulInteger", {uint8s({m, k}, a), signed_b, uint8s({}, {113})}),
                       int32s({m, n}, want),
                       0),
              "")
        << "seed " << seed;
    GraphCase packed;
    packed.input("a", uint8s({m, k}, a)).constant("b", signed_b);
    packed.constant("zero", uint8s({}, {113}));
    packed.node("MatMulInteger", {"a", "b", "zero"}, {"y"}).output("y");
    EXPECT_EQ(mismatch(packed.run(), int32s({m, n}, want), 0), "") << "seed " << seed;
  }
}

TEST(QLinearMatMul, RoundsHalfToEvenBehindTheScale) {
  // Sums 1, 3, 5, 7 times one half are 0.5, 1.5, 2.5, 3.5; then an odd zero point.
  const NamedTensor a = uint8s({4, 1}, {1, 3, 5, 7});
  const NamedTensor one = floats({}, {1});
  const NamedTensor zero = uint8s({}, {0});
  const auto with = [&](const NamedTensor& y_zero, float y_scale) {
    return run_op("QLinearMatMul",
                  {a, one, zero, uint8s({1, 1}, {1}), one, zero, floats({}, {y_scale}), y_zero},
                  {},
                  21);
  };
  EXPECT_EQ(mismatch(with(uint8s({}, {1}), 2), uint8s({4, 1}, {1, 3, 3, 5}), 0), "");
  EXPECT_EQ(mismatch(with(int8s({}, {-1}), 2), int8s({4, 1}, {-1, 1, 1, 3}), 0), "");
  EXPECT_EQ(mismatch(with(uint8s({}, {250}), 0.5F), uint8s({4, 1}, {252, 255, 255, 255}), 0), "");
  EXPECT_EQ(mismatch(run_op("QLinearMatMul",
                            {uint8s({1, 1}, {2}),
                             one,
                             zero,
                             uint8s({1, 2}, {3, 3}),
                             floats({2}, {1, 10}),
                             uint8s({2}, {1, 2}),
                             one,
                             zero},
                            {},
                            10),
                     uint8s({1, 2}, {4, 20}),
                     0),
            "")
      << "a scale for each column";
  EXPECT_NE(error_of(run_op("QLinearMatMul",
                            {a, one, zero, uint8s({1, 1}, {1}), one, zero, one, int32s({}, {0})}))
                .find("int32"),
            std::string::npos);
}

TEST(ConvInteger, PadsWithTheZeroPoint) {
  // The example of the specification.
  const NamedTensor x = uint8s({1, 1, 3, 3}, {2, 3, 4, 5, 6, 7, 8, 9, 10});
  const NamedTensor w = uint8s({1, 1, 2, 2}, {1, 1, 1, 1});
  EXPECT_EQ(mismatch(run_op("ConvInteger", {x, w, uint8s({}, {1})}),
                     int32s({1, 1, 2, 2}, {12, 16, 24, 28}),
                     0),
            "");
  EXPECT_EQ(
      mismatch(run_op("ConvInteger", {x, w, uint8s({}, {1})}, {integers("pads", {1, 1, 1, 1})}),
               int32s({1, 1, 4, 4}, {1, 3, 5, 3, 5, 12, 16, 9, 11, 24, 28, 15, 7, 15, 17, 9}),
               0),
      "");
  EXPECT_EQ(mismatch(run_op("ConvInteger",
                            {x, int8s({2, 1, 1, 1}, {-1, 3}), kNone, int8s({2}, {0, 1})},
                            {integers("strides", {2, 2})}),
                     int32s({1, 2, 2, 2}, {-2, -4, -8, -10, 4, 8, 16, 20}),
                     0),
            "")
      << "a zero point for each filter";
  EXPECT_NE(error_of(run_op("ConvInteger", {x, w}, {integer("group", 2)})).find("2 groups"),
            std::string::npos);
}

TEST(QLinearConv, AddsTheBiasBeforeItScales) {
  const NamedTensor x = uint8s({1, 2, 2}, {1, 2, 3, 4});
  const NamedTensor w = int8s({2, 1, 1}, {1, -2});
  const auto got = run_op("QLinearConv",
                          {x,
                           floats({}, {0.5F}),
                           uint8s({}, {0}),
                           w,
                           floats({2}, {1, 0.5F}),
                           int8s({2}, {0, 0}),
                           floats({}, {0.25F}),
                           int8s({}, {3}),
                           int32s({2}, {10, -1})},
                          {integer("group", 2)});
  // (1 + 10) * 2 + 3, (2 + 10) * 2 + 3; (-6 - 1) * 1 + 3, (-8 - 1) * 1 + 3
  EXPECT_EQ(mismatch(got, int8s({1, 2, 2}, {25, 27, -4, -6}), 0), "");
  EXPECT_NE(error_of(run_op("QLinearConv",
                            {x,
                             floats({}, {1}),
                             uint8s({}, {0}),
                             w,
                             floats({}, {1}),
                             int8s({}, {0}),
                             floats({}, {1}),
                             int8s({}, {0}),
                             int32s({1}, {1})},
                            {integer("group", 2)}))
                .find("is not int32[2]"),
            std::string::npos);
}

TEST(ConvInteger, AgreesWithPlainSums) {
  const Shape x{2, 4, 9, 37};
  const Shape w{6, 2, 3, 2};
  const auto xs = random_bytes(2 * 4 * 9 * 37, 1);
  const auto ws = random_bytes(6 * 2 * 3 * 2, 2);
  std::vector<std::int8_t> signed_ws;
  for (const std::uint8_t number : ws) {
    signed_ws.push_back(static_cast<std::int8_t>(number - 128));
  }
  for (const std::int64_t stride : {1, 2}) {
    const std::int64_t height = 9 - 3 + 1 + 1;         // padded at the top
    const std::int64_t width = (37 - 3) / stride + 1;  // dilated
    const auto sums = [&](std::int32_t w_zero) {
      std::vector<std::int32_t> want;
      for (std::int64_t i = 0; i < 2 * 6 * height * width; ++i) {
        const std::int64_t column = i % width;
        const std::int64_t row = i / width % height;
        const std::int64_t filter = i / width / height % 6;
        const std::int64_t image = i / width / height / 6;
        std::int32_t sum = 0;
        for (std::int64_t t = 0; t < 12; ++t) {
          const std::int64_t r = row + t / 2 % 3 - 1;
          const std::int64_t c = column * stride + t % 2 * 2;
          const std::int64_t channel = filter / 3 * 2 + t / 6;
          if (r >= 0) {
            sum += (xs[static_cast<std::size_t>(((image * 4 + channel) * 9 + r) * 37 + c)] - 7) *
                   (ws[static_cast<std::size_t>(filter * 12 + t)] - w_zero);
          }
        }
        want.push_back(sum);
      }
      return int32s({2, 6, height, width}, want);
    };
    const std::vector<Attribute> attributes = {integer("group", 2),
                                               integers("pads", {1, 0, 0, 0}),
                                               integers("strides", {1, stride}),
                                               integers("dilations", {1, 2})};
    const NamedTensor zero = uint8s({}, {7});
    EXPECT_EQ(
        mismatch(
            run_op("ConvInteger", {uint8s(x, xs), uint8s(w, ws), zero}, attributes), sums(0), 0),
        "");
    EXPECT_EQ(mismatch(run_op("ConvInteger",
                              {uint8s(x, xs), numbers<std::int8_t>(w, signed_ws), zero},
                              attributes),
                       sums(128),
                       0),
              "");
    GraphCase packed;
    packed.input("x", uint8s(x, xs)).constant("w", uint8s(w, ws)).constant("zero", zero);
    packed.constant("w_zero", uint8s({6}, {200, 200, 200, 200, 200, 200}));
    packed.node("ConvInteger", {"x", "w", "zero", "w_zero"}, {"y"}, attributes).output("y");
    EXPECT_EQ(mismatch(packed.run(), sums(200), 0), "");
  }
}

TEST(DynamicQuantizeLinear, FindsItsRange) {
  // The examples of the specification.
  const auto got =
      run_op("DynamicQuantizeLinear", {floats({6}, {0, 2, -3, -2.5F, 1.34F, 0.5F})}, {}, 11, 3);
  EXPECT_EQ(mismatch(got, uint8s({6}, {153, 255, 0, 26, 221, 179}), 0), "");
  ASSERT_TRUE(got);
  EXPECT_NEAR(floats_of((*got)[1])[0], 0.0196078438F, 1e-8F);
  EXPECT_EQ(
      mismatch(run_op("DynamicQuantizeLinear", {floats({2}, {0, 0})}), uint8s({2}, {0, 0}), 0), "");
  EXPECT_EQ(mismatch(run_op("DynamicQuantizeLinear", {floats({0}, {})}), uint8s({0}, {}), 0), "");
  EXPECT_EQ(
      mismatch(run_op("DynamicQuantizeLinear", {floats({2}, {1, 255})}), uint8s({2}, {1, 255}), 0),
      "");
}

}  // namespace
}  // namespace sluice::engine
