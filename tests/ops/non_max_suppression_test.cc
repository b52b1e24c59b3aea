// nn/non_max_suppression.cc.

#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
const NamedTensor kNone;

// The six boxes of the specification's examples: three places, each with a near copy but the last.
NamedTensor six_boxes() {
  return floats({1, 6, 4}, {0, 0,  1, 1,  0, 0.1F,  1, 1.1F,  0, -0.1F, 1, 0.9F,
                            0, 10, 1, 11, 0, 10.1F, 1, 11.1F, 0, 100,   1, 101});
}

Result<std::vector<NamedTensor>> suppress(const NamedTensor& boxes,
                                          const NamedTensor& scores,
                                          std::int64_t most,
                                          const NamedTensor& overlap,
                                          const NamedTensor& least,
                                          const std::vector<Attribute>& attributes = {}) {
  return run_op(
      "NonMaxSuppression", {boxes, scores, int64s({1}, {most}), overlap, least}, attributes, 11);
}

TEST(NonMaxSuppression, KeepsTheBestOfWhatOverlaps) {
  const NamedTensor scores = floats({1, 1, 6}, {0.9F, 0.75F, 0.6F, 0.95F, 0.5F, 0.3F});
  const NamedTensor half = floats({1}, {0.5F});
  EXPECT_EQ(mismatch(suppress(six_boxes(), scores, 3, half, floats({1}, {0})),
                     int64s({3, 3}, {0, 0, 3, 0, 0, 0, 0, 0, 5})),
            "");
  EXPECT_EQ(
      mismatch(suppress(six_boxes(), scores, 2, half, kNone), int64s({2, 3}, {0, 0, 3, 0, 0, 0})),
      "");
  EXPECT_EQ(mismatch(suppress(six_boxes(), scores, 9, half, floats({1}, {0.4F})),
                     int64s({2, 3}, {0, 0, 3, 0, 0, 0})),
            "");
  EXPECT_EQ(mismatch(suppress(six_boxes(), scores, 0, half, kNone), int64s({0, 3}, {})), "");
  EXPECT_EQ(
      mismatch(run_op("NonMaxSuppression", {six_boxes(), scores}, {}, 10), int64s({0, 3}, {})), "")
      << "without a number of boxes there are none";
  EXPECT_EQ(mismatch(suppress(floats({1, 0, 4}, {}), floats({1, 1, 0}, {}), 3, half, kNone),
                     int64s({0, 3}, {})),
            "");
}

TEST(NonMaxSuppression, TreatsClassesAndImagesAlone) {
  const NamedTensor boxes = floats({2, 2, 4}, {0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 3, 0, 2});
  const NamedTensor scores = floats({2, 2, 2}, {0.5F, 0.5F, 0.1F, 0.2F, 0.3F, 0.4F, kNan, 0.6F});
  EXPECT_EQ(mismatch(suppress(boxes, scores, 5, floats({}, {0.5F}), kNone),
                     int64s({5, 3}, {0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1})),
            "")
      << "of equal scores the first; corners in any order; NaN never";
}

TEST(NonMaxSuppression, KnowsBoxesByTheirCentre) {
  const NamedTensor boxes =
      floats({1, 3, 4}, {0.5F, 0.5F, 1, 1, 0.5F, 0.6F, 1, 1, 0.5F, 10.5F, 1, 1});
  EXPECT_EQ(mismatch(suppress(boxes,
                              floats({1, 1, 3}, {0.9F, 0.8F, 0.7F}),
                              3,
                              floats({1}, {0.5F}),
                              kNone,
                              {integer("center_point_box", 1)}),
                     int64s({2, 3}, {0, 0, 0, 0, 0, 2})),
            "");
}

TEST(NonMaxSuppression, RefusesWhatDoesNotFit) {
  const NamedTensor scores = floats({1, 1, 6}, {1, 1, 1, 1, 1, 1});
  EXPECT_NE(error_of(suppress(six_boxes(), floats({1, 1, 5}, {1, 1, 1, 1, 1}), 3, kNone, kNone))
                .find("do not fit"),
            std::string::npos);
  EXPECT_NE(
      error_of(suppress(six_boxes(), scores, 3, floats({1}, {1.5F}), kNone)).find("iou_threshold"),
      std::string::npos);
  EXPECT_NE(error_of(suppress(six_boxes(), scores, 3, floats({2}, {0, 0}), kNone)).find("input 3"),
            std::string::npos);
  EXPECT_NE(
      error_of(suppress(six_boxes(), scores, 3, kNone, kNone, {integer("center_point_box", 2)}))
          .find("center_point_box"),
      std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
