// resize.cc, resize_spec.cc, resize_axis.cc.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
const NamedTensor kNone;

// One row of numbers, resized along its only axis.
struct LineRow {
  const char* what;
  int opset;
  std::vector<float> x;
  float scale;  // 0: by size
  std::int64_t size;
  std::vector<Attribute> attributes;
  std::vector<float> y;
};

Result<std::vector<NamedTensor>> run_line(const LineRow& row) {
  const NamedTensor x = floats({static_cast<std::int64_t>(row.x.size())}, row.x);
  if (row.opset < 11) {
    return run_op("Resize", {x, floats({1}, {row.scale})}, row.attributes, row.opset);
  }
  if (row.scale > 0) {
    return run_op("Resize", {x, kNone, floats({1}, {row.scale})}, row.attributes, row.opset);
  }
  return run_op("Resize", {x, kNone, kNone, int64s({1}, {row.size})}, row.attributes, row.opset);
}

Attribute mode(const char* name) {
  return text("mode", name);
}
Attribute coordinates(const char* name) {
  return text("coordinate_transformation_mode", name);
}
Attribute nearest(const char* name) {
  return text("nearest_mode", name);
}

TEST(Resize, HitsThePlacesThatEachModeNames) {
  const std::vector<float> four{1, 2, 3, 4};
  // By hand: the input place of each output place, from the formulas of the specification.
  const LineRow rows[] = {
      {"asymmetric, floor",
       13,
       four,
       0,
       6,
       {coordinates("asymmetric"), nearest("floor")},
       {1, 1, 2, 3, 3, 4}},
      {"asymmetric, ceil",
       13,
       four,
       0,
       6,
       {coordinates("asymmetric"), nearest("ceil")},
       {1, 2, 3, 3, 4, 4}},
      {"half_pixel, ties", 13, {1, 2}, 2, 0, {}, {1, 1, 2, 2}},
      {"x / s of .5 down", 13, four, 2, 0, {coordinates("asymmetric")}, {1, 1, 2, 2, 3, 3, 4, 4}},
      {"x / s of .5 up",
       13,
       four,
       2,
       0,
       {coordinates("asymmetric"), nearest("round_prefer_ceil")},
       {1, 2, 2, 3, 3, 4, 4, 4}},
      {"tf_half_pixel_for_nn",
       11,
       four,
       0,
       2,
       {coordinates("tf_half_pixel_for_nn"), nearest("floor")},
       {2, 4}},
      {"align_corners",
       13,
       four,
       0,
       7,
       {mode("linear"), coordinates("align_corners")},
       {1, 1.5F, 2, 2.5F, 3, 3.5F, 4}},
      {"align_corners of one", 13, four, 0, 1, {mode("linear"), coordinates("align_corners")}, {1}},
      {"pytorch_half_pixel of one",
       13,
       four,
       0,
       1,
       {mode("linear"), coordinates("pytorch_half_pixel")},
       {1}},
      {"half_pixel of one", 13, four, 0, 1, {mode("linear")}, {2.5F}},
      {"half_pixel",
       11,
       four,
       2,
       0,
       {mode("linear")},
       {1, 1.25F, 1.75F, 2.25F, 2.75F, 3.25F, 3.75F, 4}},
      // scale 0.6: 2 places of 2.4; the centre stays: x = 2 * (1 - 2 / 2.4) + (p + .5) / .6 - .5
      {"half_pixel_symmetric",
       19,
       four,
       0.6F,
       0,
       {mode("linear"), coordinates("half_pixel_symmetric")},
       {1.6666666F, 3.3333333F}},
      {"half_pixel, shrinking", 19, four, 0.6F, 0, {mode("linear")}, {1.3333333F, 3}},
      {"opset 10 shrinks upwards", 10, four, 0.6F, 0, {}, {1, 3}},
      {"opset 10 grows downwards", 10, {1, 2}, 2, 0, {}, {1, 1, 2, 2}},
      {"opset 10, linear", 10, {1, 2}, 2, 0, {mode("linear")}, {1, 1.5F, 2, 2}},
      // Keys' kernel at distances 1.25, .25, .75, 1.75 for a = -.75.
      {"cubic",
       13,
       {0, 0, 1, 0, 0},
       2,
       0,
       {mode("cubic")},
       {0,
        -0.03515625F,
        -0.10546875F,
        0.26171875F,
        0.87890625F,
        0.87890625F,
        0.26171875F,
        -0.10546875F,
        -0.03515625F,
        0}},
      {"cubic without what is outside",
       13,
       {1, 0, 0, 0},
       2,
       0,
       {mode("cubic"), integer("exclude_outside", 1)},
       {1.1363636F, 0.795053F, 0.2528302F, -0.10546875F, -0.03515625F, 0, 0, 0}},
      // A triangle of half width 2: weights 1/8, 3/8, 3/8, 1/8.
      {"antialias",
       18,
       {0, 0, 0, 8, 0, 0, 0, 0},
       0.5F,
       0,
       {mode("linear"), integer("antialias", 1)},
       {0, 3, 1, 0}},
  };
  for (const LineRow& row : rows) {
    const auto count = static_cast<std::int64_t>(row.y.size());
    EXPECT_EQ(mismatch(run_line(row), floats({count}, row.y), 1e-5, 1e-6), "") << row.what;
  }
}

