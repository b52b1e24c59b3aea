// One log line as text: `ts=... level=info proc=gateway pid=7 event=worker_ready worker=w1 ms=12`.
// Pure. Values from clients cannot forge a line: what is not plain ASCII is quoted and escaped.

#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace sluice {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

std::string_view name_of(LogLevel level) noexcept;

// A value of a field: text, a whole number, a real number or a truth value. Text is not copied: it
// must live until the logging call returns.
class LogValue {
 public:
  template <class T>
  requires std::convertible_to<const T&, std::string_view>
  // NOLINTNEXTLINE(google-explicit-constructor): fields are written {"key", value}.
  LogValue(const T& text) : value_(std::string_view(text)) {}
  // NOLINTNEXTLINE(google-explicit-constructor): as above.
  LogValue(bool value) : value_(value) {}
  template <std::signed_integral T>
  // NOLINTNEXTLINE(google-explicit-constructor): as above.
  LogValue(T value) : value_(std::int64_t{value}) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>)
      // NOLINTNEXTLINE(google-explicit-constructor): as above.
      LogValue(T value)
      : value_(std::uint64_t{value}) {}
  // NOLINTNEXTLINE(google-explicit-constructor): as above.
  LogValue(double value) : value_(value) {}

  // Appends the value as it stands in a line, escaped and cut to limits::kLogValueBytes.
  void append_to(std::string& line) const;

 private:
  std::variant<std::string_view, bool, std::int64_t, std::uint64_t, double> value_;
};

// `key` is a literal of ours: lower case and underscores, unit last ("wait_ms").
struct LogField {
  std::string_view key;
  LogValue value;
};

using LogFields = std::initializer_list<LogField>;

// Appends `text` bare when it is a plain word, otherwise in quotes with \n, \", \\ and \xNN.
void append_log_text(std::string& line, std::string_view text);

// The whole line without its newline, at most limits::kLogLineBytes. `unix_us` is wall time in
// microseconds. Fields that do not fit are left out and the line ends with `truncated=1`.
std::string format_log_line(std::int64_t unix_us,
                            LogLevel level,
                            std::string_view process,
                            std::string_view event,
                            LogFields fields);

}  // namespace sluice
