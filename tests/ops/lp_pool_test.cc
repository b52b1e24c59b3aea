// nn/lp_pool.cc.

#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(LpPool, TakesTheNormOfItsWindow) {
  const NamedTensor x = floats({1, 1, 4}, {3, -4, 0, 12});
  const Attribute kernel = integers("kernel_shape", {2});
  EXPECT_EQ(mismatch(run_op("LpPool", {x}, {kernel}, 11), floats({1, 1, 3}, {5, 4, 12})), "");
  EXPECT_EQ(
      mismatch(run_op("LpPool", {x}, {kernel, integer("p", 1)}, 2), floats({1, 1, 3}, {7, 4, 12})),
      "");
  EXPECT_EQ(
      mismatch(run_op("LpPool", {x}, {kernel, real("p", 1)}, 1), floats({1, 1, 3}, {7, 4, 12})),
      "");
  EXPECT_EQ(mismatch(run_op("LpPool", {x}, {kernel, integer("p", 3)}, 22),
                     floats({1, 1, 3}, {4.4979414F, 4, 12})),
            "");
  EXPECT_EQ(
      mismatch(
          run_op("LpPool", {x}, {kernel, integers("pads", {1, 1}), integers("strides", {2})}, 18),
          floats({1, 1, 3}, {3, 4, 12})),
      "");
  EXPECT_EQ(
      mismatch(
          run_op("LpPool", {x}, {kernel, integers("strides", {3}), integer("ceil_mode", 1)}, 18),
          floats({1, 1, 2}, {5, 12})),
      "");
  EXPECT_EQ(mismatch(run_op("LpPool", {x}, {kernel, integers("dilations", {3})}, 18),
                     floats({1, 1, 1}, {12.3693169F})),
            "");
  EXPECT_EQ(mismatch(run_op("LpPool", {floats({1, 1, 3}, {kNan, 3, 4})}, {kernel}, 18),
                     floats({1, 1, 2}, {kNan, 5})),
            "");
  EXPECT_EQ(mismatch(run_op("LpPool",
                            {doubles({1, 1, 2, 2}, {1, 1, 1, 1})},
                            {integers("kernel_shape", {2, 2})},
                            18),
                     doubles({1, 1, 1, 1}, {2})),
            "");
  EXPECT_EQ(
      mismatch(run_op("LpPool", {floats({0, 1, 2}, {})}, {kernel}, 18), floats({0, 1, 1}, {})), "");
}

TEST(GlobalLpPool, TakesTheNormOfAChannel) {
  const NamedTensor x = floats({1, 2, 1, 2}, {3, 4, -5, 12});
  for (const int opset : {1, 2, 22}) {
    EXPECT_EQ(mismatch(run_op("GlobalLpPool", {x}, {}, opset), floats({1, 2, 1, 1}, {5, 13})), "")
        << opset;
  }
  EXPECT_EQ(
      mismatch(run_op("GlobalLpPool", {x}, {integer("p", 1)}, 2), floats({1, 2, 1, 1}, {7, 17})),
      "");
}

TEST(LpPool, RefusesWhatItsVersionDoesNotKnow) {
  const NamedTensor x = floats({1, 1, 2}, {3, 4});
  const Attribute kernel = integers("kernel_shape", {2});
  EXPECT_NE(
      error_of(run_op("LpPool", {x}, {kernel, integers("dilations", {1})}, 11)).find("dilations"),
      std::string::npos);
  EXPECT_NE(
      error_of(run_op("LpPool", {x}, {kernel, integer("ceil_mode", 1)}, 11)).find("'ceil_mode'"),
      std::string::npos);
  EXPECT_NE(error_of(run_op("LpPool", {x}, {kernel, integer("p", 0)}, 11)).find("p is 0"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("LpPool", {x}, {}, 11)).find("no kernel_shape"), std::string::npos);
  EXPECT_NE(error_of(run_op("LpPool", {floats({1, 2}, {3, 4})}, {kernel}, 11)).find("no places"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
