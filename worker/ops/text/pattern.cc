#include "worker/ops/text/pattern.h"

#include <re2/re2.h>

namespace sluice::engine {

struct Pattern::Impl {
  Impl(const std::string& text, const re2::RE2::Options& options) : expression(text, options) {}
  re2::RE2 expression;
};

Result<Pattern> Pattern::make(const std::string& expression) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto impl = std::make_shared<const Impl>(expression, options);
  if (!impl->expression.ok()) {
    return Error{ErrorCode::data_corrupt,
                 "pattern '" + expression + "': " + impl->expression.error()};
  }
  Pattern pattern;
  pattern.impl_ = std::move(impl);
  return pattern;
}

bool Pattern::is_all_of(std::string_view text) const {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), impl_->expression);
}

std::vector<std::string_view> Pattern::matches(std::string_view text) const {
  std::vector<std::string_view> found;
  const re2::StringPiece all(text.data(), text.size());
  std::size_t at = 0;
  re2::StringPiece match;
  while (at <= text.size() &&
         impl_->expression.Match(all, at, text.size(), re2::RE2::UNANCHORED, &match, 1)) {
    const auto start = static_cast<std::size_t>(match.data() - text.data());
    if (match.empty()) {
      at = start + 1;
      continue;
    }
    found.push_back(text.substr(start, match.size()));
    at = start + match.size();
  }
  return found;
}

std::vector<std::string_view> Pattern::between(std::string_view text) const {
  std::vector<std::string_view> parts;
  std::size_t at = 0;
  for (const std::string_view match : matches(text)) {
    const auto start = static_cast<std::size_t>(match.data() - text.data());
    parts.push_back(text.substr(at, start - at));
    at = start + match.size();
  }
  parts.push_back(text.substr(at));
  return parts;
}

}  // namespace sluice::engine
