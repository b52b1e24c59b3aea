#include "common/base/log_line.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "common/base/limits.h"

namespace sluice {
namespace {

std::string line_of(LogFields fields) {
  return format_log_line(1'700'000'000'000'042, LogLevel::warn, "proc=node pid=7", "seen", fields);
}

TEST(LogLine, StartsWithTimeLevelProcessAndEvent) {
  EXPECT_EQ(line_of({}), "ts=2023-11-14T22:13:20.000042Z level=warn proc=node pid=7 event=seen");
}

TEST(LogLine, WritesEachKindOfValue) {
  const std::string worker = "w1";
  EXPECT_TRUE(line_of({{"worker", worker},
                       {"model", "digits/1"},
                       {"ms", 12},
                       {"id", std::numeric_limits<std::uint64_t>::max()},
                       {"low", std::numeric_limits<std::int64_t>::min()},
                       {"share", 0.25},
                       {"ready", true}})
                  .ends_with(" worker=w1 model=digits/1 ms=12 id=18446744073709551615 "
                             "low=-9223372036854775808 share=0.25 ready=true"));
}

TEST(LogLine, QuotesAndEscapesWhatCouldForgeALineOrAField) {
  struct Case {
    std::string_view text;
    std::string_view written;
  };
  const Case cases[] = {
      {"plain", "plain"},
      {"", "\"\""},
      {"two words", "\"two words\""},
      {"a=b", "\"a=b\""},
      {"x\nts=2024 level=error event=fake", "\"x\\nts=2024 level=error event=fake\""},
      {"quote\" level=error", "\"quote\\\" level=error\""},
      {"back\\slash", "\"back\\\\slash\""},
      {"\r\t", "\"\\r\\t\""},
      {"\x1b[2J", "\"\\x1b[2J\""},
      {"\x7f", "\"\\x7f\""},
      {"\xe2\x80\xa8", "\"\\xe2\\x80\\xa8\""},
      {std::string_view("\0", 1), "\"\\x00\""},
  };
  for (const Case& c : cases) {
    std::string line;
    append_log_text(line, c.text);
    EXPECT_EQ(line, c.written);
  }
}

TEST(LogLine, CutsALongValue) {
  std::string line;
  append_log_text(line, std::string(100'000, 'x'));
  EXPECT_EQ(line, '"' + std::string(limits::kLogValueBytes, 'x') + "...\"");
}

TEST(LogLine, StaysWithinItsBoundAndSaysThatItWasCut) {
  const std::string bad(10'000, '\xff');
  const std::string line =
      line_of({{"a", bad}, {"b", bad}, {"c", bad}, {"d", bad}, {"e", bad}, {"last", 1}});
  EXPECT_LE(line.size(), limits::kLogLineBytes);
  EXPECT_TRUE(line.ends_with(" truncated=1"));
  EXPECT_EQ(line.find("last"), std::string::npos);
}

}  // namespace
}  // namespace sluice
