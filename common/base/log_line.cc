#include "common/base/log_line.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "common/base/limits.h"
#include "common/base/overloaded.h"

namespace sluice {

namespace {

bool is_bare(unsigned char c) noexcept {
  return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
}

void append_escaped(std::string& line, unsigned char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '\n':
      line += "\\n";
      return;
    case '\r':
      line += "\\r";
      return;
    case '\t':
      line += "\\t";
      return;
    case '"':
    case '\\':
      line += '\\';
      line += static_cast<char>(c);
      return;
    default:
      if (c >= ' ' && c < 0x7f) {
        line += static_cast<char>(c);
        return;
      }
      line += "\\x";
      line += kHex[c >> 4U];
      line += kHex[c & 0xfU];
  }
}

template <class Number>
void append_number(std::string& line, Number number) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  static_cast<void>(error);  // 32 characters hold every 64-bit number in its shortest form
  line.append(digits.data(), end);
}

void append_timestamp(std::string& line, std::int64_t unix_us) {
  const std::time_t seconds = unix_us / 1'000'000;
  std::tm parts{};
  std::array<char, 64> text{};
  gmtime_r(&seconds, &parts);
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  line.append(text.data(), size);
  std::array<char, 16> fraction{};
  static_cast<void>(std::snprintf(
      fraction.data(), fraction.size(), ".%06dZ", static_cast<int>(unix_us % 1'000'000)));
  line += fraction.data();
}

}  // namespace

std::string_view name_of(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warn";
    case LogLevel::error:
      return "error";
  }
  return "error";
}

void append_log_text(std::string& line, std::string_view text) {
  bool bare = !text.empty() && text.size() <= limits::kLogValueBytes;
  for (const char c : text) {
    bare = bare && is_bare(static_cast<unsigned char>(c));
  }
  if (bare) {
    line += text;
    return;
  }
  line += '"';
  const std::size_t begin = line.size();
  for (const char c : text) {
    if (line.size() - begin >= limits::kLogValueBytes) {
      line += "...";
      break;
    }
    append_escaped(line, static_cast<unsigned char>(c));
  }
  line += '"';
}

void LogValue::append_to(std::string& line) const {
  std::visit(Overloaded{
                 [&line](std::string_view text) { append_log_text(line, text); },
                 [&line](bool value) { line += value ? "true" : "false"; },
                 [&line](auto number) { append_number(line, number); },
             },
             value_);
}

std::string format_log_line(std::int64_t unix_us,
                            LogLevel level,
                            std::string_view process,
                            std::string_view event,
                            LogFields fields) {
  constexpr std::string_view kTruncated = " truncated=1";
  std::string line = "ts=";
  append_timestamp(line, unix_us);
  line += " level=";
  line += name_of(level);
  if (!process.empty()) {
    line += ' ';
    line += process;
  }
  line += " event=";
  append_log_text(line, event);
  for (const LogField& field : fields) {
    const std::size_t before = line.size();
    line += ' ';
    line += field.key;
    line += '=';
    field.value.append_to(line);
    if (line.size() + kTruncated.size() > limits::kLogLineBytes) {
      line.resize(before);
      line += kTruncated;
      break;
    }
  }
  return line;
}

}  // namespace sluice
