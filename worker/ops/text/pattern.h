// Regular expressions over UTF-8, by RE2: time and memory are bounded by the text's length,
// whatever a model's pattern is. Nothing of RE2 in this header.

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace sluice::engine {

class Pattern {
 public:
  // data_corrupt with RE2's reason when it is none.
  static Result<Pattern> make(const std::string& expression);

  // The pattern is all of the text.
  [[nodiscard]] bool is_all_of(std::string_view text) const;
  // What matches, from left to right, without overlaps and empty matches. Parts of `text`.
  [[nodiscard]] std::vector<std::string_view> matches(std::string_view text) const;
  // What is between those matches, the text before the first and behind the last included.
  [[nodiscard]] std::vector<std::string_view> between(std::string_view text) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;  // immutable, and used by all threads
};

}  // namespace sluice::engine
