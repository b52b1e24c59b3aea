// nn/deform_conv.cc, nn/max_unpool.cc, nn/roi.cc.

#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// 0, 1, 2, ...
NamedTensor counted(Shape shape) {
  std::vector<float> values(static_cast<std::size_t>(
      std::accumulate(shape.begin(), shape.end(), 1LL, std::multiplies<>())));
  std::iota(values.begin(), values.end(), 0.0F);
  return floats(std::move(shape), values);
}

// --- MaxUnpool -----------------------------------------------------------------------------------

const std::vector<Attribute> kTwoByTwo = {integers("kernel_shape", {2, 2}),
                                          integers("strides", {2, 2})};

TEST(MaxUnpool, PutsValuesWhereTheyWere) {
  const NamedTensor x = floats({1, 1, 2, 2}, {1, 2, 3, 4});
  const NamedTensor indices = int64s({1, 1, 2, 2}, {5, 7, 8, 15});
  for (const int opset : {9, 11, 22}) {
    EXPECT_EQ(mismatch(run_op("MaxUnpool", {x, indices}, kTwoByTwo, opset),
                       floats({1, 1, 4, 4}, {0, 0, 0, 0, 0, 1, 0, 2, 3, 0, 0, 0, 0, 0, 0, 4})),
              "");
  }
  // The places are those of 4 by 4, in a larger y.
  EXPECT_EQ(
      mismatch(run_op("MaxUnpool", {x, indices, int64s({4}, {1, 1, 4, 5})}, kTwoByTwo),
               floats({1, 1, 4, 5}, {0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0})),
      "");
}

TEST(MaxUnpool, CountsTheChannelsBefore) {
  EXPECT_EQ(mismatch(run_op("MaxUnpool",
                            {doubles({1, 2, 1}, {7, 8}), int64s({1, 2, 1}, {1, 2})},
                            {integers("kernel_shape", {2})}),
                     doubles({1, 2, 2}, {0, 7, 8, 0})),
            "");
}

TEST(MaxUnpool, SaysWhatDoesNotFit) {
  const NamedTensor x = floats({1, 1, 1, 1}, {1});
  const auto with_index = [&](std::int64_t index) {
    return error_of(run_op("MaxUnpool", {x, int64s({1, 1, 1, 1}, {index})}, kTwoByTwo));
  };
  EXPECT_NE(with_index(4).find("index 4 is outside of [1,1,2,2]"), std::string::npos)
      << with_index(4);
  EXPECT_NE(with_index(-1).find("index -1 is outside"), std::string::npos);
  EXPECT_NE(error_of(run_op("MaxUnpool", {x, int64s({1}, {0})}, kTwoByTwo)).find("indices [1]"),
            std::string::npos);
}

// --- RoiAlign ------------------------------------------------------------------------------------

struct AlignRow {
  const char* what;
  std::vector<Attribute> attributes;
  std::vector<float> roi;
  std::vector<float> y;
};

TEST(RoiAlign, SamplesBetweenPlaces) {
  const Attribute whole = text("coordinate_transformation_mode", "output_half_pixel");
  const Attribute one = integer("sampling_ratio", 1);
  const AlignRow rows[] = {
      {"whole places", {whole, one}, {0, 0, 2, 2}, {2.5F, 3.5F, 6.5F, 7.5F}},
      {"half places", {one}, {0, 0, 2, 2}, {0, 1, 4, 5}},
      {"scaled", {one, real("spatial_scale", 0.5F)}, {0, 0, 4, 4}, {0, 1, 4, 5}},
      {"as many samples as the bin is large", {whole}, {0, 0, 4, 4}, {5, 6.75F, 12, 13.75F}},
      {"the largest weighted place",
       {whole, one, text("mode", "max")},
       {0, 0, 2, 2},
       {1.25F, 1.5F, 2.25F, 2.5F}},
      {"outside", {whole, one}, {50, 50, 52, 52}, {0, 0, 0, 0}},
      {"outside, the largest", {whole, one, text("mode", "max")}, {50, 50, 52, 52}, {0, 0, 0, 0}},
      {"at least one place large", {whole, one}, {1, 1, 1, 1}, {6.25F, 6.75F, 8.25F, 8.75F}},
      {"turned round", {}, {2, 2, 0, 0}, {0, 0, 0, 0}},
      {"no number", {one}, {kNan, 0, 2, 2}, {0, 0, 0, 0}},
  };
  for (const AlignRow& row : rows) {
    std::vector<Attribute> attributes = row.attributes;
    attributes.push_back(integer("output_height", 2));
    attributes.push_back(integer("output_width", 2));
    for (const int opset : {16, 22}) {
      EXPECT_EQ(mismatch(run_op("RoiAlign",
                                {counted({1, 1, 4, 4}), floats({1, 4}, row.roi), int64s({1}, {0})},
                                attributes,
                                opset),
                         floats({1, 1, 2, 2}, row.y),
                         1e-5),
                "")
          << row.what;
    }
  }
}

TEST(RoiAlign, OfOpsetTenTakesWholePlaces) {
  EXPECT_EQ(mismatch(run_op("RoiAlign",
                            {counted({2, 1, 2, 2}), floats({1, 4}, {0, 0, 1, 1}), int64s({1}, {1})},
                            {},
                            10),
                     floats({1, 1, 1, 1}, {5.5F})),
            "");
}

