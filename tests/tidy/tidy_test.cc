// Holds the whole repository against the rules.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/tidy/log_events.h"
#include "tests/tidy/rules.h"

namespace sluice::tidy {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  std::string text(fs::file_size(path), '\0');
  EXPECT_TRUE(file != nullptr &&
              std::fread(text.data(), 1, text.size(), file.get()) == text.size());
  return text;
}

bool is_text(const fs::path& path) {
  for (const char* end : {".cc", ".h", ".md", ".cmake", ".fbs", ".py", ".lua"}) {
    if (path.extension() == end) {
      return true;
    }
  }
  const fs::path name = path.filename();
  return name == "CMakeLists.txt" || name == "allowed.txt" || name == "Makefile" ||
         path.parent_path().filename() == ".ci";
}

// Text files with their text; others (models, corpora) with none, so that links to them resolve.
Tree repository() {
  Tree tree;
  const fs::path root = SLUICE_SOURCE_DIR;
  for (auto at = fs::recursive_directory_iterator(root); at != fs::end(at); ++at) {
    const std::string name = at->path().filename();
    const bool hidden = name.starts_with('.') && name != ".ci";
    if (at->is_directory() && (hidden || name == "build" || name == "__pycache__")) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file()) {
      const std::string path = at->path().lexically_relative(root);
      tree[path] = is_text(at->path()) ? read(at->path()) : std::string();
    }
  }
  return tree;
}

TEST(Tidy, TheRepositoryKeepsItsRules) {
  const Tree tree = repository();
  ASSERT_TRUE(tree.contains("common/base/result.h"));
  const Allowed allowed(tree.at("tests/tidy/allowed.txt"));
  std::vector<Violation> found;
  for (const auto& [path, text] : tree) {
    if (!text.empty() && !path.starts_with("tests/tidy/") && path.find("corpus/") == path.npos) {
      check_file(path, text, allowed, found);
    }
  }
  check_tree(tree, found);
  for (const Violation& violation : found) {
    ADD_FAILURE() << violation.path << ":" << violation.line << ": " << violation.what;
  }
}

TEST(Tidy, TheFilesARequestPassesOpenWithWhatTheyAre) {
  const Tree tree = repository();
  const std::string& document = tree.at("docs/life-of-a-request.md");
  std::size_t named = 0;
  for (const auto& [path, text] : tree) {
    if (path.ends_with(".h") && document.find("`" + path + "`") != std::string::npos) {
      ++named;
      EXPECT_TRUE(text.starts_with("// ")) << path;
    }
  }
  EXPECT_GE(named, 15U);
}

TEST(Tidy, EveryLogEventIsExplainedAndEveryExplainedOneIsWritten) {
  const Tree tree = repository();
  std::set<std::string> written;
  for (const auto& [path, text] : tree) {
    const bool ours = path.starts_with("cluster/") || path.starts_with("common/") ||
                      path.starts_with("gateway/") || path.starts_with("worker/");
    if (ours && path.ends_with(".cc") && path != "common/base/log.cc") {
      const std::set<std::string> here = written_events(text);
      EXPECT_FALSE(here.contains("")) << path << ": name the event in its call or in kLogEvents";
      written.insert(here.begin(), here.end());
    }
  }
  EXPECT_GE(written.size(), 30U);
  const std::set<std::string> explained = explained_events(tree.at("docs/operations.md"));
  for (const std::string& name : written) {
    EXPECT_TRUE(explained.contains(name)) << name << ": not in docs/operations.md, The log";
  }
  for (const std::string& name : explained) {
    EXPECT_TRUE(written.contains(name)) << name << ": nothing writes it";
  }
}

TEST(Tidy, EveryExceptionIsForAFileThatIsThere) {
  const Tree tree = repository();
  std::string text = tree.at("tests/tidy/allowed.txt");
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    const std::string line = text.substr(0, end);
    text.erase(0, end + 1);
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    const Allowed one(line);
    const std::string what = line.substr(0, line.find(" | "));
    EXPECT_TRUE(std::ranges::any_of(tree, [&](const auto& file) {
      return one.allows(what, file.first);
    })) << line;
  }
}

}  // namespace
}  // namespace sluice::tidy
