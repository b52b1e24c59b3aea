// top_k.cc, unique.cc, hardmax.cc.

#include <algorithm>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(TopK, TakesTheLargestWithTheLowerIndexFirst) {
  const NamedTensor x = floats({2, 4}, {1, 3, 3, 2, 4, 0, -1, 4});
  const NamedTensor values = floats({2, 2}, {3, 3, 4, 4});
  const NamedTensor indices = int64s({2, 2}, {1, 2, 0, 3});
  const auto rows = {run_op("TopK", {x}, {integer("k", 2)}, 1, 2),
                     run_op("TopK", {x, int64s({1}, {2})}, {}, 10, 2),
                     run_op("TopK", {x, int64s({1}, {2})}, {integer("axis", 1)}, 11, 2),
                     run_op("TopK", {x, int64s({1}, {2})}, {integer("sorted", 0)}, 24, 2)};
  for (const auto& got : rows) {
    EXPECT_EQ(mismatch_at(got, 0, values), "");
    EXPECT_EQ(mismatch_at(got, 1, indices), "");
  }
  GraphCase constant;
  constant.input("x", x).constant("k", int64s({1}, {2}));
  constant.node("TopK", {"x", "k"}, {"v", "i"}).output("v").output("i");
  EXPECT_EQ(mismatch_at(constant.run(), 1, indices), "");
}

TEST(TopK, TakesTheSmallestAlongAnyAxisOfAnyNumbers) {
  const auto got = run_op("TopK",
                          {int64s({3, 2}, {5, 1, 4, 2, 6, 0}), int64s({1}, {2})},
                          {integer("axis", 0), integer("largest", 0)},
                          17,
                          2);
  EXPECT_EQ(mismatch_at(got, 0, int64s({2, 2}, {4, 0, 5, 1})), "");
  EXPECT_EQ(mismatch_at(got, 1, int64s({2, 2}, {1, 2, 0, 0})), "");
  const auto odd =
      run_op("TopK", {floats({4}, {1, kNan, kInf, -kInf}), int64s({1}, {4})}, {}, 17, 2);
  EXPECT_EQ(mismatch_at(odd, 0, floats({4}, {kNan, kInf, 1, -kInf})), "");
  const auto least =
      run_op("TopK", {floats({3}, {kNan, 2, 1}), int64s({1}, {3})}, {integer("largest", 0)}, 17, 2);
  EXPECT_EQ(mismatch_at(least, 0, floats({3}, {1, 2, kNan})), "");
  EXPECT_EQ(
      mismatch_at(
          run_op("TopK", {uint8s({0, 3}, {}), int64s({1}, {1})}, {}, 17, 2), 1, int64s({0, 1}, {})),
      "");
  EXPECT_EQ(mismatch(run_op("TopK", {uint8s({3}, {1, 2, 3}), int64s({1}, {0})}, {}, 17, 2),
                     uint8s({0}, {})),
            "");
  EXPECT_NE(error_of(run_op("TopK", {uint8s({3}, {1, 2, 3}), int64s({1}, {4})}, {}, 17, 2))
                .find("k is 4"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("TopK", {uint8s({3}, {1, 2, 3})}, {}, 1, 2)).find("k is -1"),
            std::string::npos);
  EXPECT_NE(
      error_of(run_op("TopK", {strings({1}, {"a"}), int64s({1}, {1})}, {}, 17, 2)).find("string"),
      std::string::npos);
}

TEST(TopK, AgreesWithSorting) {
  constexpr std::uint32_t kSeed = 13;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 50; ++round) {
    const auto n = static_cast<std::size_t>(random() % 40 + 1);
    const auto k = static_cast<std::size_t>(random() % (n + 1));
    std::vector<std::pair<int, std::int64_t>> ranked;
    std::vector<std::int32_t> x;
    for (std::size_t i = 0; i < n; ++i) {
      x.push_back(static_cast<std::int32_t>(random() % 10));
      ranked.emplace_back(-x.back(), static_cast<std::int64_t>(i));
    }
    std::ranges::sort(ranked);
    std::vector<std::int64_t> want;
    for (std::size_t i = 0; i < k; ++i) {
      want.push_back(ranked[i].second);
    }
    const auto got = run_op(
        "TopK",
        {int32s({static_cast<std::int64_t>(n)}, x), int64s({1}, {static_cast<std::int64_t>(k)})},
        {},
        17,
        2);
    EXPECT_EQ(mismatch_at(got, 1, int64s({static_cast<std::int64_t>(k)}, want)), "")
        << "round " << round << ", seed " << kSeed;
  }
}

