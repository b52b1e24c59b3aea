#include "gateway/protocol/json_number.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

TEST(JsonNumber, takes_the_number_at_the_front_and_nothing_else) {
  const struct {
    const char* text;
    const char* token;  // "": not a number
  } rows[] = {
      {"0", "0"},
      {"-0", "-0"},
      {"17,", "17"},
      {"1.5]", "1.5"},
      {"1e5", "1e5"},
      {"1E+05 ", "1E+05"},
      {"-2.50e-3", "-2.50e-3"},
      {"", ""},
      {"-", ""},
      {"01", ""},
      {"-012", ""},
      {"1.", ""},
      {".5", ""},
      {"1e", ""},
      {"1e+", ""},
      {"+1", ""},
      {"NaN", ""},
      {"0x10", "0"},
      {"1.5.5", "1.5"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(scan_json_number(row.text).text, row.token) << row.text;
  }
}

TEST(JsonNumber, integers_are_exact_to_the_ends_of_their_ranges) {
  EXPECT_EQ(to_int64(scan_json_number("9223372036854775807")), INT64_MAX);
  EXPECT_EQ(to_int64(scan_json_number("-9223372036854775808")), INT64_MIN);
  EXPECT_EQ(to_int64(scan_json_number("9223372036854775808")), std::nullopt);
  EXPECT_EQ(to_uint64(scan_json_number("18446744073709551615")), UINT64_MAX);
  EXPECT_EQ(to_uint64(scan_json_number("18446744073709551616")), std::nullopt);
  EXPECT_EQ(to_uint64(scan_json_number("99999999999999999999999")), std::nullopt);
  EXPECT_EQ(to_uint64(scan_json_number("-1")), std::nullopt);
  EXPECT_EQ(to_uint64(scan_json_number("-0")), 0U);
  EXPECT_EQ(to_int64(scan_json_number("1.0")), std::nullopt);
  EXPECT_EQ(to_int64(scan_json_number("1e2")), std::nullopt);
}

TEST(JsonNumber, too_large_is_absent_and_too_small_is_zero) {
  EXPECT_EQ(to_float(scan_json_number("3.4028235e38")), std::numeric_limits<float>::max());
  EXPECT_EQ(to_float(scan_json_number("3.4028236e38")), std::nullopt);
  EXPECT_EQ(to_float(scan_json_number("1e39")), std::nullopt);
  EXPECT_EQ(to_double(scan_json_number("1.8e308")), std::nullopt);
  EXPECT_EQ(to_double(scan_json_number("1e99999999999999999999")), std::nullopt);
  EXPECT_EQ(to_double(scan_json_number("-1e400")), std::nullopt);
  for (const char* tiny : {"1e-50", "0.00000000000000000000000000000000000000000000000001"}) {
    EXPECT_EQ(to_float(scan_json_number(tiny)), 0.0F) << tiny;
  }
  EXPECT_EQ(to_double(scan_json_number("1e-400")), 0.0);
  EXPECT_EQ(to_double(scan_json_number("123456e-99999999999999")), 0.0);
  EXPECT_EQ(to_double(scan_json_number("0e99999999999999")), 0.0);
  EXPECT_TRUE(std::signbit(*to_double(scan_json_number("-1e-400"))));
  EXPECT_TRUE(std::signbit(*to_float(scan_json_number("-0"))));
  EXPECT_EQ(to_float(scan_json_number("1e-45")), std::numeric_limits<float>::denorm_min());
  const std::string ones(400, '1');
  EXPECT_EQ(to_double(scan_json_number(ones)), std::nullopt);
  EXPECT_EQ(to_double(scan_json_number(ones + "e-399")),
            std::strtod((ones + "e-399").c_str(), nullptr));
}

// Decimals just above the middle of two floats: rounded to double first they fall on the middle,
// and from there to the even neighbour, which is the wrong one.
TEST(JsonNumber, floats_are_rounded_once) {
  for (const char* text : {"1.00000005960464477539062500001", "0.5000000298023224"}) {
    const float wanted = std::strtof(text, nullptr);
    EXPECT_EQ(to_float(scan_json_number(text)), wanted) << text;
    EXPECT_NE(wanted, static_cast<float>(std::strtod(text, nullptr))) << text;
  }
}

TEST(JsonNumber, agrees_with_strtod_and_strtof_on_random_decimals) {
  constexpr unsigned kSeed = 20240607;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 200'000; ++i) {
    std::string text = random() % 2 == 0 ? "-" : "";
    text += std::to_string(random() >> random() % 64);
    if (random() % 2 == 0) {
      text += "." + std::to_string(random() >> random() % 64);
    }
    if (random() % 3 == 0) {
      text += "e" + std::to_string(static_cast<int>(random() % 80) - 40);
    }
    const JsonNumber number = scan_json_number(text);
    ASSERT_EQ(number.text, text) << "seed " << kSeed;
    const double wide = std::strtod(text.c_str(), nullptr);
    ASSERT_EQ(to_double(number), wide) << text << " seed " << kSeed;
    const float narrow = std::strtof(text.c_str(), nullptr);
    const auto got = to_float(number);
    if (std::isinf(narrow)) {
      ASSERT_EQ(got, std::nullopt) << text << " seed " << kSeed;
    } else {
      ASSERT_EQ(got, narrow) << text << " seed " << kSeed;
    }
  }
}

}  // namespace
}  // namespace sluice::gateway
