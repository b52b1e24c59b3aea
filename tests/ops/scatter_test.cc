// scatter.cc, gather_elements.cc.

#include <random>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

const NamedTensor kNine = int64s({3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});

TEST(GatherElements, PicksOneForEachIndex) {
  EXPECT_EQ(mismatch(run_op("GatherElements", {kNine, int64s({2, 3}, {1, 2, 0, 2, 0, 0})}),
                     int64s({2, 3}, {4, 8, 3, 7, 2, 3})),
            "");
  EXPECT_EQ(
      mismatch(
          run_op("GatherElements", {kNine, int32s({3, 1}, {-1, 0, -3})}, {integer("axis", -1)}, 11),
          int64s({3, 1}, {3, 4, 7})),
      "");
  EXPECT_EQ(mismatch(run_op("GatherElements", {strings({2}, {"a", "b"}), int64s({3}, {1, 1, 0})}),
                     strings({3}, {"b", "b", "a"})),
            "");
  EXPECT_EQ(mismatch(run_op("GatherElements", {kNine, int64s({0, 3}, {})}), int64s({0, 3}, {})),
            "");
  EXPECT_EQ(error_of(run_op("GatherElements", {kNine, int64s({1, 1}, {3})})),
            "node 'GatherElements_0' (GatherElements): index 3 is outside of axis 0 of [3,3]");
  EXPECT_NE(error_of(run_op("GatherElements", {kNine, int64s({1, 4}, {0, 0, 0, 0})})), "no error");
  EXPECT_NE(error_of(run_op("GatherElements", {kNine, int64s({1}, {0})})), "no error");
  EXPECT_NE(error_of(run_op("GatherElements", {kNine, floats({1, 1}, {0})})).find("float32"),
            std::string::npos);
}

TEST(GatherND, PicksSlices) {
  EXPECT_EQ(
      mismatch(run_op("GatherND", {kNine, int64s({2, 2}, {0, 0, -1, 1})}), int64s({2}, {1, 8})),
      "");
  EXPECT_EQ(mismatch(run_op("GatherND", {kNine, int64s({2, 1}, {2, 0})}, {}, 11),
                     int64s({2, 3}, {7, 8, 9, 1, 2, 3})),
            "");
  EXPECT_EQ(mismatch(run_op("GatherND",
                            {int64s({2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7}), int64s({2, 1}, {1, 0})},
                            {integer("batch_dims", 1)},
                            12),
                     int64s({2, 2}, {2, 3, 4, 5})),
            "");
  EXPECT_EQ(mismatch(run_op("GatherND", {kNine, int64s({0, 2}, {})}), int64s({0}, {})), "");
  EXPECT_EQ(mismatch(run_op("GatherND", {kNine, int64s({2}, {1, 1})}), int64s({}, {5})), "");
  EXPECT_NE(error_of(run_op("GatherND", {kNine, int64s({1, 2}, {0, 3})})).find("index 3"),
            std::string::npos);
  EXPECT_NE(
      error_of(run_op("GatherND", {kNine, int64s({1, 3}, {0, 0, 0})})).find("more dimensions"),
      std::string::npos);
  EXPECT_NE(
      error_of(run_op("GatherND", {kNine, int64s({2, 1}, {0, 0})}, {integer("batch_dims", 1)})),
      "no error");
}

TEST(ScatterElements, PutsOneForEachIndex) {
  const NamedTensor indices = int64s({2, 3}, {1, 0, 2, 0, 2, 1});
  const NamedTensor updates = int64s({2, 3}, {10, 20, 30, 40, 50, 60});
  const NamedTensor want = int64s({3, 3}, {40, 20, 3, 10, 5, 60, 7, 50, 30});
  EXPECT_EQ(mismatch(run_op("Scatter", {kNine, indices, updates}, {}, 9), want), "");
  EXPECT_EQ(mismatch(run_op("ScatterElements", {kNine, indices, updates}, {}, 11), want), "");
  EXPECT_EQ(mismatch(run_op("ScatterElements",
                            {strings({1, 3}, {"a", "b", "c"}),
                             int32s({1, 2}, {-1, 0}),
                             strings({1, 2}, {"x", "y"})},
                            {integer("axis", 1)}),
                     strings({1, 3}, {"y", "b", "x"})),
            "");
  EXPECT_EQ(
      mismatch(run_op("ScatterElements", {kNine, int64s({0, 3}, {}), int64s({0, 3}, {})}), kNine),
      "");
  EXPECT_NE(error_of(run_op("ScatterElements", {kNine, int64s({1, 1}, {-4}), int64s({1, 1}, {0})}))
                .find("index -4"),
            std::string::npos);
  EXPECT_NE(
      error_of(run_op("ScatterElements", {kNine, indices, int64s({3, 2}, {1, 2, 3, 4, 5, 6})})),
      "no error");
  EXPECT_NE(
      error_of(run_op("ScatterElements", {kNine, indices, int32s({2, 3}, {1, 2, 3, 4, 5, 6})})),
      "no error");
}

