// A test of the style test: each rule catches what it is for, and only that.

#include "tests/tidy/rules.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::tidy {
namespace {

std::vector<std::string> said_of(const std::string& path,
                                 const std::string& text,
                                 const std::string& allowed = "") {
  std::vector<Violation> found;
  check_file(path, text, Allowed(allowed), found);
  std::vector<std::string> said;
  for (const Violation& violation : found) {
    said.push_back(std::to_string(violation.line) + ": " + violation.what);
  }
  return said;
}

using Said = std::vector<std::string>;

TEST(Rules, CatchColumnsLengthAndBlanks) {
  EXPECT_EQ(said_of("common/a.cc", std::string(100, 'x') + "\n"), Said{});
  EXPECT_EQ(said_of("common/a.cc", std::string(101, 'x') + "\n"), Said{"1: 101 columns"});
  EXPECT_EQ(said_of("common/a.cc", "int \n"), Said{"1: blanks at its end"});
  std::string wide;
  for (int i = 0; i < 100; ++i) {
    wide += "\xc3\xa9";  // two bytes, one column
  }
  EXPECT_EQ(said_of("common/a.cc", wide), Said{});
  const std::string table = "# T\n| " + std::string(200, 'x');
  EXPECT_EQ(said_of("docs/a.md", table), Said{});
  const std::string lines(401, '\n');
  EXPECT_EQ(said_of("common/a.cc", lines), Said{"0: 401 lines: one idea per file"});
  EXPECT_EQ(said_of("common/a.cc", lines, "lines 500 | common/a.cc | why"), Said{});
}

TEST(Rules, CatchWordsInCodeOutsideTheAllowList) {
  const std::string line = "std::mutex lock;\n";
  EXPECT_EQ(said_of("gateway/a.cc", line), Said{"1: 'std::mutex': use a message, or one owner"});
  EXPECT_EQ(said_of("gateway/a.cc", line, "std::mutex | gateway/*.cc | why"), Said{});
  EXPECT_EQ(said_of("gateway/a.cc", line, "std::mutex | worker/* | why").size(), 1U);
  EXPECT_EQ(said_of("gateway/a.cc", "// std::mutex is not used\nint a;  // nor volatile\n"),
            Said{});
  EXPECT_EQ(said_of("gateway/a.cc", "int a;  // NOLINT(x)\n").size(), 1U);
  EXPECT_EQ(said_of("gateway/a.cc", "// NOLINTNEXTLINE(x): y\n"), Said{});
  EXPECT_EQ(said_of("docs/a.md", "# A\nstd::mutex\n"), Said{});
  EXPECT_EQ(said_of("gateway/a.cc", "using namespace std::chrono_literals;\n"), Said{});
  EXPECT_EQ(said_of("gateway/a.cc", "using namespace std;\n").size(), 1U);
}

TEST(Rules, CatchIncludesInTheWrongDirection) {
  EXPECT_EQ(said_of("gateway/a.cc", "#include \"worker/b.h\"\n"),
            Said{"1: gateway/ never includes worker/"});
  EXPECT_EQ(said_of("common/a.cc", "#include \"gateway/b.h\"\n").size(), 1U);
  EXPECT_EQ(said_of("cluster/a.cc", "#include \"gateway/b.h\"\n"), Said{});
  EXPECT_EQ(said_of("gateway/a.cc", "#include \"b.h\"\n").size(), 1U);
  EXPECT_EQ(said_of("gateway/a.cc", "#include \"gateway/../b.h\"\n#include <vector>\n"), Said{});
}

TEST(Rules, CatchHeadersOutsideTheirDoors) {
  const std::string line = "#include <dnnl.hpp>\n";
  EXPECT_EQ(said_of("worker/ops/a.cc", line).size(), 1U);
  EXPECT_EQ(said_of("worker/ops/a.cc", line, "<dnnl | worker/ops/detail/* | why").size(), 1U);
  EXPECT_EQ(said_of("worker/ops/detail/a.cc", line, "<dnnl | worker/ops/detail/* | why"), Said{});
}

TEST(Rules, CatchOpeningsTodosAndPaths) {
  EXPECT_EQ(said_of("common/a.h", "// A.\n\n#pragma once\n"), Said{});
  EXPECT_EQ(said_of("common/a.h", "// A.\n").size(), 1U);
  EXPECT_EQ(said_of("worker/ops/simd/a-inl.h", "// A.\n"), Said{});
  const std::string opening = "// Runs on: x.\n// Receives: y.\n// Sends: z.\n\n#pragma once\n";
  EXPECT_EQ(said_of("gateway/shard_actor.h", opening), Said{});
  EXPECT_EQ(said_of("gateway/shard_actor.h", "// A shard.\n\n#pragma once\n").size(), 3U);
  EXPECT_EQ(said_of("common/a.cc", "// TODO: later\n").size(), 1U);
  EXPECT_EQ(said_of("common/a.cc", "// TODO(#12): later\n"), Said{});
  EXPECT_EQ(said_of("Makefile", "X := /home/me/x\n").size(), 1U);
}

TEST(Rules, CatchDocumentsWithTwoTitles) {
  EXPECT_EQ(said_of("docs/a.md", "# One\n```\n# a comment\n```\n## Two\n"), Said{});
  EXPECT_EQ(said_of("docs/a.md", "# One\n# Two\n"), Said{"0: 2 titles, a document has one"});
  EXPECT_EQ(said_of("docs/a.md", "text\n").size(), 1U);
}

TEST(Rules, CatchDeadLinksAndForgottenSources) {
  const Tree tree{
      {"README.md", "[a](docs/a.md) [b](docs/b.md#part) [web](https://x.y/z) [c](docs)"},
      {"docs/a.md", "[up](../README.md) [gone](../GONE.md) `common/x.cc` `common/y.cc` `a/<b>.cc`"},
      {"common/CMakeLists.txt", "add_library(x x.cc base/z.cc)"},
      {"common/x.cc", ""},
      {"common/base/z.cc", ""},
      {"common/base/w.cc", ""},
  };
  std::vector<Violation> found;
  check_tree(tree, found);
  Said said;
  for (const Violation& violation : found) {
    said.push_back(violation.path + ": " + violation.what);
  }
  std::ranges::sort(said);
  EXPECT_EQ(said,
            (Said{"README.md: dead link docs/b.md#part",
                  "common/base/w.cc: is in no target of its folder's CMakeLists.txt",
                  "docs/a.md: dead link ../GONE.md",
                  "docs/a.md: names common/y.cc, which is not there"}));
}

}  // namespace
}  // namespace sluice::tidy
