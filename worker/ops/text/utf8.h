// UTF-8 for string operators: characters, and simple case mapping one character at a time.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::engine {

enum class LetterCase { lower, upper };

// Bytes of the character at `at`; 1 for a byte that begins none.
std::size_t character_size(std::string_view text, std::size_t at);

// Characters of `text`; a byte that belongs to none counts as one.
std::size_t character_count(std::string_view text);

// Letters changed by Unicode's simple mapping, as far as their other case is one character too;
// everything else, bytes that are no UTF-8 included, stays. Independent of the process's locale.
std::string with_case(std::string_view text, LetterCase to);

}  // namespace sluice::engine
