#include "gateway/control/caller_reason.h"

#include <algorithm>

namespace sluice::gateway {
namespace {

constexpr std::string_view kQuotes = "'\"";
constexpr std::string_view kEndsPath = " \t\n'\",;:()[]";

// Before a slash: "add/1" and "and/or" are no paths, nor is what follows a path's own slash.
bool continues_word(char before) {
  return (before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z') ||
         (before >= '0' && before <= '9') ||
         std::string_view("._-~/:").find(before) != std::string_view::npos;
}

}  // namespace

std::string reason_for_callers(std::string_view reason) {
  std::string text;
  std::size_t at = 0;
  while (at < reason.size()) {
    const char before = at == 0 ? ' ' : reason[at - 1];
    if (reason[at] != '/' || continues_word(before)) {
      text += reason[at++];
      continue;
    }
    const bool quoted = kQuotes.find(before) != std::string_view::npos;
    const std::size_t end = std::min(
        reason.size(), quoted ? reason.find(before, at) : reason.find_first_of(kEndsPath, at));
    const std::string_view path = reason.substr(at, end - at);
    const std::size_t last = path.find_last_not_of('/');  // a folder may end in one
    text += last == std::string_view::npos ? path : path.substr(path.rfind('/', last) + 1);
    at = end;
  }
  return text;
}

}  // namespace sluice::gateway
