// ml/scale.cc, features.cc, categories.cc, label_encoder.cc, linear.cc.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Result<std::vector<NamedTensor>> run_ml(const std::string& op,
                                        const std::vector<NamedTensor>& inputs,
                                        const std::vector<Attribute>& attributes = {},
                                        int opset = 3,
                                        std::size_t outputs = 1) {
  return run_domain_op("ai.onnx.ml", opset, op, inputs, attributes, outputs);
}

TEST(Scaler, SubtractsAndScales) {
  const NamedTensor x = floats({2, 2}, {1, 10, 3, kNan});
  EXPECT_EQ(mismatch(run_ml("Scaler", {x}, {reals("offset", {1, 2}), reals("scale", {2, 0.5F})}),
                     floats({2, 2}, {0, 4, 4, kNan})),
            "");
  EXPECT_EQ(mismatch(run_ml("Scaler", {int64s({3}, {1, 2, 3})}, {reals("offset", {1})}),
                     floats({3}, {0, 1, 2})),
            "");
  EXPECT_EQ(
      mismatch(run_ml("Scaler", {floats({0, 2}, {})}, {reals("scale", {2})}), floats({0, 2}, {})),
      "");
  EXPECT_NE(error_of(run_ml("Scaler", {x}, {reals("offset", {1, 2, 3})})).find("3 offsets"),
            std::string::npos);
}

TEST(Normalizer, DividesRows) {
  const NamedTensor x = floats({2, 2}, {3, -4, 0, 0});
  EXPECT_EQ(mismatch(run_ml("Normalizer", {x}), floats({2, 2}, {1, -4 / 3.0F, 0, 0})), "");
  EXPECT_EQ(mismatch(run_ml("Normalizer", {x}, {text("norm", "L1")}),
                     floats({2, 2}, {3 / 7.0F, -4 / 7.0F, 0, 0})),
            "");
  EXPECT_EQ(mismatch(run_ml("Normalizer", {x}, {text("norm", "L2")}),
                     floats({2, 2}, {0.6F, -0.8F, 0, 0})),
            "");
  EXPECT_NE(error_of(run_ml("Normalizer", {x}, {text("norm", "L3")})).find("'L3'"),
            std::string::npos);
}

TEST(Imputer, ReplacesNanOrANumber) {
  EXPECT_EQ(
      mismatch(run_ml("Imputer",
                      {floats({2, 2}, {kNan, 1, 2, kNan})},
                      {reals("imputed_value_floats", {7, 8}), real("replaced_value_float", kNan)}),
               floats({2, 2}, {7, 1, 2, 8})),
      "");
  EXPECT_EQ(
      mismatch(run_ml("Imputer",
                      {int64s({2, 1}, {-1, 5})},
                      {integers("imputed_value_int64s", {9}), integer("replaced_value_int64", -1)}),
               int64s({2, 1}, {9, 5})),
      "");
  EXPECT_NE(error_of(run_ml("Imputer", {int64s({1}, {1})}, {reals("imputed_value_floats", {1})})),
            "no error");
}

TEST(Binarizer, IsOneAboveTheThreshold) {
  EXPECT_EQ(
      mismatch(
          run_ml("Binarizer", {floats({4}, {0.5F, 0.6F, -1, kNan})}, {real("threshold", 0.5F)}),
          floats({4}, {0, 1, 0, 0})),
      "");
  EXPECT_EQ(mismatch(run_ml("Binarizer", {int64s({2}, {0, 3})}), int64s({2}, {0, 1})), "");
}

TEST(FeatureVectorizer, PutsRowsBesideEachOther) {
  EXPECT_EQ(mismatch(run_ml("FeatureVectorizer",
                            {floats({2, 1}, {1, 2}), int64s({2, 2}, {3, 4, 5, 6})},
                            {integers("inputdimensions", {2, 1})}),
                     floats({2, 3}, {1, 0, 3, 2, 0, 5})),
            "")
      << "one filled with zeros, one cut";
  EXPECT_EQ(mismatch(run_ml("FeatureVectorizer",
                            {floats({1, 1, 2}, {1, 2}), floats({1}, {3})},
                            {integers("inputdimensions", {2, 1})}),
                     floats({1, 3}, {1, 2, 3})),
            "");
  EXPECT_NE(error_of(run_ml("FeatureVectorizer",
                            {floats({1, 1}, {1}), floats({2, 1}, {1, 2})},
                            {integers("inputdimensions", {1, 1})}))
                .find("1 and 2 rows"),
            std::string::npos);
  EXPECT_NE(error_of(run_ml(
                "FeatureVectorizer", {floats({1, 1}, {1})}, {integers("inputdimensions", {1, 1})})),
            "no error");
}

