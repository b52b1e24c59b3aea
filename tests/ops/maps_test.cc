// ml/maps.cc: maps as their keys and values.

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

Result<std::vector<NamedTensor>> run_map(const std::string& op,
                                         const NamedTensor& keys,
                                         const NamedTensor& values,
                                         const std::vector<Attribute>& attributes) {
  return run_domain_op("ai.onnx.ml", 1, op, {keys, values}, attributes);
}

TEST(DictVectorizer, HasAPlaceForEachWord) {
  const Attribute words = texts("string_vocabulary", {"b", "a", "c"});
  const NamedTensor keys = strings({3}, {"a", "unseen", "b"});
  EXPECT_EQ(mismatch(run_map("DictVectorizer", keys, floats({3}, {1, 2, 3}), {words}),
                     floats({1, 3}, {3, 1, 0})),
            "");
  EXPECT_EQ(mismatch(run_map("DictVectorizer", keys, doubles({3}, {1, 2, 3}), {words}),
                     doubles({1, 3}, {3, 1, 0})),
            "");
  EXPECT_EQ(mismatch(run_map("DictVectorizer", keys, int64s({3}, {1, 2, 3}), {words}),
                     int64s({1, 3}, {3, 1, 0})),
            "");
  EXPECT_EQ(mismatch(run_map("DictVectorizer",
                             int64s({2}, {-5, 7}),
                             strings({2}, {"x", "y"}),
                             {integers("int64_vocabulary", {7, 8, -5})}),
                     strings({1, 3}, {"y", "", "x"})),
            "");
  EXPECT_EQ(mismatch(run_map("DictVectorizer", strings({0}, {}), floats({0}, {}), {words}),
                     floats({1, 3}, {0, 0, 0})),
            "")
      << "an empty map";
  EXPECT_EQ(mismatch(run_map("DictVectorizer",
                             int64s({1}, {4}),
                             floats({1}, {9}),
                             {integers("int64_vocabulary", {4, 3, 4})}),
                     floats({1, 3}, {9, 0, 9})),
            "")
      << "a word with two places";
}

TEST(DictVectorizer, RefusesWhatIsNoMap) {
  const Attribute words = texts("string_vocabulary", {"a", "b"});
  const auto refused = [&](const NamedTensor& keys, const NamedTensor& values) {
    return error_of(run_map("DictVectorizer", keys, values, {words}));
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_TRUE(has(refused(strings({3}, {"b", "a", "b"}), floats({3}, {1, 2, 3})),
                  "the key 'b' comes twice"));
  EXPECT_TRUE(has(refused(strings({2}, {"b", "a"}), floats({1}, {1})),
                  "keys [2] and values [1] are no map"));
  EXPECT_TRUE(has(refused(strings({1, 1}, {"b"}), floats({1, 1}, {1})), "are no map"));
  EXPECT_TRUE(has(refused(int64s({1}, {0}), floats({1}, {1})), "for a vocabulary of strings"));
  EXPECT_NE(refused(strings({1}, {"a"}), bools({1}, {1})), "no error");
  EXPECT_TRUE(has(error_of(run_map("DictVectorizer", strings({1}, {"a"}), floats({1}, {1}), {})),
                  "needs its vocabulary"));
}

TEST(CastMap, PutsValuesInTheOrderOfTheirKeys) {
  const NamedTensor keys = int64s({3}, {5, -1, 2});
  EXPECT_EQ(mismatch(run_map("CastMap", keys, floats({3}, {1.5F, -2.5F, 3}), {}),
                     floats({1, 3}, {-2.5F, 3, 1.5F})),
            "");
  EXPECT_EQ(
      mismatch(
          run_map("CastMap", keys, floats({3}, {1.5F, -2.5F, 3}), {text("cast_to", "TO_INT64")}),
          int64s({1, 3}, {-2, 3, 1})),
      "");
  EXPECT_EQ(
      mismatch(
          run_map("CastMap", keys, floats({3}, {1.5F, -2.5F, 3}), {text("cast_to", "TO_STRING")}),
          strings({1, 3}, {"-2.500000", "3.000000", "1.500000"})),
      "");
  EXPECT_EQ(mismatch(run_map("CastMap", keys, strings({3}, {"1.5", "-2", "3e2"}), {}),
                     floats({1, 3}, {-2, 300, 1.5F})),
            "");
  EXPECT_EQ(
      mismatch(
          run_map("CastMap", keys, strings({3}, {"15", "-2", "3"}), {text("cast_to", "TO_INT64")}),
          int64s({1, 3}, {-2, 3, 15})),
      "");
  EXPECT_EQ(mismatch(run_map("CastMap", int64s({0}, {}), floats({0}, {}), {}), floats({1, 0}, {})),
            "");
}

TEST(CastMap, LeavesRoomForKeysThatAreNotThere) {
  const auto sparse = [](const NamedTensor& keys, const NamedTensor& values, const char* to) {
    return run_map("CastMap",
                   keys,
                   values,
                   {text("map_form", "SPARSE"), integer("max_map", 4), text("cast_to", to)});
  };
  EXPECT_EQ(mismatch(sparse(int64s({2}, {3, 1}), floats({2}, {7, 8}), "TO_FLOAT"),
                     floats({1, 4}, {0, 8, 0, 7})),
            "");
  EXPECT_EQ(mismatch(sparse(int64s({1}, {1}), strings({1}, {"w"}), "TO_STRING"),
                     strings({1, 4}, {"0.f", "w", "0.f", "0.f"})),
            "");
  for (const std::int64_t outside : {4, -1}) {
    EXPECT_EQ(error_of(sparse(int64s({1}, {outside}), floats({1}, {1}), "TO_FLOAT")),
              "node 'CastMap_0' (ai.onnx.ml.CastMap): key " + std::to_string(outside) +
                  " for a max_map of 4");
  }
}

TEST(CastMap, RefusesWhatItCannotCast) {
  EXPECT_NE(error_of(run_map("CastMap", int64s({1}, {1}), strings({1}, {"one"}), {})), "no error");
  EXPECT_NE(error_of(run_map("CastMap", int64s({2}, {1, 1}), floats({2}, {1, 2}), {}))
                .find("the key 1 comes twice"),
            std::string::npos);
  EXPECT_NE(
      error_of(run_map("CastMap", int64s({1}, {1}), floats({1}, {1}), {text("cast_to", "X")})),
      "no error");
  EXPECT_NE(error_of(run_map("CastMap",
                             int64s({1}, {1}),
                             floats({1}, {1}),
                             {text("map_form", "SPARSE"), integer("max_map", 0)})),
            "no error");
}

}  // namespace
}  // namespace sluice::engine
