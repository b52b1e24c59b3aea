// JsonReader: containers, numbers, words. Strings: json_reader_strings.cc.

#include "gateway/protocol/json_reader.h"

#include <limits>

#include "common/base/limits.h"

namespace sluice::gateway {
namespace {

// A number as a message shows it.
std::string shown(std::string_view number) {
  constexpr std::size_t kMost = 40;
  return std::string(number.substr(0, kMost)) + (number.size() > kMost ? "..." : "");
}

}  // namespace

bool JsonReader::fail(std::string_view what) {
  return refuse("JSON error at byte " + std::to_string(at_) + ": " + std::string(what));
}

bool JsonReader::expected(std::string_view what) {
  if (at_ >= text_.size()) {
    return fail("the text ends where " + std::string(what) + " is due");
  }
  return fail("expected " + std::string(what));
}

bool JsonReader::refuse(std::string complaint) {
  if (!failed_) {
    failed_ = true;
    complaint_ = std::move(complaint);
  }
  return false;
}

void JsonReader::go_to(const Mark& mark) noexcept {
  at_ = mark.at;
  depth_ = mark.depth;
  fresh_ = mark.fresh;
}

JsonReader::Kind JsonReader::peek() noexcept {
  skip_space();
  if (failed_ || at_ >= text_.size()) {
    return Kind::none;
  }
  switch (text_[at_]) {
    case '{':
      return Kind::object;
    case '[':
      return Kind::array;
    case '"':
      return Kind::string;
    case 't':
    case 'f':
      return Kind::boolean;
    case 'n':
      return Kind::null;
    case '-':
    case 'N':
    case 'I':
      return Kind::number;
    default:
      return text_[at_] >= '0' && text_[at_] <= '9' ? Kind::number : Kind::none;
  }
}

bool JsonReader::open(char bracket, const char* wanted) {
  skip_space();
  if (failed_) {
    return false;
  }
  if (at_ >= text_.size() || text_[at_] != bracket) {
    return expected(wanted);
  }
  if (depth_ == limits::kJsonDepth) {
    return fail("JSON nesting depth exceeds maximum allowed limit (" +
                std::to_string(limits::kJsonDepth) + ")");
  }
  ++at_;
  ++depth_;
  fresh_ = true;
  return true;
}

bool JsonReader::open_object() {
  return open('{', "an object");
}

bool JsonReader::open_array() {
  return open('[', "an array");
}

bool JsonReader::step(char bracket) {
  if (failed_) {
    return false;
  }
  skip_space();
  const bool first = fresh_;
  fresh_ = false;
  if (at_ < text_.size() && text_[at_] == bracket) {
    ++at_;
    --depth_;
    return false;
  }
  if (first) {
    return true;
  }
  if (at_ >= text_.size() || text_[at_] != ',') {
    return expected(bracket == ']' ? "',' or ']'" : "',' or '}'");
  }
  ++at_;
  return true;
}

bool JsonReader::next_element() {
  return step(']');
}

bool JsonReader::next_member(std::string_view& key) {
  if (!step('}')) {
    return false;
  }
  skip_space();
  if (at_ >= text_.size() || text_[at_] != '"') {
    return expected("a member's name");
  }
  if (!read_string(key)) {
    return false;
  }
  skip_space();
  if (at_ >= text_.size() || text_[at_] != ':') {
    return expected("':'");
  }
  ++at_;
  return true;
}

bool JsonReader::take_word(std::string_view word) noexcept {
  if (text_.substr(at_, word.size()) != word) {
    return false;
  }
  at_ += word.size();
  return true;
}

bool JsonReader::read_bool(bool& out) {
  skip_space();
  if (failed_) {
    return false;
  }
  if (take_word("true")) {
    out = true;
    return true;
  }
  if (take_word("false")) {
    out = false;
    return true;
  }
  return expected("true or false");
}

bool JsonReader::take_number(JsonNumber& number, const char* wanted) {
  skip_space();
  if (failed_) {
    return false;
  }
  number = scan_json_number(text_.substr(at_));
  if (number.text.empty()) {
    return expected(wanted);
  }
  return true;
}

bool JsonReader::read_uint64(std::uint64_t& out) {
  JsonNumber number;
  if (!take_number(number, "a whole number")) {
    return false;
  }
  const auto value = to_uint64(number);
  if (!value) {
    return fail(shown(number.text) + " is not a whole number from 0 to 18446744073709551615");
  }
  at_ += number.text.size();
  out = *value;
  return true;
}

bool JsonReader::read_int64(std::int64_t& out) {
  JsonNumber number;
  if (!take_number(number, "a whole number")) {
    return false;
  }
  const auto value = to_int64(number);
  if (!value) {
    return fail(shown(number.text) + " is not a whole number of 64 bits");
  }
  at_ += number.text.size();
  out = *value;
  return true;
}

template <class Float>
bool JsonReader::read_special(Float& out) {
  if (take_word("NaN")) {
    out = std::numeric_limits<Float>::quiet_NaN();
  } else if (take_word("Infinity")) {
    out = std::numeric_limits<Float>::infinity();
  } else if (take_word("-Infinity")) {
    out = -std::numeric_limits<Float>::infinity();
  } else {
    return expected("a number");
  }
  return true;
}

bool JsonReader::read_float(float& out) {
  skip_space();
  if (failed_) {
    return false;
  }
  const JsonNumber number = scan_json_number(text_.substr(at_));
  if (number.text.empty()) {
    return read_special(out);
  }
  const auto value = to_float(number);
  if (!value) {
    return fail(shown(number.text) + " is beyond the range of FP32");
  }
  at_ += number.text.size();
  out = *value;
  return true;
}

bool JsonReader::read_double(double& out) {
  skip_space();
  if (failed_) {
    return false;
  }
  const JsonNumber number = scan_json_number(text_.substr(at_));
  if (number.text.empty()) {
    return read_special(out);
  }
  const auto value = to_double(number);
  if (!value) {
    return fail(shown(number.text) + " is beyond the range of FP64");
  }
  at_ += number.text.size();
  out = *value;
  return true;
}

bool JsonReader::skip_value() {
  std::string_view text;
  bool truth = false;
  switch (peek()) {
    case Kind::object:
      if (open_object()) {
        while (next_member(text) && skip_value()) {
        }
      }
      return !failed_;
    case Kind::array:
      if (open_array()) {
        while (next_element() && skip_value()) {
        }
      }
      return !failed_;
    case Kind::string:
      return read_string(text);
    case Kind::boolean:
      return read_bool(truth);
    case Kind::null:
      return take_word("null") || expected("a value");
    case Kind::number:
      return skip_number();
    case Kind::none:
      break;
  }
  return expected("a value");
}

// A token of any size is well-formed JSON: only who reads it minds its range.
bool JsonReader::skip_number() {
  const JsonNumber number = scan_json_number(text_.substr(at_));
  at_ += number.text.size();
  return !number.text.empty() || take_word("NaN") || take_word("Infinity") ||
         take_word("-Infinity") || expected("a number");
}

bool JsonReader::finish() {
  skip_space();
  if (!failed_ && at_ != text_.size()) {
    return fail("something follows the value");
  }
  return !failed_;
}

}  // namespace sluice::gateway
