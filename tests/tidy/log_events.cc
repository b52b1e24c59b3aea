#include "tests/tidy/log_events.h"

#include <algorithm>

namespace sluice::tidy {
namespace {

constexpr std::string_view kArray = "kLogEvents";

// The text between `mark` and the next `mark`, for each pair.
template <class Visit>
void for_each_quoted(std::string_view text, char mark, Visit visit) {
  for (std::size_t begin = text.find(mark); begin != std::string_view::npos;) {
    const std::size_t end = text.find(mark, begin + 1);
    if (end == std::string_view::npos) {
      return;
    }
    visit(std::string(text.substr(begin + 1, end - begin - 1)));
    begin = text.find(mark, end + 1);
  }
}

std::string without_comments(std::string_view code) {
  std::string text;
  while (!code.empty()) {
    const std::size_t end = std::min(code.find('\n'), code.size());
    std::string_view line = code.substr(0, end);
    code.remove_prefix(std::min(end + 1, code.size()));
    line = line.substr(0, std::min(line.find("//"), line.size()));
    text.append(line).push_back('\n');
  }
  return text;
}

}  // namespace

std::set<std::string> written_events(std::string_view code) {
  const std::string text = without_comments(code);
  std::set<std::string> names;
  const auto add = [&](std::string name) { names.insert(std::move(name)); };
  for (const std::string_view call : {"log_info(", "log_warn(", "log_error(", "log_at("}) {
    for (std::size_t at = text.find(call); at != std::string::npos; at = text.find(call, at + 1)) {
      const std::string_view rest = std::string_view(text).substr(at);
      const std::string_view before = rest.substr(0, std::min(rest.find(");"), rest.find("{{")));
      if (before.find('"') != std::string_view::npos) {
        for_each_quoted(before, '"', add);
      } else if (before.find(kArray) == std::string_view::npos) {
        add("");
      }
    }
  }
  const std::size_t array = text.find(std::string(kArray) + "[] = {");
  if (array != std::string::npos) {
    for_each_quoted(std::string_view(text).substr(array, text.find('}', array) - array), '"', add);
  }
  return names;
}

std::set<std::string> explained_events(std::string_view document) {
  constexpr std::string_view kSection = "\n## The log\n";
  const std::size_t begin = document.find(kSection);
  std::set<std::string> names;
  if (begin == std::string_view::npos) {
    return names;
  }
  std::string_view section = document.substr(begin + kSection.size());
  section = section.substr(0, section.find("\n## "));
  for (std::size_t at = section.find("\n| `"); at != std::string_view::npos;
       at = section.find("\n| `", at + 1)) {
    const std::string_view line = section.substr(at + 3);
    for_each_quoted(line.substr(0, line.find(" | ")), '`', [&](std::string name) {
      names.insert(std::move(name));
    });
  }
  return names;
}

}  // namespace sluice::tidy
