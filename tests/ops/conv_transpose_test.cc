// conv_transpose.cc.

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct LineRow {
  const char* what;
  std::vector<Attribute> attributes;
  std::vector<float> y;
};

TEST(ConvTranspose, SpreadsALineAsEachAttributeSays) {
  // x = 1, 10, 100 and w = 1, 2, 3, by hand.
  const NamedTensor x = floats({1, 1, 3}, {1, 10, 100});
  const NamedTensor w = floats({1, 1, 3}, {1, 2, 3});
  const LineRow rows[] = {
      {"dense", {}, {1, 12, 123, 230, 300}},
      {"pads", {integers("pads", {1, 2})}, {12, 123}},
      {"strides", {integers("strides", {2})}, {1, 2, 13, 20, 130, 200, 300}},
      {"output_padding",
       {integers("strides", {2}), integers("output_padding", {1})},
       {1, 2, 13, 20, 130, 200, 300, 0}},
      {"dilations", {integers("dilations", {2})}, {1, 10, 102, 20, 203, 30, 300}},
      {"output_shape",
       {integers("strides", {2}), integers("output_shape", {6})},
       {2, 13, 20, 130, 200, 300}},
      {"output_shape and SAME_UPPER",
       {integers("strides", {2}), integers("output_shape", {6}), text("auto_pad", "SAME_UPPER")},
       {1, 2, 13, 20, 130, 200}},
      {"SAME_LOWER",
       {integers("strides", {2}), text("auto_pad", "SAME_LOWER")},
       {2, 13, 20, 130, 200, 300}},
      {"VALID", {text("auto_pad", "VALID")}, {1, 12, 123, 230, 300}},
      {"more than there is", {integers("output_shape", {7})}, {1, 12, 123, 230, 300, 0, 0}},
  };
  for (const int opset : {1, 11, 22}) {
    for (const LineRow& row : rows) {
      const auto count = static_cast<std::int64_t>(row.y.size());
      EXPECT_EQ(mismatch(run_op("ConvTranspose", {x, w}, row.attributes, opset),
                         floats({1, 1, count}, row.y)),
                "")
          << row.what;
    }
  }
  EXPECT_EQ(mismatch(run_op("ConvTranspose", {floats({1, 1, 2}, {kNan, 1}), w, floats({1}, {5})}),
                     floats({1, 1, 4}, {kNan, kNan, kNan, 8})),
            "");
}

struct Spec {
  Shape x;
  Shape w;
  std::int64_t group;
  Shape strides;
  Shape dilations;
  Shape pads;  // at both ends
};

std::int64_t extent(const Spec& spec, std::size_t d) {
  return (spec.x[d + 2] - 1) * spec.strides[d] + (spec.w[d + 2] - 1) * spec.dilations[d] + 1 -
         2 * spec.pads[d];
}

std::vector<std::int64_t> index_of(std::int64_t at, const Shape& dims) {
  std::vector<std::int64_t> index(dims.size());
  for (std::size_t d = dims.size(); d > 0; --d) {
    index[d - 1] = at % dims[d - 1];
    at /= dims[d - 1];
  }
  return index;
}

// Every input place through every weight, one by one.
NamedTensor naive(const Spec& spec,
                  const NamedTensor& x,
                  const NamedTensor& w,
                  const NamedTensor& bias) {
  const std::int64_t filters = spec.w[1] * spec.group;
  const std::int64_t channels = spec.x[1] / spec.group;
  Shape out{spec.x[0], filters};
  for (std::size_t d = 0; d + 2 < spec.x.size(); ++d) {
    out.push_back(extent(spec, d));
  }
  const std::int64_t area = *element_count(out) / out[0] / out[1];
  std::vector<double> sums(static_cast<std::size_t>(*element_count(out)));
  const auto xs = floats_of(x);
  const auto ws = floats_of(w);
  const auto bs = floats_of(bias);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    sums[i] = static_cast<double>(
        bs[i / static_cast<std::size_t>(area) % static_cast<std::size_t>(filters)]);
  }
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const auto from = index_of(static_cast<std::int64_t>(i), spec.x);
    for (std::size_t j = 0; j < ws.size(); ++j) {
      const auto weight = index_of(static_cast<std::int64_t>(j), spec.w);
      if (weight[0] != from[1]) {
        continue;
      }
      std::int64_t at = from[0] * filters + from[1] / channels * spec.w[1] + weight[1];
      bool inside = true;
      for (std::size_t d = 0; d + 2 < out.size(); ++d) {
        const std::int64_t place =
            from[d + 2] * spec.strides[d] + weight[d + 2] * spec.dilations[d] - spec.pads[d];
        inside = inside && place >= 0 && place < out[d + 2];
        at = at * out[d + 2] + place;
      }
      if (inside) {
        sums[static_cast<std::size_t>(at)] +=
            static_cast<double>(xs[i]) * static_cast<double>(ws[j]);
      }
    }
  }
  return floats(out, std::vector<float>(sums.begin(), sums.end()));
}

