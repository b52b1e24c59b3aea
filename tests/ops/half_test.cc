// 16-bit floats through the engine: widen.h, and the operators that take them as they are.

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "common/tensor/small_float.h"
#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Half, EveryOperatorThatIsWrittenForFloat32TakesThemAndRoundsItsResults) {
  // 2049 lies between two float16 and goes to the even one; 65520 is too large.
  EXPECT_EQ(
      mismatch(run_op("Add", {halves({4}, {2048, 1, 65504, kNan}), halves({4}, {1, 2, 16, 1})}),
               halves({4}, {2048, 3, kInf, kNan}),
               0),
      "");
  EXPECT_EQ(mismatch(run_op("Mul", {bhalves({3}, {257, 3, 1}), bhalves({1}, {1})}),
                     bhalves({3}, {256, 3, 1}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("MatMul", {halves({1, 2}, {1, 2}), halves({2, 1}, {3, 0.5F})}),
                     halves({1, 1}, {4}),
                     0),
            "");
  EXPECT_EQ(mismatch(run_op("Relu", {halves({0}, {})}), halves({0}, {})), "");
}

TEST(Half, ConstantsAndFoldedNodesAreTheSame) {
  GraphCase graph;
  graph.input("x", halves({1, 2}, {1, 2}));
  graph.constant("w", halves({2, 2}, {1, 0.5F, 2, 0.25F})).constant("two", halves({1}, {2}));
  graph.node("Mul", {"w", "two"}, {"w2"}).node("MatMul", {"x", "w2"}, {"y"});
  graph.node("Add", {"two", "y"}, {"z"}).output("z").output("w2");
  const auto got = graph.run();
  EXPECT_EQ(mismatch(got, halves({1, 2}, {12, 4}), 0), "");
  ASSERT_TRUE(got);
  EXPECT_EQ((*got)[1].datatype, DataType::float16);
}

TEST(Half, ResultsAreRoundedAtEveryNode) {
  // 1 + 2^-11 is 1 in float16; without rounding between the nodes the second sum would see it.
  GraphCase graph;
  const float tiny = 0x1p-11F;
  graph.input("x", halves({1}, {1})).input("e", halves({1}, {tiny}));
  graph.node("Add", {"x", "e"}, {"a"}).node("Add", {"a", "e"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), halves({1}, {1}), 0), "");
}

TEST(Half, AValueThatIsReadAndReturnedIsRoundedForBoth) {
  for (const bool brain : {false, true}) {
    const auto make = [&](std::vector<float> values) {
      const Shape shape{static_cast<std::int64_t>(values.size())};
      return brain ? bhalves(shape, values) : halves(shape, values);
    };
    GraphCase graph;
    const float tiny = brain ? 0x1p-9F : 0x1p-12F;
    graph.input("x", make({1, 3, 1})).input("e", make({tiny, tiny, 0.5F}));
    graph.node("Add", {"x", "e"}, {"a"})
        .node("Add", {"a", "e"}, {"y"})
        .node("Identity", {"a"}, {"b"});
    graph.output("y").output("b");
    const auto got = graph.run();
    ASSERT_TRUE(got) << error_of(got);
    EXPECT_EQ((*got)[0].data.text(), make({1, 3, 2}).data.text());
    EXPECT_EQ((*got)[1].data.text(), make({1, 3, 1.5F}).data.text());
  }
}

TEST(Half, DropoutsOldMaskIsOnes) {
  const auto got = run_op("Dropout", {halves({2}, {3, 4})}, {}, 7, 2);
  ASSERT_TRUE(got) << error_of(got);
  EXPECT_EQ((*got)[1].data.text(), halves({2}, {1, 1}).data.text());
}

TEST(Half, TheFirstFloatDecidesWhatResultsAre) {
  EXPECT_EQ(mismatch(run_op("Pow", {floats({1}, {2}), halves({1}, {3})}), floats({1}, {8})), "");
  EXPECT_EQ(mismatch(run_op("Pow", {halves({1}, {2}), floats({1}, {3})}), halves({1}, {8})), "");
}