// As frameworks do, which compute it in float32: in double, 17 / (34 / 31) is more than the tie.
TEST(Resize, TiesOfSizesAreTies) {
  std::vector<float> ramp(31);
  std::iota(ramp.begin(), ramp.end(), 0.0F);
  const auto got = run_op("Resize",
                          {floats({31}, ramp), {}, {}, int64s({1}, {34})},
                          {text("mode", "nearest"),
                           text("coordinate_transformation_mode", "asymmetric"),
                           text("nearest_mode", "round_prefer_floor")});
  ASSERT_TRUE(got) << error_of(got);
  EXPECT_EQ(floats_of(got->front())[17], 15);
}

TEST(Resize, CropsAndFillsWhatIsOutside) {
  const NamedTensor x = floats({4}, {1, 2, 3, 4});
  const std::vector<Attribute> crop{
      mode("linear"), coordinates("tf_crop_and_resize"), real("extrapolation_value", 9)};
  // Places (0.5 + part) * 3 for the parts 0, 1/2 and 1.
  EXPECT_EQ(
      mismatch(run_op("Resize", {x, floats({2}, {0.5F, 1.5F}), kNone, int64s({1}, {3})}, crop, 13),
               floats({3}, {2.5F, 4, 9})),
      "");
  std::vector<Attribute> near = crop;
  near[0] = mode("nearest");
  EXPECT_EQ(
      mismatch(run_op("Resize", {x, floats({2}, {0.5F, 1.5F}), kNone, int64s({1}, {3})}, near, 13),
               floats({3}, {2, 4, 9})),
      "");
  // By scales the extent is that of the region: floor(4 * 2 * 0.5).
  EXPECT_EQ(mismatch(run_op("Resize", {x, floats({2}, {0, 0.5F}), floats({1}, {2})}, crop, 13),
                     floats({4}, {1, 1.5F, 2, 2.5F})),
            "");
  EXPECT_NE(error_of(run_op("Resize", {x, floats({1}, {0}), floats({1}, {2})}, crop, 13))
                .find("1 numbers in roi"),
            std::string::npos);
}