TEST(ArrayFeatureExtractor, PicksFromTheLastAxis) {
  EXPECT_EQ(mismatch(run_ml("ArrayFeatureExtractor",
                            {floats({2, 3}, {1, 2, 3, 4, 5, 6}), int64s({2}, {2, 0})}),
                     floats({2, 2}, {3, 1, 6, 4})),
            "");
  EXPECT_EQ(mismatch(run_ml("ArrayFeatureExtractor", {strings({2}, {"a", "b"}), int64s({1}, {1})}),
                     strings({1, 1}, {"b"})),
            "");
  EXPECT_NE(error_of(run_ml("ArrayFeatureExtractor", {floats({1, 1}, {1}), int64s({1}, {1})}))
                .find("index 1"),
            std::string::npos);
  EXPECT_NE(error_of(run_ml("ArrayFeatureExtractor", {floats({1, 1}, {1}), int64s({1}, {-1})}))
                .find("index -1"),
            std::string::npos);
}

TEST(OneHotEncoder, MarksTheCategory) {
  const Attribute cats = integers("cats_int64s", {3, 7});
  EXPECT_EQ(mismatch(run_ml("OneHotEncoder", {int64s({3}, {7, 3, 1})}, {cats}),
                     floats({3, 2}, {0, 1, 1, 0, 0, 0})),
            "");
  EXPECT_EQ(mismatch(run_ml("OneHotEncoder", {floats({2, 1}, {7.9F, kNan})}, {cats}),
                     floats({2, 1, 2}, {0, 1, 0, 0})),
            "");
  EXPECT_EQ(
      mismatch(
          run_ml("OneHotEncoder", {strings({2}, {"b", "c"})}, {texts("cats_strings", {"a", "b"})}),
          floats({2, 2}, {0, 1, 0, 0})),
      "");
  EXPECT_NE(error_of(run_ml("OneHotEncoder", {int64s({1}, {1})}, {cats, integer("zeros", 0)}))
                .find("none of its categories"),
            std::string::npos);
  EXPECT_NE(error_of(run_ml("OneHotEncoder", {strings({1}, {"b"})}, {cats})), "no error");
}

TEST(CategoryMapper, GoesBothWays) {
  const std::vector<Attribute> maps{integers("cats_int64s", {5, 6}),
                                    texts("cats_strings", {"a", "b"})};
  EXPECT_EQ(mismatch(run_ml("CategoryMapper", {strings({3}, {"b", "a", "x"})}, maps),
                     int64s({3}, {6, 5, -1})),
            "");
  EXPECT_EQ(mismatch(run_ml("CategoryMapper", {int64s({2}, {6, 9})}, maps),
                     strings({2}, {"b", "_Unused"})),
            "");
  EXPECT_NE(error_of(run_ml("CategoryMapper", {int64s({1}, {6})}, {integers("cats_int64s", {5})})),
            "no error");
}