TEST(RoiAlign, SaysWhichImageIsNotThere) {
  const auto error = error_of(
      run_op("RoiAlign", {counted({1, 1, 2, 2}), floats({1, 4}, {0, 0, 1, 1}), int64s({1}, {1})}));
  EXPECT_NE(error.find("image 1 of 1"), std::string::npos) << error;
}

// --- MaxRoiPool ----------------------------------------------------------------------------------

TEST(MaxRoiPool, TakesTheLargestOfWholePlaces) {
  const NamedTensor x = counted({1, 1, 4, 4});
  const Attribute two = integers("pooled_shape", {2, 2});
  const auto pooled = [&](const std::vector<float>& roi, const std::vector<Attribute>& attributes) {
    return run_op("MaxRoiPool", {x, floats({1, 5}, roi)}, attributes);
  };
  const NamedTensor whole = floats({1, 1, 2, 2}, {5, 7, 13, 15});
  EXPECT_EQ(mismatch(pooled({0, 0, 0, 3, 3}, {two}), whole), "");
  EXPECT_EQ(mismatch(pooled({0, 0, 0, 6, 6}, {two, real("spatial_scale", 0.5F)}), whole), "");
  EXPECT_EQ(mismatch(pooled({0, 2.5F, 0, 3, 1}, {two}), floats({1, 1, 2, 2}, {3, 3, 7, 7})), "");
  EXPECT_EQ(mismatch(pooled({0, 9, 9, 12, 12}, {two}), floats({1, 1, 2, 2}, {0, 0, 0, 0})), "");
  const auto error = error_of(pooled({3, 0, 0, 1, 1}, {two}));
  EXPECT_NE(error.find("a region of image"), std::string::npos) << error;
}

// --- DeformConv ----------------------------------------------------------------------------------

TEST(DeformConv, IsAConvolutionWhereNothingIsMoved) {
  const NamedTensor x = random_floats({2, 4, 5, 6}, 1);
  const NamedTensor w = random_floats({6, 2, 3, 2}, 2);
  const NamedTensor bias = random_floats({6}, 3);
  const std::vector<Attribute> attributes = {integer("group", 2),
                                             integers("pads", {1, 0, 1, 1}),
                                             integers("strides", {2, 1}),
                                             integers("dilations", {1, 2})};
  const auto want = run_op("Conv", {x, w, bias}, attributes);
  ASSERT_TRUE(want) << want.error().detail;
  const Shape& out = want->front().shape;
  const NamedTensor still = floats(
      {2, 24, out[2], out[3]}, std::vector<float>(static_cast<std::size_t>(48 * out[2] * out[3])));
  auto with_groups = attributes;
  with_groups.push_back(integer("offset_group", 2));
  for (const int opset : {19, 22}) {
    EXPECT_EQ(mismatch(run_op("DeformConv", {x, w, still, bias}, with_groups, opset),
                       want->front(),
                       1e-4,
                       1e-5),
              "");
  }
}

TEST(DeformConv, ReadsBetweenPlacesAndWeighsThem) {
  const NamedTensor x = counted({1, 1, 3, 3});
  const NamedTensor w = floats({1, 1, 1, 1}, {1});
  const NamedTensor half = floats({1, 2, 3, 3}, std::vector<float>(18, 0.5F));
  EXPECT_EQ(mismatch(run_op("DeformConv", {x, w, half}, {}, 19),
                     floats({1, 1, 3, 3}, {2, 3, 1.75F, 5, 6, 3.25F, 3.25F, 3.75F, 2})),
            "");
  const NamedTensor mask = floats({1, 1, 3, 3}, {0, 1, 2, 0, 1, 2, 0, 1, 2});
  EXPECT_EQ(mismatch(run_op("DeformConv", {x, w, half, NamedTensor{}, mask}, {}, 19),
                     floats({1, 1, 3, 3}, {0, 3, 3.5F, 0, 6, 6.5F, 0, 3.75F, 4})),
            "");
  // Rows are moved by the first of each pair.
  std::vector<float> down(18, 0.0F);
  std::fill_n(down.begin(), 9, 1.0F);
  EXPECT_EQ(mismatch(run_op("DeformConv", {x, w, floats({1, 2, 3, 3}, down)}, {}, 19),
                     floats({1, 1, 3, 3}, {3, 4, 5, 6, 7, 8, 0, 0, 0})),
            "");
  const NamedTensor lost = floats({1, 2, 3, 3}, std::vector<float>(18, kNan));
  EXPECT_EQ(mismatch(run_op("DeformConv", {x, w, lost}, {}, 19),
                     floats({1, 1, 3, 3}, std::vector<float>(9, 0.0F))),
            "");
}

TEST(DeformConv, SaysWhatDoesNotFit) {
  const auto error =
      error_of(run_op("DeformConv",
                      {counted({1, 1, 3, 3}), floats({1, 1, 1, 1}, {1}), counted({1, 1, 3, 3})},
                      {},
                      19));
  EXPECT_NE(error.find("offset, bias or mask does not fit"), std::string::npos) << error;
}

}  // namespace
}  // namespace sluice::engine
