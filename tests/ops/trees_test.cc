// ml/trees.cc, tree_ensemble.cc, tree_attributes.cc, forest.cc, svm.cc.

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
                                        const std::vector<Attribute>& attributes,
                                        int opset = 3,
                                        std::size_t outputs = 1) {
  return run_domain_op("ai.onnx.ml", opset, op, inputs, attributes, outputs);
}

// Two stumps: x0 <mode> 1.5 gives 1 or 2; x1 <= 0 gives 10 or 20.
std::vector<Attribute> stumps(const std::string& mode, const std::string& votes) {
  return {integers("nodes_treeids", {0, 0, 0, 1, 1, 1}),
          integers("nodes_nodeids", {0, 1, 2, 0, 1, 2}),
          integers("nodes_featureids", {0, 0, 0, 1, 0, 0}),
          reals("nodes_values", {1.5F, 0, 0, 0, 0, 0}),
          texts("nodes_modes", {mode, "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"}),
          integers("nodes_truenodeids", {1, 0, 0, 1, 0, 0}),
          integers("nodes_falsenodeids", {2, 0, 0, 2, 0, 0}),
          integers(votes + "_treeids", {0, 0, 1, 1}),
          integers(votes + "_nodeids", {1, 2, 1, 2})};
}

std::vector<Attribute> regressor(const std::string& mode, std::vector<Attribute> more = {}) {
  std::vector<Attribute> all = stumps(mode, "target");
  all.push_back(integers("target_ids", {0, 0, 0, 0}));
  all.push_back(reals("target_weights", {1, 2, 10, 20}));
  all.push_back(integer("n_targets", 1));
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(TreeEnsembleRegressor, BranchesByEveryMode) {
  struct Row {
    const char* mode;
    float y[4];  // the first stump at 1, 1.5, 2 and NaN
  };
  const Row rows[] = {{"BRANCH_LEQ", {1, 1, 2, 2}},
                      {"BRANCH_LT", {1, 2, 2, 2}},
                      {"BRANCH_GTE", {2, 1, 1, 2}},
                      {"BRANCH_GT", {2, 2, 1, 2}},
                      {"BRANCH_EQ", {2, 1, 2, 2}},
                      {"BRANCH_NEQ", {1, 2, 1, 1}}};
  const NamedTensor x = floats({4, 2}, {1, -1, 1.5F, -1, 2, -1, kNan, -1});
  for (const int opset : {1, 3, 5}) {
    for (const Row& row : rows) {
      EXPECT_EQ(
          mismatch(run_ml("TreeEnsembleRegressor", {x}, regressor(row.mode), opset),
                   floats({4, 1}, {row.y[0] + 10, row.y[1] + 10, row.y[2] + 10, row.y[3] + 10})),
          "")
          << row.mode;
    }
  }
  EXPECT_EQ(
      mismatch(run_ml("TreeEnsembleRegressor",
                      {x},
                      regressor("BRANCH_LEQ",
                                {integers("nodes_missing_value_tracks_true", {1, 0, 0, 0, 0, 0})})),
               floats({4, 1}, {11, 11, 12, 11})),
      "");
}

TEST(TreeEnsembleRegressor, PutsTreesTogether) {
  const NamedTensor x = doubles({2, 2}, {1, 1, 2, -1});
  const auto with = [&](std::vector<Attribute> more) {
    return run_ml("TreeEnsembleRegressor", {x}, regressor("BRANCH_LEQ", std::move(more)));
  };
  EXPECT_EQ(mismatch(with({}), floats({2, 1}, {21, 12})), "");
  EXPECT_EQ(mismatch(with({text("aggregate_function", "AVERAGE"), reals("base_values", {100})}),
                     floats({2, 1}, {110.5F, 106})),
            "");
  EXPECT_EQ(mismatch(with({text("aggregate_function", "MIN")}), floats({2, 1}, {1, 2})), "");
  EXPECT_EQ(mismatch(with({text("aggregate_function", "MAX")}), floats({2, 1}, {20, 10})), "");
  EXPECT_EQ(mismatch(with({text("post_transform", "LOGISTIC"), reals("base_values", {-21})}),
                     floats({2, 1}, {0.5F, 1 / (1 + std::exp(9.0F))})),
            "");
  EXPECT_EQ(mismatch(run_ml("TreeEnsembleRegressor", {int64s({0, 2}, {})}, regressor("BRANCH_LEQ")),
                     floats({0, 1}, {})),
            "");
}

std::vector<Attribute> classifier(std::vector<std::int64_t> ids,
                                  std::vector<float> weights,
                                  std::vector<Attribute> more) {
  std::vector<Attribute> all = stumps("BRANCH_LEQ", "class");
  all.push_back(integers("class_ids", std::move(ids)));
  all.push_back(reals("class_weights", std::move(weights)));
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(TreeEnsembleClassifier, DecidesBetweenTwoAndMany) {
  const NamedTensor x = floats({2, 2}, {1, 1, 2, -1});
  struct Row {
    const char* what;
    std::vector<Attribute> attributes;
    std::vector<std::int64_t> labels;
    std::vector<float> scores;
  };
  const Attribute two = integers("classlabels_int64s", {7, 8});
  const Row rows[] = {
      {"three classes",
       classifier({0, 1, 2, 0}, {1, 2, 3, 4}, {integers("classlabels_int64s", {7, 8, 9})}),
       {7, 9},
       {5, 0, 0, 0, 2, 3}},
      {"both of two vote",
       classifier({0, 1, 0, 1}, {0.25F, 0.25F, 0.5F, 0.5F}, {two}),
       {8, 7},
       {0.25F, 0.5F, 0.5F, 0.25F}},
      {"one of two votes, never against",
       classifier({0, 0, 0, 0}, {0.25F, 0.125F, 0.125F, 0.5F}, {two}),
       {8, 7},
       {0.25F, 0.75F, 0.75F, 0.25F}},
      {"one of two votes, also against",
       classifier({0, 0, 0, 0}, {1, -2, 1, 2}, {two}),
       {8, 7},
       {-3, 3, 1, -1}},
      {"the same, logistic",
       classifier({0, 0, 0, 0}, {1, -1, 1, -1}, {two, text("post_transform", "LOGISTIC")}),
       {7, 7},
       {0.5F, 0.5F, 0.5F, 0.5F}},
  };
  for (const Row& row : rows) {
    const auto got = run_ml("TreeEnsembleClassifier", {x}, row.attributes, 3, 2);
    EXPECT_EQ(mismatch(got, int64s({2}, row.labels)), "") << row.what;
    ASSERT_TRUE(got);
    EXPECT_EQ(floats_of((*got)[1]), row.scores) << row.what;
  }
}

TEST(TreeEnsemble, KnowsSetsAndLeaves) {
  // x0 in {1, 3}? leaf 0 : (x1 < 0.5 ? leaf 1 : leaf 2)
  const std::vector<Attribute> attributes{integers("nodes_featureids", {0, 1}),
                                          tensor("nodes_splits", floats({2}, {0, 0.5F})),
                                          tensor("nodes_modes", uint8s({2}, {6, 1})),
                                          integers("nodes_truenodeids", {0, 1}),
                                          integers("nodes_falsenodeids", {1, 2}),
                                          integers("nodes_trueleafs", {1, 1}),
                                          integers("nodes_falseleafs", {0, 1}),
                                          integers("tree_roots", {0}),
                                          integers("leaf_targetids", {0, 1, 1}),
                                          tensor("leaf_weights", floats({3}, {5, 6, 7})),
                                          tensor("membership_values", floats({3}, {3, 1, kNan})),
                                          integer("n_targets", 2)};
  const NamedTensor x = floats({4, 2}, {3, 0, 2, 0, 2, 0.5F, kNan, 1});
  EXPECT_EQ(mismatch(run_ml("TreeEnsemble", {x}, attributes, 5),
                     floats({4, 2}, {5, 0, 0, 6, 0, 7, 0, 7})),
            "");
  std::vector<Attribute> cyclic = attributes;
  cyclic[4] = integers("nodes_falsenodeids", {1, 0});
  cyclic[6] = integers("nodes_falseleafs", {0, 0});
  EXPECT_NE(error_of(run_ml("TreeEnsemble", {x}, cyclic, 5)).find("leads back to itself"),
            std::string::npos);
  std::vector<Attribute> lost = attributes;
  lost[4] = integers("nodes_falsenodeids", {1, 3});
  EXPECT_NE(error_of(run_ml("TreeEnsemble", {x}, lost, 5)).find("child that is not there"),
            std::string::npos);
}

TEST(Trees, RefuseWhatDoesNotFit) {
  const NamedTensor x = floats({1, 2}, {1, 1});
  const auto changed = [](const char* name, Attribute to) {
    std::vector<Attribute> all = regressor("BRANCH_LEQ");
    for (Attribute& attribute : all) {
      if (attribute.name == name) {
        attribute = to;
      }
    }
    return all;
  };
  struct Row {
    std::vector<Attribute> attributes;
    const char* says;
  };
  const Row rows[] = {
      {changed("nodes_values", reals("nodes_values", {1})), "different lengths"},
      {changed("nodes_nodeids", integers("nodes_nodeids", {0, 1, 1, 0, 1, 2})), "there twice"},
      {changed("nodes_truenodeids", integers("nodes_truenodeids", {9, 0, 0, 1, 0, 0})),
       "node 9 of tree 0"},
      {changed("nodes_truenodeids", integers("nodes_truenodeids", {0, 0, 0, 1, 0, 0})),
       "leads back to itself"},
      {changed("nodes_modes",
               texts("nodes_modes", {"UP", "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"})),
       "'UP'"},
      {changed("nodes_featureids", integers("nodes_featureids", {5, 0, 0, 1, 0, 0})), "6 features"},
      {changed("nodes_featureids", integers("nodes_featureids", {-1, 0, 0, 1, 0, 0})), "has -1"},
      {changed("target_ids", integers("target_ids", {0, 1, 0, 0})), "a vote for 1 of 1"},
      {changed("n_targets", integer("n_targets", 0)), "n_targets 0"},
      {regressor("BRANCH_LEQ", {reals("base_values", {1, 2})}), "2 base_values"},
  };
  for (const Row& row : rows) {
    const std::string says = error_of(run_ml("TreeEnsembleRegressor", {x}, row.attributes));
    EXPECT_NE(says.find(row.says), std::string::npos) << says;
  }
}

TEST(Svm, RegressesByEveryKernel) {
  // Vectors (1, 0) and (0, 2), weights 1 and -1, rho 0.5; x = (1, 1): products 1 and 2, squares 1
  // and 2.
  const NamedTensor x = floats({1, 2}, {1, 1});
  const auto with = [&](const char* kernel, std::vector<Attribute> more = {}) {
    std::vector<Attribute> all{text("kernel_type", kernel),
                               reals("kernel_params", {0.5F, 1, 3}),
                               reals("coefficients", {1, -1}),
                               reals("support_vectors", {1, 0, 0, 2}),
                               reals("rho", {0.5F}),
                               integer("n_supports", 2)};
    all.insert(all.end(), more.begin(), more.end());
    return run_ml("SVMRegressor", {x}, all);
  };
  EXPECT_EQ(mismatch(with("LINEAR"), floats({1, 1}, {-0.5F})), "");
  EXPECT_EQ(mismatch(with("POLY"), floats({1, 1}, {0.5F + 3.375F - 8})), "");
  EXPECT_EQ(mismatch(with("RBF"), floats({1, 1}, {0.5F + std::exp(-0.5F) - std::exp(-1.0F)})), "");
  EXPECT_EQ(mismatch(with("SIGMOID"), floats({1, 1}, {0.5F + std::tanh(1.5F) - std::tanh(2.0F)})),
            "");
  EXPECT_EQ(mismatch(with("LINEAR", {integer("one_class", 1)}), floats({1, 1}, {-1})), "");
  EXPECT_EQ(
      mismatch(run_ml("SVMRegressor", {x}, {reals("coefficients", {2, 3}), reals("rho", {1})}),
               floats({1, 1}, {6})),
      "");
  EXPECT_NE(error_of(run_ml("SVMRegressor", {x}, {reals("coefficients", {2, 3})})).find("0 rho"),
            std::string::npos);
  EXPECT_NE(error_of(with("COSINE")).find("'COSINE'"), std::string::npos);
}

TEST(Svm, ClassifiesByVotesAndProbabilities) {
  // One vector a class at -1, 0 and 1: each pair's line is x * (coefficients).
  const std::vector<Attribute> three{reals("coefficients", {-1, 1, 1, -1, -1, 1}),
                                     reals("support_vectors", {-1, 0, 1}),
                                     reals("rho", {-0.5F, 0, -0.5F}),
                                     integers("vectors_per_class", {1, 1, 1}),
                                     integers("classlabels_ints", {10, 20, 30})};
  const auto got = run_ml("SVMClassifier", {floats({2, 1}, {2, -2})}, three, 1, 2);
  ASSERT_TRUE(got) << error_of(got);
  // Pairs of x = 2: 2 - .5 (0,1); 2 + 2 (0,2); 0 + 2 - .5 (1,2).
  EXPECT_EQ(floats_of((*got)[1]), (std::vector<float>{1.5F, 4, 1.5F, -2.5F, -4, -2.5F}));
  EXPECT_EQ(mismatch(got, int64s({2}, {10, 30})), "");
  // Two classes: the probability is that of the pair itself.
  const auto pair = run_ml("SVMClassifier",
                           {floats({1, 1}, {1})},
                           {reals("coefficients", {1, -1}),
                            reals("support_vectors", {1, -1}),
                            reals("rho", {0}),
                            integers("vectors_per_class", {1, 1}),
                            reals("prob_a", {-1}),
                            reals("prob_b", {0}),
                            texts("classlabels_strings", {"a", "b"})},
                           1,
                           2);
  ASSERT_TRUE(pair) << error_of(pair);
  EXPECT_NEAR(floats_of((*pair)[1])[0], 1 / (1 + std::exp(-2.0F)), 1e-3F);
  EXPECT_EQ(mismatch(pair, strings({1}, {"a"})), "");
  const auto linear = run_ml("SVMClassifier",
                             {floats({1, 2}, {1, 2})},
                             {reals("coefficients", {1, 0, 0, 1}),
                              reals("rho", {0}),
                              integers("classlabels_ints", {0, 1})},
                             1,
                             2);
  EXPECT_EQ(mismatch(linear, int64s({1}, {1})), "");
  EXPECT_NE(error_of(run_ml("SVMClassifier",
                            {floats({1, 1}, {1})},
                            {reals("coefficients", {1}),
                             reals("rho", {0}),
                             integers("vectors_per_class", {1}),
                             integers("classlabels_ints", {0, 1})},
                            1,
                            2))
                .find("vectors_per_class [1]"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
