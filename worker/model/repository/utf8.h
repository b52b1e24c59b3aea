// Is it UTF-8?

#pragma once

#include <string_view>

namespace sluice::repository {

// As RFC 3629 has it: no surrogates, nothing overlong, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

}  // namespace sluice::repository
