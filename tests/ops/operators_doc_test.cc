// docs/operators.md: the operators with their versions, as the registry has them, and what the head
// comments of their families say of datatypes, formulas and refusals. Written anew by
//
//   SLUICE_WRITE_DOCS=1 build/release/tests/ops_test --gtest_filter='OperatorsDoc.*'

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "worker/engine/graph/registry.h"
#include "worker/ops/register.h"

namespace sluice::engine {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = SLUICE_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// "Name" in quotes, beginning with a capital.
std::set<std::string> quoted_names(std::string_view text) {
  std::set<std::string> names;
  for (std::size_t at = text.find('"'); at != std::string_view::npos; at = text.find('"', at)) {
    const std::size_t end = text.find('"', at + 1);
    if (end == std::string_view::npos) {
      break;
    }
    const std::string_view inner = text.substr(at + 1, end - at - 1);
    if (!inner.empty() && std::isupper(static_cast<unsigned char>(inner[0])) != 0 &&
        std::ranges::all_of(inner, [](unsigned char c) { return std::isalnum(c) != 0; })) {
      names.emplace(inner);
    }
    at = end + 1;
  }
  return names;
}

struct Domain {
  const char* name;
  const char* shown;
  int newest;
};
constexpr Domain kDomains[] = {{"", "ai.onnx", kNewestOnnxOpset},
                               {"ai.onnx.ml", "ai.onnx.ml", kNewestMlOpset},
                               {"com.microsoft", "com.microsoft", 1}};

struct Family {
  std::string comment;                                 // without slashes
  std::map<std::string, std::vector<int>> versions{};  // by operator
};

// The leading comment's lines behind the first one, which names the operators.
std::string head_comment(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  std::string comment;
  bool named = false;
  while (std::getline(lines, line) && line.starts_with("//")) {
    const std::string content = line.size() > 3 ? line.substr(3) : "";
    // The names may take several lines; the specification's address ends them.
    named = named || content.starts_with("Spec:");
    comment += named ? content + "\n" : "";
  }
  while (comment.ends_with("\n\n")) {
    comment.pop_back();
  }
  return comment;
}

class OperatorsDoc : public testing::Test {
 protected:
  OperatorsDoc() {
    register_all(registry_);
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(kSource / "worker/ops")) {
      if (entry.path().extension() == ".cc" && entry.path().filename() != "test_operators.cc") {
        files.push_back(entry.path());
      }
    }
    std::ranges::sort(files);
    for (const fs::path& file : files) {
      const std::string text = read(file);
      if (const std::size_t at = text.find("\nvoid register_"); at != std::string::npos) {
        take(file, text, at);
      }
    }
  }

  // By operator in a domain, its since-versions. Those of fused steps are in none of the domains:
  // no model can name them.
  [[nodiscard]] std::vector<int> versions_of(const Domain& domain, const std::string& name) const {
    std::vector<int> versions;
    for (int opset = 1; opset <= domain.newest; ++opset) {
      const auto found = registry_.find(domain.name, name, opset);
      if (found && (versions.empty() || versions.back() != found->since)) {
        versions.push_back(found->since);
      }
    }
    return versions;
  }

  void take(const fs::path& file, const std::string& text, std::size_t registration) {
    for (const std::string& name : quoted_names(std::string_view(text).substr(registration))) {
      for (std::size_t d = 0; d < std::size(kDomains); ++d) {
        auto versions = versions_of(kDomains[d], name);
        if (!versions.empty() || registry_.refuses(kDomains[d].name, name)) {
          Family& family = families_[{d, file.string()}];
          family.comment = head_comment(text);
          family.versions.emplace(name, std::move(versions));
          EXPECT_TRUE(seen_.emplace(d, name).second) << name << " is registered twice";
        }
      }
    }
  }

  [[nodiscard]] std::string text() const;

  Registry registry_;
  std::map<std::pair<std::size_t, std::string>, Family> families_;  // by domain and file
  std::set<std::pair<std::size_t, std::string>> seen_;
};

std::string OperatorsDoc::text() const {
  std::string made =
      "# Operators\n\n"
      "What the engine runs, with the since-versions of the specification: a model is run by the\n"
      "newest version that is not above its opset, and one that is missing here is refused by "
      "name\n"
      "when the model is loaded. Where float32 stands, float16 and bfloat16 are possible too, in\n"
      "float32 and rounded at every node. The texts are those of the families' own files below\n"
      "`worker/ops`; `tests/ops/operators_doc_test.cc` writes this file from them and from the\n"
      "registry.\n";
  for (std::size_t d = 0; d < std::size(kDomains); ++d) {
    made += std::string("\n## ") + kDomains[d].shown + "\n";
    std::map<std::string, const Family*> by_first;
    for (const auto& [key, family] : families_) {
      if (key.first == d) {
        by_first.emplace(family.versions.begin()->first, &family);
      }
    }
    for (const auto& [first, family] : by_first) {
      made += "\n| operator | versions |\n| --- | --- |\n";
      for (const auto& [name, versions] : family->versions) {
        std::string list;
        for (const int version : versions) {
          list += (list.empty() ? "" : ", ") + std::to_string(version);
        }
        made += "| " + name + " | " + (list.empty() ? "refused" : list) + " |\n";
      }
      made += "\n```text\n" + family->comment + "```\n";
    }
  }
  made += "\n### Written out in operators of ai.onnx as the model is read\n\n";
  const std::string contrib = read(kSource / "worker/engine/read/contrib.cc");
  std::string list;
  for (std::size_t at = contrib.find("\n    {\""); at != std::string::npos;
       at = contrib.find("\n    {\"", at + 1)) {
    const std::size_t begin = at + 7;
    list += "* " + contrib.substr(begin, contrib.find('"', begin) - begin) + "\n";
  }
  return made + list;
}

TEST_F(OperatorsDoc, IsWhatTheRegistryAndTheFamiliesSay) {
  const fs::path path = kSource / "docs/operators.md";
  const std::string wanted = text();
  if (std::getenv("SLUICE_WRITE_DOCS") != nullptr) {
    std::ofstream(path) << wanted;
  }
  EXPECT_TRUE(read(path) == wanted)
      << "docs/operators.md is not up to date; write it anew with SLUICE_WRITE_DOCS=1";
  EXPECT_GT(seen_.size(), 200U);
  for (const auto& [key, family] : families_) {
    EXPECT_FALSE(family.comment.empty()) << key.second;
  }
}

}  // namespace
}  // namespace sluice::engine
