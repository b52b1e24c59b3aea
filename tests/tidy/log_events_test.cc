#include "tests/tidy/log_events.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace sluice::tidy {
namespace {

using Names = std::set<std::string>;

TEST(LogEvents, AreFoundInEveryFormOfACall) {
  EXPECT_EQ(written_events("log_info(\"one\");\nlog_warn(\"two\", {{\"key\", \"value\"}});\n"),
            (Names{"one", "two"}));
  EXPECT_EQ(written_events("log_error(\n    \"three\",\n    {{\"k\", 1}});\n"), Names{"three"});
  EXPECT_EQ(written_events("log_at(bad ? a : b, bad ? \"four\" : \"five\", {{\"k\", 1}});\n"),
            (Names{"four", "five"}));
  EXPECT_EQ(written_events("const char* kLogEvents[] = {\n  \"six\", \"seven\"};\n"
                           "log_warn(kLogEvents[i], {{\"k\", 1}});\n"),
            (Names{"six", "seven"}));
}

TEST(LogEvents, OfACallWithoutANameAreEmpty) {
  EXPECT_EQ(written_events("log_warn(name_of(what), {{\"k\", \"v\"}});\n"), Names{""});
}

TEST(LogEvents, AreNoneInCommentsAndOtherCalls) {
  EXPECT_EQ(written_events("// as log_info(\"one\") does\nlog_debug(\"two\");\n"), Names{});
}

TEST(LogEvents, AreExplainedInTheTablesOfTheirSectionAlone) {
  EXPECT_EQ(explained_events("# T\n\n| `before` | x |\n\n## The log\n\n| event | meaning |\n"
                             "| --- | --- |\n| `one` | of `this` |\n| `two`, `three` | x |\n"
                             "\n| `four` | x |\n\n## Tools\n\n| `after` | x |\n"),
            (Names{"one", "two", "three", "four"}));
  EXPECT_EQ(explained_events("# T\n"), Names{});
}

}  // namespace
}  // namespace sluice::tidy
