// JSON text appended to a string: numbers in their shortest form, strings escaped.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::gateway {

// With quotes. Bytes that are not UTF-8 become U+FFFD: data is checked with find_bad_utf8 first, so
// that this only ever happens to the text of a message.
void append_json_string(std::string& out, std::string_view text);

void append_json_integer(std::string& out, std::int64_t value);
void append_json_integer(std::string& out, std::uint64_t value);

// The shortest digits that read back to the same value of the same type; whole numbers with ".0";
// NaN, Infinity and -Infinity as bare words, as Triton and its clients write and read them.
void append_json_float(std::string& out, float value);
void append_json_float(std::string& out, double value);

}  // namespace sluice::gateway
