// contrib/attention.cc: the masks and heads of com.microsoft's attention. The whole operators are
// compared with ONNX Runtime (tests/conformance/ort).

#include <limits>

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"
#include "worker/engine/graph/registry.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

constexpr float kNever = std::numeric_limits<float>::lowest();

Result<std::vector<NamedTensor>> run_written(const std::string& op,
                                             const std::vector<NamedTensor>& inputs,
                                             const std::vector<Attribute>& attributes) {
  return run_domain_op(kWrittenDomain, 1, op, inputs, attributes);
}

NamedTensor scores(std::int64_t batch, std::int64_t queries, std::int64_t keys) {
  return floats({batch, 1, queries, keys},
                std::vector<float>(static_cast<std::size_t>(batch * queries * keys)));
}

Result<std::vector<NamedTensor>> mask(const std::vector<NamedTensor>& inputs,
                                      std::int64_t causal = 0) {
  return run_written(
      "AttentionMask", inputs, {real("mask_filter_value", -7), integer("unidirectional", causal)});
}

TEST(AttentionMask, OfOneAxisSaysWhereKeysBeginAndEnd) {
  EXPECT_EQ(mismatch(mask({scores(2, 1, 3), int32s({2}, {2, 0})}),
                     floats({2, 1, 1, 3}, {0, 0, -7, -7, -7, -7})),
            "");
  EXPECT_EQ(mismatch(mask({scores(2, 1, 3), int32s({4}, {2, 3, 1, 0})}),
                     floats({2, 1, 1, 3}, {-7, 0, -7, 0, 0, 0})),
            "");
  EXPECT_EQ(mismatch(mask({scores(1, 1, 3), int32s({5}, {1, 0, 1, 0, 3})}),
                     floats({1, 1, 1, 3}, {0, -7, -7})),
            "")
      << "the length, and sums that are not needed";
}

TEST(AttentionMask, OfMoreAxesSaysEachKey) {
  EXPECT_EQ(mismatch(mask({scores(2, 2, 2), int32s({2, 2}, {0, 1, 5, -1})}),
                     floats({2, 1, 1, 2}, {-7, 0, 0, -7})),
            "");
  EXPECT_EQ(mismatch(mask({scores(1, 2, 2), int32s({1, 2, 2}, {0, 1, 1, 0})}),
                     floats({1, 1, 2, 2}, {-7, 0, 0, -7})),
            "");
}

TEST(AttentionMask, OneDirectionCountsThePastIn) {
  EXPECT_EQ(mismatch(mask({scores(1, 2, 3)}, 1), floats({1, 1, 2, 3}, {0, 0, kNever, 0, 0, 0})),
            "");
  EXPECT_EQ(mismatch(mask({scores(1, 2, 2), int32s({1, 2}, {0, 1})}, 1),
                     floats({1, 1, 2, 2}, {-7, kNever, -7, 0})),
            "");
}

TEST(AttentionMask, SaysWhatDoesNotFit) {
  const auto says = [](const std::vector<NamedTensor>& inputs, const char* text) {
    const std::string error = error_of(mask(inputs));
    EXPECT_NE(error.find(text), std::string::npos) << error;
  };
  says({scores(2, 1, 3), int32s({3}, {1, 1, 1})},
       "a mask of shape [3] for scores of shape [2,1,1,3]");
  says({scores(1, 1, 1), int32s({1, 1, 1, 1}, {1})}, "a mask of four axes");
}

TEST(AttentionHeads, AreTakenApartOnceAndBiasedThen) {
  const NamedTensor x = floats({1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const std::vector<Attribute> two = {integer("num_heads", 2)};
  EXPECT_EQ(mismatch(run_written("AttentionHeads", {x}, two),
                     floats({1, 2, 2, 2}, {1, 2, 5, 6, 3, 4, 7, 8})),
            "");
  EXPECT_EQ(mismatch(run_written("AttentionHeads", {x, floats({4}, {10, 20, 30, 40})}, two),
                     floats({1, 2, 2, 2}, {11, 22, 15, 26, 33, 44, 37, 48})),
            "");
  const NamedTensor apart = floats({1, 2, 1, 2}, {1, 2, 3, 4});
  EXPECT_EQ(mismatch(run_written("AttentionHeads", {apart, floats({4}, {9, 9, 9, 9})}, two), apart),
            "");
  EXPECT_NE(error_of(run_written("AttentionHeads", {floats({1, 1, 3}, {1, 2, 3})}, two))
                .find("[1,1,3] do not fit 2 heads"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
