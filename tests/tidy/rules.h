// The rules of docs/style.md that a program can check. Pure: files in, violations out.

#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::tidy {

// Path from the repository's root -> text.
using Tree = std::map<std::string, std::string>;

struct Violation {
  std::string path;
  std::size_t line = 0;  // 0: the file as a whole
  std::string what;
};

// Exceptions: lines of `what | path pattern | reason`, '#' begins a comment. `what` is a word or
// header as the rules name it, or `lines N` for a longer file; the pattern is fnmatch(3)'s, where
// '*' also matches '/'.
class Allowed {
 public:
  explicit Allowed(std::string_view text);
  [[nodiscard]] bool allows(std::string_view what, const std::string& path) const;
  // The most lines that `path` may have.
  [[nodiscard]] std::size_t lines(const std::string& path) const;

 private:
  struct Entry {
    std::string what;
    std::string pattern;
  };
  std::vector<Entry> entries_;
};

// What one file says: columns, length, words, headers, include directions, opening comments,
// titles.
void check_file(const std::string& path,
                std::string_view text,
                const Allowed& allowed,
                std::vector<Violation>& found);

// What needs the whole tree: sources in no target, links and named files that are gone.
void check_tree(const Tree& tree, std::vector<Violation>& found);

}  // namespace sluice::tidy
