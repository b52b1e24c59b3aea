#include "gateway/protocol/json_reader.h"

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <simdjson.h>

#include "common/base/limits.h"

namespace sluice::gateway {
namespace {

// The complaint about a text, or "" when it is well-formed.
std::string complaint(std::string_view text) {
  JsonReader reader(text);
  if (reader.skip_value() && reader.finish()) {
    return {};
  }
  return reader.error().detail;
}

TEST(JsonReader, says_what_is_wrong_and_at_which_byte) {
  const struct {
    const char* text;
    const char* complaint;
  } rows[] = {
      {"", "JSON error at byte 0: the text ends where a value is due"},
      {"  ", "JSON error at byte 2: the text ends where a value is due"},
      {"x", "JSON error at byte 0: expected a value"},
      {"{", "JSON error at byte 1: the text ends where a member's name is due"},
      {"{a:1}", "JSON error at byte 1: expected a member's name"},
      {"{\"a\" 1}", "JSON error at byte 5: expected ':'"},
      {"{\"a\":1", "JSON error at byte 6: the text ends where ',' or '}' is due"},
      {"{\"a\":1,}", "JSON error at byte 7: expected a member's name"},
      {"[1,2", "JSON error at byte 4: the text ends where ',' or ']' is due"},
      {"[1 2]", "JSON error at byte 3: expected ',' or ']'"},
      {"[1,]", "JSON error at byte 3: expected a value"},
      {"[,1]", "JSON error at byte 1: expected a value"},
      {"[1}", "JSON error at byte 2: expected ',' or ']'"},
      {"1 1", "JSON error at byte 2: something follows the value"},
      {"\"ab", "JSON error at byte 3: the text ends where the end of a string is due"},
      {"\"a\nb\"", "JSON error at byte 2: a control character in a string must be escaped"},
      {"\"\\x\"", "JSON error at byte 2: unknown escape in a string"},
      {"\"\\u12G4\"", "JSON error at byte 5: expected four hex digits after \\u"},
      {"\"\\ud800\"", "JSON error at byte 7: a high surrogate without its low one"},
      {"\"\\ud800\\u0041\"", "JSON error at byte 13: a high surrogate without its low one"},
      {"\"\\udc00\"", "JSON error at byte 7: a low surrogate without its high one"},
      {"\"a\xFF\"", "JSON error at byte 2: invalid UTF-8"},
      {"nul", "JSON error at byte 0: expected a value"},
      {"tru", "JSON error at byte 0: expected true or false"},
      {"01", "JSON error at byte 0: expected a number"},
      {"-x", "JSON error at byte 0: expected a number"},
      {"[NaN,Infinity,-Infinity,1e999]", ""},
      {" { \"a\" : [ true , false , null , -1.5e3 , \"\" , { } , [ ] ] } ", ""},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(complaint(row.text), row.complaint) << row.text;
  }
}

TEST(JsonReader, refuses_nesting_beyond_the_limit) {
  const std::string most =
      std::string(limits::kJsonDepth, '[') + std::string(limits::kJsonDepth, ']');
  EXPECT_EQ(complaint(most), "");
  EXPECT_EQ(complaint("[" + most + "]"),
            "JSON error at byte 100: JSON nesting depth exceeds maximum allowed limit (100)");
  EXPECT_NE(complaint(std::string(1'000'000, '[')), "");
}

TEST(JsonReader, unescapes_strings) {
  const struct {
    std::string_view text;
    std::string_view value;
  } rows[] = {
      {R"("plain")", "plain"},
      {R"("")", ""},
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("a\u0041b")", "aAb"},
      {R"("\u00e4\u20ac\ud83d\ude00")", "\u00e4\u20ac\U0001F600"},
      {R"("x\u0000y")", std::string_view("x\0y", 3)},
      {"\"\u00e4\\n\u20ac\"", "\u00e4\n\u20ac"},
  };
  for (const auto& row : rows) {
    JsonReader reader(row.text);
    std::string_view value;
    EXPECT_TRUE(reader.read_string(value)) << row.text;
    EXPECT_EQ(value, row.value) << row.text;
  }
}

TEST(JsonReader, goes_back_to_a_mark) {
  JsonReader reader(R"({"data":[1,[2]],"shape":[2]} )");
  std::string_view key;
  ASSERT_TRUE(reader.open_object());
  ASSERT_TRUE(reader.next_member(key));
  const auto data = reader.mark();
  ASSERT_TRUE(reader.skip_value());
  ASSERT_TRUE(reader.next_member(key));
  EXPECT_EQ(key, "shape");
  ASSERT_TRUE(reader.skip_value());
  ASSERT_FALSE(reader.next_member(key));
  const auto end = reader.mark();
  reader.go_to(data);
  std::uint64_t one = 0;
  ASSERT_TRUE(reader.open_array() && reader.next_element() && reader.read_uint64(one));
  EXPECT_EQ(one, 1U);
  reader.go_to(end);
  EXPECT_TRUE(reader.finish());
}

TEST(JsonReader, keeps_the_first_complaint_and_stops) {
  JsonReader reader("[1,2]");
  EXPECT_FALSE(reader.refuse("first"));
  EXPECT_FALSE(reader.refuse("second"));
  EXPECT_FALSE(reader.open_array());
  EXPECT_FALSE(reader.skip_value());
  EXPECT_EQ(reader.error(), (Error{ErrorCode::invalid_argument, "first"}));
}

TEST(JsonReader, tells_numbers_that_do_not_fit) {
  const auto with = [](std::string_view text, auto read) {
    JsonReader reader(text);
    EXPECT_FALSE(read(reader));
    return reader.error().detail;
  };
  EXPECT_EQ(with(" 1e39",
                 [](JsonReader& r) {
                   float f = 0;
                   return r.read_float(f);
                 }),
            "JSON error at byte 1: 1e39 is beyond the range of FP32");
  EXPECT_EQ(with("1e309",
                 [](JsonReader& r) {
                   double d = 0;
                   return r.read_double(d);
                 }),
            "JSON error at byte 0: 1e309 is beyond the range of FP64");
  EXPECT_EQ(with("-1",
                 [](JsonReader& r) {
                   std::uint64_t u = 0;
                   return r.read_uint64(u);
                 }),
            "JSON error at byte 0: -1 is not a whole number from 0 to 18446744073709551615");
  EXPECT_EQ(with("1.5",
                 [](JsonReader& r) {
                   std::int64_t i = 0;
                   return r.read_int64(i);
                 }),
            "JSON error at byte 0: 1.5 is not a whole number of 64 bits");
  EXPECT_EQ(
      with(std::string(100, '9'),
           [](JsonReader& r) {
             std::int64_t i = 0;
             return r.read_int64(i);
           }),
      "JSON error at byte 0: " + std::string(40, '9') + "... is not a whole number of 64 bits");
  EXPECT_EQ(with("\"1\"",
                 [](JsonReader& r) {
                   float f = 0;
                   return r.read_float(f);
                 }),
            "JSON error at byte 0: expected a number");
}

// Random texts, most of them nearly well-formed: accepted exactly when simdjson accepts them.
TEST(JsonReader, agrees_with_simdjson_on_what_is_json) {
  constexpr unsigned kSeed = 99;
  std::mt19937_64 random(kSeed);
  simdjson::dom::parser oracle;
  const std::vector<std::string> pieces = {"{",           "}",
                                           "[",           "]",
                                           ",",           ":",
                                           "\"a\"",       "\"b\\n\"",
                                           "\"\\u00e4\"", "\"\\ud83d\\ude00\"",
                                           "\"\\ud83d\"", "\"\xC3\xA4\"",
                                           "\"\xFF\"",    "\"",
                                           "1",           "-2.5",
                                           "01",          "1.",
                                           "true",        "false",
                                           "null",        " ",
                                           "\n",          "\t",
                                           "\x01",        "-",
                                           "0",           "1E-2",
                                           "tru",         "[]",
                                           "{}",          "[1,2]",
                                           "{\"k\":1}",   "\"\\q\"",
                                           "12345"};
  const std::string base = R"({"a":[1,2.5,{"b":"c\n"}],"d":true,"e":null,"f":[[],{}]})";
  int accepted = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    if (i % 2 == 0) {  // a well-formed text with a few pieces put in or cut out
      text = base;
      for (auto n = random() % 3; n > 0; --n) {
        const auto at = static_cast<std::ptrdiff_t>(random() % text.size());
        if (random() % 2 == 0) {
          text.insert(static_cast<std::size_t>(at), pieces[random() % pieces.size()]);
        } else {
          text.erase(text.begin() + at);
        }
      }
    } else {
      for (auto n = 1 + random() % 6; n > 0; --n) {
        text += pieces[random() % pieces.size()];
      }
    }
    const simdjson::padded_string padded(text);
    const bool wanted = oracle.parse(padded).error() == simdjson::SUCCESS;
    ASSERT_EQ(complaint(text).empty(), wanted) << text << " seed " << kSeed;
    accepted += wanted ? 1 : 0;
  }
  EXPECT_GT(accepted, 20'000);
}

}  // namespace
}  // namespace sluice::gateway
