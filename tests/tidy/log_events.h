// The names of log events: which the code writes, and which the document explains. Pure.

#pragma once

#include <set>
#include <string>
#include <string_view>

namespace sluice::tidy {

// Of every log_info, log_warn, log_error and log_at: the words in quotes before its fields, and
// those of arrays that are called kLogEvents. A call that names neither gives "".
std::set<std::string> written_events(std::string_view code);

// In the section "The log": what stands in `backticks` in the first cells of its tables.
std::set<std::string> explained_events(std::string_view document);

}  // namespace sluice::tidy