TEST(Half, ShapesThatOnlyARunKnowsMakeNoDifference) {
  GraphCase graph;
  graph.input("x", halves({2, 2}, {1, 2, 3, 4})).input("s", int64s({1}, {4}));
  graph.node("Reshape", {"x", "s"}, {"r"}).node("Neg", {"r"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), halves({4}, {-1, -2, -3, -4}), 0), "");
}

TEST(Half, ConvolutionsKeepTheirLayoutAcrossTheConversions) {
  GraphCase graph;
  graph.input("x", halves({1, 2, 3, 3}, std::vector<float>(18, 1)));
  graph.constant("w", halves({4, 2, 3, 3}, std::vector<float>(72, 0.5F)));
  graph.node("Conv", {"x", "w"}, {"c"}).node("Relu", {"c"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), halves({1, 4, 1, 1}, {9, 9, 9, 9}), 0), "");
}

// Rounding before a relu or a clip is rounding after it; a product has more digits than are kept.
TEST(Half, ConvolutionsTakeTheActivationsThatRoundingLetsThemTake) {
  const struct {
    const char* op;
    std::vector<Attribute> attributes;
    std::size_t steps;  // an activation of its own, and the rounding behind it, are two more
  } rows[] = {{"Relu", {}, 9},
              {"Clip", {real("min", -0.3F), real("max", 0.7F)}, 9},
              {"LeakyRelu", {real("alpha", 0.3F)}, 11}};
  for (const auto& row : rows) {
    std::vector<float> image(3 * 7 * 5);
    std::vector<float> weights(4 * 3 * 3 * 3);
    for (std::size_t i = 0; i < image.size(); ++i) {
      image[i] = std::sin(static_cast<float>(i));
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = std::cos(static_cast<float>(3 * i));
    }
    GraphCase graph(10);
    graph.input("x", halves({1, 3, 7, 5}, image)).constant("w", halves({4, 3, 3, 3}, weights));
    graph.node("Conv", {"x", "w"}, {"c"}).node(row.op, {"c"}, {"a"}, row.attributes);
    graph.constant("v", halves({4, 4, 1, 1}, std::vector<float>(16, 0.1F)));
    graph.node("Conv", {"a", "v"}, {"y"}).output("y").output("a");
    const auto want = graph.run_reference();
    const auto got = graph.run();
    ASSERT_TRUE(want && got) << error_of(want) << error_of(got);
    EXPECT_EQ(mismatch_at(got, 0, (*want)[0], 1e-3, 1e-3), "") << row.op;
    EXPECT_EQ(mismatch_at(got, 1, (*want)[1], 1e-3, 1e-3), "") << row.op;
    EXPECT_EQ(graph.figures().steps, row.steps) << row.op;
  }
}

TEST(Half, ARelusNanStaysWhereTheNumbersBeforeItWereTooLarge) {
  GraphCase graph;
  graph.input("x", halves({1, 1, 1, 2}, {60000, 1})).constant("w", halves({2, 1, 1, 1}, {2, -2}));
  graph.constant("v", halves({1, 2, 1, 1}, {1, 1}));
  graph.node("Conv", {"x", "w"}, {"c"});
  graph.node("Conv", {"c", "v"}, {"d"}).node("Relu", {"d"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), halves({1, 1, 1, 2}, {kNan, 0}), 0), "");
}

TEST(Half, ADropoutWhoseMaskNobodyReadsIsNoStep) {
  GraphCase graph(6);
  graph.input("x", halves({2}, {3, 4})).node("Neg", {"x"}, {"n"});
  graph.node("Dropout", {"n"}, {"d", "mask"}).node("Neg", {"d"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), halves({2}, {3, 4}), 0), "");
  EXPECT_EQ(graph.figures().steps, 5U) << "two conversions, and a rounding between";
}

