// JsonReader: strings, their escapes and their UTF-8.

#include "gateway/protocol/json_reader.h"
#include "gateway/protocol/text.h"

namespace sluice::gateway {
namespace {

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | (point >> 6U));
    put(0x80 | (point & 0x3FU));
  } else if (point < 0x10000) {
    put(0xE0 | (point >> 12U));
    put(0x80 | ((point >> 6U) & 0x3FU));
    put(0x80 | (point & 0x3FU));
  } else {
    put(0xF0 | (point >> 18U));
    put(0x80 | ((point >> 12U) & 0x3FU));
    put(0x80 | ((point >> 6U) & 0x3FU));
    put(0x80 | (point & 0x3FU));
  }
}

}  // namespace

bool JsonReader::read_string(std::string_view& out) {
  skip_space();
  if (failed_) {
    return false;
  }
  if (at_ >= text_.size() || text_[at_] != '"') {
    return expected("a string");
  }
  const std::size_t start = at_ + 1;
  std::size_t end = start;
  while (end < text_.size() && is_plain_json(text_[end])) {
    ++end;
  }
  if (end < text_.size() && text_[end] == '"') {  // nearly every string
    out = text_.substr(start, end - start);
    at_ = end + 1;
    return true;
  }
  scratch_.assign(text_.substr(start, end - start));
  at_ = end;
  if (!unescape_string()) {
    return false;
  }
  out = scratch_;
  return true;
}

// From the first byte that is not plain to the closing quote, into scratch_.
bool JsonReader::unescape_string() {
  while (at_ < text_.size()) {
    const std::size_t start = at_;
    while (at_ < text_.size() &&
           (is_plain_json(text_[at_]) || static_cast<unsigned char>(text_[at_]) >= 0x80)) {
      ++at_;
    }
    const std::string_view run = text_.substr(start, at_ - start);
    if (const std::size_t bad = find_bad_utf8(run); bad != std::string_view::npos) {
      at_ = start + bad;
      return fail("invalid UTF-8");
    }
    scratch_.append(run);
    if (at_ >= text_.size()) {
      break;
    }
    if (text_[at_] == '"') {
      ++at_;
      return true;
    }
    if (text_[at_] != '\\') {
      return fail("a control character in a string must be escaped");
    }
    ++at_;
    if (!read_escape()) {
      return false;
    }
  }
  return expected("the end of a string");
}

bool JsonReader::read_hex4(std::uint32_t& unit) {
  unit = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) {
      return expected("four hex digits after \\u");
    }
    unit = unit * 16 + static_cast<std::uint32_t>(digit);
  }
  return true;
}

// Behind the backslash.
bool JsonReader::read_escape() {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  if (at_ >= text_.size()) {
    return expected("an escape");
  }
  const char name = text_[at_];
  if (const std::size_t i = kNames.find(name); i != std::string_view::npos) {
    ++at_;
    scratch_.push_back(kValues[i]);
    return true;
  }
  if (name != 'u') {
    return fail("unknown escape in a string");
  }
  ++at_;
  std::uint32_t point = 0;
  if (!read_hex4(point)) {
    return false;
  }
  if (point >= 0xD800 && point < 0xDC00) {
    std::uint32_t low = 0;
    if (text_.substr(at_, 2) != "\\u") {
      return fail("a high surrogate without its low one");
    }
    at_ += 2;
    if (!read_hex4(low)) {
      return false;
    }
    if (low < 0xDC00 || low > 0xDFFF) {
      return fail("a high surrogate without its low one");
    }
    point = 0x10000 + ((point - 0xD800) << 10U) + (low - 0xDC00);
  } else if (point >= 0xDC00 && point < 0xE000) {
    return fail("a low surrogate without its high one");
  }
  append_utf8(scratch_, point);
  return true;
}

}  // namespace sluice::gateway
