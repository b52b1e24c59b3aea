#include "gateway/protocol/json_writer.h"

#include <cstring>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "gateway/protocol/json_number.h"

namespace sluice::gateway {
namespace {

std::string written(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

template <class Float>
std::string written_float(Float value) {
  std::string out = "x.e";  // what is there already must not be looked at
  append_json_float(out, value);
  return out.substr(3);
}

TEST(JsonWriter, escapes_what_must_be_and_nothing_else) {
  EXPECT_EQ(written("plain / 'text'"), "\"plain / 'text'\"");
  EXPECT_EQ(written("a\"b\\c\n\r\t"), R"("a\"b\\c\n\r\t")");
  EXPECT_EQ(written(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
  EXPECT_EQ(written("\u00e4\u20ac\U0001F600"), "\"\u00e4\u20ac\U0001F600\"");
}

TEST(JsonWriter, replaces_what_is_not_utf8) {
  EXPECT_EQ(written("a\xFF"
                    "b"),
            "\"a\uFFFDb\"");
  EXPECT_EQ(written("\xC3"), "\"\uFFFD\"");
  EXPECT_EQ(written("\xED\xA0\x80"), "\"\uFFFD\uFFFD\uFFFD\"");  // a surrogate
  EXPECT_EQ(written("\xC0\xAF"), "\"\uFFFD\uFFFD\"");            // overlong '/'
}

TEST(JsonWriter, writes_the_shortest_float_that_reads_back) {
  EXPECT_EQ(written_float(0.1F), "0.1");
  EXPECT_EQ(written_float(0.1), "0.1");
  EXPECT_EQ(written_float(1.0F), "1.0");
  EXPECT_EQ(written_float(-3.0), "-3.0");
  EXPECT_EQ(written_float(-0.0F), "-0.0");
  EXPECT_EQ(written_float(1e20F), "1e+20");
  EXPECT_EQ(written_float(std::numeric_limits<float>::denorm_min()), "1e-45");
  EXPECT_EQ(written_float(std::numeric_limits<float>::quiet_NaN()), "NaN");
  EXPECT_EQ(written_float(std::numeric_limits<double>::infinity()), "Infinity");
  EXPECT_EQ(written_float(-std::numeric_limits<float>::infinity()), "-Infinity");
}

TEST(JsonWriter, every_float_comes_back_bit_for_bit) {
  constexpr unsigned kSeed = 7;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 100'000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (value - value != 0) {
      continue;  // NaN and infinities are words
    }
    const auto back = to_float(scan_json_number(written_float(value)));
    ASSERT_TRUE(back && std::memcmp(&*back, &value, sizeof value) == 0)
        << bits << " seed " << kSeed;
  }
}

}  // namespace
}  // namespace sluice::gateway
