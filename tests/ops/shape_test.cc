// reshape.cc, transpose.cc, constant.cc, gather.cc, ml_linear.cc.

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

const NamedTensor kSix = floats({2, 3}, {1, 2, 3, 4, 5, 6});

TEST(Reshape, ReadsItsShapeFromAConstantAnInputOrAnAttribute) {
  const NamedTensor want = floats({3, 2}, {1, 2, 3, 4, 5, 6});
  GraphCase graph;
  graph.input("x", kSix).constant("s", int64s({2}, {3, -1}));
  graph.node("Reshape", {"x", "s"}, {"y"}).output("y");
  EXPECT_EQ(mismatch(graph.run(), want), "");
  EXPECT_EQ(mismatch(run_op("Reshape", {kSix, int64s({2}, {-1, 2})}), want), "")
      << "a shape that only the run knows";
  EXPECT_EQ(mismatch(run_op("Reshape", {kSix}, {integers("shape", {3, 2})}, 1), want), "");
  EXPECT_EQ(mismatch(run_op("Reshape", {kSix, int64s({3}, {0, 1, -1})}),
                     floats({2, 1, 3}, {1, 2, 3, 4, 5, 6})),
            "");
  EXPECT_EQ(
      mismatch(
          run_op("Reshape", {floats({0, 3}, {}), int64s({2}, {3, 0})}, {integer("allowzero", 1)}),
          floats({3, 0}, {})),
      "");
  EXPECT_NE(error_of(run_op("Reshape", {kSix, int64s({2}, {4, -1})})).find("cannot be reshaped"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Reshape", {kSix, int64s({2}, {-1, -1})})), "no error");
  EXPECT_NE(error_of(run_op("Reshape", {kSix, int64s({1}, {-2})})), "no error");
}

TEST(Reshape, OfAShapeComputedFromAnotherIsFolded) {
  GraphCase graph;
  graph.open_input("x", random_floats({2, 3, 4}, 1));
  graph.constant("zero", int64s({}, {0})).constant("axes", int64s({1}, {0}));
  graph.constant("rest", int64s({1}, {-1}));
  graph.node("Shape", {"x"}, {"shape"}).node("Gather", {"shape", "zero"}, {"batch"});
  graph.node("Unsqueeze", {"batch", "axes"}, {"row"});
  graph.node("Concat", {"row", "rest"}, {"wanted"}, {integer("axis", 0)});
  graph.node("Reshape", {"x", "wanted"}, {"flat"}).node("Neg", {"flat"}, {"y"}).output("y");
  const auto got = graph.run();
  ASSERT_TRUE(got) << error_of(got);
  EXPECT_EQ(got->front().shape, (Shape{2, 12}));
  EXPECT_EQ(graph.figures().steps, 1U);  // Neg alone
}

TEST(Renaming, FlattenSqueezeUnsqueezeIdentityAndDropoutKeepTheElements) {
  const NamedTensor x = floats({1, 2, 1, 3}, {1, 2, 3, 4, 5, 6});
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  EXPECT_EQ(mismatch(run_op("Flatten", {x}), floats({1, 6}, values)), "");
  EXPECT_EQ(mismatch(run_op("Flatten", {x}, {integer("axis", -1)}), floats({2, 3}, values)), "");
  EXPECT_EQ(mismatch(run_op("Flatten", {x}, {integer("axis", 0)}), floats({1, 6}, values)), "");
  EXPECT_EQ(mismatch(run_op("Squeeze", {x}), floats({2, 3}, values)), "");
  EXPECT_EQ(mismatch(run_op("Squeeze", {x, int64s({1}, {-2})}), floats({1, 2, 3}, values)), "");
  EXPECT_EQ(
      mismatch(run_op("Squeeze", {x}, {integers("axes", {0})}, 11), floats({2, 1, 3}, values)), "");
  EXPECT_EQ(
      mismatch(run_op("Unsqueeze", {kSix, int64s({2}, {0, -1})}), floats({1, 2, 3, 1}, values)),
      "");
  EXPECT_EQ(mismatch(run_op("Identity", {x}), x), "");
  EXPECT_EQ(mismatch(run_op("Identity", {strings({2}, {"a", "bc"})}), strings({2}, {"a", "bc"})),
            "");
  EXPECT_EQ(mismatch(run_op("Dropout", {x}), x), "");
  const auto both = run_op("Dropout", {x}, {}, 17, 2);
  ASSERT_TRUE(both) << error_of(both);
  EXPECT_EQ((*both)[1].datatype, DataType::boolean);
  EXPECT_NE(error_of(run_op("Squeeze", {kSix, int64s({1}, {0})})).find("cannot be squeezed"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("Unsqueeze", {kSix, int64s({2}, {0, 0})})), "no error");
  EXPECT_NE(error_of(run_op("Flatten", {x}, {integer("axis", 5)})), "no error");
}

TEST(Renaming, DropoutMayTrainWhereItDropsNothing) {
  const NamedTensor x = floats({2, 2}, {1, 2, 3, 4});
  const auto dropped = [&](float ratio, std::uint8_t training) {
    return run_op("Dropout", {x, floats({}, {ratio}), bools({}, {training})}, {}, 13, 2);
  };
  EXPECT_EQ(mismatch(dropped(0, 1), x), "");
  EXPECT_EQ(mismatch_at(dropped(0, 1), 1, bools({2, 2}, {1, 1, 1, 1})), "");
  EXPECT_EQ(mismatch(dropped(0.5F, 0), x), "");
  EXPECT_NE(error_of(dropped(0.5F, 1)).find("training_mode with a ratio"), std::string::npos);
  EXPECT_NE(error_of(run_op("Dropout", {x, NamedTensor{}, bools({}, {1})}, {}, 13))
                .find("training_mode with a ratio"),
            std::string::npos);
}

TEST(Transpose, PermutesAnything) {
  EXPECT_EQ(mismatch(run_op("Transpose", {kSix}), floats({3, 2}, {1, 4, 2, 5, 3, 6})), "");
  EXPECT_EQ(
      mismatch(
          run_op("Transpose", {int64s({1, 2, 2}, {1, 2, 3, 4})}, {integers("perm", {2, 0, 1})}),
          int64s({2, 1, 2}, {1, 3, 2, 4}),
          0),
      "");
  EXPECT_EQ(
      mismatch(run_op("Transpose", {strings({2, 1}, {"a", "b"})}), strings({1, 2}, {"a", "b"})),
      "");
  EXPECT_EQ(mismatch(run_op("Transpose", {floats({}, {3})}), floats({}, {3})), "");
  EXPECT_EQ(mismatch(run_op("Transpose", {floats({0, 2}, {})}), floats({2, 0}, {})), "");
  EXPECT_NE(error_of(run_op("Transpose", {kSix}, {integers("perm", {0, 0})})), "no error");
}

TEST(Transpose, PutsEveryElementWhereTheOrderSays) {
  const Shape dims{2, 19, 3, 21};
  std::vector<float> from(2 * 19 * 3 * 21);
  std::iota(from.begin(), from.end(), 0.0F);
  const NamedTensor x = floats(dims, from);
  std::vector<std::int64_t> order{0, 1, 2, 3};
  do {
    std::vector<float> want(from.size());
    Shape out;
    for (const std::int64_t axis : order) {
      out.push_back(dims[static_cast<std::size_t>(axis)]);
    }
    for (std::size_t i = 0; i < from.size(); ++i) {
      std::int64_t place[4];
      auto rest = static_cast<std::int64_t>(i);
      for (std::size_t d = 4; d > 0; --d) {
        place[d - 1] = rest % dims[d - 1];
        rest /= dims[d - 1];
      }
      std::int64_t at = 0;
      for (std::size_t d = 0; d < 4; ++d) {
        at = at * out[d] + place[static_cast<std::size_t>(order[d])];
      }
      want[static_cast<std::size_t>(at)] = from[i];
    }
    EXPECT_EQ(mismatch(run_op("Transpose", {x}, {integers("perm", order)}), floats(out, want), 0),
              "")
        << to_string(order);
  } while (std::ranges::next_permutation(order).found);
}

TEST(Constant, ComesFromAnyOfItsAttributes) {
  EXPECT_EQ(mismatch(run_op("Constant", {}, {tensor("value", kSix)}), kSix), "");
  EXPECT_EQ(mismatch(run_op("Constant", {}, {integers("value_ints", {4, 5})}), int64s({2}, {4, 5})),
            "");
  EXPECT_EQ(mismatch(run_op("Constant", {}, {real("value_float", 2.5F)}), floats({}, {2.5F})), "");
  EXPECT_EQ(mismatch(run_op("Constant", {}, {texts("value_strings", {"x"})}), strings({1}, {"x"})),
            "");
  EXPECT_NE(error_of(run_op("Constant", {})), "no error");
  EXPECT_NE(error_of(run_op("Constant", {}, {integer("value_int", 1)}, 11)), "no error");
}

TEST(Shape, IsKnownBeforeTheRun) {
  EXPECT_EQ(mismatch(run_op("Shape", {kSix}), int64s({2}, {2, 3}), 0), "");
  EXPECT_EQ(mismatch(run_op("Shape", {kSix}, {integer("start", -1)}), int64s({1}, {3}), 0), "");
  EXPECT_EQ(mismatch(run_op("Shape", {floats({}, {1})}), int64s({0}, {}), 0), "");
  EXPECT_EQ(mismatch(run_op("Size", {kSix}), int64s({}, {6}), 0), "");
  EXPECT_EQ(
      mismatch(
          run_op("ConstantOfShape", {int64s({2}, {1, 2})}, {tensor("value", int64s({1}, {7}))}),
          int64s({1, 2}, {7, 7}),
          0),
      "");
}

TEST(Concat, JoinsAlongAnAxis) {
  EXPECT_EQ(mismatch(run_op("Concat", {kSix, floats({2, 1}, {9, 8})}, {integer("axis", -1)}),
                     floats({2, 4}, {1, 2, 3, 9, 4, 5, 6, 8})),
            "");
  EXPECT_EQ(
      mismatch(run_op("Concat", {strings({1}, {"a"}), strings({1}, {"b"})}, {integer("axis", 0)}),
               strings({2}, {"a", "b"})),
      "");
  EXPECT_NE(error_of(run_op("Concat", {kSix, floats({3, 1}, {1, 2, 3})}, {integer("axis", 1)})),
            "no error");
  EXPECT_NE(error_of(run_op("Concat", {kSix})), "no error");
}

TEST(Gather, TakesNegativeIndicesAndRefusesThoseOutside) {
  EXPECT_EQ(mismatch(run_op("Gather", {kSix, int64s({2}, {-1, 0})}, {integer("axis", 1)}),
                     floats({2, 2}, {3, 1, 6, 4})),
            "");
  EXPECT_EQ(mismatch(run_op("Gather", {kSix, int32s({}, {1})}), floats({3}, {4, 5, 6})), "");
  EXPECT_EQ(mismatch(run_op("Gather", {kSix, int64s({0}, {})}), floats({0, 3}, {})), "");
  EXPECT_EQ(error_of(run_op("Gather", {kSix, int64s({1}, {2})})),
            "node 'Gather_0' (Gather): index 2 is outside of axis 0 of [2,3]");
  EXPECT_NE(error_of(run_op("Gather", {kSix, floats({1}, {0})})), "no error");
}

TEST(Slice, FollowsPython) {
  const NamedTensor x = int64s({5}, {0, 1, 2, 3, 4});
  struct Row {
    std::int64_t start, end, step;
    std::vector<std::int64_t> want;
  };
  constexpr auto kFar = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
  const Row rows[] = {{1, 3, 1, {1, 2}},
                      {-2, kFar, 1, {3, 4}},
                      {4, kLow, -2, {4, 2, 0}},
                      {kFar, kLow, -1, {4, 3, 2, 1, 0}},
                      {3, 1, 1, {}},
                      {0, 5, 3, {0, 3}},
                      {-100, 2, 1, {0, 1}},
                      {5, 9, 1, {}}};
  for (const Row& row : rows) {
    const auto got = run_op("Slice",
                            {x,
                             int64s({1}, {row.start}),
                             int64s({1}, {row.end}),
                             int64s({1}, {0}),
                             int64s({1}, {row.step})});
    EXPECT_EQ(mismatch(got, int64s({static_cast<std::int64_t>(row.want.size())}, row.want), 0), "")
        << row.start << ":" << row.end << ":" << row.step;
  }
  EXPECT_EQ(
      mismatch(run_op("Slice", {kSix}, {integers("starts", {1, 0}), integers("ends", {2, 2})}, 9),
               floats({1, 2}, {4, 5})),
      "");
  EXPECT_NE(
      error_of(run_op("Slice",
                      {x, int64s({1}, {0}), int64s({1}, {1}), int64s({1}, {0}), int64s({1}, {0})})),
      "no error");
}

Result<std::vector<NamedTensor>> classify(const NamedTensor& x, std::vector<Attribute> attributes) {
  GraphCase graph;
  graph.input("x", x).ml_node(
      "LinearClassifier", {"x"}, {"label", "scores"}, std::move(attributes));
  return graph.output("label").output("scores").run();
}

TEST(LinearClassifier, ScoresAndLabels) {
  const NamedTensor x = floats({2, 2}, {1, 0, 0, 1});
  const auto three = classify(x,
                              {reals("coefficients", {1, 0, 0, 2, -1, -1}),
                               reals("intercepts", {0, 0, 0.5F}),
                               texts("classlabels_strings", {"a", "b", "c"})});
  ASSERT_TRUE(three) << error_of(three);
  EXPECT_EQ(mismatch(three, strings({2}, {"a", "b"})), "");
  EXPECT_EQ(
      mismatch(std::vector<NamedTensor>{(*three)[1]}, floats({2, 3}, {1, 0, -0.5F, 0, 2, -0.5F})),
      "");
  const auto two = classify(x,
                            {reals("coefficients", {2, -2}),
                             reals("intercepts", {0}),
                             integers("classlabels_ints", {3, 7}),
                             text("post_transform", "LOGISTIC")});
  ASSERT_TRUE(two) << error_of(two);
  EXPECT_EQ(mismatch(two, int64s({2}, {7, 3}), 0), "");
  EXPECT_EQ(mismatch(std::vector<NamedTensor>{(*two)[1]},
                     floats({2, 2}, {0.11920292F, 0.88079708F, 0.88079708F, 0.11920292F})),
            "");
  EXPECT_NE(error_of(classify(floats({1, 3}, {1, 2, 3}),
                              {reals("coefficients", {2, -2}),
                               reals("intercepts", {0}),
                               integers("classlabels_ints", {3, 7})})),
            "no error");
}

}  // namespace
}  // namespace sluice::engine
