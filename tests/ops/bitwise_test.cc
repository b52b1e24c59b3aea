// bitwise.cc.

#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(BitShift, PushesBitsOut) {
  const NamedTensor x = uint8s({3}, {16, 5, 255});
  const NamedTensor by = uint8s({3}, {1, 2, 7});
  EXPECT_EQ(mismatch(run_op("BitShift", {x, by}, {text("direction", "LEFT")}),
                     uint8s({3}, {32, 20, 128})),
            "");
  EXPECT_EQ(mismatch(run_op("BitShift", {x, by}, {text("direction", "RIGHT")}, 11),
                     uint8s({3}, {8, 1, 1})),
            "");
  EXPECT_EQ(
      mismatch(run_op("BitShift",
                      {numbers<std::uint64_t>({2}, {1, 3}), numbers<std::uint64_t>({2}, {63, 64})},
                      {text("direction", "LEFT")}),
               numbers<std::uint64_t>({2}, {1ULL << 63, 0})),
      "");
  EXPECT_EQ(mismatch(run_op("BitShift",
                            {numbers<std::uint32_t>({}, {8}), numbers<std::uint32_t>({2}, {32, 3})},
                            {text("direction", "RIGHT")}),
                     numbers<std::uint32_t>({2}, {0, 1})),
            "");
  EXPECT_NE(error_of(run_op("BitShift", {x, by})).find("direction"), std::string::npos);
  EXPECT_NE(error_of(run_op(
                "BitShift", {int32s({1}, {1}), int32s({1}, {1})}, {text("direction", "LEFT")})),
            "no error");
}

TEST(Bitwise, WorksOnIntegersOfEverySize) {
  const NamedTensor a = numbers<std::int16_t>({2, 1}, {0x0F0F, -1});
  const NamedTensor b = numbers<std::int16_t>({2}, {0x00FF, 0x5555});
  EXPECT_EQ(mismatch(run_op("BitwiseAnd", {a, b}, {}, 18),
                     numbers<std::int16_t>({2, 2}, {0x000F, 0x0505, 0x00FF, 0x5555})),
            "");
  EXPECT_EQ(mismatch(run_op("BitwiseOr", {a, b}, {}, 18),
                     numbers<std::int16_t>({2, 2}, {0x0FFF, 0x5F5F, -1, -1})),
            "");
  EXPECT_EQ(mismatch(run_op("BitwiseXor", {uint8s({2}, {0xF0, 1}), uint8s({}, {0xFF})}, {}, 18),
                     uint8s({2}, {0x0F, 0xFE})),
            "");
  EXPECT_EQ(mismatch(run_op("BitwiseNot", {int64s({2}, {0, 41})}, {}, 18), int64s({2}, {-1, -42})),
            "");
  EXPECT_EQ(mismatch(run_op("BitwiseNot", {numbers<std::uint16_t>({1}, {1})}, {}, 18),
                     numbers<std::uint16_t>({1}, {0xFFFE})),
            "");
  EXPECT_EQ(mismatch(run_op("BitwiseNot", {int32s({0}, {})}, {}, 18), int32s({0}, {})), "");
  EXPECT_NE(error_of(run_op("BitwiseNot", {floats({1}, {1})}, {}, 18)).find("float32"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("BitwiseAnd", {floats({1}, {1}), floats({1}, {1})}, {}, 18)),
            "no error");
  EXPECT_NE(error_of(run_op("BitwiseAnd", {uint8s({1}, {1}), uint8s({1}, {1})}, {}, 17))
                .find("exists since opset 18"),
            std::string::npos);
}

TEST(Mod, HasTheSignOfTheDivisorOrTheDividend) {
  const NamedTensor a = int32s({6}, {-4, 7, 5, 4, -7, 8});
  const NamedTensor b = int32s({6}, {2, -3, 8, -2, 3, 5});
  EXPECT_EQ(mismatch(run_op("Mod", {a, b}), int32s({6}, {0, -2, 5, 0, 2, 3})), "");
  EXPECT_EQ(mismatch(run_op("Mod", {a, b}, {integer("fmod", 1)}), int32s({6}, {0, 1, 5, 0, -1, 3})),
            "");
  EXPECT_EQ(
      mismatch(run_op("Mod",
                      {floats({4}, {-4.3F, 7.2F, kInf, 5}), floats({4}, {2.1F, -3.4F, 1, kNan})},
                      {integer("fmod", 1)},
                      10),
               floats({4}, {-0.1F, 0.4F, kNan, kNan}),
               1e-5),
      "");
  EXPECT_EQ(
      mismatch(run_op("Mod", {uint8s({2}, {250, 7}), uint8s({}, {100})}), uint8s({2}, {50, 7})),
      "");
  const auto lowest = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(mismatch(run_op("Mod", {int64s({2}, {lowest, 9}), int64s({2}, {-1, 0})}),
                     int64s({2}, {0, 0})),
            "");
  EXPECT_NE(error_of(run_op("Mod", {floats({1}, {1}), floats({1}, {1})})).find("fmod is 0"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