TEST(Unique, SortsOrKeepsTheOrder) {
  const NamedTensor x = floats({6}, {2, 1, 1, 3, 4, 3});
  const auto sorted = run_op("Unique", {x}, {}, 11, 4);
  EXPECT_EQ(mismatch_at(sorted, 0, floats({4}, {1, 2, 3, 4})), "");
  EXPECT_EQ(mismatch_at(sorted, 1, int64s({4}, {1, 0, 3, 4})), "");
  EXPECT_EQ(mismatch_at(sorted, 2, int64s({6}, {1, 0, 0, 2, 3, 2})), "");
  EXPECT_EQ(mismatch_at(sorted, 3, int64s({4}, {2, 1, 2, 1})), "");
  const auto seen = run_op("Unique", {x}, {integer("sorted", 0)}, 11, 4);
  EXPECT_EQ(mismatch_at(seen, 0, floats({4}, {2, 1, 3, 4})), "");
  EXPECT_EQ(mismatch_at(seen, 1, int64s({4}, {0, 1, 3, 4})), "");
  EXPECT_EQ(mismatch_at(seen, 2, int64s({6}, {0, 1, 1, 2, 3, 2})), "");
  EXPECT_EQ(mismatch_at(seen, 3, int64s({4}, {1, 2, 2, 1})), "");
}

TEST(Unique, ComparesSlicesAlongAnAxis) {
  const NamedTensor x = int64s({3, 2}, {1, 0, 1, 0, 0, 5});
  const auto rows = run_op("Unique", {x}, {integer("axis", 0)}, 11, 4);
  EXPECT_EQ(mismatch_at(rows, 0, int64s({2, 2}, {0, 5, 1, 0})), "");
  EXPECT_EQ(mismatch_at(rows, 1, int64s({2}, {2, 0})), "");
  EXPECT_EQ(mismatch_at(rows, 2, int64s({3}, {1, 1, 0})), "");
  EXPECT_EQ(mismatch_at(rows, 3, int64s({2}, {1, 2})), "");
  const auto columns = run_op("Unique", {x}, {integer("axis", -1)});
  EXPECT_EQ(mismatch(columns, int64s({3, 2}, {0, 1, 0, 1, 5, 0})), "");
}

TEST(Unique, TakesEveryType) {
  EXPECT_EQ(mismatch(run_op("Unique", {strings({3}, {"b", "a", "b"})}), strings({2}, {"a", "b"})),
            "");
  EXPECT_EQ(mismatch(run_op("Unique", {bools({3}, {1, 0, 1})}), bools({2}, {0, 1})), "");
  EXPECT_EQ(mismatch(run_op("Unique", {floats({4}, {kNan, 1, kNan, -kInf})}),
                     floats({3}, {-kInf, 1, kNan})),
            "");
  EXPECT_EQ(mismatch(run_op("Unique", {halves({3}, {2, 0.5F, 2})}), halves({2}, {0.5F, 2})), "");
  EXPECT_EQ(mismatch(run_op("Unique", {floats({0}, {})}), floats({0}, {})), "");
  EXPECT_EQ(mismatch(run_op("Unique", {floats({}, {3})}), floats({1}, {3})), "");
  EXPECT_NE(error_of(run_op("Unique", {floats({1}, {1})}, {integer("axis", 1)})).find("axis 1"),
            std::string::npos);
}

TEST(Hardmax, MarksTheFirstLargest) {
  const NamedTensor x = floats({2, 3}, {1, 3, 3, 0, -1, kNan});
  EXPECT_EQ(mismatch(run_op("Hardmax", {x}), floats({2, 3}, {0, 1, 0, 0, 0, 1})), "");
  EXPECT_EQ(
      mismatch(run_op("Hardmax", {x}, {integer("axis", 0)}), floats({2, 3}, {1, 1, 0, 0, 0, 1})),
      "");
  const NamedTensor cube = doubles({1, 2, 2}, {1, 2, 4, 3});
  EXPECT_EQ(mismatch(run_op("Hardmax", {cube}, {}, 11), doubles({1, 2, 2}, {0, 0, 1, 0})), "")
      << "axes 1 and 2 as one";
  EXPECT_EQ(mismatch(run_op("Hardmax", {cube}, {integer("axis", 0)}, 1),
                     doubles({1, 2, 2}, {0, 0, 1, 0})),
            "");
  EXPECT_EQ(mismatch(run_op("Hardmax", {cube}, {integer("axis", 1)}, 13),
                     doubles({1, 2, 2}, {0, 0, 1, 1})),
            "");
  EXPECT_EQ(mismatch(run_op("Hardmax", {floats({2, 0}, {})}), floats({2, 0}, {})), "");
  EXPECT_NE(error_of(run_op("Hardmax", {x}, {integer("axis", 2)})).find("axis 2"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Hardmax", {int32s({1}, {1})})).find("int32"), std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