TEST(Half, OperatorsThatMoveElementsKeepEveryBit) {
  GraphCase graph;
  NamedTensor odd = halves({2}, {1, kNan});
  std::vector<std::byte> bytes(odd.data.bytes().begin(), odd.data.bytes().end());
  bytes[2] = std::byte{0x5A};  // a NaN's payload
  odd.data = Buffer::copy_of(bytes);
  const auto got = run_op("Concat", {odd, odd}, {integer("axis", 0)});
  ASSERT_TRUE(got) << error_of(got);
  EXPECT_EQ(std::memcmp(got->front().data.data() + 4, bytes.data(), 4), 0);
}

// --- Cast ----------------------------------------------------------------------------------------

NamedTensor cast(const NamedTensor& x, std::int64_t to, int opset = 13) {
  const auto got = run_op("Cast", {x}, {integer("to", to)}, opset);
  EXPECT_TRUE(got) << error_of(got);
  return got ? got->front() : NamedTensor{};
}

TEST(Cast, RoundsToHalfPrecisionOnce) {
  EXPECT_EQ(
      mismatch(run_op("Cast", {floats({4}, {65519, 65520, -1e9F, kNan})}, {integer("to", 10)}),
               halves({4}, {65504, kInf, -kInf, kNan}),
               0),
      "");
  // Just above the middle of 1 and the next float16: by way of float32 it would fall on the tie.
  const NamedTensor close = doubles({1}, {1 + 0x1p-11 + 0x1p-40});
  EXPECT_EQ(mismatch(run_op("Cast", {close}, {integer("to", 10)}), halves({1}, {1 + 0x1p-10F}), 0),
            "");
  EXPECT_EQ(cast(int64s({2}, {2049, 1 << 20}), 10).data.text(),
            halves({2}, {2048, kInf}).data.text());
  EXPECT_EQ(mismatch(run_op("Cast", {halves({3}, {1.5F, -2.5F, 0})}, {integer("to", 7)}),
                     int64s({3}, {1, -2, 0})),
            "");
  EXPECT_EQ(
      mismatch(run_op("Cast", {halves({2}, {kNan, 0})}, {integer("to", 9)}), bools({2}, {1, 0})),
      "");
  EXPECT_EQ(mismatch(run_op("Cast", {bhalves({1}, {3})}, {integer("to", 10)}), halves({1}, {3}), 0),
            "");
}

TEST(Cast, WritesAndReadsText) {
  EXPECT_EQ(mismatch(run_op("Cast",
                            {floats({7}, {0.1F, 1e6F, 1e-7F, 1e16F, kNan, -kInf, -0.0F})},
                            {integer("to", 8)}),
                     strings({7}, {"0.1", "1000000.0", "1e-07", "1e+16", "NaN", "-INF", "-0.0"})),
            "");
  EXPECT_EQ(mismatch(run_op("Cast", {int64s({2}, {-5, 12})}, {integer("to", 8)}),
                     strings({2}, {"-5", "12"})),
            "");
  EXPECT_EQ(mismatch(run_op("Cast",
                            {strings({6}, {" 0.5", "1e3", "+INF", "-inf", "NaN", "1e999"})},
                            {integer("to", 1)}),
                     floats({6}, {0.5F, 1000, kInf, -kInf, kNan, kInf})),
            "");
  EXPECT_EQ(mismatch(run_op("Cast", {strings({2}, {"-7", "+9"})}, {integer("to", 7)}),
                     int64s({2}, {-7, 9})),
            "");
  EXPECT_NE(error_of(run_op("Cast", {strings({1}, {"1x"})}, {integer("to", 1)})).find("'1x'"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Cast", {strings({1}, {""})}, {integer("to", 7)})), "no error");
}

TEST(CastLike, TakesTheDatatypeOfItsSecondInput) {
  EXPECT_EQ(
      mismatch(run_op("CastLike", {floats({2}, {1, 2}), halves({0}, {})}), halves({2}, {1, 2}), 0),
      "");
  EXPECT_EQ(mismatch(run_op("CastLike", {halves({1}, {2.5F}), int64s({}, {1})}), int64s({1}, {2})),
            "");
}

}  // namespace
}  // namespace sluice::engine