TEST(Resize, TakesAxesAndKeepsTheAspect) {
  const NamedTensor x = floats({1, 2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(
      mismatch(run_op("Resize", {x, kNone, kNone, int64s({1}, {4})}, {integers("axes", {-1})}, 18),
               floats({1, 2, 4}, {1, 1, 2, 2, 3, 3, 4, 4})),
      "");
  const auto dims_by = [&](const char* policy) {
    const auto got =
        run_op("Resize",
               {floats({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}), kNone, kNone, int64s({2}, {7, 8})},
               {text("keep_aspect_ratio_policy", policy)},
               18);
    return got ? got->front().shape : Shape{};
  };
  EXPECT_EQ(dims_by("stretch"), (Shape{7, 8}));
  EXPECT_EQ(dims_by("not_larger"), (Shape{4, 8}));
  EXPECT_EQ(dims_by("not_smaller"), (Shape{7, 14}));
}

TEST(Resize, MovesEveryDatatypeAndCutsIntegers) {
  const NamedTensor sizes = int64s({1}, {4});
  EXPECT_EQ(mismatch(run_op("Resize", {strings({2}, {"a", "b"}), kNone, kNone, sizes}, {}, 13),
                     strings({4}, {"a", "a", "b", "b"})),
            "");
  EXPECT_EQ(
      mismatch(run_op("Resize", {uint8s({2}, {0, 255}), kNone, kNone, sizes}, {mode("linear")}, 13),
               uint8s({4}, {0, 63, 191, 255}),
               0),
      "");
  // Keys' kernel overshoots: -0.1054 * 255 and 1.1054 * 255 are held to the range.
  EXPECT_EQ(mismatch(run_op("Resize",
                            {uint8s({4}, {0, 0, 255, 255}), kNone, kNone, int64s({1}, {8})},
                            {mode("cubic")},
                            13),
                     uint8s({8}, {0, 0, 0, 57, 197, 255, 255, 255}),
                     0),
            "");
  EXPECT_EQ(
      mismatch(run_op("Resize", {doubles({2}, {1, 2}), kNone, kNone, sizes}, {mode("linear")}, 13),
               doubles({4}, {1, 1.25, 1.75, 2})),
      "");
  EXPECT_EQ(mismatch(run_op("Resize",
                            {floats({3}, {kNan, 1, 2}), kNone, kNone, int64s({1}, {5})},
                            {mode("linear"), coordinates("align_corners")},
                            13),
                     floats({5}, {kNan, kNan, 1, 1.5F, 2})),
            "");
  EXPECT_EQ(mismatch(run_op("Resize", {floats({0, 2}, {}), kNone, floats({2}, {1, 2})}, {}, 13),
                     floats({0, 4}, {})),
            "");
}

TEST(Resize, RefusesWhatDoesNotFit) {
  const NamedTensor x = floats({2, 2}, {1, 2, 3, 4});
  struct Row {
    std::vector<NamedTensor> inputs;
    std::vector<Attribute> attributes;
    int opset;
    const char* says;
  };
  const Row rows[] = {
      {{x, kNone, floats({1}, {2})}, {}, 13, "1 scales for 2 axes"},
      {{x, kNone, floats({2}, {2, 2}), int64s({2}, {4, 4})}, {}, 13, "both scales and sizes"},
      {{x, kNone, floats({2}, {0, 2})}, {}, 13, "not possible"},
      {{x, kNone, floats({2}, {1, 1e30F})}, {}, 13, "not possible"},
      {{x, kNone, kNone, int64s({2}, {-1, 4})}, {}, 13, "not possible"},
      {{x, kNone, kNone, int64s({2}, {4, 4})}, {integers("axes", {0, -2})}, 18, "named twice"},
      {{x, kNone, kNone, int64s({1}, {4})}, {integers("axes", {2})}, 18, "axis 2"},
      {{x, kNone, kNone, int64s({2}, {4, 4})}, {mode("area")}, 13, "'area'"},
      {{x, kNone, kNone, int64s({2}, {4, 4})},
       {coordinates("tf_half_pixel_for_nn")},
       13,
       "not of this version"},
      {{x, floats({2}, {2, 2})}, {mode("cubic")}, 10, "cubic"},
      {{x, kNone, kNone, int64s({2}, {4, 4})}, {integer("antialias", 1)}, 13, "'antialias'"},
  };
  for (const Row& row : rows) {
    EXPECT_NE(error_of(run_op("Resize", row.inputs, row.attributes, row.opset)).find(row.says),
              std::string::npos)
        << error_of(run_op("Resize", row.inputs, row.attributes, row.opset));
  }
  EXPECT_NE(error_of(run_op("Upsample", {x, floats({2}, {2, 2})}, {}, 10)), "no error");
}

TEST(Upsample, TakesItsScalesWhereEachVersionHasThem) {
  const NamedTensor x = floats({1, 1, 1, 2}, {1, 2});
  const NamedTensor want = floats({1, 1, 2, 4}, {1, 1, 2, 2, 1, 1, 2, 2});
  EXPECT_EQ(
      mismatch(run_op("Upsample", {x}, {real("height_scale", 2), real("width_scale", 2)}, 1), want),
      "");
  EXPECT_EQ(mismatch(run_op("Upsample", {x}, {reals("scales", {1, 1, 2, 2})}, 7), want), "");
  EXPECT_EQ(mismatch(run_op("Upsample", {x, floats({4}, {1, 1, 2, 2})}, {}, 9), want), "");
  EXPECT_EQ(mismatch(run_op("Upsample", {x, floats({4}, {1, 1, 1, 2})}, {mode("linear")}, 9),
                     floats({1, 1, 1, 4}, {1, 1.5F, 2, 2})),
            "");
}

// Linear with half pixels, place by place.
float naive(const std::vector<float>& x,
            std::int64_t height,
            std::int64_t width,
            double row,
            double column) {
  const auto at = [&](double r, double c) {
    const auto i = static_cast<std::int64_t>(std::clamp(r, 0.0, static_cast<double>(height - 1)));
    const auto j = static_cast<std::int64_t>(std::clamp(c, 0.0, static_cast<double>(width - 1)));
    return static_cast<double>(x[static_cast<std::size_t>(i * width + j)]);
  };
  const double r = std::floor(row);
  const double c = std::floor(column);
  const double down = row - r;
  const double right = column - c;
  return static_cast<float>((1 - down) * ((1 - right) * at(r, c) + right * at(r, c + 1)) +
                            down * ((1 - right) * at(r + 1, c) + right * at(r + 1, c + 1)));
}

TEST(Resize, AgreesWithPlaceByPlaceInEveryLayout) {
  for (std::uint32_t seed = 1; seed <= 12; ++seed) {
    const std::int64_t height = 1 + seed % 5;
    const std::int64_t width = 1 + seed * 7 % 11;
    const std::int64_t to_height = 1 + seed * 3 % 9;
    const std::int64_t to_width = 1 + seed * 5 % 13;
    const NamedTensor x = random_floats({1, 3, height, width}, seed);
    const auto values = floats_of(x);
    std::vector<float> want;
    for (std::int64_t c = 0; c < 3; ++c) {
      const std::vector<float> plane(values.begin() + c * height * width,
                                     values.begin() + (c + 1) * height * width);
      for (std::int64_t i = 0; i < to_height * to_width; ++i) {
        const auto place = [](std::int64_t at, std::int64_t in, std::int64_t out) {
          return (static_cast<double>(at) + 0.5) * static_cast<double>(in) /
                     static_cast<double>(out) -
                 0.5;
        };
        want.push_back(naive(plane,
                             height,
                             width,
                             place(i / to_width, height, to_height),
                             place(i % to_width, width, to_width)));
      }
    }
    const NamedTensor wanted = floats({1, 3, to_height, to_width}, want);
    GraphCase plain;
    plain.input("x", x).constant("s", int64s({4}, {1, 3, to_height, to_width}));
    plain.node("Resize", {"x", "", "", "s"}, {"y"}, {mode("linear")}).output("y");
    EXPECT_EQ(mismatch(plain.run(), wanted, 1e-5, 1e-6), "") << "seed " << seed;
    // Behind a convolution by the identity the data are channels-last.
    GraphCase last;
    last.input("x", x).constant("s", int64s({4}, {1, 3, to_height, to_width}));
    last.constant("w", floats({3, 3, 1, 1}, {1, 0, 0, 0, 1, 0, 0, 0, 1}));
    last.node("Conv", {"x", "w"}, {"c"});
    last.node("Resize", {"c", "", "", "s"}, {"y"}, {mode("linear")}).output("y");
    EXPECT_EQ(mismatch(last.run(), wanted, 1e-5, 1e-6), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice::engine
