// text/normalizer.cc, strings.cc, regex.cc, pattern.cc, tfidf.cc, utf8.cc.

#include <gtest/gtest.h>

#include "tests/ops/graph_case.h"

namespace sluice::engine {
namespace {

// NOLINTNEXTLINE(google-build-using-namespace): the fixture's verbs.
using namespace testing;

TEST(StringNormalizer, DropsStopWordsAndChangesCase) {
  const NamedTensor days = strings({4}, {"monday", "Tuesday", "wednesday", "thursday"});
  EXPECT_EQ(mismatch(run_op("StringNormalizer",
                            {days},
                            {text("case_change_action", "UPPER"),
                             texts("stopwords", {"tuesday", "thursday"})}),
                     strings({2}, {"MONDAY", "WEDNESDAY"})),
            "");
  EXPECT_EQ(
      mismatch(run_op("StringNormalizer",
                      {days},
                      {integer("is_case_sensitive", 1), texts("stopwords", {"tuesday", "monday"})}),
               strings({3}, {"Tuesday", "wednesday", "thursday"})),
      "");
  EXPECT_EQ(
      mismatch(
          run_op("StringNormalizer", {strings({1, 2}, {"a", "A"})}, {texts("stopwords", {"a"})}),
          strings({1, 1}, {""})),
      "")
      << "nothing is left";
  EXPECT_EQ(mismatch(run_op("StringNormalizer", {days}), days), "");
  EXPECT_NE(error_of(run_op("StringNormalizer", {strings({2, 1}, {"a", "b"})}))
                .find("neither [C] nor [1,C]"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("StringNormalizer", {days}, {text("case_change_action", "TITLE")}))
                .find("'TITLE'"),
            std::string::npos);
  EXPECT_NE(error_of(run_op("StringNormalizer", {days}, {text("locale", "tr_TR")})).find("'tr_TR'"),
            std::string::npos);
}

TEST(StringNormalizer, KnowsLettersBeyondAscii) {
  const NamedTensor lower = strings({7}, {"straße é", "ÿ", "жёѝ", "αάς", "ő", "ﬁ", "a\xFF"});
  EXPECT_EQ(mismatch(run_op("StringNormalizer",
                            {lower},
                            {text("case_change_action", "UPPER"), text("locale", "en_US")}),
                     strings({7}, {"STRAßE É", "Ÿ", "ЖЁЍ", "ΑΆΣ", "Ő", "ﬁ", "A\xFF"})),
            "");
  EXPECT_EQ(mismatch(run_op("StringNormalizer",
                            {strings({3}, {"ÀÞ×", "ЯЇ", "ΏΣ"})},
                            {text("case_change_action", "LOWER")}),
                     strings({3}, {"àþ×", "яї", "ώσ"})),
            "");
}

TEST(StringConcat, Broadcasts) {
  EXPECT_EQ(
      mismatch(
          run_op("StringConcat", {strings({2, 1}, {"a", "b"}), strings({2}, {"x", "é"})}, {}, 20),
          strings({2, 2}, {"ax", "aé", "bx", "bé"})),
      "");
  EXPECT_EQ(mismatch(run_op("StringConcat", {strings({0}, {}), strings({1}, {"x"})}, {}, 20),
                     strings({0}, {})),
            "");
  EXPECT_NE(error_of(run_op(
                "StringConcat", {strings({2}, {"a", "b"}), strings({3}, {"a", "b", "c"})}, {}, 20)),
            "no error");
}

struct SplitRow {
  const char* what;
  std::vector<std::string> x;
  std::vector<Attribute> attributes;
  std::int64_t most;
  std::vector<std::string> parts;
  std::vector<std::int64_t> counts;
};

TEST(StringSplit, SplitsAsPythonDoes) {
  // Each row is what str.split gives.
  const SplitRow rows[] = {
      {"white space", {" a\tb ", "c", " "}, {}, 2, {"a", "b", "c", "", "", ""}, {2, 1, 0}},
      {"a delimiter",
       {"a,,b", "", ","},
       {text("delimiter", ",")},
       3,
       {"a", "", "b", "", "", "", "", "", ""},
       {3, 1, 2}},
      {"long delimiters", {"a--b-c"}, {text("delimiter", "--")}, 2, {"a", "b-c"}, {2}},
      {"at most one",
       {"a b  c ", "d"},
       {integer("maxsplit", 1)},
       2,
       {"a", "b  c", "d", ""},
       {2, 1}},
      {"at most one comma",
       {"a,b,c"},
       {integer("maxsplit", 1), text("delimiter", ",")},
       2,
       {"a", "b,c"},
       {2}},
      {"none at all", {" a b "}, {integer("maxsplit", 0)}, 1, {"a b"}, {1}},
  };
  for (const SplitRow& row : rows) {
    const auto count = static_cast<std::int64_t>(row.x.size());
    const auto got = run_op("StringSplit", {strings({count}, row.x)}, row.attributes, 20, 2);
    EXPECT_EQ(mismatch(got, strings({count, row.most}, row.parts)), "") << row.what;
    ASSERT_TRUE(got);
    const std::vector<NamedTensor> counts{(*got)[1]};
    EXPECT_EQ(mismatch(counts, int64s({count}, row.counts)), "") << row.what;
  }
  EXPECT_EQ(mismatch(run_op("StringSplit", {strings({0}, {})}, {}, 20, 2), strings({0, 0}, {})),
            "");
}

TEST(RegexFullMatch, WantsTheWholeString) {
  EXPECT_EQ(
      mismatch(run_op("RegexFullMatch",
                      {strings({2, 2}, {"www.google.com", "www.google", "", "x www.google.com"})},
                      {text("pattern", R"(www\.[\w.-]+\.\bcom\b)")},
                      20),
               bools({2, 2}, {1, 0, 0, 0}),
               0),
      "");
  EXPECT_EQ(mismatch(run_op("RegexFullMatch", {strings({1}, {"é"})}, {text("pattern", ".")}, 20),
                     bools({1}, {1}),
                     0),
            "");
  EXPECT_NE(error_of(run_op("RegexFullMatch", {strings({1}, {"a"})}, {text("pattern", "(")}, 20))
                .find("pattern '('"),
            std::string::npos);
}

Result<std::vector<NamedTensor>> tokenize(const NamedTensor& x,
                                          const std::vector<Attribute>& attributes) {
  return run_domain_op("com.microsoft", 1, "Tokenizer", {x}, attributes);
}

TEST(Tokenizer, FindsTokensOrSplitsAtSeparators) {
  const NamedTensor x = strings({2}, {"Hi, you two", "a"});
  EXPECT_EQ(mismatch(tokenize(x, {text("tokenexp", "[a-zA-Z]+"), text("pad_value", "#")}),
                     strings({2, 3}, {"Hi", "you", "two", "a", "#", "#"})),
            "");
  EXPECT_EQ(mismatch(tokenize(x,
                              {texts("separators", {" ", ","}),
                               text("pad_value", "#"),
                               integer("mincharnum", 2)}),
                     strings({2, 3}, {"Hi", "you", "two", "#", "#", "#"})),
            "");
  EXPECT_EQ(
      mismatch(tokenize(strings({1, 1}, {"aéb"}), {texts("separators", {""}), integer("mark", 1)}),
               strings({1, 1, 5}, {"\x02", "a", "é", "b", "\x03"})),
      "");
  EXPECT_EQ(
      mismatch(tokenize(strings({1}, {"..."}), {text("tokenexp", "[a-z]")}), strings({1, 0}, {})),
      "");
  EXPECT_NE(error_of(tokenize(x, {})).find("or neither"), std::string::npos);
  EXPECT_NE(error_of(tokenize(x, {text("tokenexp", "[")})).find("pattern '['"), std::string::npos);
  EXPECT_NE(
      error_of(tokenize(x, {text("tokenexp", "a"), text("stopwords", "a")})).find("'stopwords'"),
      std::string::npos);
}

std::vector<Attribute> bigrams(const char* mode,
                               std::int64_t least,
                               std::int64_t most,
                               std::int64_t skips) {
  return {text("mode", mode),
          integer("min_gram_length", least),
          integer("max_gram_length", most),
          integer("max_skip_count", skips),
          integers("ngram_counts", {0, 4}),
          integers("ngram_indexes", {0, 1, 2, 3, 4, 5, 6}),
          integers("pool_int64s", {2, 3, 5, 4, 5, 6, 7, 8, 6, 7})};
}

TEST(TfIdfVectorizer, CountsGramsWithTheirGaps) {
  // The examples of the specification.
  const NamedTensor x = int32s({12}, {1, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8});
  EXPECT_EQ(mismatch(run_op("TfIdfVectorizer", {x}, bigrams("TF", 2, 2, 0)),
                     floats({7}, {0, 0, 0, 0, 1, 1, 1})),
            "");
  EXPECT_EQ(mismatch(run_op("TfIdfVectorizer", {x}, bigrams("TF", 2, 2, 5)),
                     floats({7}, {0, 0, 0, 0, 1, 3, 1})),
            "");
  EXPECT_EQ(mismatch(run_op("TfIdfVectorizer", {x}, bigrams("TF", 1, 2, 5)),
                     floats({7}, {0, 3, 1, 0, 1, 3, 1})),
            "");
  std::vector<Attribute> weighted = bigrams("TFIDF", 1, 2, 5);
  weighted.push_back(reals("weights", {1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(mismatch(run_op("TfIdfVectorizer", {x}, weighted), floats({7}, {0, 6, 3, 0, 5, 18, 7})),
            "");
  weighted[0] = text("mode", "IDF");
  EXPECT_EQ(mismatch(run_op("TfIdfVectorizer", {x}, weighted), floats({7}, {0, 2, 3, 0, 5, 6, 7})),
            "");
}

TEST(TfIdfVectorizer, TakesWordsInBatches) {
  const std::vector<Attribute> words{text("mode", "TF"),
                                     integer("min_gram_length", 1),
                                     integer("max_gram_length", 2),
                                     integer("max_skip_count", 0),
                                     integers("ngram_counts", {0, 2}),
                                     integers("ngram_indexes", {2, 0, 1}),
                                     texts("pool_strings", {"a", "b", "a", "b"})};
  EXPECT_EQ(
      mismatch(run_op("TfIdfVectorizer", {strings({2, 3}, {"a", "b", "a", "b", "b", "c"})}, words),
               floats({2, 3}, {1, 1, 2, 2, 0, 0})),
      "");
  EXPECT_EQ(mismatch(run_op("TfIdfVectorizer", {strings({2, 0}, {})}, words),
                     floats({2, 3}, {0, 0, 0, 0, 0, 0})),
            "");
  std::vector<Attribute> odd = words;
  odd[4] = integers("ngram_counts", {0, 1});
  EXPECT_NE(
      error_of(run_op("TfIdfVectorizer", {strings({1}, {"a"})}, odd)).find("ngram_counts [0,1]"),
      std::string::npos);
  EXPECT_NE(error_of(run_op("TfIdfVectorizer", {int64s({1}, {1})}, words)).find("int64"),
            std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
