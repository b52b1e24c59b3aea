#include "gateway/protocol/json_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/base/check.h"
#include "gateway/protocol/text.h"

namespace sluice::gateway {
namespace {

void append_escape(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      const auto byte = static_cast<unsigned char>(c);
      out += "\\u00";
      out += {kHex[byte >> 4U], kHex[byte & 0x0FU]};
      return;
  }
}

// Multi-byte sequences of well-formed UTF-8 pass as they are.
void append_valid(std::string& out, std::string_view text) {
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_plain_json(text[i]) || static_cast<unsigned char>(text[i]) >= 0x80) {
      continue;
    }
    out.append(text.substr(start, i - start));
    append_escape(out, text[i]);
    start = i + 1;
  }
  out.append(text.substr(start));
}

// 24 characters are the longest double, 20 the longest integer; two are for ".0".
struct NumberText {
  char bytes[32]{};
  std::size_t size = 0;

  [[nodiscard]] std::string_view view() const noexcept { return {bytes, size}; }
};

template <class Number>
void write_number(NumberText& text, Number value) {
  const auto [end, error] = std::to_chars(text.bytes, text.bytes + sizeof text.bytes - 2, value);
  SLUICE_CHECK(error == std::errc{});
  text.size = static_cast<std::size_t>(end - text.bytes);
}

template <class Number>
void append_number(std::string& out, Number value) {
  NumberText text;
  write_number(text, value);
  out += text.view();
}

template <class Float>
void append_float(std::string& out, Float value) {
  if (!std::isfinite(value)) {
    out += std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
    return;
  }
  NumberText text;
  write_number(text, value);
  const std::string_view digits = text.view();
  if (std::none_of(digits.begin(), digits.end(), [](char c) { return c == '.' || c == 'e'; })) {
    text.bytes[text.size++] = '.';
    text.bytes[text.size++] = '0';
  }
  out += text.view();
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (std::size_t bad = find_bad_utf8(text); bad != std::string_view::npos;
       bad = find_bad_utf8(text)) {
    append_valid(out, text.substr(0, bad));
    out += "\xEF\xBF\xBD";
    text.remove_prefix(bad + 1);
  }
  append_valid(out, text);
  out.push_back('"');
}

void append_json_integer(std::string& out, std::int64_t value) {
  append_number(out, value);
}

void append_json_integer(std::string& out, std::uint64_t value) {
  append_number(out, value);
}

void append_json_float(std::string& out, float value) {
  append_float(out, value);
}

void append_json_float(std::string& out, double value) {
  append_float(out, value);
}

}  // namespace sluice::gateway
