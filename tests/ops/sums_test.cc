// cum_sum.cc, det.cc, col2im.cc.

#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(CumSum, AddsUpForwardsAndBackwards) {
  const NamedTensor x = int32s({2, 3}, {1, 2, 3, 4, 5, 6});
  const NamedTensor rows = int64s({}, {1});
  EXPECT_EQ(mismatch(run_op("CumSum", {x, rows}), int32s({2, 3}, {1, 3, 6, 4, 9, 15})), "");
  EXPECT_EQ(
      mismatch(run_op("CumSum", {x, int32s({}, {-2})}, {}, 11), int32s({2, 3}, {1, 2, 3, 5, 7, 9})),
      "");
  EXPECT_EQ(mismatch(run_op("CumSum", {x, rows}, {integer("exclusive", 1)}),
                     int32s({2, 3}, {0, 1, 3, 0, 4, 9})),
            "");
  EXPECT_EQ(mismatch(run_op("CumSum", {x, rows}, {integer("reverse", 1)}),
                     int32s({2, 3}, {6, 5, 3, 15, 11, 6})),
            "");
  EXPECT_EQ(mismatch(run_op("CumSum", {x, rows}, {integer("reverse", 1), integer("exclusive", 1)}),
                     int32s({2, 3}, {5, 3, 0, 11, 6, 0})),
            "");
  EXPECT_EQ(mismatch(run_op("CumSum", {floats({3}, {1, kNan, 2}), int64s({1}, {0})}),
                     floats({3}, {1, kNan, kNan})),
            "");
  EXPECT_EQ(mismatch(run_op("CumSum", {uint8s({2}, {200, 100}), int64s({}, {0})}),
                     uint8s({2}, {200, 44})),
            "");
  EXPECT_EQ(mismatch(run_op("CumSum", {doubles({2, 0}, {}), int64s({}, {0})}), doubles({2, 0}, {})),
            "");
  EXPECT_NE(error_of(run_op("CumSum", {x, int64s({}, {2})})).find("axis 2"), std::string::npos);
  EXPECT_NE(error_of(run_op("CumSum", {x, floats({}, {0})})).find("float32"), std::string::npos);
  EXPECT_NE(error_of(run_op("CumSum", {bools({1}, {1}), int64s({}, {0})})).find("bool"),
            std::string::npos);
}

TEST(Det, IsTheDeterminant) {
  EXPECT_EQ(mismatch(run_op("Det", {floats({2, 2}, {0, 1, 2, 3})}), floats({}, {-2})), "");
  EXPECT_EQ(
      mismatch(run_op("Det", {floats({3, 2, 2}, {1, 2, 3, 4, 1, 2, 2, 1, 1, 3, 3, 1})}, {}, 11),
               floats({3}, {-2, -3, -8})),
      "");
  EXPECT_EQ(mismatch(run_op("Det", {doubles({3, 3}, {2, 0, 1, 1, 3, 2, 1, 1, 4})}, {}, 22),
                     doubles({}, {18})),
            "");
  EXPECT_EQ(mismatch(run_op("Det", {floats({2, 2}, {1, 2, 2, 4})}), floats({}, {0})), "");
  EXPECT_EQ(mismatch(run_op("Det", {floats({2, 2}, {1, kNan, 2, 4})}), floats({}, {kNan})), "");
  EXPECT_EQ(mismatch(run_op("Det", {floats({2, 0, 0}, {})}), floats({2}, {1, 1})), "");
  EXPECT_EQ(mismatch(run_op("Det", {floats({0, 2, 2}, {})}), floats({0}, {})), "");
  EXPECT_NE(error_of(run_op("Det", {floats({2, 1}, {1, 2})})).find("not square"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Det", {int32s({1, 1}, {1})})).find("int32"), std::string::npos);
}

TEST(Col2Im, AddsWhereBlocksOverlap) {
  // Blocks of 2 over [3]: places 0 and 1, the middle is in both.
  EXPECT_EQ(mismatch(run_op("Col2Im",
                            {int64s({1, 2, 2}, {1, 2, 10, 20}), int64s({1}, {3}), int64s({1}, {2})},
                            {},
                            18),
                     int64s({1, 1, 3}, {1, 12, 20})),
            "");
  EXPECT_EQ(mismatch(run_op("Col2Im",
                            {int64s({1, 2, 2}, {1, 2, 10, 20}), int64s({1}, {2}), int64s({1}, {2})},
                            {integers("pads", {1, 1}), integers("strides", {2})},
                            18),
                     int64s({1, 1, 2}, {10, 2})),
            "");
  EXPECT_EQ(mismatch(run_op("Col2Im",
                            {int64s({1, 2, 2}, {1, 2, 10, 20}), int64s({1}, {4}), int64s({1}, {2})},
                            {integers("dilations", {2})},
                            18),
                     int64s({1, 1, 4}, {1, 2, 10, 20})),
            "");
  EXPECT_EQ(
      mismatch(run_op("Col2Im",
                      {floats({1, 4, 1}, {1, 2, 3, 4}), int64s({2}, {2, 2}), int64s({2}, {1, 2})},
                      {integers("strides", {2, 1})},
                      18),
               floats({1, 2, 2, 2}, {1, 2, 0, 0, 3, 4, 0, 0})),
      "");
  EXPECT_NE(
      error_of(run_op("Col2Im",
                      {int64s({1, 2, 3}, {1, 2, 3, 4, 5, 6}), int64s({1}, {3}), int64s({1}, {2})},
                      {},
                      18))
          .find("the blocks want [N,C*2,2]"),
      std::string::npos);
  EXPECT_NE(error_of(run_op("Col2Im",
                            {int64s({1, 2, 2}, {1, 2, 3, 4}), int64s({1}, {3}), int64s({1}, {2})},
                            {integers("strides", {0})},
                            18)),
            "no error");
}

}  // namespace
}  // namespace sluice::engine
