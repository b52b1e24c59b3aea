// nn/grid_sample.cc.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct SampleRow {
  const char* what;
  std::vector<Attribute> attributes;
  std::vector<float> at;  // first of the pair; the second is 0
  std::vector<float> y;
};

TEST(GridSample, SamplesALineAsEachModeSays) {
  // Four places in one row: centres at -0.75, -0.25, 0.25, 0.75, or ends at -1 and 1.
  const NamedTensor x = floats({1, 1, 1, 4}, {10, 20, 30, 40});
  const auto padding = [](const char* name) { return text("padding_mode", name); };
  const SampleRow rows[] = {
      {"linear", {}, {-0.75F, 0, 0.5F}, {10, 25, 35}},
      {"linear past the end", {}, {-1, 1}, {5, 20}},
      {"border", {padding("border")}, {-1, 1, -3, kNan}, {10, 40, 10, 10}},
      {"reflection", {padding("reflection")}, {-1.25F, 1.5F, -1}, {10, 35, 10}},
      {"corners", {integer("align_corners", 1)}, {-1, 0, 1}, {10, 25, 40}},
      {"reflected corners",
       {integer("align_corners", 1), padding("reflection")},
       {-5 / 3.0F, 5},
       {20, 40}},
      {"nearest", {text("mode", "nearest")}, {-0.6F, 0.3F, 2, kNan}, {10, 30, 0, 0}},
      // Half way: -0.09375, 0.59375, 0.59375, -0.09375.
      {"cubic",
       {text("mode", "cubic"), padding("border")},
       {0, -0.5F},
       {25, -0.9375F + 5.9375F + 11.875F - 2.8125F}},
      {"cubic at a place", {text("mode", "cubic")}, {0.25F}, {30}},
  };
  for (const SampleRow& row : rows) {
    const auto count = static_cast<std::int64_t>(row.at.size());
    std::vector<float> grid;
    for (const float at : row.at) {
      grid.push_back(at);
      grid.push_back(0);
    }
    for (const int opset : {20, 22}) {
      EXPECT_EQ(
          mismatch(run_op("GridSample", {x, floats({1, 1, count, 2}, grid)}, row.attributes, opset),
                   floats({1, 1, 1, count}, row.y),
                   1e-5,
                   1e-6),
          "")
          << row.what;
    }
  }
  EXPECT_EQ(
      mismatch(
          run_op("GridSample", {x, floats({1, 1, 1, 2}, {0, 0})}, {text("mode", "bilinear")}, 16),
          floats({1, 1, 1, 1}, {25})),
      "");
}

TEST(GridSample, KeepsDimensionsAndChannelsApart) {
  // The identity grid of a 2x3 image with two channels, then of a volume.
  const auto identity = run_op(
      "AffineGrid", {floats({1, 2, 3}, {1, 0, 0, 0, 1, 0}), int64s({4}, {1, 2, 2, 3})}, {}, 20);
  ASSERT_TRUE(identity) << error_of(identity);
  const NamedTensor image = random_floats({1, 2, 2, 3}, 1);
  EXPECT_EQ(mismatch(run_op("GridSample", {image, identity->front()}, {}, 20), image, 1e-5, 1e-6),
            "");
  const auto turned = run_op("AffineGrid",
                             {floats({1, 2, 3}, {-1, 0, 0, 0, 1, 0}), int64s({4}, {1, 1, 1, 3})},
                             {integer("align_corners", 1)},
                             20);
  ASSERT_TRUE(turned) << error_of(turned);
  EXPECT_EQ(mismatch(run_op("GridSample",
                            {floats({1, 1, 1, 3}, {1, 2, 3}), turned->front()},
                            {integer("align_corners", 1)},
                            20),
                     floats({1, 1, 1, 3}, {3, 2, 1})),
            "")
      << "mirrored; a height of 1 has one place only";
  const auto solid = run_op(
      "AffineGrid",
      {floats({1, 3, 4}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0}), int64s({5}, {1, 2, 2, 3, 2})},
      {},
      20);
  ASSERT_TRUE(solid) << error_of(solid);
  const NamedTensor volume = random_floats({1, 2, 2, 3, 2}, 2);
  for (const char* mode : {"linear", "nearest", "cubic"}) {
    EXPECT_EQ(mismatch(run_op("GridSample", {volume, solid->front()}, {text("mode", mode)}, 22),
                       volume,
                       1e-5,
                       1e-5),
              "")
        << mode;
  }
}

TEST(AffineGrid, MovesAndScales) {
  EXPECT_EQ(mismatch(run_op("AffineGrid",
                            {floats({1, 2, 3}, {2, 0, 0.5F, 0, 1, -1}), int64s({4}, {1, 1, 1, 2})},
                            {},
                            20),
                     floats({1, 1, 2, 2}, {-0.5F, -1, 1.5F, -1})),
            "");
  EXPECT_EQ(mismatch(run_op("AffineGrid",
                            {doubles({1, 2, 3}, {1, 0, 0, 0, 1, 0}), int64s({4}, {1, 1, 2, 2})},
                            {integer("align_corners", 1)},
                            20),
                     doubles({1, 2, 2, 2}, {-1, -1, 1, -1, -1, 1, 1, 1})),
            "");
  EXPECT_NE(error_of(run_op("AffineGrid",
                            {floats({1, 2, 3}, {2, 0, 0, 0, 1, 0}), int64s({5}, {1, 1, 1, 2, 2})},
                            {},
                            20))
                .find("does not fit size"),
            std::string::npos);
}

TEST(GridSample, RefusesWhatDoesNotFit) {
  const NamedTensor x = floats({1, 1, 1, 2}, {1, 2});
  const NamedTensor grid = floats({1, 1, 1, 2}, {0, 0});
  EXPECT_EQ(mismatch(run_op("GridSample", {x, floats({1, 0, 1, 2}, {})}), floats({1, 1, 0, 1}, {})),
            "");
  EXPECT_NE(error_of(run_op("GridSample", {x, floats({1, 1, 1, 3}, {0, 0, 0})}, {}, 20))
                .find("do not fit"),
            std::string::npos);
  EXPECT_NE(
      error_of(run_op("GridSample", {floats({1, 1, 0, 2}, {}), grid}, {}, 20)).find("no places"),
      std::string::npos);
  EXPECT_NE(
      error_of(run_op("GridSample", {x, grid}, {text("mode", "bilinear")}, 20)).find("'bilinear'"),
      std::string::npos);
  EXPECT_NE(
      error_of(run_op("GridSample", {x, grid}, {text("padding_mode", "wrap")}, 20)).find("'wrap'"),
      std::string::npos);
  EXPECT_NE(error_of(run_op("GridSample",
                            {floats({1, 1, 1, 1, 1}, {1}), floats({1, 1, 1, 1, 3}, {0, 0, 0})},
                            {},
                            16)),
            "no error");
}

}  // namespace
}  // namespace sluice::engine
