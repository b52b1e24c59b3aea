// pad.cc, center_crop_pad.cc.

#include <random>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

const NamedTensor kThree = int64s({3}, {1, 2, 3});

Result<std::vector<NamedTensor>> pad(const NamedTensor& x,
                                     const std::vector<std::int64_t>& pads,
                                     const std::string& mode,
                                     int opset = 19) {
  return run_op("Pad",
                {x, int64s({static_cast<std::int64_t>(pads.size())}, pads)},
                {text("mode", mode)},
                opset);
}

TEST(Pad, HasFourModes) {
  EXPECT_EQ(mismatch(pad(kThree, {2, 1}, "constant"), int64s({6}, {0, 0, 1, 2, 3, 0})), "");
  EXPECT_EQ(mismatch(pad(kThree, {2, 1}, "edge"), int64s({6}, {1, 1, 1, 2, 3, 3})), "");
  EXPECT_EQ(mismatch(pad(kThree, {2, 1}, "reflect"), int64s({6}, {3, 2, 1, 2, 3, 2})), "");
  EXPECT_EQ(mismatch(pad(kThree, {2, 1}, "wrap"), int64s({6}, {2, 3, 1, 2, 3, 1})), "");
  EXPECT_EQ(mismatch(pad(kThree, {5, 0}, "reflect"), int64s({8}, {2, 1, 2, 3, 2, 1, 2, 3})), "");
  EXPECT_EQ(mismatch(pad(kThree, {0, 4}, "wrap"), int64s({7}, {1, 2, 3, 1, 2, 3, 1})), "");
  EXPECT_EQ(mismatch(pad(int64s({1}, {7}), {1, 2}, "reflect"), int64s({4}, {7, 7, 7, 7})), "");
  EXPECT_EQ(mismatch(pad(int64s({}, {7}), {}, "edge"), int64s({}, {7})), "");
  EXPECT_EQ(mismatch(pad(int64s({}, {7}), {}, "constant"), int64s({}, {7})), "");
  EXPECT_NE(error_of(pad(kThree, {1, 1}, "wrap", 18)).find("'wrap'"), std::string::npos);
  EXPECT_NE(error_of(pad(kThree, {1, 1}, "mirror")).find("'mirror'"), std::string::npos);
}

TEST(Pad, CutsWhereCountsAreNegative) {
  EXPECT_EQ(mismatch(pad(kThree, {-1, 2}, "constant"), int64s({4}, {2, 3, 0, 0})), "");
  EXPECT_EQ(mismatch(pad(kThree, {-1, -1}, "edge"), int64s({1}, {2})), "");
  EXPECT_EQ(
      mismatch(pad(int64s({5}, {0, 1, 2, 3, 4}), {-3, 2}, "reflect"), int64s({4}, {3, 4, 3, 4})),
      "");
  EXPECT_EQ(mismatch(pad(kThree, {-3, 0}, "constant"), int64s({0}, {})), "");
  EXPECT_NE(error_of(pad(kThree, {-2, -2}, "constant")).find("do not fit axis 0 of [3]"),
            std::string::npos);
}

TEST(Pad, TakesAValueOfItsOwnType) {
  const NamedTensor pads = int64s({2}, {1, 1});
  EXPECT_EQ(
      mismatch(run_op("Pad", {floats({1}, {2}), pads, floats({}, {-1})}), floats({3}, {-1, 2, -1})),
      "");
  EXPECT_EQ(mismatch(run_op("Pad", {strings({1}, {"x"}), pads, strings({}, {"-"})}),
                     strings({3}, {"-", "x", "-"})),
            "");
  EXPECT_EQ(mismatch(run_op("Pad", {bools({1}, {1}), pads}), bools({3}, {0, 1, 0})), "");
  EXPECT_NE(error_of(run_op("Pad", {floats({1}, {2}), pads, doubles({}, {1})})).find("float32"),
            std::string::npos);
}

