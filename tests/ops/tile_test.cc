// tile.cc, depth_space.cc, reverse_sequence.cc.

#include <random>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

TEST(Expand, BroadcastsBothWays) {
  const NamedTensor column = int64s({2, 1}, {1, 2});
  EXPECT_EQ(
      mismatch(run_op("Expand", {column, int64s({2}, {2, 3})}), int64s({2, 3}, {1, 1, 1, 2, 2, 2})),
      "");
  EXPECT_EQ(mismatch(run_op("Expand", {column, int64s({3}, {2, 1, 1})}, {}, 8),
                     int64s({2, 2, 1}, {1, 2, 1, 2})),
            "");
  EXPECT_EQ(mismatch(run_op("Expand", {column, int64s({1}, {1})}), column), "");
  EXPECT_EQ(mismatch(run_op("Expand", {strings({}, {"a"}), int64s({2}, {1, 2})}),
                     strings({1, 2}, {"a", "a"})),
            "");
  EXPECT_EQ(mismatch(run_op("Expand", {bools({1}, {1}), int64s({1}, {0})}), bools({0}, {})), "");
  EXPECT_NE(error_of(run_op("Expand", {column, int64s({2}, {3, 1})})).find("cannot be broadcast"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Expand", {column, int64s({2}, {-1, 3})})).find("negative"),
            std::string::npos);
}

TEST(Tile, RepeatsAlongEveryAxis) {
  const NamedTensor x = int64s({1, 2}, {1, 2});
  EXPECT_EQ(
      mismatch(run_op("Tile", {x, int64s({2}, {2, 2})}), int64s({2, 4}, {1, 2, 1, 2, 1, 2, 1, 2})),
      "");
  EXPECT_EQ(mismatch(run_op("Tile", {x, int64s({2}, {0, 1})}, {}, 6), int64s({0, 2}, {})), "");
  EXPECT_EQ(mismatch(run_op("Tile", {int64s({}, {4}), int64s({0}, {})}), int64s({}, {4})), "");
  EXPECT_EQ(mismatch(run_op("Tile", {x, int64s({}, {3}), int64s({}, {1})}, {}, 1),
                     int64s({1, 6}, {1, 2, 1, 2, 1, 2})),
            "");
  EXPECT_EQ(mismatch(run_op("Tile", {x, floats({}, {2}), floats({}, {0})}, {}, 1),
                     int64s({2, 2}, {1, 2, 1, 2})),
            "");
  EXPECT_NE(error_of(run_op("Tile", {x, int64s({1}, {2})})).find("do not fit"), std::string::npos);
  EXPECT_NE(error_of(run_op("Tile", {x, int64s({2}, {-1, 2})})), "no error");
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  EXPECT_NE(error_of(run_op("Tile", {x, int64s({2}, {kHuge, kHuge})})), "no error");
}

TEST(Tile, AgreesWithAPlainLoop) {
  constexpr std::uint32_t kSeed = 8;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 50; ++round) {
    Shape dims;
    Shape repeats;
    Shape out;
    for (int d = 0; d < 3; ++d) {
      dims.push_back(static_cast<std::int64_t>(random() % 3 + 1));
      repeats.push_back(static_cast<std::int64_t>(random() % 3 + 1));
      out.push_back(dims.back() * repeats.back());
    }
    std::vector<float> want;
    const NamedTensor x = random_floats(dims, kSeed + static_cast<std::uint32_t>(round));
    const std::vector<float> values = floats_of(x);
    for (std::int64_t i = 0; i < out[0] * out[1] * out[2]; ++i) {
      const std::int64_t a = i / (out[1] * out[2]) % dims[0];
      const std::int64_t b = i / out[2] % out[1] % dims[1];
      const std::int64_t c = i % out[2] % dims[2];
      want.push_back(values[static_cast<std::size_t>((a * dims[1] + b) * dims[2] + c)]);
    }
    EXPECT_EQ(mismatch(run_op("Tile", {x, int64s({3}, repeats)}), floats(out, want), 0), "")
        << "round " << round << ", seed " << kSeed;
  }
}

TEST(DepthToSpace, TakesBlocksFromChannels) {
  const NamedTensor x =
      int64s({1, 8, 1, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  const NamedTensor columns =
      int64s({1, 2, 2, 4}, {0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15});
  const NamedTensor rest =
      int64s({1, 2, 2, 4}, {0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15});
  EXPECT_EQ(mismatch(run_op("DepthToSpace", {x}, {integer("blocksize", 2)}), columns), "");
  EXPECT_EQ(mismatch(run_op("DepthToSpace", {x}, {integer("blocksize", 2)}, 1), columns), "");
  EXPECT_EQ(
      mismatch(run_op("DepthToSpace", {x}, {integer("blocksize", 2), text("mode", "CRD")}, 11),
               rest),
      "");
  EXPECT_EQ(mismatch(run_op("SpaceToDepth", {columns}, {integer("blocksize", 2)}), x), "");
  EXPECT_EQ(
      mismatch(run_op("SpaceToDepth", {int64s({0, 1, 2, 2}, {})}, {integer("blocksize", 2)}, 1),
               int64s({0, 4, 1, 1}, {})),
      "");
  EXPECT_NE(error_of(run_op("DepthToSpace", {x}, {integer("blocksize", 3)})).find("do not fit"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("SpaceToDepth", {x}, {integer("blocksize", 2)})), "no error");
  EXPECT_NE(error_of(run_op("DepthToSpace", {x}, {integer("blocksize", 0)})), "no error");
  EXPECT_NE(error_of(run_op("DepthToSpace", {x}, {integer("blocksize", 2), text("mode", "X")})),
            "no error");
}

TEST(ReverseSequence, TurnsTheFirstPartOfEach) {
  const NamedTensor x = int64s({3, 2}, {1, 2, 3, 4, 5, 6});  // time, batch
  EXPECT_EQ(mismatch(run_op("ReverseSequence", {x, int64s({2}, {3, 2})}),
                     int64s({3, 2}, {5, 4, 3, 2, 1, 6})),
            "");
  EXPECT_EQ(mismatch(run_op("ReverseSequence",
                            {x, int64s({3}, {1, 2, 0})},
                            {integer("batch_axis", 0), integer("time_axis", 1)},
                            10),
                     int64s({3, 2}, {1, 2, 4, 3, 5, 6})),
            "");
  EXPECT_EQ(mismatch(run_op("ReverseSequence", {strings({2, 1}, {"a", "b"}), int64s({1}, {2})}),
                     strings({2, 1}, {"b", "a"})),
            "");
  EXPECT_NE(error_of(run_op("ReverseSequence", {x, int64s({2}, {4, 2})})).find("a length of 4"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("ReverseSequence", {x, int64s({3}, {1, 1, 1})})), "no error");
  EXPECT_NE(
      error_of(run_op("ReverseSequence", {x, int64s({2}, {1, 1})}, {integer("batch_axis", 2)})),
      "no error");
}

}  // namespace
}  // namespace sluice::engine
