#include "common/base/duration_text.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(DurationText, whole_numbers_with_a_unit_are_read) {
  const std::pair<const char*, Duration> cases[] = {
      {"0s", 0s}, {"5us", 5us}, {"250ms", 250ms}, {"30s", 30s}, {"10m", 10min}, {"1h", 1h}};
  for (const auto& [text, duration] : cases) {
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, duration) << text;
    EXPECT_EQ(to_text(duration), text);
  }
}

TEST(DurationText, anything_else_is_refused) {
  for (const char* text :
       {"", "10", "s", "-1s", "1.5s", "1 s", "1sec", "1S", "99999999999999999999s", "999999999h"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(parsed.error().detail.find("'" + std::string(text) + "'"), std::string::npos);
  }
}

}  // namespace
}  // namespace sluice
