#include "gateway/protocol/text.h"

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

TEST(Text, parses_digits_up_to_a_bound) {
  EXPECT_EQ(parse_digits("0", 10), 0U);
  EXPECT_EQ(parse_digits("0010", 10), 10U);
  EXPECT_EQ(parse_digits("11", 10), std::nullopt);
  EXPECT_EQ(parse_digits("18446744073709551615", UINT64_MAX), UINT64_MAX);
  EXPECT_EQ(parse_digits("18446744073709551616", UINT64_MAX), std::nullopt);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "0x1", "1.0"}) {
    EXPECT_EQ(parse_digits(text, 10), std::nullopt) << text;
  }
}

TEST(Text, finds_the_first_byte_that_is_not_utf8) {
  const struct {
    std::string_view text;
    std::size_t bad;
  } rows[] = {
      {"", std::string_view::npos},
      {"plain", std::string_view::npos},
      {"\u00e4\u20ac\U0001F600\U0010FFFF", std::string_view::npos},
      {"a\x80", 1},
      {"a\xC3", 1},
      {"\xC1\x81", 0},          // overlong
      {"\xE0\x9F\xBF", 0},      // overlong
      {"\xF0\x8F\xBF\xBF", 0},  // overlong
      {"\xED\xA0\x80", 0},      // surrogate
      {"\xF4\x90\x80\x80", 0},  // above U+10FFFF
      {"\xF5", 0},
      {"ab\xE2\x82", 2},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(find_bad_utf8(row.text), row.bad) << row.text;
  }
}

TEST(Text, percent_encoding_comes_back) {
  std::string all;
  for (int c = 0; c < 256; ++c) {
    all += static_cast<char>(c);
  }
  EXPECT_EQ(percent_decoded(percent_encoded(all)), all);
  EXPECT_EQ(percent_encoded("a-b_c.d~e/f g%"), "a-b_c.d~e%2Ff%20g%25");
  EXPECT_EQ(percent_decoded("%41%6a%6A"), "Ajj");
  EXPECT_EQ(percent_decoded("a+b"), "a+b");
  EXPECT_EQ(percent_decoded("%4"), std::nullopt);
  EXPECT_EQ(percent_decoded("x%"), std::nullopt);
  EXPECT_EQ(percent_decoded("%g1"), std::nullopt);
}

}  // namespace
}  // namespace sluice::gateway