TEST(Pad, FollowsItsOpsets) {
  const NamedTensor x = floats({1, 2}, {1, 2});
  const NamedTensor want = floats({2, 4}, {5, 5, 5, 5, 5, 1, 2, 5});
  EXPECT_EQ(
      mismatch(run_op("Pad", {x}, {integers("paddings", {1, 1, 0, 1}), real("value", 5)}, 1), want),
      "");
  EXPECT_EQ(
      mismatch(run_op("Pad", {x}, {integers("pads", {1, 1, 0, 1}), real("value", 5)}, 2), want),
      "");
  EXPECT_EQ(
      mismatch(
          run_op("Pad", {doubles({1}, {1})}, {integers("pads", {0, 1}), real("value", 2.5F)}, 10),
          doubles({2}, {1, 2.5})),
      "");
  EXPECT_EQ(mismatch(run_op("Pad", {x, int64s({4}, {1, 1, 0, 1}), floats({}, {5})}, {}, 11), want),
            "");
  EXPECT_EQ(
      mismatch(run_op("Pad", {x, int64s({2}, {1, 1}), floats({}, {9}), int64s({1}, {-1})}, {}, 18),
               floats({1, 4}, {9, 1, 2, 9})),
      "");
  EXPECT_EQ(mismatch(run_op("Pad", {x, int64s({2}, {1, 1}), {}, int32s({1}, {0})}, {}, 21),
                     floats({3, 2}, {0, 0, 1, 2, 0, 0})),
            "");
  EXPECT_EQ(
      mismatch(
          run_op("Pad", {halves({1}, {1})}, {integers("pads", {0, 1}), real("value", 0.1F)}, 2),
          halves({2}, {1, 0.1F}),
          0),
      "");
  EXPECT_NE(error_of(run_op("Pad", {x, int64s({2}, {1, 1})})).find("2 pads for 2 axes"),
            std::string::npos);
  EXPECT_NE(
      error_of(run_op("Pad", {x, int64s({4}, {1, 1, 1, 1}), {}, int64s({2}, {0, -2})}, {}, 18)),
      "no error");
}

TEST(Pad, AgreesWithAPlainLoop) {
  constexpr std::uint32_t kSeed = 3;
  std::mt19937 random(kSeed);
  const std::vector<std::string> modes{"constant", "edge", "reflect", "wrap"};
  for (int round = 0; round < 200; ++round) {
    const std::string& mode = modes[random() % 4];
    const Shape dims{static_cast<std::int64_t>(random() % 3 + 2),
                     static_cast<std::int64_t>(random() % 4 + 2)};
    std::vector<std::int64_t> pads;
    for (int i = 0; i < 4; ++i) {
      pads.push_back(static_cast<std::int64_t>(random() % 6));
    }
    std::vector<std::int64_t> x(static_cast<std::size_t>(dims[0] * dims[1]));
    for (std::int64_t& value : x) {
      value = static_cast<std::int64_t>(random() % 100 + 1);
    }
    // Walks from place to place like a ball between walls, or round and round.
    const auto walk = [&](std::int64_t at, std::int64_t extent) -> std::int64_t {
      while (at < 0 || at >= extent) {
        if (mode == "constant") {
          return -1;
        }
        at = mode == "edge"   ? (at < 0 ? 0 : extent - 1)
             : mode == "wrap" ? (at < 0 ? at + extent : at - extent)
                              : (at < 0 ? -at : 2 * (extent - 1) - at);
      }
      return at;
    };
    const Shape out{dims[0] + pads[0] + pads[2], dims[1] + pads[1] + pads[3]};
    std::vector<std::int64_t> want;
    for (std::int64_t i = 0; i < out[0]; ++i) {
      for (std::int64_t j = 0; j < out[1]; ++j) {
        const std::int64_t a = walk(i - pads[0], dims[0]);
        const std::int64_t b = walk(j - pads[1], dims[1]);
        want.push_back(a < 0 || b < 0 ? 0 : x[static_cast<std::size_t>(a * dims[1] + b)]);
      }
    }
    EXPECT_EQ(mismatch(pad(int64s(dims, x), pads, mode), int64s(out, want)), "")
        << mode << " round " << round << ", seed " << kSeed;
  }
}

TEST(CenterCropPad, CutsAndFillsRoundTheMiddle) {
  const NamedTensor x = int64s({5}, {1, 2, 3, 4, 5});
  const auto to = [&](std::int64_t extent) {
    return run_op("CenterCropPad", {x, int64s({1}, {extent})}, {}, 18);
  };
  EXPECT_EQ(mismatch(to(3), int64s({3}, {2, 3, 4})), "");
  EXPECT_EQ(mismatch(to(2), int64s({2}, {2, 3})), "");
  EXPECT_EQ(mismatch(to(8), int64s({8}, {0, 1, 2, 3, 4, 5, 0, 0})), "");
  EXPECT_EQ(mismatch(to(0), int64s({0}, {})), "");
  EXPECT_EQ(mismatch(run_op("CenterCropPad",
                            {int64s({2, 3}, {1, 2, 3, 4, 5, 6}), int64s({2}, {1, 4})},
                            {integers("axes", {-1, 0})},
                            18),
                     int64s({4, 1}, {0, 2, 5, 0})),
            "");
  EXPECT_EQ(mismatch(run_op("CenterCropPad", {strings({1}, {"a"}), int32s({1}, {3})}, {}, 18),
                     strings({3}, {"", "a", ""})),
            "");
  EXPECT_NE(error_of(run_op("CenterCropPad", {x, int64s({2}, {1, 1})}, {}, 18)), "no error");
  EXPECT_NE(error_of(run_op("CenterCropPad", {x, int64s({1}, {-1})}, {}, 18)), "no error");
  EXPECT_NE(error_of(run_op("CenterCropPad", {x, int64s({1}, {1})}, {integers("axes", {1})}, 18)),
            "no error");
}

}  // namespace
}  // namespace sluice::engine