TEST(LabelEncoder, FollowsEachVersion) {
  const Attribute classes = texts("classes_strings", {"a", "b"});
  EXPECT_EQ(mismatch(run_ml("LabelEncoder", {strings({2}, {"b", "?"})}, {classes}, 1),
                     int64s({2}, {1, -1})),
            "");
  EXPECT_EQ(
      mismatch(
          run_ml("LabelEncoder", {int64s({2}, {0, 2})}, {classes, text("default_string", "d")}, 1),
          strings({2}, {"a", "d"})),
      "");
  EXPECT_EQ(mismatch(run_ml("LabelEncoder",
                            {strings({2}, {"b", "?"})},
                            {texts("keys_strings", {"a", "b"}),
                             reals("values_floats", {1, 2}),
                             real("default_float", -3)},
                            2),
                     floats({2}, {2, -3})),
            "");
  EXPECT_EQ(
      mismatch(run_ml("LabelEncoder",
                      {floats({3}, {kNan, 1.5F, 2})},
                      {reals("keys_floats", {kNan, 1.5F}), texts("values_strings", {"nan", "x"})},
                      2),
               strings({3}, {"nan", "x", "_Unused"})),
      "");
  EXPECT_EQ(mismatch(run_ml("LabelEncoder",
                            {doubles({2}, {0.5, 1})},
                            {tensor("keys_tensor", doubles({1}, {0.5})),
                             tensor("values_tensor", int64s({1}, {4})),
                             tensor("default_tensor", int64s({1}, {42}))},
                            4),
                     int64s({2}, {4, 42})),
            "");
  EXPECT_NE(error_of(run_ml("LabelEncoder",
                            {int64s({1}, {0})},
                            {integers("keys_int64s", {1}), integers("values_int64s", {1, 2})},
                            2))
                .find("1 keys and 2 values"),
            std::string::npos);
  EXPECT_NE(error_of(run_ml("LabelEncoder",
                            {strings({1}, {"a"})},
                            {integers("keys_int64s", {1}), integers("values_int64s", {1})},
                            2))
                .find("keys of int64"),
            std::string::npos);
  EXPECT_NE(error_of(run_ml("LabelEncoder", {int64s({1}, {0})}, {integers("keys_int64s", {1})}, 2))
                .find("0 lists of values"),
            std::string::npos);
}

TEST(LinearClassifier, PicksTheLargestScore) {
  const NamedTensor x = floats({2, 2}, {1, 0, 0, 1});
  const std::vector<Attribute> three{reals("coefficients", {1, 2, 3, -1, 0, 0}),
                                     reals("intercepts", {0, 0, 1.5F}),
                                     integers("classlabels_ints", {10, 20, 30})};
  const auto got = run_ml("LinearClassifier", {x}, three, 3, 2);
  EXPECT_EQ(mismatch(got, int64s({2}, {20, 10})), "");
  ASSERT_TRUE(got);
  EXPECT_EQ(floats_of((*got)[1]), (std::vector<float>{1, 3, 1.5F, 2, -1, 1.5F}));
  const auto pair = run_ml("LinearClassifier",
                           {x},
                           {reals("coefficients", {2, -2}),
                            reals("intercepts", {0}),
                            texts("classlabels_strings", {"no", "yes"}),
                            text("post_transform", "LOGISTIC")},
                           1,
                           2);
  EXPECT_EQ(mismatch(pair, strings({2}, {"yes", "no"})), "");
  ASSERT_TRUE(pair);
  EXPECT_NEAR(floats_of((*pair)[1])[1], 1 / (1 + std::exp(-2.0F)), 1e-6F);
  EXPECT_NE(error_of(run_ml("LinearClassifier", {floats({1, 3}, {1, 2, 3})}, three, 3, 2))
                .find("2 features"),
            std::string::npos);
}

TEST(LinearRegressor, GivesEachTarget) {
  const NamedTensor x = int64s({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(mismatch(run_ml("LinearRegressor",
                            {x},
                            {reals("coefficients", {1, 10, 2, 0}),
                             reals("intercepts", {0, 1}),
                             integer("targets", 2)}),
                     floats({2, 2}, {21, 3, 43, 7})),
            "");
  // The quantile of 0.975 of the normal distribution.
  EXPECT_EQ(mismatch(run_ml("LinearRegressor",
                            {floats({3, 1}, {0.975F, 0.5F, 1})},
                            {reals("coefficients", {1}), text("post_transform", "PROBIT")}),
                     floats({3, 1}, {1.9599640F, 0, std::numeric_limits<float>::infinity()}),
                     1e-5,
                     1e-6),
            "");
  EXPECT_NE(error_of(run_ml("LinearRegressor",
                            {x},
                            {reals("coefficients", {1, 10, 2}), integer("targets", 2)}))
                .find("3 coefficients"),
            std::string::npos);
  EXPECT_NE(error_of(run_ml("LinearRegressor",
                            {x},
                            {reals("coefficients", {1, 1}), text("post_transform", "LOG")}))
                .find("'LOG'"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
