// where.cc.

#include <random>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

TEST(Where, ChoosesElementsOfAnyType) {
  const NamedTensor condition = bools({3}, {1, 0, 1});
  EXPECT_EQ(mismatch(run_op("Where", {condition, floats({3}, {1, 2, 3}), floats({3}, {4, 5, 6})}),
                     floats({3}, {1, 5, 3})),
            "");
  EXPECT_EQ(mismatch(run_op("Where", {condition, int64s({}, {7}), int64s({3}, {4, 5, 6})}),
                     int64s({3}, {7, 5, 7})),
            "");
  EXPECT_EQ(
      mismatch(
          run_op("Where",
                 {condition, numbers<std::int16_t>({1}, {-1}), numbers<std::int16_t>({}, {9})}),
          numbers<std::int16_t>({3}, {-1, 9, -1})),
      "");
  EXPECT_EQ(mismatch(run_op("Where", {condition, bools({}, {0}), condition}, {}, 9),
                     bools({3}, {0, 0, 0})),
            "");
  EXPECT_EQ(
      mismatch(run_op("Where", {condition, strings({3}, {"a", "b", "c"}), strings({1}, {"none"})}),
               strings({3}, {"a", "none", "c"})),
      "");
}

TEST(Where, StretchesAllThree) {
  EXPECT_EQ(mismatch(run_op("Where",
                            {bools({2, 1}, {1, 0}), int32s({3}, {1, 2, 3}), int32s({1, 1}, {9})}),
                     int32s({2, 3}, {1, 2, 3, 9, 9, 9})),
            "");
  EXPECT_EQ(mismatch(run_op("Where", {bools({}, {1}), int32s({}, {4}), int32s({}, {9})}),
                     int32s({}, {4})),
            "");
  EXPECT_EQ(mismatch(run_op("Where", {bools({0}, {}), int32s({1}, {4}), int32s({}, {9})}),
                     int32s({0}, {})),
            "");
}

TEST(Where, AgreesWithAPlainLoopForEveryWayOfStretching) {
  constexpr std::uint32_t kSeed = 11;
  std::mt19937 random(kSeed);
  const Shape full{2, 3, 4};
  for (int mask = 0; mask < 512; ++mask) {
    Shape dims[3];
    for (int i = 0; i < 3; ++i) {
      for (std::size_t d = 0; d < 3; ++d) {
        dims[i].push_back((mask >> (3 * i) >> d & 1) != 0 ? 1 : full[d]);
      }
    }
    const auto at = [&](int i, std::int64_t n) {
      const std::int64_t index[] = {n / 12, n / 4 % 3, n % 4};
      std::int64_t place = 0;
      for (std::size_t d = 0; d < 3; ++d) {
        place = place * dims[i][d] + (dims[i][d] == 1 ? 0 : index[d]);
      }
      return static_cast<std::size_t>(place);
    };
    std::vector<std::uint8_t> condition(24);
    std::vector<std::int64_t> x(24);
    std::vector<std::int64_t> y(24);
    for (std::size_t n = 0; n < 24; ++n) {
      condition[n] = random() % 2;
      x[n] = static_cast<std::int64_t>(random() % 1000);
      y[n] = -1 - static_cast<std::int64_t>(random() % 1000);
    }
    const auto count = [](const Shape& of) {
      return static_cast<std::size_t>(of[0] * of[1] * of[2]);
    };
    condition.resize(count(dims[0]));
    x.resize(count(dims[1]));
    y.resize(count(dims[2]));
    Shape want_dims(3);
    for (std::size_t d = 0; d < 3; ++d) {
      want_dims[d] = std::max({dims[0][d], dims[1][d], dims[2][d]});
    }
    if (want_dims != full) {
      continue;
    }
    std::vector<std::int64_t> want;
    for (std::int64_t n = 0; n < 24; ++n) {
      want.push_back(condition[at(0, n)] != 0 ? x[at(1, n)] : y[at(2, n)]);
    }
    EXPECT_EQ(mismatch(run_op("Where",
                              {bools(dims[0], condition), int64s(dims[1], x), int64s(dims[2], y)}),
                       int64s(full, want)),
              "")
        << "mask " << mask << ", seed " << kSeed;
  }
}

TEST(Where, RefusesWhatDoesNotFit) {
  EXPECT_NE(error_of(run_op("Where", {int32s({1}, {1}), int32s({1}, {1}), int32s({1}, {1})}))
                .find("its condition is int32"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Where", {bools({1}, {1}), int32s({1}, {1}), int64s({1}, {1})}))
                .find("int32 and int64"),
            std::string::npos);
  EXPECT_NE(
      error_of(run_op("Where", {bools({2}, {1, 1}), int32s({3}, {1, 1, 1}), int32s({}, {1})})),
      "no error");
}

TEST(Where, IsFoldedWhereShapesAreComputed) {
  GraphCase graph;  // as torch exports expand(): -1 stays, others are taken
  graph.open_input("x", random_floats({2, 3}, 1));
  graph.constant("wanted", int64s({2}, {-1, 6})).constant("open", int64s({}, {-1}));
  graph.node("Shape", {"x"}, {"shape"}).node("Equal", {"wanted", "open"}, {"is_open"});
  graph.node("Where", {"is_open", "shape", "wanted"}, {"dims"});
  graph.node("Less", {"dims", "open"}, {"below"})
      .node("Cast", {"below"}, {"zeros"}, {integer("to", 7)});
  graph.node("Add", {"dims", "zeros"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), int64s({2}, {2, 6}), 0), "");
  EXPECT_EQ(graph.figures().steps, 0U);
}

}  // namespace
}  // namespace sluice::engine
