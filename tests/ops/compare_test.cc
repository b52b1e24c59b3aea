// compare.cc, logic.cc.

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

struct CompareRow {
  const char* op;
  std::vector<std::uint8_t> of_floats;
  std::vector<std::uint8_t> of_integers;
};

TEST(Compare, OrdersNumbersAndLeavesNanOut) {
  const NamedTensor a = floats({6}, {1, 2, -0.0F, kNan, kInf, kNan});
  const NamedTensor b = floats({6}, {2, 2, 0, kNan, -kInf, 1});
  const CompareRow rows[] = {
      {"Equal", {0, 1, 1, 0, 0, 0}, {0, 1, 0}},
      {"Greater", {0, 0, 0, 0, 1, 0}, {1, 0, 0}},
      {"GreaterOrEqual", {0, 1, 1, 0, 1, 0}, {1, 1, 0}},
      {"Less", {1, 0, 0, 0, 0, 0}, {0, 0, 1}},
      {"LessOrEqual", {1, 1, 1, 0, 0, 0}, {0, 1, 1}},
  };
  for (const CompareRow& row : rows) {
    EXPECT_EQ(mismatch(run_op(row.op, {a, b}), bools({6}, row.of_floats)), "") << row.op;
    EXPECT_EQ(mismatch(run_op(row.op, {int64s({3}, {5, 3, -1}), int64s({}, {3})}),
                       bools({3}, row.of_integers)),
              "")
        << row.op;
    EXPECT_EQ(mismatch(run_op(row.op,
                              {numbers<std::uint64_t>({3}, {~0ULL, 3, 1}),
                               numbers<std::uint64_t>({}, {3})}),
                       bools({3}, row.of_integers)),
              "")
        << row.op << " of uint64";
    EXPECT_EQ(mismatch(run_op(row.op,
                              {numbers<std::int8_t>({3}, {100, 3, -128}),
                               numbers<std::int8_t>({3}, {3, 3, 3})}),
                       bools({3}, row.of_integers)),
              "")
        << row.op << " of int8";
    EXPECT_EQ(
        mismatch(run_op(row.op, {doubles({0, 2}, {}), doubles({2}, {1, 2})}), bools({0, 2}, {})),
        "")
        << row.op;
    EXPECT_NE(
        error_of(run_op(row.op, {int64s({1}, {1}), int32s({1}, {1})})).find("int64 and int32"),
        std::string::npos);
    EXPECT_NE(error_of(run_op(row.op, {int64s({2}, {1, 1}), int64s({3}, {1, 1, 1})})), "no error");
  }
}

TEST(Compare, EqualityKnowsTruthAndStringsToo) {
  EXPECT_EQ(mismatch(run_op("Equal", {bools({2}, {0, 1}), bools({}, {1})}), bools({2}, {0, 1})),
            "");
  EXPECT_EQ(
      mismatch(
          run_op("Equal", {strings({2}, {"a", "\xC3\xA4"}), strings({}, {"\xC3\xA4"})}, {}, 19),
          bools({2}, {0, 1})),
      "");
  EXPECT_NE(error_of(run_op("Less", {strings({1}, {"a"}), strings({1}, {"b"})})).find("string"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Less", {bools({1}, {0}), bools({1}, {1})})).find("bool"),
            std::string::npos);
}

TEST(Compare, FollowsTheAttributesOfOldOpsets) {
  const NamedTensor a = int32s({2, 3}, {1, 2, 3, 4, 5, 6});
  const NamedTensor b = int32s({2}, {2, 5});
  const std::vector<Attribute> along{integer("broadcast", 1), integer("axis", 0)};
  EXPECT_EQ(mismatch(run_op("Equal", {a, b}, along, 6), bools({2, 3}, {0, 1, 0, 0, 1, 0})), "");
  EXPECT_EQ(mismatch(run_op("Less", {a, b}, along, 1), bools({2, 3}, {1, 0, 0, 1, 0, 0})), "");
  EXPECT_NE(error_of(run_op("Less", {a, b}, {}, 6)).find("broadcast is 0"), std::string::npos);
  EXPECT_NE(error_of(run_op("Less", {a, b}, {integer("broadcast", 1), integer("axis", 2)}, 6)),
            "no error");
  EXPECT_NE(error_of(run_op("Less", {a, a}, along, 7)).find("'broadcast'"), std::string::npos);
  EXPECT_NE(error_of(run_op("Less", {b, a}, {integer("broadcast", 1)}, 6)), "no error")
      << "the first operand is not stretched";
}

TEST(Compare, AgreesWithAPlainLoop) {
  constexpr std::uint32_t kSeed = 5;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 40; ++round) {
    const auto rows = static_cast<std::int64_t>(random() % 5);
    const auto columns = static_cast<std::int64_t>(random() % 70 + 1);
    std::vector<std::int32_t> a(static_cast<std::size_t>(rows * columns));
    std::vector<std::int32_t> b(static_cast<std::size_t>(columns));
    for (std::int32_t& value : a) {
      value = static_cast<std::int32_t>(random() % 7);
    }
    for (std::int32_t& value : b) {
      value = static_cast<std::int32_t>(random() % 7);
    }
    std::vector<std::uint8_t> want;
    for (std::size_t i = 0; i < a.size(); ++i) {
      want.push_back(a[i] <= b[i % b.size()] ? 1 : 0);
    }
    EXPECT_EQ(mismatch(run_op("LessOrEqual", {int32s({rows, columns}, a), int32s({columns}, b)}),
                       bools({rows, columns}, want)),
              "")
        << "round " << round << ", seed " << kSeed;
  }
}

TEST(Logic, HasItsTables) {
  const NamedTensor a = bools({2, 2}, {0, 0, 1, 1});
  const NamedTensor b = bools({2}, {0, 1});
  EXPECT_EQ(mismatch(run_op("And", {a, b}), bools({2, 2}, {0, 0, 0, 1})), "");
  EXPECT_EQ(mismatch(run_op("Or", {a, b}), bools({2, 2}, {0, 1, 1, 1})), "");
  EXPECT_EQ(mismatch(run_op("Xor", {a, b}), bools({2, 2}, {0, 1, 1, 0})), "");
  EXPECT_EQ(mismatch(run_op("Not", {a}), bools({2, 2}, {1, 1, 0, 0})), "");
  EXPECT_EQ(mismatch(run_op("Not", {bools({}, {1})}, {}, 1), bools({}, {0})), "");
  EXPECT_EQ(mismatch(run_op("And", {bools({0, 2}, {}), b}), bools({0, 2}, {})), "");
  EXPECT_EQ(mismatch(run_op("And", {a, b}, {integer("broadcast", 1), integer("axis", 0)}, 1),
                     bools({2, 2}, {0, 0, 1, 1})),
            "");
  EXPECT_NE(error_of(run_op("And", {int32s({1}, {1}), int32s({1}, {1})})).find("int32"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Not", {int32s({1}, {1})})).find("int32"), std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
