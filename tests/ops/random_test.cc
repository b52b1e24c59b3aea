// random.cc: distributions, by samples large enough that a right one fails less than once in a
// million times (and with a seed never).

#include <algorithm>
#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr std::int64_t kMany = 40'000;

struct Moments {
  double mean = 0;
  double deviation = 0;
  float least = 0;
  float most = 0;
};

Moments moments_of(const Result<std::vector<NamedTensor>>& got) {
  Moments moments;
  EXPECT_TRUE(got) << error_of(got);
  if (!got) {
    return moments;
  }
  const std::vector<float> x = floats_of(got->front());
  double squares = 0;
  for (const float value : x) {
    moments.mean += static_cast<double>(value) / static_cast<double>(x.size());
    squares +=
        static_cast<double>(value) * static_cast<double>(value) / static_cast<double>(x.size());
  }
  moments.deviation = std::sqrt(squares - moments.mean * moments.mean);
  moments.least = *std::ranges::min_element(x);
  moments.most = *std::ranges::max_element(x);
  return moments;
}

TEST(Random, UniformAndNormalHaveTheirMoments) {
  const Attribute shape = integers("shape", {4, kMany / 4});
  for (const int opset : {1, 17, 22}) {
    const Moments uniform = moments_of(run_op(
        "RandomUniform", {}, {shape, real("low", -1), real("high", 3), real("seed", 2)}, opset));
    EXPECT_NEAR(uniform.mean, 1, 0.03);
    EXPECT_NEAR(uniform.deviation, 4 / std::sqrt(12.0), 0.02);
    EXPECT_GE(uniform.least, -1.0F);
    EXPECT_LE(uniform.most, 3.0F);
    const Moments normal = moments_of(run_op(
        "RandomNormal", {}, {shape, real("mean", 5), real("scale", 2), real("seed", 2)}, opset));
    EXPECT_NEAR(normal.mean, 5, 0.06);
    EXPECT_NEAR(normal.deviation, 2, 0.05);
    EXPECT_LT(normal.least, -1.0F);
    EXPECT_GT(normal.most, 11.0F);
  }
}

TEST(Random, LikeTakesDimsAndTypeOfItsInput) {
  const auto like = run_op("RandomNormalLike", {doubles({2, 3}, {0, 0, 0, 0, 0, 0})});
  ASSERT_TRUE(like) << error_of(like);
  EXPECT_EQ(like->front().datatype, DataType::float64);
  EXPECT_EQ(like->front().shape, (Shape{2, 3}));
  const auto half = run_op("RandomUniformLike", {int32s({2}, {0, 0})}, {integer("dtype", 10)});
  ASSERT_TRUE(half) << error_of(half);
  EXPECT_EQ(half->front().datatype, DataType::float16);
  const auto same = run_op("RandomUniformLike", {halves({2}, {0, 0})});
  ASSERT_TRUE(same) << error_of(same);
  EXPECT_EQ(same->front().datatype, DataType::float16);
  EXPECT_NE(error_of(run_op("RandomUniformLike", {int32s({1}, {0})})).find("int32"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("RandomUniform", {}, {integers("shape", {1}), integer("dtype", 6)}))
                .find("int32"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("RandomUniform", {})).find("no shape"), std::string::npos);
  EXPECT_NE(error_of(run_op("RandomUniform", {}, {integers("shape", {-1})})), "no error");
}

TEST(Random, ASeedRepeatsAndItsLackDoesNot) {
  const auto draw = [](std::vector<Attribute> attributes) {
    attributes.push_back(integers("shape", {100}));
    const auto got = run_op("RandomUniform", {}, attributes);
    EXPECT_TRUE(got) << error_of(got);
    return got ? floats_of(got->front()) : std::vector<float>{};
  };
  EXPECT_EQ(draw({real("seed", 7)}), draw({real("seed", 7)}));
  EXPECT_NE(draw({real("seed", 7)}), draw({real("seed", 8)}));
  EXPECT_NE(draw({}), draw({}));
}

TEST(Bernoulli, HitsAsOftenAsItsInputSays) {
  std::vector<float> probabilities(static_cast<std::size_t>(kMany), 0.3F);
  probabilities[0] = 0;
  probabilities[1] = 1;
  const NamedTensor x = floats({kMany}, probabilities);
  const auto got = run_op("Bernoulli", {x}, {real("seed", 1)}, 15);
  const Moments moments = moments_of(got);
  EXPECT_NEAR(moments.mean, 0.3, 0.012);
  ASSERT_TRUE(got);
  EXPECT_EQ(floats_of(got->front())[0], 0.0F);
  EXPECT_EQ(floats_of(got->front())[1], 1.0F);
  EXPECT_EQ(mismatch(run_op("Bernoulli", {doubles({2}, {0, 1})}, {integer("dtype", 9)}, 22),
                     bools({2}, {0, 1})),
            "");
  EXPECT_EQ(mismatch(run_op("Bernoulli", {halves({2}, {0, 1})}, {integer("dtype", 1)}, 15),
                     floats({2}, {0, 1})),
            "");
  EXPECT_EQ(mismatch(run_op("Bernoulli", {halves({2}, {1, 0})}, {}, 15), halves({2}, {1, 0})), "");
  EXPECT_NE(error_of(run_op("Bernoulli", {int32s({1}, {1})}, {}, 15)).find("int32"),
            std::string::npos);
}

TEST(Multinomial, DrawsClassesByTheirOdds) {
  const float no = -std::numeric_limits<float>::infinity();
  const auto got = run_op("Multinomial",
                          {floats({2, 3}, {0, std::log(3.0F), no, no, no, 1000})},
                          {integer("sample_size", kMany), integer("dtype", 7), real("seed", 3)},
                          7);
  ASSERT_TRUE(got) << error_of(got);
  ASSERT_EQ(got->front().shape, (Shape{2, kMany}));
  std::vector<std::int64_t> drawn(static_cast<std::size_t>(2 * kMany));
  std::memcpy(drawn.data(), got->front().data.data(), got->front().data.size());
  const auto first = std::span(drawn).first(static_cast<std::size_t>(kMany));
  const auto second = std::span(drawn).last(static_cast<std::size_t>(kMany));
  EXPECT_NEAR(static_cast<double>(std::ranges::count(first, 0)) / kMany, 0.25, 0.012);
  EXPECT_EQ(std::ranges::count(first, 2), 0);
  EXPECT_EQ(std::ranges::count(second, 2), kMany);
  const auto small = run_op("Multinomial", {floats({1, 1}, {0})}, {}, 22);
  EXPECT_EQ(mismatch(small, int32s({1, 1}, {0})), "");
  EXPECT_NE(error_of(run_op("Multinomial", {floats({1, 2}, {no, no})})).find("no finite odds"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Multinomial", {floats({2}, {0, 0})})), "no error");
  EXPECT_NE(
      error_of(run_op("Multinomial", {floats({1, 1}, {0})}, {integer("dtype", 1)})).find("float32"),
      std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