TEST(ConvTranspose, AgreesWithPlaceByPlaceForGroupsAndOneToThreeDimensions) {
  const Spec specs[] = {
      {{2, 4, 5}, {4, 3, 3}, 1, {2}, {1}, {1}},
      {{1, 4, 5}, {4, 1, 2}, 4, {1}, {3}, {0}},
      {{2, 6, 4, 5}, {6, 2, 3, 2}, 3, {2, 1}, {1, 2}, {1, 1}},
      {{1, 2, 3, 3}, {2, 5, 1, 1}, 1, {3, 2}, {1, 1}, {0, 0}},
      {{2, 4, 3, 2, 3}, {4, 2, 2, 3, 2}, 2, {2, 1, 2}, {1, 2, 1}, {1, 0, 1}},
  };
  std::uint32_t seed = 0;
  for (const Spec& spec : specs) {
    const NamedTensor x = random_floats(spec.x, ++seed);
    const NamedTensor w = random_floats(spec.w, ++seed);
    const NamedTensor bias = random_floats({spec.w[1] * spec.group}, ++seed);
    std::vector<std::int64_t> pads = spec.pads;
    pads.insert(pads.end(), spec.pads.begin(), spec.pads.end());
    const auto got = run_op("ConvTranspose",
                            {x, w, bias},
                            {integer("group", spec.group),
                             integers("strides", spec.strides),
                             integers("dilations", spec.dilations),
                             integers("pads", pads)});
    EXPECT_EQ(mismatch(got, naive(spec, x, w, bias), 1e-5, 1e-6), "") << "seed " << seed;
  }
}

// Packed weights go another way than those of a run, which the test above has.
TEST(ConvTranspose, AgreesWithTheScalarKernelsForConstantWeights) {
  const Spec specs[] = {
      {{2, 4, 5}, {4, 3, 3}, 1, {2}, {1}, {1}},
      {{1, 1, 9}, {1, 1, 4}, 1, {4}, {1}, {0}},
      {{2, 16, 12, 40}, {16, 24, 3, 3}, 1, {2, 2}, {1, 1}, {1, 0}},  // rows in two pieces
      {{1, 8, 7, 6}, {8, 40, 2, 2}, 1, {2, 2}, {1, 1}, {0, 0}},
      {{1, 5, 6, 7}, {5, 1, 4, 4}, 1, {2, 2}, {1, 1}, {1, 1}},
      {{1, 5, 6, 7}, {5, 3, 2, 3}, 1, {1, 3}, {3, 2}, {2, 1}},
      {{1, 3, 4, 5}, {3, 2, 1, 1}, 1, {3, 3}, {1, 1}, {0, 0}},
      {{2, 4, 3, 2, 3}, {4, 2, 2, 3, 2}, 1, {2, 1, 2}, {1, 2, 1}, {1, 0, 1}},
      {{1, 6, 4, 5}, {6, 2, 3, 2}, 3, {2, 1}, {1, 2}, {1, 1}},
  };
  std::uint32_t seed = 0;
  for (const Spec& spec : specs) {
    for (const bool open : {false, true}) {
      std::vector<std::int64_t> pads = spec.pads;
      pads.insert(pads.end(), spec.pads.begin(), spec.pads.end());
      const NamedTensor x = random_floats(spec.x, ++seed);
      GraphCase graph;
      open ? graph.open_input("x", x) : graph.input("x", x);
      graph.constant("w", random_floats(spec.w, ++seed));
      graph.constant("b", random_floats({spec.w[1] * spec.group}, ++seed));
      graph.node("ConvTranspose",
                 {"x", "w", "b"},
                 {"y"},
                 {integer("group", spec.group),
                  integers("strides", spec.strides),
                  integers("dilations", spec.dilations),
                  integers("pads", pads)});
      graph.output("y");
      const auto want = graph.run_reference();
      ASSERT_TRUE(want) << error_of(want);
      EXPECT_EQ(mismatch(graph.run(), want->front(), 1e-5, 1), "") << "seed " << seed;
    }
  }
}

TEST(ConvTranspose, RefusesWhatDoesNotFit) {
  const NamedTensor x = floats({1, 2, 3}, {1, 2, 3, 4, 5, 6});
  const NamedTensor w = floats({2, 1, 1}, {1, 1});
  struct Row {
    std::vector<NamedTensor> inputs;
    std::vector<Attribute> attributes;
    const char* says;
  };
  const Row rows[] = {
      {{x, floats({1, 1, 1}, {1})}, {}, "does not fit weights [1,1,1]"},
      {{x, w}, {integer("group", 3)}, "3 groups"},
      {{x, w}, {integer("group", 0)}, "group 0"},
      {{x, w, floats({2}, {1, 2})}, {}, "bias [2]"},
      {{x, w}, {integers("kernel_shape", {2})}, "kernel_shape [2]"},
      {{x, w}, {integers("pads", {2, 2})}, "without its padding"},
      {{x, w}, {integers("output_shape", {1, 2})}, "output_shape"},
      {{x, w}, {integers("output_shape", {-1})}, "output_shape"},
      {{x, doubles({2, 1, 1}, {1, 1})}, {}, "different datatypes"},
  };
  for (const Row& row : rows) {
    const std::string says = error_of(run_op("ConvTranspose", row.inputs, row.attributes));
    EXPECT_NE(says.find(row.says), std::string::npos) << says;
  }
  EXPECT_EQ(mismatch(run_op("ConvTranspose", {floats({0, 2, 3}, {}), w}), floats({0, 1, 3}, {})),
            "");
}

}  // namespace
}  // namespace sluice::engine
