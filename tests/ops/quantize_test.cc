// quantize_linear.cc, and Cast to and from the types that only quantisation uses.

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kInf = std::numeric_limits<float>::infinity();

NamedTensor int8s(Shape shape, const std::vector<std::int8_t>& values) {
  return numbers(std::move(shape), values);
}
// float8 codes, or 4-bit integers one a byte.
NamedTensor coded(DataType datatype, Shape shape, const std::vector<std::uint8_t>& codes) {
  NamedTensor tensor = numbers(std::move(shape), codes);
  tensor.datatype = datatype;
  return tensor;
}

TEST(QuantizeLinear, RoundsTiesToEvenBeforeTheZeroPointAndSaturates) {
  const NamedTensor x = floats({6}, {1, 3, 5, -3, 1000, -1000});
  EXPECT_EQ(mismatch(run_op("QuantizeLinear", {x, floats({}, {2}), uint8s({}, {129})}),
                     uint8s({6}, {129, 131, 131, 127, 255, 0}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("QuantizeLinear", {x, floats({1}, {2}), int8s({1}, {1})}, {}, 10),
                     int8s({6}, {1, 3, 3, -1, 127, -128}),
                     0),
            "");
  EXPECT_EQ(
      mismatch(run_op("QuantizeLinear", {floats({1}, {3}), floats({}, {1})}), uint8s({1}, {3}), 0),
      "")
      << "without a zero point the result is uint8";
  EXPECT_EQ(mismatch(run_op("QuantizeLinear", {floats({2}, {kInf, -kInf}), floats({}, {1})}),
                     uint8s({2}, {255, 0}),
                     0),
            "");
}

// Halves and what lies just beside them, over more than the bytes' range.
TEST(QuantizeLinear, RoundsTheQuotientsOfAnyScale) {
  for (const float scale : {1.0F, 0.1F, 0.0137F, 3.14159F, 1e-30F, 7e30F, 1e-40F}) {
    for (const int zero : {0, 3, 128, 255}) {
      std::vector<float> x;
      std::vector<std::uint8_t> want;
      for (int i = -600; i < 600; ++i) {
        const float half = static_cast<float>(i) * 0.5F * scale;
        for (const float value : {half, std::nextafter(half, kInf), std::nextafter(half, -kInf)}) {
          x.push_back(value);
          const float placed = std::nearbyint(value / scale) + static_cast<float>(zero);
          want.push_back(static_cast<std::uint8_t>(std::clamp(placed, 0.0F, 255.0F)));
        }
      }
      for (const float value : {kInf, -kInf, 3e38F, -3e38F}) {
        x.push_back(value);
        want.push_back(value > 0 ? 255 : 0);
      }
      const Shape shape{static_cast<std::int64_t>(x.size())};
      EXPECT_EQ(mismatch(run_op("QuantizeLinear",
                                {floats(shape, x),
                                 floats({}, {scale}),
                                 uint8s({}, {static_cast<std::uint8_t>(zero)})}),
                         uint8s(shape, want),
                         0),
                "")
          << scale << " " << zero;
    }
  }
}

TEST(QuantizeLinear, HasAScaleForEachPositionOfAnAxisOrForEachBlock) {
  const NamedTensor x = floats({2, 3}, {2, 4, 8, 2, 4, 8});
  EXPECT_EQ(mismatch(run_op("QuantizeLinear",
                            {x, floats({3}, {1, 2, 4}), uint8s({3}, {0, 1, 2})},
                            {integer("axis", -1)}),
                     uint8s({2, 3}, {2, 3, 4, 2, 3, 4}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("QuantizeLinear",
                            {x, floats({2, 2}, {1, 8, 2, 4}), uint8s({2, 2}, {0, 0, 1, 0})},
                            {integer("axis", 1), integer("block_size", 2)},
                            21),
                     uint8s({2, 3}, {2, 4, 1, 2, 3, 2}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("QuantizeLinear",
                            {x, floats({1, 3}, {1, 2, 4}), uint8s({1, 3}, {0, 0, 0})},
                            {integer("axis", 0), integer("block_size", 2)},
                            21),
                     uint8s({2, 3}, {2, 2, 2, 2, 2, 2}),
                     0),
            "");
  EXPECT_NE(error_of(run_op("QuantizeLinear", {x, floats({2}, {1, 2})})), "no error");
  EXPECT_NE(error_of(run_op("QuantizeLinear", {x, floats({3}, {1, 2, 4})}, {}, 10)), "no error");
  EXPECT_NE(error_of(run_op("QuantizeLinear",
                            {x, floats({2, 3}, {1, 2, 3, 4, 5, 6})},
                            {integer("axis", 1), integer("block_size", 2)},
                            21)),
            "no error");
}

TEST(QuantizeLinear, GivesEveryTypeOfItsVersion) {
  const NamedTensor x = floats({3}, {-9, 3.5F, 70000});
  const NamedTensor one = floats({}, {1});
  EXPECT_EQ(mismatch(run_op("QuantizeLinear", {x, one, coded(DataType::int4, {}, {0})}, {}, 21),
                     coded(DataType::int4, {3}, {0xF8, 4, 7}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("QuantizeLinear", {x, one}, {integer("output_dtype", 21)}, 21),
                     coded(DataType::uint4, {3}, {0, 4, 15}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("QuantizeLinear", {x, one, numbers<std::uint16_t>({}, {5})}, {}, 21),
                     numbers<std::uint16_t>({3}, {0, 9, 65535}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("QuantizeLinear",
                            {x, one, coded(DataType::float8e4m3fn, {}, {0})},
                            {integer("saturate", 0)},
                            19),
                     coded(DataType::float8e4m3fn, {3}, {0xD1, 0x46, 0x7F}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("QuantizeLinear", {halves({2}, {3, 5}), halves({}, {2})}, {}, 19),
                     uint8s({2}, {2, 2}),
                     0),
            "");
  EXPECT_NE(error_of(run_op("QuantizeLinear", {x, one, coded(DataType::int4, {}, {0})}, {}, 19)),
            "no error");
}

TEST(DequantizeLinear, IsTheWayBack) {
  EXPECT_EQ(mismatch(run_op("DequantizeLinear",
                            {uint8s({3}, {0, 128, 255}), floats({}, {2}), uint8s({}, {128})}),
                     floats({3}, {-256, 0, 254})),
            "");
  EXPECT_EQ(mismatch(run_op("DequantizeLinear",
                            {int8s({2, 2}, {1, 2, 3, 4}), floats({2}, {1, 10}), int8s({2}, {0, 1})},
                            {integer("axis", 0)}),
                     floats({2, 2}, {1, 2, 20, 30})),
            "");
  EXPECT_EQ(
      mismatch(run_op("DequantizeLinear",
                      {coded(DataType::int4, {5}, {0xF8, 0xFF, 0, 1, 7}), floats({3}, {1, 2, 4})},
                      {integer("axis", 0), integer("block_size", 2)},
                      21),
               floats({5}, {-8, -1, 0, 2, 28})),
      "");
  EXPECT_EQ(mismatch(run_op("DequantizeLinear", {int32s({1}, {-7}), floats({}, {0.5F})}),
                     floats({1}, {-3.5F})),
            "");
  EXPECT_EQ(mismatch(run_op("DequantizeLinear",
                            {coded(DataType::float8e5m2, {2}, {0x40, 0x7C}), halves({}, {2})},
                            {},
                            19),
                     halves({2}, {4, kInf}),
                     0),
            "");
  EXPECT_EQ(
      mismatch(run_op("DequantizeLinear", {uint8s({0}, {}), floats({}, {2})}), floats({0}, {})),
      "");
  EXPECT_NE(
      error_of(run_op("DequantizeLinear", {uint8s({1}, {1}), floats({}, {2}), int8s({}, {0})})),
      "no error");
}

TEST(Cast, GoesToAndFromTheSmallTypes) {
  const NamedTensor x = floats({5}, {-20, -0.4F, 2.5F, 7, 1000});
  const auto to = [&](std::int64_t number, std::vector<Attribute> more = {}) {
    more.push_back(integer("to", number));
    return run_op("Cast", {x}, more, 21);
  };
  EXPECT_EQ(mismatch(to(22), coded(DataType::int4, {5}, {0xF8, 0, 2, 7, 7}), 0), "");
  EXPECT_EQ(mismatch(to(21), coded(DataType::uint4, {5}, {0, 0, 2, 7, 15}), 0), "");
  EXPECT_EQ(mismatch(to(17), coded(DataType::float8e4m3fn, {5}, {0xDA, 0xAD, 0x42, 0x4E, 0x7E}), 0),
            "");
  EXPECT_EQ(mismatch(to(17, {integer("saturate", 0)}),
                     coded(DataType::float8e4m3fn, {5}, {0xDA, 0xAD, 0x42, 0x4E, 0x7F}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("Cast",
                            {coded(DataType::float8e5m2fnuz, {3}, {0x44, 0xC4, 0x00})},
                            {integer("to", 1)},
                            19),
                     floats({3}, {2, -2, 0})),
            "");
  EXPECT_EQ(
      mismatch(
          run_op("Cast", {coded(DataType::int4, {3}, {0xF8, 0xFF, 7})}, {integer("to", 7)}, 21),
          int64s({3}, {-8, -1, 7})),
      "");
  EXPECT_EQ(mismatch(run_op("Cast", {int64s({2}, {200, 17})}, {integer("to", 22)}, 21),
                     coded(DataType::int4, {2}, {0xF8, 1}),
                     0),
            "")
      << "integers keep their lowest bits";
}

}  // namespace
}  // namespace sluice::engine
