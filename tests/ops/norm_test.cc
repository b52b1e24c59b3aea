// layer_norm.cc, instance_norm.cc, norm.cc.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
const NamedTensor kNone;

// (x - mean) / sqrt(variance + epsilon) of one row.
std::vector<float> normal(const std::vector<float>& x, double epsilon) {
  double mean = 0;
  double variance = 0;
  for (const float value : x) {
    mean += static_cast<double>(value) / static_cast<double>(x.size());
  }
  for (const float value : x) {
    const double distance = static_cast<double>(value) - mean;
    variance += distance * distance / static_cast<double>(x.size());
  }
  std::vector<float> y;
  for (const float value : x) {
    y.push_back(
        static_cast<float>((static_cast<double>(value) - mean) / std::sqrt(variance + epsilon)));
  }
  return y;
}

TEST(LayerNormalization, CentresRowsAndTellsTheirStatistics) {
  // Mean 2 and variance 1 in the first row; a row of equal numbers is 0.
  const NamedTensor x = floats({2, 2}, {1, 3, 5, 5});
  const auto got = run_op("LayerNormalization",
                          {x, floats({2}, {1, 2}), floats({2}, {10, 20})},
                          {real("epsilon", 0.25F)},
                          17,
                          3);
  const float factor = 0.8944272F;  // 1 / sqrt(1.25)
  EXPECT_EQ(mismatch(got, floats({2, 2}, {10 - factor, 20 + 2 * factor, 10, 20})), "");
  ASSERT_TRUE(got);
  EXPECT_EQ((*got)[1].shape, (Shape{2, 1}));
  EXPECT_EQ(floats_of((*got)[1]), (std::vector<float>{2, 5}));
  EXPECT_EQ(floats_of((*got)[2])[1], 2);  // 1 / sqrt(0.25)
}

TEST(LayerNormalization, TakesAnyAxisOneScaleAndNothing) {
  const NamedTensor x = random_floats({3, 4, 5}, 3);
  const auto values = floats_of(x);
  for (const int axis : {0, 1, 2, -1, -3}) {
    const std::size_t length = axis == 0 || axis == -3 ? 60 : axis == 1 ? 20 : 5;
    std::vector<float> want;
    for (std::size_t i = 0; i < values.size(); i += length) {
      const auto at = values.begin() + static_cast<std::ptrdiff_t>(i);
      for (const float y : normal({at, at + static_cast<std::ptrdiff_t>(length)}, 1e-5)) {
        want.push_back(2 * y);
      }
    }
    EXPECT_EQ(mismatch(run_op("LayerNormalization", {x, floats({1}, {2})}, {integer("axis", axis)}),
                       floats({3, 4, 5}, want),
                       1e-5,
                       1e-6),
              "")
        << axis;
  }
  EXPECT_EQ(mismatch(run_op("LayerNormalization", {floats({0, 2}, {}), floats({2}, {1, 1})}),
                     floats({0, 2}, {})),
            "");
  EXPECT_EQ(mismatch(run_op("LayerNormalization",
                            {doubles({2}, {1, 3}), doubles({2}, {1, 1})},
                            {real("epsilon", 0)}),
                     doubles({2}, {-1, 1})),
            "");
  const NamedTensor dirty = floats({2, 2}, {kNan, 1, 1, 3});
  const auto got = run_op("LayerNormalization", {dirty, floats({2}, {1, 1})}, {real("epsilon", 0)});
  EXPECT_EQ(mismatch(got, floats({2, 2}, {kNan, kNan, -1, 1})), "");
  EXPECT_NE(error_of(run_op("LayerNormalization", {x, floats({4}, {1, 1, 1, 1})}))
                .find("from axis -1 on"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("LayerNormalization", {x, floats({1}, {1})}, {integer("axis", 3)}))
                .find("axis 3"),
            std::string::npos);
}

TEST(RMSNormalization, DividesByTheRootMeanSquare) {
  EXPECT_EQ(mismatch(run_op("RMSNormalization",
                            {floats({1, 2}, {1, 7}), floats({2}, {1, 10})},
                            {real("epsilon", 0)},
                            23),
                     floats({1, 2}, {0.2F, 14})),
            "");
  EXPECT_NE(
      error_of(run_op("RMSNormalization", {floats({2}, {1, 7}), floats({2}, {1, 1})}, {}, 22)),
      "no error");
}