TEST(ScatterElements, PutsTogetherWithWhatIsThere) {
  const NamedTensor data = floats({1, 3}, {1, 2, 3});
  const NamedTensor twice = int64s({1, 2}, {1, 1});
  const NamedTensor updates = floats({1, 2}, {4, -5});
  const auto with = [&](const std::string& reduction, int opset) {
    return run_op("ScatterElements",
                  {data, twice, updates},
                  {integer("axis", 1), text("reduction", reduction)},
                  opset);
  };
  EXPECT_EQ(mismatch(with("none", 16), floats({1, 3}, {1, -5, 3})), "") << "the last remains";
  EXPECT_EQ(mismatch(with("add", 16), floats({1, 3}, {1, 1, 3})), "");
  EXPECT_EQ(mismatch(with("mul", 16), floats({1, 3}, {1, -40, 3})), "");
  EXPECT_EQ(mismatch(with("max", 18), floats({1, 3}, {1, 4, 3})), "");
  EXPECT_EQ(mismatch(with("min", 18), floats({1, 3}, {1, -5, 3})), "");
  EXPECT_NE(error_of(with("min", 17)).find("'min'"), std::string::npos);
  EXPECT_NE(error_of(with("add", 15)).find("'reduction'"), std::string::npos);
  EXPECT_NE(error_of(run_op("ScatterElements",
                            {bools({1}, {1}), int64s({1}, {0}), bools({1}, {1})},
                            {text("reduction", "add")})),
            "no error");
}

TEST(ScatterElements, MayTakeItsUpdatesFromItsData) {
  GraphCase graph;
  graph.input("x", int64s({3}, {1, 2, 3})).constant("i", int64s({3}, {1, 2, 0}));
  graph.node("Neg", {"x"}, {"n"}).node("ScatterElements", {"n", "i", "n"}, {"s"});
  graph.node("Neg", {"s"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), int64s({3}, {3, 1, 2})), "");
}

TEST(ScatterND, PutsSlices) {
  EXPECT_EQ(mismatch(run_op("ScatterND",
                            {kNine, int64s({2, 1}, {2, 0}), int64s({2, 3}, {0, 0, 0, -1, -1, -1})}),
                     int64s({3, 3}, {-1, -1, -1, 4, 5, 6, 0, 0, 0})),
            "");
  EXPECT_EQ(
      mismatch(
          run_op(
              "ScatterND", {kNine, int64s({2, 2}, {-1, -1, 0, 1}), int64s({2}, {10, 20})}, {}, 11),
          int64s({3, 3}, {1, 20, 3, 4, 5, 6, 7, 8, 10})),
      "");
  EXPECT_EQ(
      mismatch(run_op("ScatterND",
                      {int64s({3}, {1, 2, 3}), int64s({3, 1}, {1, 1, 0}), int64s({3}, {5, 6, 7})},
                      {text("reduction", "add")},
                      16),
               int64s({3}, {8, 13, 3})),
      "");
  EXPECT_NE(
      error_of(run_op("ScatterND", {kNine, int64s({1, 2}, {0, 0}), int64s({1, 3}, {1, 2, 3})})),
      "no error");
  EXPECT_NE(error_of(run_op("ScatterND", {kNine, int64s({1, 2}, {3, 0}), int64s({1}, {1})}))
                .find("index 3"),
            std::string::npos);
}

TEST(ScatterElements, AndGatherElementsAgreeWithPlainLoops) {
  constexpr std::uint32_t kSeed = 21;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 100; ++round) {
    const auto axis = static_cast<std::size_t>(random() % 3);
    Shape dims;
    Shape picked;
    for (std::size_t d = 0; d < 3; ++d) {
      dims.push_back(static_cast<std::int64_t>(random() % 4 + 1));
      picked.push_back(d == axis ? static_cast<std::int64_t>(random() % 5)
                                 : static_cast<std::int64_t>(random()) % dims[d] + 1);
      picked.back() = std::max<std::int64_t>(picked.back(), d == axis ? 0 : 1);
    }
    const auto count = [](const Shape& of) {
      return static_cast<std::size_t>(of[0] * of[1] * of[2]);
    };
    std::vector<std::int64_t> data(count(dims));
    std::vector<std::int64_t> indices(count(picked));
    std::vector<std::int64_t> updates(count(picked));
    for (std::int64_t& value : data) {
      value = static_cast<std::int64_t>(random() % 1000);
    }
    for (std::size_t i = 0; i < indices.size(); ++i) {
      indices[i] =
          static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(2 * dims[axis])) -
          dims[axis];
      updates[i] = static_cast<std::int64_t>(random() % 1000);
    }
    std::vector<std::int64_t> gathered;
    std::vector<std::int64_t> scattered = data;
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const auto n = static_cast<std::int64_t>(i);
      std::int64_t at[] = {n / (picked[1] * picked[2]), n / picked[2] % picked[1], n % picked[2]};
      at[axis] = indices[i] < 0 ? indices[i] + dims[axis] : indices[i];
      const auto place = static_cast<std::size_t>((at[0] * dims[1] + at[1]) * dims[2] + at[2]);
      gathered.push_back(data[place]);
      scattered[place] += updates[i];
    }
    const std::vector<Attribute> along{integer("axis", static_cast<std::int64_t>(axis))};
    EXPECT_EQ(
        mismatch(run_op("GatherElements", {int64s(dims, data), int64s(picked, indices)}, along),
                 int64s(picked, gathered)),
        "")
        << "round " << round << ", seed " << kSeed;
    EXPECT_EQ(
        mismatch(run_op("ScatterElements",
                        {int64s(dims, data), int64s(picked, indices), int64s(picked, updates)},
                        {along[0], text("reduction", "add")}),
                 int64s(dims, scattered)),
        "")
        << "round " << round << ", seed " << kSeed;
  }
}

}  // namespace
}  // namespace sluice::engine
