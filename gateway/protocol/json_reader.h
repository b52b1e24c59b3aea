// JsonReader: pulls values out of a JSON text, once, from front to back, without building a tree.
// RFC 8259, strictly (UTF-8 checked, no trailing commas), but for the bare words NaN, Infinity and
// -Infinity, which Triton's clients write. Why not simdjson: docs/adr/0010-own-json-reader.md.
//
// The first thing that is wrong stops it: every call after that returns false, and error() tells
// what was wrong at which byte. A caller walks an object like this:
//
//   if (reader.open_object()) {
//     while (reader.next_member(key)) { ... read or skip the value ... }
//   }
//   if (reader.failed()) return reader.error();

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "gateway/protocol/json_number.h"

namespace sluice::gateway {

class JsonReader {
 public:
  enum class Kind : std::uint8_t { object, array, string, number, boolean, null, none };

  // `text` must outlive the reader.
  explicit JsonReader(std::string_view text) noexcept : text_(text) {}

  // What the next value is, by its first character; `none` at the end or before anything else.
  [[nodiscard]] Kind peek() noexcept;

  // Enters a container; false (and failed) when the value is something else or too deep.
  bool open_object();
  bool open_array();
  // Steps to the next member or element; false behind the last one (the container is then closed)
  // and on failure. `key` is valid until the next call.
  bool next_member(std::string_view& key);
  bool next_element();

  // A value of just that type, else failure. Strings are valid until the next call.
  bool read_string(std::string_view& out);
  bool read_bool(bool& out);
  bool read_uint64(std::uint64_t& out);
  bool read_int64(std::int64_t& out);
  bool read_float(float& out);
  bool read_double(double& out);

  // Any value, checked like the others.
  bool skip_value();

  // Fails when something but white space is left.
  bool finish();

  // A place to come back to, before a value.
  struct Mark {
    std::size_t at;
    std::size_t depth;
    bool fresh;
  };
  [[nodiscard]] Mark mark() const noexcept { return {at_, depth_, fresh_}; }
  void go_to(const Mark& mark) noexcept;

  [[nodiscard]] std::size_t position() const noexcept { return at_; }
  [[nodiscard]] std::size_t bytes_left() const noexcept { return text_.size() - at_; }

  // The caller's own complaint. Kept only if it is the first.
  bool refuse(std::string complaint);

  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] Error error() const { return {ErrorCode::invalid_argument, complaint_}; }

 private:
  void skip_space() noexcept {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }
  bool open(char bracket, const char* wanted);
  bool step(char bracket);
  bool take_word(std::string_view word) noexcept;
  bool take_number(JsonNumber& number, const char* wanted);
  bool skip_number();
  template <class Float>
  bool read_special(Float& out);
  bool read_escape();
  bool read_hex4(std::uint32_t& unit);
  bool unescape_string();
  bool fail(std::string_view what);
  bool expected(std::string_view what);

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  bool fresh_ = false;  // a container was just opened: no comma is due before its first value
  bool failed_ = false;
  std::string complaint_;
  std::string scratch_;  // of the last string with escapes
};

}  // namespace sluice::gateway