TEST(InstanceNormalization, LooksAtEachChannelAlone) {
  const NamedTensor x = floats({1, 2, 2}, {1, 3, 10, 30});
  for (const int opset : {1, 6, 22}) {
    EXPECT_EQ(mismatch(run_op("InstanceNormalization",
                              {x, floats({2}, {1, 2}), floats({2}, {0, 5})},
                              {real("epsilon", 0)},
                              opset),
                       floats({1, 2, 2}, {-1, 1, 3, 7})),
              "")
        << opset;
  }
  EXPECT_EQ(mismatch(run_op("InstanceNormalization",
                            {floats({0, 2, 2}, {}), floats({2}, {1, 2}), floats({2}, {0, 5})}),
                     floats({0, 2, 2}, {})),
            "");
  EXPECT_NE(error_of(run_op("InstanceNormalization", {x, floats({1}, {1}), floats({2}, {0, 5})}))
                .find("is not float32[2]"),
            std::string::npos)
      << error_of(run_op("InstanceNormalization", {x, floats({1}, {1}), floats({2}, {0, 5})}));
}

TEST(GroupNormalization, ScalesGroupsAt18AndChannelsAt21) {
  const NamedTensor x = floats({1, 4, 1}, {1, 3, 10, 30});
  const std::vector<Attribute> attributes{integer("num_groups", 2), real("epsilon", 0)};
  EXPECT_EQ(
      mismatch(
          run_op(
              "GroupNormalization", {x, floats({2}, {1, 2}), floats({2}, {0, 5})}, attributes, 18),
          floats({1, 4, 1}, {-1, 1, 3, 7})),
      "");
  EXPECT_EQ(mismatch(run_op("GroupNormalization",
                            {x, floats({4}, {1, 2, 3, 4}), floats({4}, {0, 1, 2, 3})},
                            attributes,
                            21),
                     floats({1, 4, 1}, {-1, 3, -1, 7})),
            "");
  EXPECT_NE(error_of(run_op("GroupNormalization",
                            {x, floats({4}, {1, 2, 3, 4}), floats({4}, {0, 1, 2, 3})},
                            attributes,
                            18)),
            "no error");
  EXPECT_NE(error_of(run_op("GroupNormalization",
                            {x, floats({4}, {1, 2, 3, 4}), floats({4}, {0, 1, 2, 3})},
                            {integer("num_groups", 3)},
                            21))
                .find("3 groups"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("GroupNormalization",
                            {x, floats({4}, {1, 2, 3, 4}), floats({4}, {0, 1, 2, 3})},
                            {},
                            21))
                .find("num_groups"),
            std::string::npos);
}

TEST(LpNormalization, DividesByTheNormAndLeavesZeros) {
  const NamedTensor x = floats({2, 2}, {3, 0, 4, 0});
  EXPECT_EQ(mismatch(run_op("LpNormalization", {x}, {integer("axis", 0)}),
                     floats({2, 2}, {0.6F, 0, 0.8F, 0})),
            "");
  EXPECT_EQ(
      mismatch(run_op("LpNormalization", {floats({2, 2}, {1, -3, kNan, 1})}, {integer("p", 1)}, 22),
               floats({2, 2}, {0.25F, -0.75F, kNan, kNan})),
      "");
  EXPECT_NE(error_of(run_op("LpNormalization", {x}, {integer("p", 3)})).find("p is 3"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("LpNormalization", {x}, {integer("axis", -3)})).find("axis -3"),
            std::string::npos);
}

TEST(Lrn, SumsSquaresOverNeighbouringChannels) {
  // size 3: channels c - 1 to c + 1; size 2: c and c + 1.
  const NamedTensor x = floats({1, 3, 1, 1}, {1, 2, 3});
  const std::vector<Attribute> attributes{real("alpha", 3), real("beta", 1), real("bias", 1)};
  const auto with = [&](std::int64_t size) {
    std::vector<Attribute> all = attributes;
    all.push_back(integer("size", size));
    return run_op("LRN", {x}, all);
  };
  EXPECT_EQ(mismatch(with(3), floats({1, 3, 1, 1}, {1 / 6.0F, 2 / 15.0F, 3 / 14.0F})), "");
  EXPECT_EQ(mismatch(with(2), floats({1, 3, 1, 1}, {1 / 8.5F, 2 / 20.5F, 3 / 14.5F})), "");
  EXPECT_NE(error_of(run_op("LRN", {x})).find("size is 0"), std::string::npos);
}

TEST(MeanVarianceNormalization, TakesItsAxes) {
  const NamedTensor x = floats({2, 2, 1, 1}, {1, 10, 3, 30});
  EXPECT_EQ(mismatch(run_op("MeanVarianceNormalization", {x}, {}, 13),
                     floats({2, 2, 1, 1}, {-1, -1, 1, 1}),
                     1e-5),
            "");
  EXPECT_EQ(mismatch(run_op("MeanVarianceNormalization",
                            {floats({2, 2}, {1, 3, 10, 30})},
                            {integers("axes", {-1})},
                            9),
                     floats({2, 2}, {-1, 1, -1, 1}),
                     1e-5),
            "");
  EXPECT_NE(error_of(run_op("MeanVarianceNormalization", {floats({2, 2}, {1, 3, 10, 30})}, {}, 9))
                .find("axis 2"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
