// loss.cc.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

const NamedTensor kScores = floats({3, 2}, {1, 2, 3, 4, 5, 6});
const NamedTensor kLabels = int64s({3}, {0, 1, 0});

Result<std::vector<NamedTensor>> nll(const std::vector<NamedTensor>& inputs,
                                     std::vector<Attribute> attributes,
                                     int opset = 13) {
  return run_op("NegativeLogLikelihoodLoss", inputs, std::move(attributes), opset);
}

TEST(NegativeLogLikelihoodLoss, ReducesAsItIsTold) {
  for (const int opset : {12, 13, 22}) {
    EXPECT_EQ(mismatch(nll({kScores, kLabels}, {text("reduction", "none")}, opset),
                       floats({3}, {-1, -4, -5})),
              "");
    EXPECT_EQ(
        mismatch(nll({kScores, kLabels}, {text("reduction", "sum")}, opset), floats({}, {-10})),
        "");
    EXPECT_EQ(mismatch(nll({kScores, kLabels}, {}, opset), floats({}, {-10.0F / 3})), "");
  }
  const NamedTensor weights = floats({2}, {0.5F, 2});
  EXPECT_EQ(mismatch(nll({kScores, kLabels, weights}, {text("reduction", "none")}),
                     floats({3}, {-0.5F, -8, -2.5F})),
            "");
  EXPECT_EQ(mismatch(nll({kScores, kLabels, weights}, {}), floats({}, {-11.0F / 3})), "");
  EXPECT_EQ(mismatch(nll({kScores, int32s({3}, {0, 1, 7}), weights}, {integer("ignore_index", 7)}),
                     floats({}, {-8.5F / 2.5F})),
            "");
  EXPECT_EQ(mismatch(nll({kScores, int64s({3}, {-1, -1, -1})}, {integer("ignore_index", -1)}),
                     floats({}, {kNan})),
            "");
}

TEST(NegativeLogLikelihoodLoss, HasPlacesBehindTheClasses) {
  const NamedTensor scores = doubles({1, 2, 1, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(mismatch(nll({scores, int64s({1, 1, 3}, {0, 1, 0})}, {text("reduction", "none")}),
                     doubles({1, 1, 3}, {-1, -5, -3})),
            "");
  EXPECT_EQ(mismatch(nll({floats({0, 2}, {}), int64s({0}, {})}, {text("reduction", "none")}),
                     floats({0}, {})),
            "");
}

TEST(NegativeLogLikelihoodLoss, RefusesWhatDoesNotFit) {
  EXPECT_NE(
      error_of(nll({kScores, int64s({3}, {0, 2, 0})}, {})).find("label 2 is none of 2 classes"),
      std::string::npos);
  EXPECT_NE(error_of(nll({kScores, int64s({3}, {0, -1, 0})}, {})), "no error");
  EXPECT_NE(error_of(nll({kScores, int64s({2}, {0, 1})}, {})), "no error");
  EXPECT_NE(error_of(nll({kScores, kLabels, floats({3}, {1, 1, 1})}, {})).find("2 classes"),
            std::string::npos);
  EXPECT_NE(error_of(nll({kScores, kLabels}, {text("reduction", "max")})).find("'max'"),
            std::string::npos);
  EXPECT_NE(error_of(nll({floats({3}, {1, 2, 3}), kLabels}, {})), "no error");
}

TEST(SoftmaxCrossEntropyLoss, TakesTheLogarithmOfSoftmaxFirst) {
  const auto both =
      run_op("SoftmaxCrossEntropyLoss", {kScores, kLabels}, {text("reduction", "none")}, 13, 2);
  const float far = -1.3132617F;
  const float near = -0.31326169F;
  EXPECT_EQ(mismatch_at(both, 0, floats({3}, {-far, -near, -far})), "");
  EXPECT_EQ(mismatch_at(both, 1, floats({3, 2}, {far, near, far, near, far, near})), "");
  EXPECT_EQ(mismatch(run_op("SoftmaxCrossEntropyLoss", {kScores, kLabels}, {}, 12),
                     floats({}, {-(far + near + far) / 3})),
            "");
  EXPECT_EQ(mismatch(run_op("SoftmaxCrossEntropyLoss",
                            {floats({1, 2, 2}, {1000, 0, 1000, 0}), int64s({1, 2}, {0, 9})},
                            {text("reduction", "sum"), integer("ignore_index", 9)}),
                     floats({}, {0.69314718F})),
            "");
  const auto nan =
      run_op("SoftmaxCrossEntropyLoss", {floats({1, 2}, {kNan, 0}), int64s({1}, {1})}, {}, 13, 2);
  EXPECT_EQ(mismatch_at(nan, 0, floats({}, {kNan})), "");
  EXPECT_EQ(mismatch_at(nan, 1, floats({1, 2}, {kNan, kNan})), "");
}

}  // namespace
}  // namespace sluice::engine
